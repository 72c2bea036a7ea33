//! Access to the control API. On every route, a refused request changes nothing.

use super::client::{Answer, Control, document};
use crate::harness::TestApp;
use crate::wire::Wire;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tencent_chat_emulator::config::ControlToken;
use tencent_chat_emulator::protocol::user_sig::SecretKey;

/// Every guarded route, with a value for each `{name}`; `/healthz` and `/readyz` are not guarded.
async fn routes(control: &Control) -> Vec<(Method, String)> {
    let operations = document(control).await.operations.iter();
    let guarded = operations
        .filter(|known| known.path == "/metrics" || known.path.starts_with("/_emulator/v1/"));
    let route = |known: &super::document::Operation| {
        let path = known.path.replace("{sdkappid}", "88888888");
        let path = path.replace("{id}", "1").replace(['{', '}'], "");
        (known.method.parse().expect("a method"), path)
    };
    guarded.map(route).collect()
}

/// All state that a route can change.
async fn everything(control: &Control) -> Value {
    json!([
        control.get("/apps/88888888/state").await.ok(),
        control.get("/apps/88888888/snapshots").await.ok(),
        control.get("/apps/88888888/limits").await.ok(),
        control.get("/faults").await.ok(),
        control.get("/requests").await.ok(),
        control.get("/clock").await.ok(),
        control.get("/health").await.ok()["apps"],
    ])
}

/// Sends a request to every route, and asserts that it is refused with `status` and changes
/// nothing.
async fn refused_everywhere(status: u16, change: impl Fn(RequestBuilder) -> RequestBuilder) {
    let app = TestApp::start().await;
    let control = app.control();
    app.add("id", &["id1"]).await;
    control
        .post("/clock/hold", json!({"at": 1_700_000_000}))
        .await
        .ok();
    let fault = json!({"command": "friend_get", "code": 30006});
    control.post("/faults", fault).await.ok();
    control
        .post("/apps/88888888/snapshots/name", json!({}))
        .await
        .ok();
    let before = everything(&control).await;
    let routes = routes(&control).await;
    assert!(routes.len() > 40, "{}", routes.len());

    for (method, path) in routes {
        let url = format!("{}{path}", app.emulator.url());
        let request = change(control.request(method.clone(), &url));
        let answer = Answer::of(request.send().await.expect("an answer")).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text);
        assert_eq!(
            answer.json["status"], status,
            "{method} {path}: {}",
            answer.text
        );
    }

    assert_eq!(everything(&control).await, before);
}

#[tokio::test]
async fn a_foreign_origin_is_refused_on_every_route() {
    for origin in [
        "http://evil.example",
        "https://127.0.0.1",
        "null",
        "http://localhost:1",
    ] {
        refused_everywhere(403, |call| call.header("origin", origin)).await;
    }
}

#[tokio::test]
async fn a_cross_site_fetch_is_refused_on_every_route() {
    for site in ["cross-site", "same-site", "Cross-Site", "none, cross-site"] {
        refused_everywhere(403, |call| call.header("sec-fetch-site", site)).await;
    }
}

#[tokio::test]
async fn a_dotted_unknown_host_is_refused_on_every_route() {
    for host in [
        "evil.example",
        "evil.example:8080",
        "127.0.0.1.nip.example",
        "evil.localhost",
        "localhost.",
        "localhost@evil",
        "localhost:80@evil.example",
        "[127.0.0.1",
    ] {
        refused_everywhere(403, |call| call.header("host", host)).await;
    }
}

#[tokio::test]
async fn a_body_of_another_content_type_is_refused_on_every_route() {
    let types = [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
    ];
    for content_type in types {
        refused_everywhere(415, |call| {
            call.header("content-type", content_type).body("{}")
        })
        .await;
    }
    refused_everywhere(415, |call| call.body("{}")).await;
}

#[tokio::test]
async fn a_body_that_is_no_json_or_no_object_or_list_is_refused_on_every_route() {
    let json =
        |call: RequestBuilder| call.header("content-type", "application/json; charset=utf-8");
    refused_everywhere(400, |call| json(call).body("{")).await;
    refused_everywhere(422, |call| json(call).body("7")).await;
}

#[tokio::test]
async fn its_own_page_and_names_without_a_dot_may_call() {
    let app =
        TestApp::start_with(|config| config.control.hosts = vec!["chat.example.com".into()]).await;
    let (control, addr) = (app.control(), app.emulator.addr());
    for host in [
        addr.to_string(),
        "localhost".to_owned(),
        format!("localhost:{}", addr.port()),
        "emulator".to_owned(),
        "[::1]".to_owned(),
        "[::1]:8080".to_owned(),
        "CHAT.example.com:8080".to_owned(),
    ] {
        let call = control
            .request(Method::POST, "/reset")
            .header("host", &host);
        let own = call
            .header("origin", format!("http://{host}"))
            .header("sec-fetch-site", "same-origin");
        let answer = Answer::of(own.send().await.expect("an answer")).await;
        assert_eq!(answer.status, 200, "{host}: {}", answer.text);
    }
}

