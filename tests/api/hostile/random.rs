//! Random calls: every valid HTTP request gets the envelope.

use super::{GOOD_BODY, PREFLIGHT, Target};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// The parts of a call, as they are sent.
#[derive(Clone, Debug)]
struct Call {
    method: String,
    path: String,
    query: String,
    body: Vec<u8>,
}

/// Random calls. `good` is the query of a good call.
fn calls(good: &str) -> impl Strategy<Value = Call> + use<> {
    let good = good.to_owned();
    let method = prop_oneof![
        6 => Just("POST".to_owned()),
        2 => prop::sample::select(vec!["GET", "PUT", "DELETE", "OPTIONS", "TRACE", "HEAD"])
            .prop_map(str::to_owned),
        1 => "[!#$%&'*+.^_`|~0-9A-Za-z-]{1,9}",
    ];
    let path = prop_oneof![
        5 => Just("/v4/sns/friend_add".to_owned()),
        1 => "/v4/[a-z_]{0,12}/[a-zA-Z_%.]{0,12}",
        1 => "/v4(/[!-~&&[^?#]]{0,9}){0,4}",
        1 => "/[!-~&&[^?#]]{0,40}",
    ];
    let query = prop_oneof![
        4 => Just(good.clone()),
        2 => (0..good.len(), "[!-~&&[^#]]{1,3}").prop_map(move |(at, other)| {
            let end = (at + other.len()).min(good.len());
            format!("{}{other}{}", &good[..at], &good[end..])
        }),
        1 => "[!-~&&[^#]]{0,200}",
        1 => "((sdkappid|identifier|usersig|random|contenttype)=[!-~&&[^#]]{0,9}&){0,6}",
    ];
    let body = prop_oneof![
        1 => Just(GOOD_BODY.as_bytes().to_vec()),
        2 => (0..GOOD_BODY.len(), any::<u8>()).prop_map(|(at, byte)| {
            let mut body = GOOD_BODY.as_bytes().to_vec();
            body[at] = byte;
            body
        }),
        1 => prop::collection::vec(any::<u8>(), 0..300),
        2 => json().prop_map(String::into_bytes),
    ];
    (method, path, query, body).prop_map(|(method, path, query, body)| Call {
        method,
        path,
        query,
        body,
    })
}

/// Random JSON with some parts of a friend_add request.
pub(super) fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        any::<f64>()
            .prop_filter("JSON has no others", |number| number.is_finite())
            .prop_map(|number| number.to_string()),
        any::<i64>().prop_map(|number| number.to_string()),
        ".{0,20}".prop_map(|text| serde_json::Value::from(text).to_string()),
        Just("\"id\"".to_owned()),
        Just("\"id1\"".to_owned()),
    ];
    let key = prop::sample::select(vec![
        "From_Account",
        "AddFriendItem",
        "To_Account",
        "Remark",
        "GroupName",
        "AddSource",
        "AddWording",
        "AddType",
        "ForceAddFlags",
        "x",
    ]);
    leaf.prop_recursive(4, 40, 6, move |inner| {
        let pair =
            (key.clone(), inner.clone()).prop_map(|(key, value)| format!("\"{key}\":{value}"));
        prop_oneof![
            prop::collection::vec(inner, 0..6).prop_map(|list| format!("[{}]", list.join(","))),
            prop::collection::vec(pair, 0..6).prop_map(|pairs| format!("{{{}}}", pairs.join(","))),
        ]
    })
}

#[test]
fn whatever_is_sent_the_answer_is_the_envelope() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let target = runtime.block_on(Target::start());
    let mut runner = TestRunner::new(Config {
        cases: 600,
        failure_persistence: None,
        ..Config::default()
    });

    let result = runner.run(&calls(&target.query), |call| {
        let own = ["/healthz", "/readyz"].contains(&&*call.path);
        let Call {
            method,
            path,
            query,
            body,
        } = call;
        let mut request = format!(
            "{method} {path}?{query} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(&body);
        let mut socket = target.open();
        socket.send(&request);
        if method == "HEAD" {
            let answer = socket.answer_head().expect("an answer");
            prop_assert!([200, 400].contains(&answer.status));
            return Ok(());
        }

        let answer = socket.answer().expect("an answer");

        if answer.status == 200 && !own {
            let is_preflight = method == "OPTIONS" && answer.body == PREFLIGHT;
            if !is_preflight {
                runtime.block_on(answer.reply());
            }
            runtime.block_on(target.good_call(&mut socket));
        } else {
            prop_assert!(own || answer.status == 400, "{answer:?}");
        }
        Ok(())
    });

    result.expect("every call gets the envelope, or is no HTTP");
    runtime.block_on(target.still_serves());
}
