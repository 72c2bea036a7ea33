//! A command is named alike everywhere: with its service or without.

use super::client::{Control, MadeApp};
use crate::commands::COMMANDS;
use crate::harness::TestApp;
use serde_json::{Value, json};

/// Every place where a command is named, with this name. Returns the pointer and the text of each error.
async fn name_it(control: &Control, made: &MadeApp, name: &str) -> Vec<Vec<(String, String)>> {
    let mut all = Vec::new();
    let mut add = |answer: super::client::Answer| {
        all.push(match answer.status.is_success() {
            true => Vec::new(),
            false => answer.faults(422),
        });
    };
    for path in ["", "/count", "/rate", "/wait"] {
        let query = format!("/requests{path}?command={name}&sdkappid={}", made.sdkappid);
        let count = if path == "/wait" { "&count=0" } else { "" };
        add(control.get(&format!("{query}{count}")).await);
    }
    if !name.contains("no_such") {
        let events = control.request(reqwest::Method::GET, &format!("/events?command={name}"));
        assert_eq!(events.send().await.expect("an answer").status(), 200);
    } else {
        add(control.get(&format!("/events?command={name}")).await);
    }
    let fault = json!({"command": name, "code": 30006, "sdkappid": made.sdkappid});
    add(control.post("/faults", fault.clone()).await);
    add(control
        .put(
            &format!("/faults?sdkappid={}", made.sdkappid),
            json!([fault]),
        )
        .await);
    add(control.put(&made.path("/limits"), json!({name: 5})).await);
    let arrange = json!({"code": 0, "command": name});
    add(control.post(&made.path("/arrange"), arrange).await);
    all
}

#[tokio::test]
async fn with_its_service_or_without_a_command_is_the_same() {
    let app = TestApp::start().await;
    let control = app.control();
    for command in &COMMANDS {
        let mut seen = Vec::new();
        for name in [command.name.to_owned(), command.path()] {
            let made = control.create_with(&["id", "id1"]).await;
            made.call(&command.path(), &(command.request)()).await;
            for errors in name_it(&control, &made, &name).await {
                assert_eq!(errors, [], "{name}");
            }
            let query = format!("command={name}&sdkappid={}", made.sdkappid);
            let calls = control.get(&format!("/requests/count?{query}")).await.ok();
            let faults = control
                .get(&format!("/faults?sdkappid={}", made.sdkappid))
                .await
                .ok();
            let limits = control.get(&made.path("/limits")).await.ok();
            let limit: Value = limits[command.name]["calls_per_second"].clone();
            let fault = faults[0]["fault"]["command"].clone();
            let reply = made.call(&command.path(), &(command.request)()).await;
            seen.push((calls["count"].clone(), fault, limit, reply.error_code()));
        }
        assert_eq!(seen[0], seen[1], "{}", command.name);
        let (count, fault, limit, code) = &seen[0];
        assert_eq!((count, limit), (&json!(1), &json!(5)), "{}", command.name);
        assert_eq!((fault, *code), (&json!(command.name), 30006));
    }
}

#[tokio::test]
async fn an_unknown_command_is_refused_everywhere_with_the_nearest_one() {
    let app = TestApp::start().await;
    let control = app.control();
    let made = control.create_with(&[]).await;
    for name in ["friend_no_such", "sns/friend_no_such", "openim/no_such"] {
        for errors in name_it(&control, &made, name).await {
            assert_eq!(errors.len(), 1, "{name}: {errors:?}");
            assert!(errors[0].1.starts_with("is unknown"), "{name}: {errors:?}");
        }
    }
    for name in ["friend_ad", "sns/friend_ad", "openim/friend_add"] {
        let fault = json!({"command": name, "code": 30006});
        let errors = control.post("/faults", fault).await.faults(422);
        assert_eq!(
            errors[0].1, "is unknown; did you mean friend_add?",
            "{name}"
        );
    }
}
