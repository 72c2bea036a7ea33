//! What the answers to invalid requests offer: the right part of a call, all faults at once, what exists, the
//! methods and the header to send.

use super::client::Control;
use crate::harness::TestApp;
use reqwest::Method;
use serde_json::{Value, json};

/// The text of a problem.
async fn detail(control: &Control, method: Method, path: &str, body: Option<Value>) -> String {
    let answer = control.send(method, path, body).await;
    answer.json["detail"].as_str().expect("a text").to_owned()
}

#[tokio::test]
async fn a_field_in_the_wrong_part_of_a_call_is_told_the_right_one() {
    let app = TestApp::start().await;
    let control = app.control();
    let fault = json!({"code": 30006});
    for (method, path, body, says) in [
        (
            Method::POST,
            "/faults?sdkappid=88888888",
            Some(fault.clone()),
            "the query parameter \"sdkappid\" is unknown here; it belongs in the body",
        ),
        (
            Method::PUT,
            "/faults?command=friend_add",
            Some(json!([])),
            "the query parameter \"command\" is unknown here; it belongs in the body",
        ),
        (
            Method::POST,
            "/clock/advance?seconds=1",
            None,
            "the query parameter \"seconds\" is unknown here; it belongs in the body (`errors` has 1 more)",
        ),
        (
            Method::GET,
            "/requests",
            Some(json!({"limit": 1})),
            "/limit is unknown here; it belongs in the query",
        ),
        (
            Method::POST,
            "/apps/88888888/user_sig",
            Some(json!({"identifier": "a", "sdkappid": 1})),
            "/sdkappid is unknown here; it belongs in the path",
        ),
        (
            Method::POST,
            "/faults?nothing=1",
            Some(fault),
            "the query parameter \"nothing\" is unknown",
        ),
    ] {
        assert_eq!(detail(&control, method, path, body).await, says, "{path}");
    }
    assert_eq!(control.get("/faults").await.ok(), json!([]));
}

#[tokio::test]
async fn the_invalid_fields_of_all_parts_and_of_all_checks_are_named_together() {
    let app = TestApp::start().await;
    let control = app.control();
    let places = async |method: Method, path: &str, body: Value| {
        let answer = control.send(method, path, Some(body)).await;
        let mut places: Vec<_> = answer.faults(422).into_iter().map(|(at, _)| at).collect();
        places.sort();
        places
    };

    let new_app = json!({
        "unknown": 1, "admins": "x", "webhook": {"url": "ftp://x", "tokn": "x"},
        "stubs": {
            "openim/a": {"answer": {"A": "{{ x", "B": ["{{ now", 1]}, "calls_per_second": -1},
            "openim/friend_add": {},
        },
    });
    assert_eq!(
        places(Method::POST, "/apps", new_app).await,
        [
            "/admins",
            "/stubs/openim~1a/answer/A",
            "/stubs/openim~1a/answer/B/0",
            "/stubs/openim~1a/calls_per_second",
            "/stubs/openim~1friend_add",
            "/unknown",
            "/webhook/tokn",
            "/webhook/url",
        ]
    );
    let fault = json!({"command": "friend_ad", "tmes": 1, "sdkappid": 7, "code": 12345});
    let wrong = ["/code", "/command", "/sdkappid", "/tmes"];
    assert_eq!(places(Method::POST, "/faults", fault.clone()).await, wrong);
    assert_eq!(
        places(Method::PUT, "/faults?x=1&sdkappid=y", json!([{}, fault])).await,
        ["/1/tmes", "/sdkappid", "/x"]
    );
    assert_eq!(
        places(Method::PUT, "/faults", json!([{}, fault])).await,
        ["/1/code", "/1/command", "/1/sdkappid", "/1/tmes"]
    );
    assert_eq!(
        places(
            Method::PUT,
            "/apps/x/limits?y=1",
            json!({"friend_add": "1"})
        )
        .await,
        ["/friend_add", "/sdkappid", "/y"]
    );
}

