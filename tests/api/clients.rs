//! Published clients of the REST API: their requests, replayed byte for byte, and the needs of
//! their parsers.

mod family;
mod table;

use self::table::{CLIENTS, Client, Sending};
use crate::harness::{ADMIN, APP, Reply, TestApp, app_id};
use crate::wire::{Answer, Wire};
use serde_json::{Value, json};

/// A client and its own emulator.
struct Session {
    client: &'static Client,
    app: TestApp,
    wire: Wire,
    usersig: String,
}

impl Session {
    async fn start(client: &'static Client) -> Self {
        let app = TestApp::start().await;
        // A UserSig with a `*` to escape, as most have.
        let usersig = (86_400..)
            .filter_map(|expire| app.emulator.user_sig(app_id(APP), ADMIN, expire))
            .find(|usersig| usersig.contains('*'))
            .expect("one in a few has a *");
        let wire = Wire::connect(app.emulator.addr()).await;
        Self {
            client,
            app,
            wire,
            usersig,
        }
    }

    fn query(&self) -> String {
        self.client
            .query
            .replace("$app", APP)
            .replace("$admin", ADMIN)
            .replace("$sig", &self.usersig.replace('*', self.client.star))
    }

    fn body(&self, from: &str, tos: &[&str]) -> String {
        let items = tos.iter().map(|to| self.client.item.replace("$to", to));
        self.client
            .body
            .replace("$from", from)
            .replace("$items", &items.collect::<Vec<_>>().join(","))
    }

    /// Sends a request as the client does, and checks the answer for all clients.
    async fn call(&mut self, method: &str, path: &str, query: &str, body: &str) -> Reply {
        let Client {
            headers, sending, ..
        } = self.client;
        let mut head = format!("{method} {path}?{query} HTTP/1.1\r\n");
        for header in *headers {
            head += &format!("{header}\r\n");
        }
        match sending {
            Sending::Whole => {
                let head = format!("{head}Content-Length: {}\r\n\r\n", body.len());
                self.wire.send((head + body).as_bytes()).await;
            }
            Sending::Chunked => {
                head += "Transfer-Encoding: chunked\r\n\r\n";
                self.wire.send(head.as_bytes()).await;
                for chunk in body.as_bytes().chunks(1 << 16) {
                    let size = format!("{:x}\r\n", chunk.len());
                    self.wire.send(size.as_bytes()).await;
                    self.wire.send(chunk).await;
                    self.wire.send(b"\r\n").await;
                }
                self.wire.send(b"0\r\n\r\n").await;
            }
            Sending::Expecting => {
                let length = body.len();
                head += &format!("Content-Length: {length}\r\nExpect: 100-continue\r\n\r\n");
                self.wire.send(head.as_bytes()).await;
                let interim = self.wire.read_response().await;
                assert_eq!(interim.status, 100, "{}", self.client.name);
                self.wire.send(body.as_bytes()).await;
            }
        }
        let answer = self.wire.read_response().await;
        if headers.contains(&"Connection: close") {
            assert!(self.wire.is_closed().await, "{}", self.client.name);
            self.wire = Wire::connect(self.app.emulator.addr()).await;
        }
        check(self.client, &answer, body);
        Reply::check_text(path, answer.body)
    }

    async fn friend_add(&mut self, from: &str, tos: &[&str]) -> Reply {
        let (query, body) = (self.query(), self.body(from, tos));
        self.call("POST", "/v4/sns/friend_add", &query, &body).await
    }
}

