//! Stubs of an app, made by the control API or the configuration.

use super::{Bench, fields};
use crate::harness::{APP, TestApp};
use serde_json::{Value, json};
use std::io::Write;
use tencent_chat_emulator::config::{Config, Sources};

/// The configuration of a file.
fn load(text: &str) -> Result<Config, String> {
    let mut file = tempfile::Builder::new()
        .suffix(".toml")
        .tempfile()
        .expect("a file");
    file.write_all(text.as_bytes()).expect("it can be written");
    let sources = Sources {
        file: Some(file.path().to_owned()),
        ..Sources::default()
    };
    let file = format!("{}:", file.path().display());
    Config::load(&sources).map_err(|error| error.to_string().replace(&file, "line "))
}

#[tokio::test]
async fn a_stub_answers_in_its_app_until_it_is_removed() {
    let bench = Bench::start().await;
    let other = bench.control.create(json!({})).await;
    let path = bench.made.path("/stubs/openim/getroammsg");
    let definition = json!({"answer": {"MsgCnt": 0}, "require": ["From_Account"]});

    let before = bench
        .call("openim/getroammsg", json!({"From_Account": "a"}))
        .await;
    let put = bench.control.put(&path, definition.clone()).await.ok();
    let reply = bench
        .call("openim/getroammsg", json!({"From_Account": "a"}))
        .await;
    let missing = bench.call("openim/getroammsg", json!({})).await;
    let elsewhere = other
        .call("openim/getroammsg", &json!({"From_Account": "a"}))
        .await;
    let removed = bench.control.delete(&path).await.ok();
    let after = bench
        .call("openim/getroammsg", json!({"From_Account": "a"}))
        .await;

    assert_eq!(before.error_code(), 60009);
    assert_eq!(
        put,
        json!({"origin": "control", "calls_per_second": 200, "require": ["From_Account"], "answer": {"MsgCnt": 0}})
    );
    assert_eq!(
        reply.text,
        r#"{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0,"MsgCnt":0}"#
    );
    assert_eq!(missing.error_code(), 90010);
    assert!(
        missing.error_info().contains("From_Account"),
        "{}",
        missing.text
    );
    assert_eq!(elsewhere.error_code(), 60009);
    assert_eq!(removed, put);
    assert_eq!(after.error_code(), 60009);
    bench.control.delete(&path).await.faults(404);
}

