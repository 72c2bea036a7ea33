import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.URL;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;

/** Calls friend_add by both HTTP clients of Java, with their default settings. */
public class Client {
    public static void main(String[] arguments) throws Exception {
        System.out.println(System.getProperty("example"));
        String url = "https://console.tim.qq.com/v4/sns/friend_add?" + System.getenv("QUERY");
        String body = "{\"From_Account\":\"id\",\"AddFriendItem\":[{\"To_Account\":\"id1\"}]}";

        HttpRequest request =
                HttpRequest.newBuilder(URI.create(url))
                        .POST(HttpRequest.BodyPublishers.ofString(body))
                        .build();
        HttpClient client = HttpClient.newHttpClient();
        System.out.println(client.send(request, HttpResponse.BodyHandlers.ofString()).body());

        HttpURLConnection connection = (HttpURLConnection) new URL(url).openConnection();
        connection.setRequestMethod("POST");
        connection.setDoOutput(true);
        try (OutputStream out = connection.getOutputStream()) {
            out.write(body.getBytes(StandardCharsets.UTF_8));
        }
        System.out.println(
                new String(connection.getInputStream().readAllBytes(), StandardCharsets.UTF_8));
    }
}