/// Asserts what the parsers of all these clients need. Each comment names the clients that need it.
fn check(client: &Client, answer: &Answer, request: &str) {
    let must = |holds: bool, what: &str| assert!(holds, "{}: {what}: {answer:?}", client.name);
    let number = |value: &Value| value.as_u64().and_then(|number| i32::try_from(number).ok());

    // ImServerSDK, axios, Java and PHP clients; doocs and chinayin would retry.
    must(answer.status == 200, "status exactly 200");
    // Tencent's Java SDK; it accepts parameters.
    let media_types = answer.header("content-type");
    let is_json = |value: &&str| value.split(';').next() == Some("application/json");
    must(
        media_types.len() == 1 && media_types.iter().all(is_json),
        "Content-Type: application/json",
    );
    // No client can read a compressed answer; few request one.
    must(answer.header("content-encoding").is_empty(), "not packed");
    // timsdk and the Node client of 2016 fail on a body that is not JSON.
    let json: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    must(json.is_object(), "a JSON object");
    // Tencent's Java SDK and tencent_im_rs.
    must(!answer.body.contains("null"), "no null anywhere");
    // tencent_im_rs accepts no other values; ImServerSDK and hiwepy compare with "OK".
    let (ok, fail) = (json["ActionStatus"] == "OK", json["ActionStatus"] == "FAIL");
    must(ok || fail, "ActionStatus exactly OK or FAIL");
    // tcloud and Java clients require it, Go clients take a body without it for a success, chinayin
    // compares with the integer 0, and the integers of Java clients have 32 bits.
    let code = number(&json["ErrorCode"]);
    must(code.is_some(), "ErrorCode an integer in 0..2^31");
    // Some clients check only ActionStatus, some only ErrorCode.
    must(ok == (code == Some(0)), "the two say the same");
    // tcloud needs it; ImServerSDK throws it as an exception.
    must(json["ErrorInfo"].is_string(), "ErrorInfo a string");
    // Tencent's Java SDK, if the field is present.
    let display = json.get("ErrorDisplay");
    must(
        display.is_none_or(Value::is_string),
        "ErrorDisplay a string",
    );

    let Some(results) = json.get("ResultItem") else {
        // Callers of Go clients would take a success without results for one without failed items.
        return must(fail, "a success has ResultItem");
    };
    // A partial failure is OK and 0, because Go clients discard the results of a FAIL.
    must(ok, "a failure has no ResultItem");
    // Java and Go clients, even for one item.
    let empty = Vec::new();
    must(results.is_array(), "ResultItem an array");
    let results = results.as_array().unwrap_or(&empty);
    for item in results {
        // tencent_im_rs needs all three in each item, successful or not.
        must(
            number(&item["ResultCode"]).is_some(),
            "ResultCode an integer",
        );
        must(item["ResultInfo"].is_string(), "ResultInfo a string");
        must(item["To_Account"].is_string(), "To_Account a string");
    }
    // Go clients look up To_Account as they sent it, and many callers zip the two lists.
    let asked: Value = serde_json::from_str(request).expect("a batch was answered");
    let names = |list: &[Value]| -> Vec<Value> {
        list.iter().map(|item| item["To_Account"].clone()).collect()
    };
    let asked = asked["AddFriendItem"].as_array().expect("a batch");
    must(
        names(results) == names(asked),
        "ResultItem in the request's order",
    );
    // The page: it is present only if items failed, and has exactly these items.
    let failed: Vec<_> = results
        .iter()
        .filter(|item| item["ResultCode"] != 0)
        .collect();
    let failed: Vec<_> = failed
        .iter()
        .map(|item| item["To_Account"].clone())
        .collect();
    let expected = (!failed.is_empty()).then_some(Value::Array(failed));
    must(
        json.get("Fail_Account") == expected.as_ref(),
        "Fail_Account",
    );
}

#[tokio::test]
async fn every_clients_request_adds_its_friends_and_means_what_the_client_means() {
    for client in &CLIENTS {
        let mut session = Session::start(client).await;

        let reply = session.friend_add("id", &["id1", "id3", "id2"]).await;

        assert_eq!(reply.codes(), [0, 0, 0], "{}", client.name);
        let account = session.app.account("id");
        let groups: Vec<_> = account.groups.iter().map(|group| group.as_str()).collect();
        assert_eq!(groups, Vec::from_iter(client.group), "{}", client.name);
        for friend in account.friends.iter() {
            let texts = friend.details.clone().unwrap_or_default();
            let remark = texts.remark.as_ref().map(|remark| remark.as_str());
            assert_eq!(remark, client.remark, "{}", client.name);
        }
    }
}

#[tokio::test]
async fn every_client_can_tell_which_of_its_items_failed_and_that_the_call_did_not() {
    for client in &CLIENTS {
        let mut session = Session::start(client).await;

        let reply = session.friend_add("id", &["id1", "nobody", "id2"]).await;

        assert_eq!(reply.codes(), [0, 30003, 0], "{}", client.name);
        assert_eq!(reply.json["Fail_Account"], json!(["nobody"]));
        assert_eq!(session.app.friends("id"), ["id1", "id2"]);
    }
}

#[tokio::test]
async fn every_client_can_tell_that_its_call_failed_and_its_connection_goes_on() {
    const ADD: &str = "/v4/sns/friend_add";
    for client in &CLIENTS {
        let mut session = Session::start(client).await;
        let (good, body) = (session.query(), session.body("id", &["id1"]));
        let expired = session.app.emulator.user_sig(app_id(APP), ADMIN, -1);
        session.usersig = expired.expect("the app exists");
        let expired = session.query();
        session.usersig = "no*ticket".into();
        let broken = session.query();
        let no_contenttype = good.replace("contenttype=json", "contenttype=xml");
        let from_nobody = session.body("nobody", &["id1"]);
        let no_items = session.body("id", &[]);

        for (method, path, query, body, code) in [
            ("POST", ADD, &expired, &body, 70001),
            ("POST", ADD, &broken, &body, 70003),
            ("POST", ADD, &good.replace(APP, "1"), &body, 70020),
            ("POST", ADD, &no_contenttype, &body, 60025),
            ("POST", "/v4/sns/friend_nope", &good, &body, 60009),
            ("POST", "/", &good, &body, 60002),
            ("GET", ADD, &good, &body, 60008),
            ("PUT", ADD, &good, &body, 60008),
            ("POST", ADD, &good, &"{\"From_Account\":".to_owned(), 60003),
            ("POST", ADD, &good, &no_items, 30001),
            ("POST", ADD, &good, &from_nobody, 30003),
        ] {
            let reply = session.call(method, path, query, body).await;
            let what = format!("{}: {method} {path}: {}", client.name, reply.text);
            assert_eq!(reply.error_code(), code, "{what}");
        }

        let reply = session.call("POST", ADD, &good, &body).await;
        assert_eq!(reply.codes(), [0], "{}: after all that", client.name);
    }
}