#[tokio::test]
async fn a_stub_of_an_unknown_service_has_the_codes_of_the_gateway() {
    let bench = Bench::start().await;
    bench.put("other/command", json!({"require": ["A"]})).await;
    let url = |query: &str| bench.app.url("/v4/other/command", query);
    let post = async |query: &str, body: &str| {
        let request = bench.app.client.post(url(query)).body(body.to_owned());
        bench.app.send(request).await.error_code()
    };
    let app = bench.made.sdkappid.to_string();
    let stranger = bench.app.query_of(&app, "stranger");

    assert_eq!(post(&bench.made.query, r#"{"A":1}"#).await, 0);
    assert_eq!(post(&bench.made.query, "{}").await, 60008);
    assert_eq!(post(&bench.made.query, "{").await, 60003);
    assert_eq!(post(&stranger, "{}").await, 60010);
    assert_eq!(post(&format!("sdkappid={app}"), "{}").await, 60025);
    assert_eq!(
        post("sdkappid=7", "{}").await,
        60009,
        "app 7 has no such stub"
    );
    assert_eq!(post("", "{}").await, 60009);
}

#[tokio::test]
async fn a_stub_can_replace_a_built_in_one() {
    let bench = Bench::start_with(json!({})).await;
    let stubs = bench.made.path("/stubs");
    let message = json!({"To_Account": "a", "MsgRandom": 1, "MsgBody": []});
    let limit = async || {
        let limits = bench.control.get(&bench.made.path("/limits")).await.ok();
        limits["sendmsg"]["calls_per_second"].clone()
    };
    let origin = async || bench.control.get(&stubs).await.ok()["openim/sendmsg"]["origin"].clone();
    assert_eq!(
        (origin().await, limit().await),
        (json!("built_in"), json!(200))
    );

    let definition = json!({"answer": {"MsgKey": "k"}, "calls_per_second": 3});
    bench.put("openim/sendmsg", definition).await;

    assert_eq!(
        (origin().await, limit().await),
        (json!("control"), json!(3))
    );
    let mut codes = Vec::new();
    for _ in 0..4 {
        let reply = bench.call("openim/sendmsg", json!({})).await;
        codes.push(reply.error_code());
        assert!(reply.error_code() > 0 || fields(&reply) == json!({"MsgKey": "k"}));
    }
    assert_eq!(codes, [0, 0, 0, 60007]);
    bench
        .control
        .delete(&format!("{stubs}/openim/sendmsg"))
        .await
        .ok();
    assert_eq!(
        (origin().await, limit().await),
        (json!("built_in"), json!(200))
    );
    assert_eq!(
        bench.call("openim/sendmsg", json!({})).await.error_code(),
        90003
    );
    assert_eq!(bench.call("openim/sendmsg", message).await.error_code(), 0);
    bench
        .control
        .delete(&format!("{stubs}/openim/sendmsg"))
        .await
        .faults(404);
}

#[tokio::test]
async fn the_rate_of_a_stub_wins_over_the_rate_of_its_app() {
    let stub = json!({"openim/limited": {"calls_per_second": 2}, "openim/other": {}});
    let bench = Bench::start_with(json!({"calls_per_second": 5, "stubs": stub})).await;
    let limits = async || {
        let limits = bench.control.get(&bench.made.path("/limits")).await.ok();
        ["limited", "other"].map(|name| limits[name]["calls_per_second"].clone())
    };
    assert_eq!(limits().await, [2, 5]);

    bench
        .put("openim/limited", json!({"calls_per_second": 0}))
        .await;
    bench
        .put("openim/other", json!({"calls_per_second": 7}))
        .await;
    assert_eq!(limits().await, [0, 7]);
    let codes = async || bench.call("openim/limited", json!({})).await.error_code();
    for _ in 0..10 {
        assert_eq!(codes().await, 0);
    }

    bench.put("openim/limited", json!({})).await;
    assert_eq!(limits().await, [5, 7]);
    let reset = bench.made.path("/reset");
    bench.control.post(&reset, json!({})).await.ok();
    assert_eq!(limits().await, [2, 5]);
}

#[tokio::test]
async fn a_reset_restores_the_stubs_that_the_app_was_made_with() {
    let wish = json!({"stubs": {
        "openim/kept": {"answer": {"A": 1}},
        "openim/changed": {"answer": {"A": 1}, "calls_per_second": 5, "require": ["X"]},
    }});
    let bench = Bench::start_with(wish).await;
    let stubs = bench.made.path("/stubs");
    let own = async || {
        let stubs = bench.control.get(&stubs).await.ok();
        let stubs = stubs.as_object().expect("an object").clone();
        let own = stubs
            .into_iter()
            .filter(|(_, stub)| stub["origin"] != "built_in");
        Value::Object(own.collect())
    };
    let start = own().await;
    bench
        .control
        .delete(&format!("{stubs}/openim/kept"))
        .await
        .ok();
    bench.put("openim/changed", json!({})).await;
    bench.put("openim/added", json!({})).await;
    let changed = own().await;

    bench
        .control
        .post(&bench.made.path("/reset"), json!({}))
        .await
        .ok();

    assert_eq!(
        start,
        json!({
            "openim/kept": {"origin": "config", "calls_per_second": 200, "require": [], "answer": {"A": 1}},
            "openim/changed": {"origin": "config", "calls_per_second": 5, "require": ["X"], "answer": {"A": 1}},
        })
    );
    assert_eq!(changed["openim/changed"]["origin"], "control");
    assert_eq!(changed.as_object().map(|stubs| stubs.len()), Some(2));
    assert_eq!(own().await, start);
    assert_eq!(
        bench.fields("openim/kept", json!({})).await,
        json!({"A": 1})
    );
    assert_eq!(
        bench.call("openim/added", json!({})).await.error_code(),
        60009
    );
}

#[tokio::test]
async fn the_configuration_makes_stubs_that_a_reset_of_everything_restores() {
    let config = load(
        r#"
        [apps.88888888]
        secret_key = "k"
        admins = ["administrator"]
        [apps.88888888.stubs]
        "openim/getroammsg" = { require = ["From_Account"], answer = { MsgCnt = 0, List = ["{{ request.From_Account }}"] } }
        "other/thing" = {}
        "#,
    );
    let mut config = config.expect("it is good");
    config.listen = "127.0.0.1:0".parse().expect("an address");
    let app = TestApp::start_with(|defaults| *defaults = config).await;
    let control = app.control();
    let call = async || {
        app.call("openim/getroammsg", json!({"From_Account": "a"}))
            .await
    };
    let added = format!("/apps/{APP}/stubs/openim/added");

    assert_eq!(fields(&call().await), json!({"MsgCnt": 0, "List": ["a"]}));
    assert_eq!(app.call("other/thing", json!({})).await.error_code(), 0);
    control.put(&added, json!({})).await.ok();
    control
        .delete(&format!("/apps/{APP}/stubs/openim/getroammsg"))
        .await
        .ok();
    assert_eq!(call().await.error_code(), 60009);
    control.post("/reset", json!({})).await.ok();
    assert_eq!(call().await.error_code(), 0);
    assert_eq!(
        app.call("openim/added", json!({})).await.error_code(),
        60009
    );
}

#[test]
fn a_configured_stub_with_the_name_of_a_command_does_not_start() {
    let head = "[apps.7]\nsecret_key = \"k\"\nadmins = [\"a\"]\n[apps.7.stubs]\n";
    let error = load(&format!(
        "{head}\"openim/fine\" = {{}}\n\"sns/friend_add\" = {{}}\n\"openim/friend_get\" = {{ answer = {{ A = \"{{{{ x\" }} }}\n"
    ));

    let error = error.expect_err("two names are taken");
    let lines: Vec<_> = error.lines().collect();
    let [one, template, other] = lines[..] else {
        panic!("{error}")
    };
    assert_eq!(
        one,
        "line 6: apps.7.stubs.sns/friend_add is a command that is emulated"
    );
    assert_eq!(
        other,
        "line 7: apps.7.stubs.openim/friend_get names a command that exists as sns/friend_get; did you mean that path? Faults and limits find a command by its name alone"
    );
    // A template that is none is named together with the names.
    assert!(
        template.starts_with("line 7: apps.7.stubs.openim/friend_get.answer.A is not a template"),
        "{template}"
    );
}

#[test]
fn an_invalid_template_in_a_file_is_named_with_its_line() {
    let head = "[apps.7]\nsecret_key = \"k\"\nadmins = [\"a\"]\n";
    let stub = "[apps.7.stubs.\"openim/x\"]\nrequire = [\"A\"]\n[apps.7.stubs.\"openim/x\".answer]\nA = 1\nB = [1, \"{{ x\"]\n";

    let error = load(&format!("{head}{stub}")).expect_err("B is not a template");

    assert_eq!(
        error,
        "line 8: apps.7.stubs.openim/x.answer.B.1 is not a template: syntax error: unexpected end of input, expected end of variable block"
    );
}

#[tokio::test]
async fn limits_faults_and_the_journal_know_a_stub_by_its_name() {
    let bench = Bench::start_with(json!({})).await;
    bench.control.hold(0).await;
    let unknown = json!({"command": "a_new_stub", "code": 60008});
    assert_eq!(
        bench
            .control
            .post("/faults", unknown.clone())
            .await
            .faults(422)[0]
            .0,
        "/command"
    );
    bench
        .put("openim/a_new_stub", json!({"answer": {"A": 1}}))
        .await;

    bench.control.post("/faults", unknown).await.ok();
    let faulty = bench
        .call("openim/a_new_stub", json!({"From_Account": "a"}))
        .await;
    bench.control.delete("/faults").await.ok();
    let limits = bench.made.path("/limits");
    let put = bench
        .control
        .put(&limits, json!({"a_new_stub": 1}))
        .await
        .ok();
    let codes = [
        bench
            .call("openim/a_new_stub", json!({}))
            .await
            .error_code(),
        bench
            .call("openim/a_new_stub", json!({}))
            .await
            .error_code(),
    ];

    assert_eq!(faulty.error_code(), 60008);
    assert_eq!(
        put["a_new_stub"],
        json!({"calls_per_second": 1, "tokens_left": 1})
    );
    assert_eq!(codes, [0, 60007]);
    for name in ["a_new_stub", "openim/a_new_stub"] {
        let path = format!(
            "/requests/count?command={name}&sdkappid={}",
            bench.made.sdkappid
        );
        assert_eq!(bench.control.get(&path).await.ok()["count"], 3);
    }
    let of_account = format!(
        "/requests/count?from_account=a&sdkappid={}",
        bench.made.sdkappid
    );
    assert_eq!(bench.control.get(&of_account).await.ok()["count"], 1);
}

/// A call whose app is not known yet is not authenticated either: it learns nothing of the app's stubs.
#[tokio::test]
async fn a_stub_passes_the_gateway_like_a_command() {
    let bench = Bench::start().await;
    bench
        .put("sns/friend_recommend", json!({"answer": {"A": 1}}))
        .await;
    let url = bench.app.url(
        "/v4/sns/friend_recommend",
        &bench.made.query.replace("usersig=", "usersig=x"),
    );
    let damaged = bench.app.send(bench.app.client.post(url).body("{}")).await;
    let reply = bench.call("sns/friend_recommend", json!({})).await;
    let bad = bench.call("sns/friend_recommend", json!([])).await;

    assert_eq!(damaged.error_code(), 70003);
    // sns has ErrorDisplay, and its fields come first.
    assert_eq!(
        reply.text,
        r#"{"A":1,"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"","ErrorDisplay":""}"#
    );
    assert_eq!(bad.error_code(), 30001);
}
