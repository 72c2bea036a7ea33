//! `arrange` and `explain`: any code on demand, the reason for it, and the change that makes it 0.

mod accounts;
mod commands;

use super::client::{Control, MadeApp};
use crate::harness::{ConfigExt, Reply, TestApp};
use reqwest::Method;
use serde_json::{Value, json};
use tencent_chat_emulator::config::Config;
use tencent_chat_emulator::protocol::code::Code;
use tencent_chat_emulator::sns::model::UnknownAccounts;

/// The codes of the page's error table (friend_add, 2025-10-23), and what gives each code here.
const PAGE: [(u32, &str); 18] = [
    (0, "state"),
    (30001, "state"),
    (30002, "fault"),
    (30003, "state"),
    (30004, "request"),
    (30006, "fault"),
    (30007, "fault"),
    (30008, "fault"),
    (30009, "state"),
    (30010, "state"),
    (30011, "state"),
    (30012, "state"),
    (30014, "state"),
    (30515, "state"),
    (30516, "state"),
    (30525, "state"),
    (30539, "state"),
    (30540, "fault"),
];

/// Small limits.
fn small(config: &mut Config) {
    config.sns.max_friends = 5;
    config.sns.max_groups = 3;
    config.sns.max_pending = 4;
}

/// Makes the call that `arrange` answered, without the control API.
async fn call(control: &Control, url: &str, body: &Value) -> Reply {
    let request = control.request(Method::POST, url).body(body.to_string());
    Reply::check(request.send().await.expect("an answer")).await
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

/// The ErrorCode; if it is 0, the only item's ResultCode.
fn code_of(reply: &Reply) -> u64 {
    match reply.error_code() {
        0 => reply.only().0,
        code => code,
    }
}

/// Makes the change of an explanation, then the call, which should give 0.
async fn apply(control: &Control, base: &str, change: &Value, url: &str, body: &Value) -> Reply {
    for call in change["calls"].as_array().expect("a list") {
        let method = text(&call["method"]).parse().expect("a method");
        let url = format!("{base}{}", text(&call["path"]));
        let answer = control.send(method, &url, Some(call["body"].clone())).await;
        let answer = answer.ok();
        assert!(answer.get("Fail_Account").is_none(), "{call}: {answer}");
    }
    let given = |key: &str| Some(&change[key]).filter(|value| !value.is_null());
    let as_admin = |query: &Value| format!("{base}/v4/sns/friend_add?{}", text(query));
    let url = given("query").map_or_else(|| url.to_owned(), as_admin);
    self::call(control, &url, body).await
}

/// Arranges a code, explains it, gets it, and makes the change after which the call gives 0.
async fn walk(app: &TestApp, made: &MadeApp, code: Value, given_by: &str) {
    let control = &made.control;
    let arranged = control
        .post(&made.path("/arrange"), json!({ "code": code }))
        .await;
    let arranged = arranged.ok();
    assert_eq!(arranged["given_by"], given_by, "{arranged}");
    assert_eq!(
        arranged["fault"].is_null(),
        given_by != "fault",
        "{arranged}"
    );
    let (url, request) = (text(&arranged["url"]), &arranged["request"]);
    let identifier = url
        .split(['?', '&'])
        .find_map(|pair| pair.strip_prefix("identifier="));
    let explain = format!("/explain?identifier={}", identifier.expect("it names one"));

    let explained = control
        .post(&made.path(&explain), request.clone())
        .await
        .ok();
    let reply = call(control, url, request).await;

    let carrier = text(&arranged["carried_by"]);
    let (reason, met) = match carrier {
        "ErrorCode" => (&explained, reply.error_code()),
        _ => (&explained["items"][0], u64::from(reply.only().0 as u32)),
    };
    assert_eq!(arranged["code"], met, "{}", reply.text);
    assert_eq!(reason["code"], met, "{explained}");
    assert_eq!(reason["outcome"], arranged["outcome"], "{explained}");
    assert_eq!(reason["fault"], arranged["fault"], "{explained}");
    if met == 0 {
        assert!(reason["to_be_0"].is_null(), "{explained}");
        return;
    }
    let change = &reason["to_be_0"];
    if change.is_null() {
        // The request is invalid: the explanation names the field.
        assert_eq!(given_by, "request", "{explained}");
        let names_field = match carrier {
            "ErrorCode" => ["detail", "error_info"]
                .iter()
                .any(|key| reason[key].to_string().contains("AddFriendItem")),
            _ => !request["AddFriendItem"][0][text(&reason["wrong_field"])].is_null(),
        };
        assert!(names_field, "{explained}");
        return;
    }
    assert!(!text(&change["summary"]).is_empty(), "{explained}");
    let reply = apply(control, &app.emulator.url(), change, url, request).await;
    assert_eq!(code_of(&reply), 0, "{change}: {}", reply.text);
}

#[tokio::test]
async fn every_code_of_the_page_is_arranged_explained_met_and_done_away_with() {
    let app = TestApp::start_with(small).await;
    let made = app.control().create_with(&[]).await;
    for (code, given_by) in PAGE {
        walk(&app, &made, code.into(), given_by).await;
    }
}

/// By name, because some outcomes have the same number.
#[tokio::test]
async fn every_outcome_of_friend_add_is_arranged_by_its_name() {
    let app = TestApp::start_with(|config| {
        small(config);
        config.sns.max_requests_per_minute = 2;
    })
    .await;
    let made = app.control().create_with(&[]).await;
    for (code, given_by) in [
        (Code::SnsDecode, "request"),
        (Code::ToAccountIllegal, "request"),
        (Code::AddSelf, "request"),
        (Code::SourceIllegal, "request"),
        (Code::RemarkTooLong, "request"),
        (Code::GroupNameTooLong, "request"),
        (Code::WordingTooLong, "request"),
        (Code::AccountNotAString, "request"),
        (Code::FriendExist, "state"),
        (Code::FromAccountNotExist, "state"),
        (Code::ToAccountNotExist, "state"),
        (Code::TooManyRequests, "state"),
        (Code::NotAdminGateway, "fault"),
        (Code::TooManyCalls, "fault"),
        (Code::SigExpired, "fault"),
    ] {
        walk(&app, &made, code.name().into(), given_by).await;
    }
}

#[tokio::test]
async fn where_accounts_need_not_be_imported_or_strangers_get_60010_other_things_give_the_codes() {
    let app = TestApp::start_with(|config| {
        config.sns.unknown_accounts = UnknownAccounts::Create;
        config.non_admins_get_60010();
    })
    .await;
    let made = app.control().create_with(&[]).await;
    for (code, given_by) in [
        (Code::FromAccountNotExist, "fault"),
        (Code::ToAccountNotExist, "fault"),
        (Code::NotAdminGateway, "request"),
        (Code::NotAdmin, "fault"),
    ] {
        walk(&app, &made, code.name().into(), given_by).await;
    }
}

#[tokio::test]
async fn the_curl_line_is_the_request() {
    let app = TestApp::start().await;
    let made = app.control().create_with(&[]).await;
    let arranged = made
        .control
        .post(&made.path("/arrange"), json!({"code": 30516}))
        .await
        .ok();
    let curl = text(&arranged["curl"]);

    let (url, body) = (text(&arranged["url"]), arranged["request"].to_string());

    assert_eq!(curl, format!("curl '{url}' -d '{body}'"));
    assert!(url.starts_with(&app.emulator.url()), "{url}");
}

#[tokio::test]
async fn what_friend_add_never_answers_cannot_be_arranged() {
    let app = TestApp::start().await;
    let made = app.control().create_with(&[]).await;
    let before = made.control.get(&made.path("/state")).await.ok();

    for (wish, why) in [
        (
            json!({"code": 31704}),
            "NotFriend is not an outcome of friend_add, but of friend_delete: set command",
        ),
        (
            json!({"code": "AlreadyBlocked"}),
            "is not an outcome of friend_add, but of black_list_add",
        ),
        (
            json!({"code": 90001}),
            "MessageNotJson is not an outcome of friend_add",
        ),
        (
            json!({"code": 30525, "command": "friend_delete"}),
            "InPeerBlocklist is not an outcome of friend_delete, but of friend_add",
        ),
        (json!({"code": 12345}), "is unknown"),
        (json!({"code": "NeedConfrim"}), "did you mean NeedConfirm?"),
        (json!({"code": -1}), ""),
        (json!({"code": null}), ""),
        (json!({}), "is missing"),
    ] {
        let answer = made
            .control
            .post(&made.path("/arrange"), wish.clone())
            .await;
        let faults = answer.faults(422);
        assert_eq!(faults.len(), 1, "{wish}: {}", answer.text);
        assert_eq!(faults[0].0, "/code", "{wish}");
        assert!(faults[0].1.contains(why), "{wish}: {}", answer.text);
    }

    assert_eq!(made.control.get(&made.path("/state")).await.ok(), before);
    assert_eq!(made.control.get("/faults").await.ok(), json!([]));
}

/// Each item is explained with the state after the items before it.
#[tokio::test]
async fn a_batch_is_explained_item_by_item_as_it_would_be_answered_and_nothing_is_written() {
    let app = TestApp::start_with(small).await;
    let made = app
        .control()
        .create_with(&["a", "b", "c", "d", "e", "f", "g", "h"])
        .await;
    let control = &made.control;
    let deny = json!({"allow_type": "AllowType_Type_DenyAny"});
    control.put(&made.path("/accounts/d"), deny).await.ok();
    let confirm = json!({"allow_type": "AllowType_Type_NeedConfirm", "blocklist": ["a"]});
    control.put(&made.path("/accounts/e"), confirm).await.ok();
    let fault = json!({"command": "friend_add", "item": 2, "result_code": 30008, "times": 1});
    control.post("/faults", fault).await.ok();
    let item = |to: &str| json!({"To_Account": to});
    let tos = [
        "b", "b", "c", "d", "e", "nobody", "", "a", "f", "g", "h", "c",
    ];
    let mut items: Vec<_> = tos.map(item).into();
    items[8]["AddSource"] = "web".into();
    let body = json!({"From_Account": "a", "AddFriendItem": items});
    let before = control.get(&made.path("/state")).await.ok();

    let explained = control
        .post(&made.path("/explain"), body.clone())
        .await
        .ok();
    assert_eq!(control.get(&made.path("/state")).await.ok(), before);
    assert_eq!(control.get("/faults").await.ok()[0]["hits"], 0);
    let reply = made.call("sns/friend_add", &body).await;

    let said = explained["items"].as_array().expect("a list").iter();
    let said: Vec<_> = said
        .map(|item| item["code"].as_u64().expect("a code"))
        .collect();
    assert_eq!(said, reply.codes(), "{explained}");
    let expected = [
        0, 30001, 30008, 30516, 30525, 30003, 30001, 30001, 30001, 0, 0, 0,
    ];
    assert_eq!(said, expected);
}

#[tokio::test]
async fn a_call_that_fails_as_a_whole_is_explained_as_it_would_be_answered() {
    let app = TestApp::start().await;
    let made = app.control().create_with(&["a", "b"]).await;
    let (control, url) = (
        &made.control,
        format!("{}/v4/sns/friend_add?{}", app.emulator.url(), made.query),
    );
    let items = json!([{"To_Account": "b"}]);
    let many: Vec<_> = (0..1001)
        .map(|number| json!({"To_Account": format!("n{number}")}))
        .collect();
    for (body, can_be_0) in [
        (json!({}), false),
        (json!({"From_Account": "a"}), false),
        (json!({"AddFriendItem": items}), false),
        (json!({"From_Account": "", "AddFriendItem": items}), false),
        (json!({"From_Account": 7, "AddFriendItem": items}), false),
        (
            json!({"From_Account": "nobody", "AddFriendItem": items}),
            true,
        ),
        (
            json!({"From_Account": "nobody", "AddFriendItem": []}),
            false,
        ),
        (
            json!({"From_Account": "a", "AddFriendItem": {"To_Account": "b"}}),
            false,
        ),
        (json!({"From_Account": "a", "AddFriendItem": ["b"]}), false),
        (json!({"From_Account": "a", "AddFriendItem": many}), false),
        (
            json!({"From_Account": "a", "AddFriendItem": [{}, {"To_Account": "b"}]}),
            false,
        ),
        (
            json!({"From_Account": "a", "AddFriendItem": items, "AddType": "Both"}),
            false,
        ),
        (
            json!({"From_Account": "a", "AddFriendItem": items, "ForceAddFlags": 2}),
            false,
        ),
    ] {
        let explained = control
            .post(&made.path("/explain"), body.clone())
            .await
            .ok();
        let reply = made.call("sns/friend_add", &body).await;
        assert_ne!(reply.error_code(), 0, "{body}");
        assert_eq!(explained["code"], reply.error_code(), "{body}");
        assert_eq!(explained["error_info"], reply.error_info(), "{body}");
        assert_eq!(explained["items"], json!([]), "{body}");

        let change = &explained["to_be_0"];
        assert_eq!(change.is_object(), can_be_0, "{body}: {explained}");
        if can_be_0 {
            let reply = apply(control, &app.emulator.url(), change, &url, &body).await;
            assert_eq!(reply.codes(), [0], "{change}: {}", reply.text);
        }
    }
}

/// An item that fails every check of its accounts that can fail at once.
#[tokio::test]
async fn all_that_is_in_the_way_is_named_at_once() {
    let app = TestApp::start_with(small).await;
    let made = app
        .control()
        .create_with(&["a", "b", "c", "d", "e", "f", "g"])
        .await;
    let control = &made.control;
    let full = ["c", "d", "e", "f", "g"];
    let from = json!({
        "admin_forbid_type": "AdminForbid_Type_SendOut", "friends": full, "blocklist": ["b"],
        "groups": ["1", "2", "3"],
    });
    control.put(&made.path("/accounts/a"), from).await.ok();
    let to = json!({"allow_type": "AllowType_Type_DenyAny", "friends": full, "blocklist": ["a"]});
    control.put(&made.path("/accounts/b"), to).await.ok();
    let item = json!({"To_Account": "b", "GroupName": "new"});
    let body = json!({"From_Account": "a", "AddFriendItem": [item]});

    let explained = control
        .post(&made.path("/explain"), body.clone())
        .await
        .ok();

    let change = &explained["items"][0]["to_be_0"];
    assert_eq!(
        change["calls"].as_array().map(Vec::len),
        Some(7),
        "{change}"
    );
    let url = format!("{}/v4/sns/friend_add?{}", app.emulator.url(), made.query);
    let reply = apply(control, &app.emulator.url(), change, &url, &body).await;
    assert_eq!(reply.codes(), [0], "{change}: {}", reply.text);
}

/// Each explanation names what decides now. When each change has been made in turn, the call gives
/// 0.
#[tokio::test]
async fn a_fault_that_decides_is_named_and_the_next_reason_after_it() {
    let app = TestApp::start().await;
    let made = app.control().create_with(&["a", "b"]).await;
    let (control, url) = (
        &made.control,
        format!("{}/v4/sns/friend_add?{}", app.emulator.url(), made.query),
    );
    for (faults, from, codes) in [
        (
            json!([{"code": 30006}, {"code": 30007}, {"commit_then": {"code": 30008}}]),
            "nobody",
            vec![
                json!(30006),
                json!(30007),
                json!(30008),
                json!(30003),
                json!(30516),
            ],
        ),
        (
            json!([{"close": true}]),
            "nobody",
            vec![Value::Null, json!(30003), json!(30516)],
        ),
        (
            json!([{"result_code": 30006}, {"commit_then": {"result_code": 30007}}]),
            "a",
            vec![json!(30006), json!(30007), json!(30516)],
        ),
    ] {
        control.put("/faults", faults).await.ok();
        let deny = json!({"allow_type": "AllowType_Type_DenyAny"});
        control.put(&made.path("/accounts/b"), deny).await.ok();
        let body = json!({"From_Account": from, "AddFriendItem": [{"To_Account": "b"}]});

        let mut met = Vec::new();
        let reply = loop {
            let explained = control
                .post(&made.path("/explain"), body.clone())
                .await
                .ok();
            let reason = match explained["to_be_0"].is_null() {
                true => &explained["items"][0],
                false => &explained,
            };
            let change = &reason["to_be_0"];
            met.push(reason["code"].clone());
            for call in change["calls"].as_array().expect("a list") {
                let method = text(&call["method"]).parse().expect("a method");
                let url = format!("{}{}", app.emulator.url(), text(&call["path"]));
                control
                    .send(method, &url, Some(call["body"].clone()))
                    .await
                    .ok();
            }
            if met.len() == codes.len() {
                break self::call(control, &url, &body).await;
            }
        };

        assert_eq!(met, codes);
        assert_eq!(reply.codes(), [0], "{}", reply.text);
        control.delete(&made.path("/accounts/nobody")).await;
    }
}
