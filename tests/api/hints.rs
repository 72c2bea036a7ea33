//! The hint of a call that failed, in the header and in the journal.

use crate::harness::{ADMIN, APP, ConfigExt, HINT, TestApp, app_id};
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use tencent_chat_emulator::config::ControlToken;
use tencent_chat_emulator::protocol::ids::UnixTime;
use tencent_chat_emulator::protocol::user_sig::{SecretKey, sign};

const FRIEND_ADD: &str = "/v4/sns/friend_add";

/// A call that fails, and what its hint says.
struct Case {
    method: Method,
    path: &'static str,
    query: String,
    body: Value,
    code: u64,
    says: Vec<String>,
}

fn case(query: String, code: u64, says: &[&str]) -> Case {
    Case {
        method: Method::POST,
        path: FRIEND_ADD,
        query,
        body: json!({"From_Account": "id", "AddFriendItem": [{"To_Account": "id1"}]}),
        code,
        says: says.iter().map(ToString::to_string).collect(),
    }
}

/// The headers of the answer to friend_add with this query and an empty object.
async fn headers(app: &TestApp, query: &str) -> HeaderMap {
    let url = format!("{}{FRIEND_ADD}?{query}", app.emulator.url());
    let answer = app.client.post(url).body("{}").send().await;
    answer.expect("an answer").headers().clone()
}

impl Case {
    fn at(self, path: &'static str) -> Self {
        Self { path, ..self }
    }

    fn by(self, method: Method) -> Self {
        Self { method, ..self }
    }

    fn with(self, body: Value) -> Self {
        Self { body, ..self }
    }

    /// Sends the call, and checks that the header, the journal and the explanation agree.
    async fn check(self, app: &TestApp) {
        let url = format!("{}{}?{}", app.emulator.url(), self.path, self.query);
        let request = app.client.request(self.method, url);
        let answer = request.body(self.body.to_string()).send().await;
        let answer = answer.expect("an answer");
        let header = answer.headers().get(HINT).expect("a hint").clone();
        let header = header.to_str().expect("ASCII");
        let calls = app.control().get("/requests?limit=1").await.ok();
        let call = &calls["calls"][0];
        let says = &self.says;
        let hint = call["hint"].as_str().expect("a hint");
        for text in says {
            assert!(hint.contains(text), "{text:?} is not in {hint:?}");
        }
        let path = format!("/requests/{}/explain", call["id"]);
        assert_eq!(header, format!("{hint}; see GET /_emulator/v1{path}"));
        let explained = app.control().get(&path).await.ok();
        assert_eq!(explained["call"], *call);
        let code = explained["error"]["code"].as_u64();
        assert_eq!(code.unwrap_or(0), self.code, "{hint}");
        let advice = explained["error"]["fix"].as_str().unwrap_or("none");
        let first_item = explained["failed_items"][0]["outcomes"][0]["fix"].as_str();
        let fixes = [advice, first_item.unwrap_or(advice)];
        let is_fixed = fixes.iter().any(|fix| hint.ends_with(fix));
        let is_count = hint.ends_with("items failed");
        assert!(
            is_fixed || is_count || hint.contains("/_emulator/v1/"),
            "{hint}"
        );
    }
}