/// A request without a Host does not come from a browser.
#[tokio::test]
async fn http_1_0_without_a_host_is_served() {
    let app = TestApp::start().await;
    let mut wire = Wire::connect(app.emulator.addr()).await;

    wire.send(b"GET /_emulator/v1/clock HTTP/1.0\r\n\r\n").await;

    let (answer, _) = wire.read_to_end().await;
    assert!(answer.starts_with(b"HTTP/1.0 200"), "{answer:?}");
}

#[tokio::test]
async fn no_answer_lets_a_page_of_another_origin_read_it() {
    let app = TestApp::start().await;
    let control = app.control();
    for (method, path) in routes(&control).await {
        if path.ends_with("/events") || path.ends_with("/wait") {
            continue;
        }
        let url = format!("{}{path}", app.emulator.url());
        let answer = control
            .request(method, &url)
            .send()
            .await
            .expect("an answer");
        for (name, _) in answer.headers() {
            assert!(
                !name.as_str().starts_with("access-control"),
                "{path}: {name}"
            );
        }
    }
}

#[tokio::test]
async fn with_a_token_every_route_asks_for_it_and_takes_no_other() {
    let app = TestApp::start_with(|config| {
        let token = SecretKey::new("the token").expect("not empty");
        config.control.token = ControlToken::Given(token);
    })
    .await;
    let control = app.control();
    assert_eq!(app.emulator.control_token(), Some("the token"));
    // The list of routes comes from an emulator that requires no token.
    let open = TestApp::start().await;
    for (method, path) in routes(&open.control()).await {
        let url = format!("{}{path}", app.emulator.url());
        for given in [
            None,
            Some("Bearer"),
            Some("Bearer the toke"),
            Some("Bearer the token2"),
            Some("the token"),
            Some("Basic dGhlIHRva2Vu"),
        ] {
            let mut call = control.request(method.clone(), &url);
            if let Some(given) = given {
                call = call.header("authorization", given);
            }
            let answer = call.send().await.expect("an answer");
            let challenge = answer.headers().get("www-authenticate").cloned();
            assert_eq!(answer.status(), 401, "{method} {path} {given:?}");
            assert_eq!(challenge.expect("it says what is asked"), "Bearer");
        }
    }
    for probe in ["/healthz", "/readyz"] {
        let url = format!("{}{probe}", app.emulator.url());
        assert_eq!(
            control
                .request(Method::GET, &url)
                .send()
                .await
                .expect("an answer")
                .status(),
            200
        );
    }
    let reset = control
        .request(Method::POST, "/reset")
        .header("authorization", "bearer the token");
    assert_eq!(reset.send().await.expect("an answer").status(), 200);
}

#[tokio::test]
async fn an_unknown_route_is_a_404_that_names_the_list_and_never_reaches_tencents() {
    let app = TestApp::start().await;
    let control = app.control();
    for path in [
        "/_emulator",
        "/_emulator/",
        "/_emulator/v2/faults",
        "/_emulator/reset",
        "/_emulator/v1/fault",
        "/_emulator/v1/app/1/reset",
        "/_emulator/v1/v4/sns/friend_add",
        "/_emulator/v4/sns/friend_add",
        "/_emulator/v1/%00",
    ] {
        for method in [
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::DELETE,
            Method::OPTIONS,
        ] {
            let url = format!("{}{path}", app.emulator.url());
            let answer = control.send(method, &url, None).await;
            assert_eq!(answer.faults(404), [], "{path}");
            let detail = answer.json["detail"].as_str().expect("a text");
            let list = "GET /_emulator/v1 lists the routes";
            assert!(detail.contains(list), "{path}: {detail}");
        }
    }
    assert_eq!(control.get("/requests/count").await.ok()["count"], 0);
}

#[tokio::test]
async fn switched_off_it_is_not_there_and_the_probes_are() {
    let app = TestApp::start_with(|config| config.control.enabled = false).await;
    for path in ["/_emulator/v1/health", "/_emulator/v1/reset", "/metrics"] {
        // These paths are treated like any unknown path.
        assert_eq!(app.post(path, "", "").await.error_code(), 60002, "{path}");
    }
    for probe in ["/healthz", "/readyz"] {
        let url = format!("{}{probe}?x=1", app.emulator.url());
        assert_eq!(
            app.client
                .get(url)
                .send()
                .await
                .expect("an answer")
                .status(),
            200
        );
    }
}