#[tokio::test]
async fn a_404_lists_what_there_is() {
    let app = TestApp::start().await;
    let control = app.control();
    let get = async |path: &str| detail(&control, Method::GET, path, None).await;
    let delete = async |path: &str| detail(&control, Method::DELETE, path, None).await;
    let here = "/apps/88888888";

    assert_eq!(get("/apps/1").await, "there is no app 1; there is 88888888");
    assert_eq!(
        get(&format!("{here}/accounts/nobody")).await,
        "there is no account nobody; there are admin, administrator, id, id1, id2, id3"
    );
    assert_eq!(
        delete("/faults/7").await,
        "there is no fault 7; none exists"
    );
    assert_eq!(
        delete(&format!("{here}/snapshots/s")).await,
        "there is no snapshot s; none exists"
    );
    assert_eq!(
        delete(&format!("{here}/stubs/openim/x")).await,
        "app 88888888 has no stub openim/x of its own; none exists"
    );
    for number in 0..20 {
        control
            .put(&format!("{here}/accounts/u{number:02}"), json!({}))
            .await
            .ok();
    }
    let fault = control.post("/faults", json!({"close": true})).await.ok();
    control
        .post(&format!("{here}/snapshots/s1"), json!({}))
        .await
        .ok();
    control
        .put(&format!("{here}/stubs/openim/y"), json!({}))
        .await
        .ok();
    let sent = json!({"sent": ["id1"]});
    control.put(&format!("{here}/accounts/id"), sent).await.ok();

    let answer = get(&format!("{here}/accounts/nobody")).await;
    assert!(answer.ends_with("id3, u00, u01 (and 18 more)"), "{answer}");
    let id = &fault["id"];
    let answer = delete("/faults/77").await;
    assert_eq!(answer, format!("there is no fault 77; there is {id}"));
    let answer = get(&format!("{here}/snapshots/s/diff")).await;
    assert_eq!(answer, "there is no snapshot s; there is s1");
    let answer = delete(&format!("{here}/stubs/openim/x")).await;
    assert!(answer.ends_with("; there is openim/y"), "{answer}");
    let path = format!("{here}/pending/id/id2");
    let answer = detail(
        &control,
        Method::POST,
        &path,
        Some(json!({"action": "agree"})),
    )
    .await;
    assert_eq!(
        answer,
        "there is no pending request from id to id2; of the requests of id there is id1"
    );
    let answer = control
        .post("/faults", json!({"close": true, "sdkappid": 1}))
        .await;
    assert_eq!(
        answer.faults(422)[0].1,
        "is not an existing app; there is 88888888"
    );
}

#[tokio::test]
async fn a_405_has_the_methods_of_its_path() {
    let app = TestApp::start().await;
    let control = app.control();
    for (method, path, allowed) in [
        (
            Method::PATCH,
            "/_emulator/v1/faults",
            "GET, HEAD, PUT, POST, DELETE",
        ),
        (Method::GET, "/_emulator/v1/clock/hold", "POST"),
        (Method::POST, "/_emulator/v1/apps/7", "GET, HEAD, DELETE"),
        (
            Method::PUT,
            "/_emulator/v1/apps/7/snapshots/a/diff",
            "GET, HEAD",
        ),
        (Method::POST, "/metrics", "GET, HEAD"),
        (Method::POST, "/healthz", "GET, HEAD"),
    ] {
        let request = control.request(method.clone(), &control.outside(path));
        let answer = request.send().await.expect("an answer");

        assert_eq!(answer.status(), 405, "{path}");
        let headers: Vec<_> = answer.headers().get_all("allow").iter().collect();
        assert_eq!(headers, [allowed], "{path}");
        let text = answer.text().await.expect("a body");
        let says = format!("{path} does not support {method}; it supports {allowed}");
        assert!(text.contains(&says), "{text}");
    }
}

#[tokio::test]
async fn a_415_has_the_header_to_send_and_the_one_that_came() {
    let app = TestApp::start().await;
    let control = app.control();
    for (came, says) in [
        (
            Some("text/plain; charset=utf-8"),
            "the body came with text/plain",
        ),
        (
            Some("application/x-www-form-urlencoded"),
            "with application/x-www-form-urlencoded",
        ),
        (None, "the body came without this header"),
    ] {
        let mut request = control.request(Method::POST, "/reset").body("{}");
        if let Some(came) = came {
            request = request.header("content-type", came);
        }
        let answer = request.send().await.expect("an answer");

        assert_eq!(answer.status(), 415);
        let text = answer.text().await.expect("a body");
        assert!(
            text.contains("send the header `Content-Type: application/json`; "),
            "{text}"
        );
        assert!(text.contains(says), "{text}");
    }
}