#[tokio::test]
async fn a_refused_call_says_why_and_what_to_do() {
    let app = TestApp::start().await;
    let control = app.control();
    let other = control.create(json!({})).await;
    let limited = control.create(json!({"calls_per_second": 1})).await;
    let empty = json!({"From_Account": "nobody", "AddFriendItem": []});
    limited.call("sns/friend_add", &empty).await;
    let signed_with = async |made: &Value, body: Value| {
        let path = format!("/apps/{made}/user_sig");
        control.post(&path, body).await.ok()["usersig"].clone()
    };
    let query = |sdkappid: &Value, identifier: &str, usersig: &Value| {
        let usersig = usersig.as_str().expect("a UserSig");
        format!(
            "sdkappid={sdkappid}&identifier={identifier}&usersig={usersig}&random=1&contenttype=json"
        )
    };
    let (built_in, other_id) = (json!(88_888_888), json!(other.sdkappid));
    let flawed = async |flaw: &str| {
        let body = json!({"identifier": ADMIN, "flaw": flaw});
        query(&built_in, ADMIN, &signed_with(&built_in, body).await)
    };
    // A UserSig for the built-in app that is signed with the other app's key.
    let key = control.get(&other.path("")).await.ok()["secret_key"].clone();
    let key = key.as_str().and_then(SecretKey::new).expect("a key");
    let foreign = sign(&key, app_id(APP), ADMIN, UnixTime(0), i64::MAX);
    let foreign = query(&built_in, ADMIN, &foreign.into());
    let good = app.query();
    let of_id = json!({"identifier": "id"});
    let of_id = signed_with(&built_in, of_id).await;
    let cases = [
        case(
            query(&json!(7), ADMIN, &of_id),
            70020,
            &[
                "there is no app 7; the apps are ",
                APP,
                &other_id.to_string(),
                "POST /_emulator/v1/apps",
            ],
        ),
        case(
            foreign,
            70009,
            &[&format!("the key of app {other_id}, not with the key of app {APP}")],
        ),
        case(
            flawed("other_key").await,
            70009,
            &["the key of no app here"],
        ),
        case(
            flawed("other_app").await,
            70014,
            &["of app 88888889", "to app 88888888"],
        ),
        case(
            flawed("other_identifier").await,
            70013,
            &[r#"of "not-administrator", and identifier is "administrator""#],
        ),
        case(
            flawed("expired").await,
            70001,
            &["expired 1 s ago", "apps/88888888/user_sig"],
        ),
        case(flawed("truncated").await, 70003, &["add /inspect"]),
        case(
            query(&built_in, "id", &of_id),
            30004,
            &[r#"identifier "id" is not an admin of app 88888888; its admins are administrator"#],
        ),
        case(
            good.replace("contenttype=json", ""),
            60025,
            &["contenttype is missing"],
        ),
        case(
            good.replace("sdkappid", "sdkappId"),
            60012,
            &["contenttype=json in the URL"],
        ),
        case(good.clone(), 60008, &["the method is GET", "POST"]).by(Method::GET),
        case(limited.query.clone(), 60007, &["/limits"]),
        case(good.clone(), 60002, &["/v4/sns/friend_add"]).at("/v4/friend_add"),
        case(good.clone(), 60002, &["a slash too many"]).at("//v4/sns/friend_add"),
        case(
            good.clone(),
            60009,
            &[
                "did you mean sns/friend_add?",
                "sns has friend_add, friend_import",
                "PUT /_emulator/v1/apps/88888888/stubs/sns/friend_ad",
            ],
        )
        .at("/v4/sns/friend_ad"),
        case(good.clone(), 60009, &["the services are sns, im_open_login_svc, profile, openim, group_open_http_svc, all_member_push; to"]).at("/v4/chat/x"),
        case(good.clone(), 30001, &["AddFriendItem is empty"])
            .with(json!({"From_Account": "id", "AddFriendItem": []})),
        case(good.clone(), 30001, &[
            "missing field `AddFriendItem`; unknown fields: AddFriendItems, FromAccount; correct",
        ])
        .with(json!({"From_Account": "id", "FromAccount": "id", "AddFriendItems": []})),
        case(good.clone(), 0, &["; unknown fields: AddFriendItem[0].Source; send"])
            .with(json!({"From_Account": "id", "AddFriendItem": [
                {"To_Account": "id1", "Source": "AddSource_Type_Web", "AddSource": "Web"},
            ]})),
        case(good.clone(), 30003, &["account_import"])
            .with(json!({"From_Account": "nobody", "AddFriendItem": [{"To_Account": "id"}]})),
        case(
            good.clone(),
            0,
            &[
                "the item got 30001: AddSource is not",
                "AddSource_Type_Android",
            ],
        )
        .with(json!({"From_Account": "id", "AddFriendItem": [
            {"To_Account": "id1", "AddSource": "Web"},
        ]})),
        case(
            good.clone(),
            0,
            &["2 of 3 items failed; the first, item 1, got 30001: "],
        )
        .with(json!({"From_Account": "id", "AddFriendItem": [
            {"To_Account": "id1"}, {"To_Account": "id"}, {"To_Account": "nobody"},
        ]})),
        case(good.clone(), 0, &["2 of 2 items failed"])
            .at("/v4/im_open_login_svc/multiaccount_import")
            .with(json!({"Accounts": ["", "é"]})),
    ];
    for case in cases {
        case.check(&app).await;
    }
}

#[tokio::test]
async fn a_fault_that_decides_is_named() {
    let app = TestApp::start().await;
    let control = app.control();
    let arm = async |fault: Value| {
        control.delete("/faults").await.ok();
        let armed = control.post("/faults", fault).await.ok();
        armed["id"].as_u64().expect("an id")
    };
    for (what, code) in [
        (json!({"code": 30006}), 30006),
        (json!({"http_status": 502}), 60008),
        (json!({"malformed": true}), 60008),
        (json!({"commit_then": {"code": 30007}}), 30007),
        (json!({"commit_then": {"http_status": 502}}), 0),
        (json!({"commit_then": {"malformed": true}}), 0),
    ] {
        let id = arm(what).await;
        let says =
            format!("fault {id} ended the call; to disarm it, DELETE /_emulator/v1/faults/{id}");
        let call = case(app.query(), code, &[&says]);
        call.check(&app).await;
    }
    for (what, number) in [
        (json!({"result_code": 30525, "item": 1}), 30525),
        (
            json!({"commit_then": {"result_code": 30008}, "to_account": "id2"}),
            30008,
        ),
    ] {
        let id = arm(what).await;
        let says = format!(
            "item 1 of 2 got {number} from fault {id}; faults decided item 1; to disarm it"
        );
        let items = [json!({"To_Account": "id1"}), json!({"To_Account": "id2"})];
        let body = json!({"From_Account": "id", "AddFriendItem": items});
        app.arrange("sns/friend_delete_all", json!({"From_Account": "id"}))
            .await;
        case(app.query(), 0, &[&says]).with(body).check(&app).await;
    }
}

#[tokio::test]
async fn without_hints_or_control_api_the_header_has_none_or_names_no_route() {
    for (hints, control) in [(false, true), (true, false), (false, false)] {
        let app = TestApp::start_with(|config| {
            config.hints = hints;
            config.control.enabled = control;
        })
        .await;
        let good = app.query();
        for query in [
            good.clone(),
            good.replace("usersig=", "usersig=x"),
            good.replace(APP, "7"),
        ] {
            let headers = headers(&app, &query).await;
            assert_eq!(headers.contains_key(HINT), hints);
            if let Some(header) = headers.get(HINT).filter(|_| !control) {
                let header = header.to_str().expect("ASCII");
                assert!(!header.contains("_emulator"), "{header}");
            }
        }
        if control {
            let calls = app.control().get("/requests").await.ok();
            assert!(calls["calls"][0]["hint"].is_string(), "{calls}");
        }
    }
}

/// Where the control API needs a token, only its clients may learn of other apps.
#[tokio::test]
async fn with_a_control_token_no_hint_names_another_app() {
    for has_token in [false, true] {
        let other = SecretKey::new("another key").expect("not empty");
        let app = TestApp::start_with(|config| {
            if has_token {
                config.control.token = ControlToken::Given(other.clone());
            }
            let mut second = config.app().clone();
            second.secret_key = other.clone();
            config.apps.insert(app_id("1400000001"), second);
        })
        .await;
        let foreign = sign(&other, app_id(APP), ADMIN, UnixTime(0), i64::MAX);
        for query in [
            app.query().replace(APP, "7"),
            format!(
                "sdkappid={APP}&identifier={ADMIN}&usersig={foreign}&random=1&contenttype=json"
            ),
        ] {
            let hint = headers(&app, &query).await;
            let hint = hint[HINT].to_str().expect("ASCII").to_owned();
            assert_eq!(hint.contains("1400000001"), !has_token, "{hint}");
        }
    }
}

#[tokio::test]
async fn a_hint_is_short_ascii_and_has_no_secret() {
    let app = TestApp::start().await;
    let (sig, key) = (app.user_sig(ADMIN), "0123456789abcdef".repeat(4));
    let long = ["y".repeat(5000), "%E4%BD%A0%0D%0AX-Evil:1".to_owned()];
    // A text that is cut before it is redacted shows the beginning of a secret at its end.
    let hidden = (0..50).flat_map(|at| {
        let before = "a%20".repeat(at);
        [format!("{before}{sig}"), format!("{before}={key}")]
    });
    for identifier in long.into_iter().chain(hidden) {
        let query = format!(
            "sdkappid={APP}&identifier={identifier}&usersig={sig}&random=1&contenttype=json"
        );
        let headers = headers(&app, &query).await;
        assert!(!headers.contains_key("x-evil"));
        let hint = headers[HINT].to_str().expect("ASCII").to_owned();
        assert!(hint.len() < 600, "{hint}");
        let shows = |secret: &str| hint.contains(&secret[..20]);
        assert!(!shows(&sig) && !shows(&key), "{hint}");
    }
}
