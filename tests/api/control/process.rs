//! The process: health, codes, configuration, metrics.

use super::client::Control;
use crate::harness::{APP, TestApp};
use serde_json::json;
use tencent_chat_emulator::protocol::code::Code;

#[tokio::test]
async fn health_says_what_runs_and_where() {
    let app = TestApp::start().await;

    let health = app.control().get("/health").await.ok();

    assert_eq!(health["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(health["pid"], std::process::id());
    assert_eq!(health["listen"], app.emulator.addr().to_string());
    assert_eq!(health["apps"].to_string(), format!("[{APP}]"));
    let now = app.control().get("/clock").await.ok()["now"].as_f64();
    assert!(health["started"].as_f64() <= now && now < Some(1e10));
    assert!(health["uptime_seconds"].as_f64().expect("a time") < 60.0);
}

#[tokio::test]
async fn every_outcome_is_told_with_its_provenance_and_how_to_meet_it() {
    let app = TestApp::start().await;

    let codes = app.control().get("/codes").await.ok();

    let codes = codes.as_array().expect("a list");
    assert_eq!(codes.len(), Code::ALL.len());
    for (told, code) in codes.iter().zip(Code::ALL) {
        assert_eq!(
            (&told["code"], &told["outcome"]),
            (&json!(code.number()), &json!(code.name()))
        );
        for (key, basis) in [
            ("code_is", code.number_basis()),
            ("info_is", code.info_basis()),
        ] {
            assert_eq!(told[key], basis.to_string());
        }
        let how = told["how"].as_str().expect("a text");
        assert!(
            how.contains("arrange") || how.contains("by a fault"),
            "{how}"
        );
    }
    let of = |code: u32| {
        codes
            .iter()
            .find(|told| told["code"] == code)
            .expect("it is there")["how"]
            .to_string()
    };
    assert!(of(30516).contains("makes the state"), "{}", of(30516));
    assert!(of(30008).contains("arms the fault"), "{}", of(30008));
    let deleted = "makes the state in which friend_delete answers it";
    assert!(of(31704).contains(deleted), "{}", of(31704));
    assert!(of(10004).contains("as `meaning` says"), "{}", of(10004));
}

#[tokio::test]
async fn the_configuration_is_told_with_its_origins_and_without_secrets() {
    let app = TestApp::start().await;

    let config = app.control().get("/config").await;

    assert!(!config.text.contains("5bd2850fff3ecb11"), "{}", config.text);
    let config = config.ok();
    let of = |key: &str| {
        let mut settings = config.as_array().expect("a list").iter();
        settings
            .find(|setting| setting["key"] == key)
            .expect(key)
            .clone()
    };
    assert_eq!(of("apps.88888888.secret_key")["value"], "\"***\"");
    assert_eq!(of("sns.max_friends")["value"], "3000");
    assert!(
        of("sns.max_friends")["origin"]
            .as_str()
            .expect("a text")
            .contains("built-in")
    );
}

async fn metric(control: &Control, app: &TestApp, name: &str) -> String {
    let url = format!("{}/metrics", app.emulator.url());
    let text = control.get(&url).await.text;
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(name));
    lines.next().unwrap_or_default().trim().to_owned()
}

#[tokio::test]
async fn metrics_count_calls_by_command_and_code_refusals_accounts_relations_and_the_journal() {
    let app = TestApp::start().await;
    let control = app.control();
    let made = control
        .create(json!({"accounts": ["a", "b"], "calls_per_second": 2}))
        .await;
    control.post("/clock/hold", json!({})).await.ok();
    let accounts: u64 = metric(&control, &app, "emulator_accounts")
        .await
        .parse()
        .expect("a number");
    for expected in [0, 0, 60007, 60007] {
        assert_eq!(made.add("a", &["b"]).await.error_code(), expected);
    }
    app.post("/v4/sns/no_such", "", "{}").await;
    control.put(&made.path("/accounts/c"), json!({})).await.ok();

    for (name, value) in [
        (
            r#"emulator_calls_total{command="friend_add",code="0"}"#,
            "2",
        ),
        (
            r#"emulator_calls_total{command="friend_add",code="60007"}"#,
            "2",
        ),
        (r#"emulator_calls_total{command="",code="60009"}"#, "1"),
        (
            r#"emulator_limiter_refusals_total{command="friend_add"}"#,
            "2",
        ),
        ("emulator_call_duration_seconds_count", "5"),
        ("emulator_friendships", "2"),
        ("emulator_accounts", &(accounts + 1).to_string()),
    ] {
        assert_eq!(metric(&control, &app, name).await, value, "{name}");
    }
    let bytes: u64 = metric(&control, &app, "emulator_journal_bytes")
        .await
        .parse()
        .expect("a number");
    assert!(bytes > 0);
}