#[tokio::test]
async fn every_form_of_random_is_accepted_from_every_client() {
    let forms = [
        "",
        "&random",
        "&random=",
        "&random=0",
        "&random=4294967295",
        "&random=4294967296",
        "&random=-2147483648",
        "&random=179500000000012345678",
        "&random=1.5",
        "&random=0f8fad5b-d9cb-469f-a165-70867728950e",
        "&random=%F0%9F%98%80",
        "&random=a+b",
        "&random=1&random=2",
    ];
    for client in &CLIENTS {
        let mut session = Session::start(client).await;
        let query = session.query();
        let plain: Vec<_> = query
            .split('&')
            .filter(|pair| !pair.starts_with("random="))
            .collect();
        let body = session.body("id", &["id1"]);

        for (count, form) in forms.iter().enumerate() {
            let query = format!("{}{form}", plain.join("&"));
            let reply = session
                .call("POST", "/v4/sns/friend_add", &query, &body)
                .await;
            let expected = if count == 0 { 0 } else { 30001 };
            assert_eq!(reply.codes(), [expected], "{}: {form}", client.name);
        }
    }
}

#[tokio::test]
async fn a_request_that_is_sent_again_finds_the_friend_there_and_changes_nothing() {
    for client in &CLIENTS {
        let mut session = Session::start(client).await;
        let state = |session: &Session| ["id", "id1", "id2"].map(|name| session.app.account(name));

        let first = session.friend_add("id", &["id1", "id2"]).await;
        let after_one = state(&session);

        assert_eq!(first.codes(), [0, 0], "{}", client.name);
        for _ in 0..3 {
            let again = session.friend_add("id", &["id1", "id2"]).await;
            assert_eq!(again.codes(), [30001, 30001], "{}", client.name);
            for item in again.json["ResultItem"].as_array().expect("checked") {
                assert_eq!(item["ResultInfo"], "Err_SNS_FriendAdd_Friend_Exist");
            }
        }
        assert_eq!(state(&session), after_one, "{}", client.name);
    }
}

#[tokio::test]
async fn a_thousand_friends_with_the_longest_fields_fit_in_one_call_however_it_is_sent() {
    let long = |text: &str, bytes: usize| text.repeat(bytes / text.len());
    let names: Vec<_> = (0..1000).map(|number| format!("{number:032}")).collect();
    let item = |to: &String| {
        json!({
            "To_Account": to,
            "Remark": long("备", 96),
            "GroupName": long("组", 30),
            "AddSource": "AddSource_Type_XXXXXXXX",
            "AddWording": long("😀", 256),
        })
    };
    let items: Vec<_> = names.iter().map(item).collect();
    let body = json!({"From_Account": "id", "AddFriendItem": items}).to_string();
    assert!(body.len() > 450_000, "{}", body.len());
    let differently = ["chunked", "100-continue", "one connection"];
    let clients = CLIENTS
        .iter()
        .filter(|client| differently.iter().any(|how| client.name.contains(how)));

    let mut count = 0;
    for client in clients {
        let mut session = Session::start(client).await;
        session.app.import(&names);

        let query = session.query();
        let reply = session
            .call("POST", "/v4/sns/friend_add", &query, &body)
            .await;

        assert_eq!(reply.codes(), [0; 1000], "{}", client.name);
        assert_eq!(session.app.friends("id"), names);
        count += 1;
    }
    assert_eq!(count, differently.len(), "each of the three ways was tried");
}

#[tokio::test]
async fn a_get_with_a_json_body_as_timsdk_sends_it_is_a_format_error_in_the_envelope() {
    let timsdk = &CLIENTS[1];
    let mut session = Session::start(timsdk).await;
    let (query, body) = (session.query(), session.body("id", &["id1"]));

    let reply = session
        .call("GET", "/v4/sns/friend_add", &query, &body)
        .await;

    let info = "service timeout or request format error,please check and try again";
    assert_eq!((reply.error_code(), reply.error_info()), (60008, info));
    assert!(session.app.friends("id").is_empty(), "and nothing is done");
}
