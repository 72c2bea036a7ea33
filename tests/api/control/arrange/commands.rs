//! Every code of every command is arranged, and met as the answer says.

use super::{call, small, text};
use crate::codes::DOCUMENTED;
use crate::commands::COMMANDS;
use crate::control::client::MadeApp;
use crate::harness::{Reply, TestApp};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use tencent_chat_emulator::protocol::code::{API, Code};

async fn start() -> (TestApp, MadeApp) {
    let app = TestApp::start_with(|config| {
        small(config);
        config.sns.max_blocklist = 3;
    })
    .await;
    let made = json!({"calls_per_second": 0, "custom_friend_fields": ["Test"]});
    let made = app.control().create(made).await;
    (app, made)
}

/// The code that is carried by this field of the answer, and its text.
#[track_caller]
fn carried(reply: &Reply, carrier: &Value) -> (u64, String) {
    let error = (reply.error_code(), reply.error_info().to_owned());
    match (carrier.as_str(), error.0) {
        (Some("ErrorCode"), _) => error,
        (Some("ResultCode"), 0) => {
            let (code, info) = reply.outcome();
            (code.into(), info)
        }
        (carrier, _) => panic!("{carrier:?}: {}", reply.text),
    }
}

/// The beginning of the outcome's text in an answer of the command.
fn info(code: Code, command: &str) -> String {
    let words = command.split('_').map(|word| {
        let (first, rest) = word.split_at(1);
        first.to_uppercase() + rest
    });
    code.info().replace(API, &words.collect::<String>())
}

#[tokio::test]
async fn every_code_of_every_command_is_arranged_and_met_where_the_answer_says() {
    let (_app, made) = start().await;
    let control = &made.control;
    let (mut arranged_numbers, mut causes) = (BTreeSet::new(), BTreeMap::new());
    for command in &COMMANDS {
        for code in Code::ALL {
            let wish = json!({"code": code.name(), "command": command.path()});
            let answer = control.post(&made.path("/arrange"), wish.clone()).await;
            if !answer.status.is_success() {
                let faults = answer.faults(422);
                assert!(
                    faults[0].1.contains("is not an outcome of"),
                    "{wish} {faults:?}"
                );
                continue;
            }
            let arranged = answer.ok();
            let (url, request) = (text(&arranged["url"]), &arranged["request"]);
            assert!(url.contains(&format!("/v4/{}?", command.path())), "{url}");
            assert_eq!(arranged["curl"], format!("curl '{url}' -d '{request}'"));
            assert_eq!(arranged["command"], command.path());
            assert_eq!(arranged["outcome"], code.name());
            let cause = text(&arranged["given_by"]);
            assert_eq!(arranged["fault"].is_null(), cause != "fault", "{arranged}");

            let reply = call(control, url, request).await;

            let (met, said) = carried(&reply, &arranged["carried_by"]);
            assert_eq!(arranged["code"], met, "{wish} {request}: {}", reply.text);
            if *code != Code::Ok {
                let expected = info(*code, command.name);
                assert!(
                    said.starts_with(&expected),
                    "{wish} {expected}: {}",
                    reply.text
                );
            }
            if cause == "fault" {
                // The fault fires once. Then the request gets what it gets without the fault.
                let reply = call(control, url, request).await;
                assert_eq!(
                    (reply.error_code(), reply.outcome().0),
                    (0, 0),
                    "{wish}: {}",
                    reply.text
                );
                let faults = control.get("/faults").await.ok();
                let faults = faults.as_array().expect("a list").iter();
                let fault = faults
                    .clone()
                    .find(|fault| fault["id"] == arranged["fault"]);
                let fault = fault.expect("it is armed");
                assert_eq!((&fault["hits"], &fault["left"]), (&json!(1), &json!(0)));
            }
            arranged_numbers.insert((command.path(), code.number()));
            *causes.entry(cause.to_owned()).or_insert(0) += 1;
        }
    }
    for (command, numbers) in DOCUMENTED {
        for number in numbers {
            let pair = (command.to_owned(), *number);
            assert!(arranged_numbers.contains(&pair), "{command} {number}");
        }
    }
    // A change of these numbers is a change of what is arranged, or by what.
    let causes: Vec<_> = causes.into_iter().collect();
    let expected = [("fault", 414), ("request", 101), ("state", 70)];
    assert_eq!(
        causes,
        expected.map(|(cause, count)| (cause.to_owned(), count))
    );
}

/// By number, an outcome that the command has.
#[tokio::test]
async fn a_number_stands_for_an_outcome_of_the_command() {
    let (_app, made) = start().await;
    for (command, number, outcome) in [
        ("friend_delete", 31704, "NotFriend"),
        ("friend_delete", 30003, "ToAccountNotExist"),
        ("friend_get", 30003, "FromAccountNotExist"),
        ("friend_update", 30001, "FriendNotExist"),
        ("black_list_add", 30001, "AlreadyBlocked"),
        ("black_list_delete", 30001, "NotBlocked"),
        ("friend_get", 30001, "SnsDecode"),
        ("group_add", 32216, "NotInFriendList"),
        ("portrait_get", 40003, "ProfileAccountNotExist"),
        ("account_delete", 70107, "AccountNotExist"),
        ("account_check", 0, "Ok"),
    ] {
        let wish = json!({"code": number, "command": command});
        let arranged = made
            .control
            .post(&made.path("/arrange"), wish.clone())
            .await
            .ok();
        assert_eq!(arranged["outcome"], outcome, "{wish}");
        let reply = call(&made.control, text(&arranged["url"]), &arranged["request"]).await;
        let (met, _) = carried(&reply, &arranged["carried_by"]);
        assert_eq!(met, number, "{wish}: {}", reply.text);
    }
}

/// `how` in `GET codes` is a request that does what it says.
#[tokio::test]
async fn the_way_to_each_code_in_the_table_of_codes_is_right() {
    let (_app, made) = start().await;
    let control = &made.control;
    let mut arranged = 0;
    for known in control.get("/codes").await.ok().as_array().expect("a list") {
        let how = text(&known["how"]);
        let Some(wish) = how.strip_prefix("POST apps/{sdkappid}/arrange ") else {
            assert!(how.contains("by a fault"), "{known}");
            let number = known["code"].as_u64().expect("a number");
            assert!(!(30_000..72_000).contains(&number), "{known}");
            continue;
        };
        let (wish, effect) = wish.split_once("} ").expect("an object and its effect");
        let wish: Value = serde_json::from_str(&format!("{wish}}}")).expect("it is JSON");
        let done = control
            .post(&made.path("/arrange"), wish.clone())
            .await
            .ok();
        assert_eq!(done["outcome"], known["outcome"], "{known}");
        let command = wish["command"].as_str().unwrap_or("friend_add");
        assert!(effect.contains(&format!(" {command} ")), "{known}");
        let word = match text(&done["given_by"]) {
            "state" => "makes the state",
            "request" => "returns a",
            _ => "arms the fault",
        };
        assert!(effect.starts_with(word), "{known} {done}");
        arranged += 1;
    }
    assert!(arranged > 75, "{arranged}");
}
