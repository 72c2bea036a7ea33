//! Faults: each kind in each scope, and its counters.

mod commit;
mod order;
mod refused;
mod verify;
mod when;

use super::client::{Control, MadeApp};
use crate::harness::{Reply, TestApp};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// An emulator, and an app with the accounts of [`NAMES`].
struct Bench {
    server: TestApp,
    control: Control,
    app: MadeApp,
}

const NAMES: [&str; 7] = ["id", "other", "a", "b", "c", "d", "e"];

/// The end of a call, as its client sees it.
#[derive(Clone, Debug, PartialEq)]
enum End {
    /// ErrorCode 0 and these ResultCodes; empty if the answer has no items.
    Done(Vec<u64>),
    /// Another ErrorCode.
    Code(u64),
    /// Another HTTP status, without JSON.
    Status(u16),
    NotJson,
    /// The connection ended within the body.
    Half,
    /// No answer.
    Nothing,
}

/// The ways to fail, and the end of the call; `result_code` and `delay_ms` do not end it.
fn ways() -> [(Value, Option<End>); 7] {
    [
        (json!({"result_code": 30007}), None),
        (json!({"delay_ms": DELAY_MS}), None),
        (json!({"code": 30008}), Some(End::Code(30008))),
        (json!({"http_status": 503}), Some(End::Status(503))),
        (json!({"close": true}), Some(End::Nothing)),
        (json!({"truncate": true}), Some(End::Half)),
        (json!({"malformed": true}), Some(End::NotJson)),
    ]
}

const DELAY_MS: u64 = 100;

/// A JSON object with the fields of both.
fn merged(mut one: Value, other: Value) -> Value {
    let Value::Object(fields) = other else {
        panic!("no object: {other}")
    };
    one.as_object_mut().expect("an object").extend(fields);
    one
}

/// The fault for a way to fail, before the command runs or after it.
fn way(way: &Value, commits: bool) -> Value {
    match commits {
        true => json!({"commit_then": way}),
        false => way.clone(),
    }
}

/// The result of `work`, and its time.
#[expect(
    clippy::disallowed_methods,
    reason = "delays run on the system's clock"
)]
async fn timed<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let begun = Instant::now();
    let done = work.await;
    (done, begun.elapsed())
}

fn friend_add(from: &str, tos: &[&str]) -> Value {
    let items: Vec<_> = tos.iter().map(|to| json!({"To_Account": to})).collect();
    json!({"From_Account": from, "AddFriendItem": items})
}

fn friend_check(from: &str, tos: &[&str]) -> Value {
    json!({"From_Account": from, "To_Account": tos, "CheckType": "CheckResult_Type_Single"})
}

impl Bench {
    async fn start() -> Self {
        let server = TestApp::start().await;
        let control = server.control();
        let app = control.create_with(&NAMES).await;
        Self {
            server,
            control,
            app,
        }
    }

    /// Replaces all faults by one, and returns its id.
    async fn arm(&self, fault: Value) -> u64 {
        let armed = self.control.put("/faults", json!([fault])).await.ok();
        armed["armed"][0]["id"].as_u64().expect("a number")
    }

    /// The `hits` and `left` of each fault.
    async fn counts(&self) -> Vec<(u64, Option<u64>)> {
        let all = self.control.get("/faults").await.ok();
        let count = |fault: &Value| {
            let hits = fault["hits"].as_u64().expect("a number");
            (hits, fault["left"].as_u64())
        };
        all.as_array().expect("a list").iter().map(count).collect()
    }

    async fn call(&self, command: &str, body: &Value) -> End {
        self.call_of(&self.app, command, body).await
    }

    /// Makes a call and returns its end. An envelope is checked like every reply.
    async fn call_of(&self, app: &MadeApp, command: &str, body: &Value) -> End {
        let path = format!("/v4/{command}");
        let request = self.server.client.post(self.server.url(&path, &app.query));
        let Ok(response) = request.body(body.to_string()).send().await else {
            return End::Nothing;
        };
        let status = response.status().as_u16();
        let Ok(text) = response.text().await else {
            return End::Half;
        };
        let is_json = serde_json::from_str::<Value>(&text).is_ok();
        if status != 200 {
            assert!(!is_json, "{status} with an envelope: {text}");
            return End::Status(status);
        }
        if !is_json {
            return End::NotJson;
        }
        let reply = Reply::check_text(&path, text);
        let lists = ["ResultItem", "InfoItem", "BlackListCheckItem"];
        match reply.error_code() {
            0 if lists
                .iter()
                .any(|list| !reply.json[list][0]["ResultCode"].is_null()) =>
            {
                End::Done(reply.codes())
            }
            0 => End::Done(Vec::new()),
            code => End::Code(code),
        }
    }
}

/// A scope, and a call of the app outside of the scope.
struct Place {
    scope: Value,
    outside: Option<(&'static str, Value)>,
    /// Whether the items "a", "b" and "c" of "id" are in the scope.
    items: [bool; 3],
}

fn places(sdkappid: u64) -> [Place; 7] {
    let all = [true; 3];
    let place = |scope, outside, items| Place {
        scope,
        outside,
        items,
    };
    let add = |from, tos: &[&str]| Some(("sns/friend_add", friend_add(from, tos)));
    let check = friend_check("id", &["a", "b", "c"]);
    [
        place(json!({}), None, all),
        place(json!({"sdkappid": sdkappid}), None, all),
        place(
            json!({"command": "friend_add"}),
            Some(("sns/friend_check", check)),
            all,
        ),
        place(
            json!({"from_account": "id"}),
            add("other", &["a", "b", "c"]),
            all,
        ),
        place(
            json!({"to_account": "b"}),
            add("id", &["d", "e"]),
            [false, true, false],
        ),
        place(
            json!({"item": 2}),
            add("id", &["d", "e"]),
            [false, false, true],
        ),
        place(
            json!({"sdkappid": sdkappid, "command": "friend_add", "from_account": "id", "to_account": "b", "item": 1}),
            add("id", &["d", "e"]),
            [false, true, false],
        ),
    ]
}

#[tokio::test]
async fn every_kind_works_in_every_scope_and_touches_nothing_else() {
    let bench = Bench::start().await;
    let stranger = bench.control.create_with(&NAMES).await;
    let start = bench.control.get(&bench.app.path("/state")).await.ok();

    for Place {
        scope,
        outside,
        items,
    } in places(bench.app.sdkappid)
    {
        for (kind, end) in ways() {
            for commits in [false, true] {
                let fault = merged(way(&kind, commits), scope.clone());
                bench
                    .control
                    .put(&bench.app.path("/state"), start.clone())
                    .await
                    .ok();
                bench.arm(merged(fault.clone(), json!({"times": 5}))).await;

                if let Some((command, body)) = outside.clone() {
                    let end = bench.call(command, &body).await;
                    let count = body["AddFriendItem"].as_array().map_or(3, Vec::len);
                    assert_eq!(end, End::Done(vec![0; count]), "{fault}: {body}");
                }
                if scope.get("sdkappid").is_some() {
                    let body = friend_check("id", &["a", "b", "c"]);
                    let end = bench.call_of(&stranger, "sns/friend_check", &body).await;
                    assert_eq!(end, End::Done(vec![0; 3]), "{fault}: another app");
                }
                assert_eq!(bench.counts().await, [(0, Some(5))], "{fault}");
                let before = bench.app.list("id", "friends").await;

                let body = friend_add("id", &["a", "b", "c"]);
                let (met, took) = timed(bench.call("sns/friend_add", &body)).await;

                let is_of_items = kind.get("result_code").is_some();
                let codes = items.map(|item| u64::from(item && is_of_items) * 30007);
                let wanted = end.clone().unwrap_or(End::Done(codes.to_vec()));
                assert_eq!(met, wanted, "{fault}");
                let late = Duration::from_millis(kind["delay_ms"].as_u64().unwrap_or(0));
                assert!(took >= late, "{fault}: {took:?}");
                let hits = match is_of_items {
                    true => items.iter().filter(|item| **item).count() as u64,
                    false => 1,
                };
                assert_eq!(bench.counts().await, [(hits, Some(5 - hits))], "{fault}");
                let done = ["a", "b", "c"].into_iter().zip(items);
                let done = done.filter(|(_, item)| match (is_of_items, &end) {
                    (true, _) => commits || !item,
                    (false, end) => commits || end.is_none(),
                });
                let mut friends = before;
                friends.extend(done.map(|(to, _)| to.to_owned()));
                assert_eq!(bench.app.list("id", "friends").await, friends, "{fault}");
            }
        }
    }
}

#[tokio::test]
async fn a_whole_call_fails_for_any_item_in_the_scope_and_only_once() {
    let bench = Bench::start().await;
    let scopes = [
        (json!({"to_account": "b"}), true),
        (json!({"item": 1}), true),
        (json!({"to_account": "b", "item": 1}), true),
        (json!({"to_account": "b", "item": 0}), false),
        (json!({"to_account": "b", "from_account": "other"}), false),
        (json!({"item": 4}), false),
    ];
    for (scope, fires) in scopes {
        bench
            .arm(merged(json!({"code": 30008}), scope.clone()))
            .await;

        let body = friend_check("id", &["a", "b", "b", "b"]);
        let end = bench.call("sns/friend_check", &body).await;

        let wanted = match fires {
            true => End::Code(30008),
            false => End::Done(vec![0; 4]),
        };
        assert_eq!(end, wanted, "{scope}");
        assert_eq!(bench.counts().await, [(u64::from(fires), None)], "{scope}");
    }
}

/// Bodies that name their accounts in other fields.
#[tokio::test]
async fn accounts_are_found_in_the_body_of_every_command_about_accounts() {
    let bench = Bench::start().await;
    let login = "im_open_login_svc";
    let cases = [
        (format!("{login}/account_import"), json!({"UserID": "d"}), 0),
        (
            format!("{login}/account_import"),
            json!({"Identifier": "d"}),
            0,
        ),
        (
            format!("{login}/multiaccount_import"),
            json!({"AccountList": [{"UserID": "a"}, {"UserID": "d"}]}),
            1,
        ),
        (
            format!("{login}/multiaccount_import"),
            json!({"Accounts": ["a", "b", "d"]}),
            2,
        ),
        (
            format!("{login}/multiaccount_import"),
            json!({"AccountList": [{"UserID": "a"}], "Accounts": ["b", "d"]}),
            2,
        ),
        (
            format!("{login}/multiaccount_import"),
            json!({"AccountList": [], "Accounts": ["d"]}),
            0,
        ),
        (
            format!("{login}/multiaccount_import"),
            json!({"Accounts": "d"}),
            0,
        ),
        (
            format!("{login}/account_check"),
            json!({"CheckItem": [{"UserID": "a"}, {"UserID": "d"}]}),
            1,
        ),
        (
            "profile/portrait_get".to_owned(),
            json!({"To_Account": ["a", "d"], "TagList": ["Tag_Profile_IM_Nick"]}),
            1,
        ),
        (
            format!("{login}/account_delete"),
            json!({"DeleteItem": [{"UserID": "a"}, {"UserID": "d"}]}),
            1,
        ),
    ];
    for (command, body, item) in cases {
        for scope in [json!({"to_account": "d"}), json!({"item": item})] {
            bench
                .arm(merged(json!({"code": 70500}), scope.clone()))
                .await;
            let end = bench.call(&command, &body).await;
            assert_eq!(end, End::Code(70500), "{command} {body} {scope}");
        }
        for scope in [json!({"to_account": "e"}), json!({"item": item + 1})] {
            bench
                .arm(merged(json!({"code": 70500}), scope.clone()))
                .await;
            let end = bench.call(&command, &body).await;
            assert_ne!(end, End::Code(70500), "{command} {body} {scope}");
            assert_eq!(
                bench.counts().await,
                [(0, None)],
                "{command} {body} {scope}"
            );
        }
    }
}
