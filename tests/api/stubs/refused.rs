//! Stubs that cannot be made: the answer names each invalid field.

use super::Bench;
use serde_json::{Value, json};

/// Stubs of openim/x, and the invalid fields: the pointer, and a part of the text.
fn definitions() -> Vec<(Value, Vec<(&'static str, &'static str)>)> {
    vec![
        (
            json!({"answer": {"A": "{{ x"}}),
            vec![(
                "/answer/A",
                "is not a template: syntax error: unexpected end of input",
            )],
        ),
        (
            json!({"answer": {"A": {"B/C": [0, "a {{ 1 + }} b"]}}}),
            vec![(
                "/answer/A/B~1C/1",
                "syntax error: unexpected end of variable block",
            )],
        ),
        (
            json!({"answer": {"A": "{% if 1 %}"}}),
            vec![("/answer/A", "statements are not supported")],
        ),
        (
            json!({"answer": {"A": "{{ requests.X }}"}}),
            vec![(
                "/answer/A",
                "there is no requests; a template can use request, now, uuid, random",
            )],
        ),
        (
            json!({"answer": {"A": "x {{ noww }}"}}),
            vec![("/answer/A", "there is no noww")],
        ),
        (
            json!({"answer": {"A": "{{ now | itm }}"}}),
            vec![("/answer/A", "is not a template: unknown filter itm")],
        ),
        (
            json!({"answer": {"A": "{{ namespace(x=1) }}"}}),
            vec![("/answer/A", "there is no namespace")],
        ),
        (
            json!({"answer": {"A": "{{ range(9) }}"}}),
            vec![("/answer/A", "there is no range")],
        ),
        (
            json!({"answer": {"A": "{{ debug() }}"}}),
            vec![("/answer/A", "there is no debug")],
        ),
        (
            json!({"answer": {"A": "{{ request.A | unique }}"}}),
            vec![("/answer/A", "unknown filter unique")],
        ),
        (
            json!({"answer": {"A": vec!["{{ now }}"; 101]}}),
            vec![("/answer", "should have at most 100 templates")],
        ),
        (
            json!({"answer": {"A": "{{ 1 }}".repeat(400)}}),
            vec![("/answer/A", "it is longer than 700 bytes")],
        ),
        (
            json!({"answer": {"ActionStatus": "OK", "ErrorCode": 0, "ErrorInfo": "", "ErrorDisplay": "", "Errors": 1}}),
            vec![
                ("/answer/ActionStatus", "should be a field of the command"),
                ("/answer/ErrorCode", "faults make errors"),
                ("/answer/ErrorDisplay", "should be a field"),
                ("/answer/ErrorInfo", "should be a field"),
            ],
        ),
        (
            json!({"answer": []}),
            vec![("/answer", "should be an object")],
        ),
        (
            json!({"answer": "{{ request }}"}),
            vec![("/answer", "should be an object")],
        ),
        (
            json!({"answr": {}, "require": "A", "calls_per_second": -1}),
            vec![
                ("/answr", "is unknown; did you mean answer?"),
                (
                    "/calls_per_second",
                    "should be an integer from 0 to 1000000",
                ),
                ("/require", "should be a list of strings"),
            ],
        ),
        (
            json!({"require": [1, "A"], "calls_per_second": 1000001}),
            vec![
                ("/calls_per_second", "from 0 to 1000000"),
                ("/require/0", "should be a string"),
            ],
        ),
        (
            json!({"require": vec!["A"; 101]}),
            vec![("/require", "should have at most 100 entries")],
        ),
    ]
}

#[tokio::test]
async fn a_definition_that_cannot_be_is_refused_by_its_place_and_nothing_changes() {
    let bench = Bench::start().await;
    let path = bench.made.path("/stubs/openim/x");
    bench.put("openim/x", json!({"answer": {"Old": 1}})).await;
    for (definition, expected) in definitions() {
        for in_app in [false, true] {
            let (answer, prefix) = match in_app {
                false => (bench.control.put(&path, definition.clone()).await, ""),
                true => {
                    let wish = json!({"stubs": {"openim/x": definition.clone()}});
                    (bench.control.post("/apps", wish).await, "/stubs/openim~1x")
                }
            };
            let mut found = answer.faults(422);
            found.sort();
            assert_eq!(found.len(), expected.len(), "{definition}: {}", answer.text);
            for ((pointer, detail), (place, says)) in found.iter().zip(&expected) {
                assert_eq!(*pointer, format!("{prefix}{place}"), "{}", answer.text);
                assert!(detail.contains(says), "{definition}: {detail}");
            }
        }
    }
    assert_eq!(bench.fields("openim/x", json!({})).await, json!({"Old": 1}));
}

#[tokio::test]
async fn a_name_must_not_have_two_meanings() {
    let bench = Bench::start().await;
    bench.put("openim/own", json!({})).await;
    for (path, says) in [
        ("sns/friend_add", "is a command that is emulated"),
        (
            "im_open_login_svc/account_check",
            "is a command that is emulated",
        ),
        (
            "openim/friend_add",
            "names a command that exists as sns/friend_add; did you mean that path?",
        ),
        ("sns/sendmsg", "exists as openim/sendmsg"),
        ("other/own", "exists as openim/own"),
    ] {
        let answer = bench
            .control
            .put(&bench.made.path(&format!("/stubs/{path}")), json!({}))
            .await;
        let faults = answer.faults(422);
        assert_eq!(faults[0].0, "/command", "{path}");
        assert!(faults[0].1.contains(says), "{path}: {}", faults[0].1);
    }
    let wish = json!({"stubs": {"sns/friend_add": {}, "a/twin": {}, "b/twin": {}, "b/sendmsg": {}, "openim/fine": {}}});
    let answer = bench.control.post("/apps", wish).await;
    let places: Vec<_> = answer
        .faults(422)
        .into_iter()
        .map(|(place, _)| place)
        .collect();
    assert_eq!(
        places,
        [
            "/stubs/a~1twin",
            "/stubs/b~1sendmsg",
            "/stubs/b~1twin",
            "/stubs/sns~1friend_add"
        ]
    );
    // Another app can use the name in another service.
    let other = bench
        .control
        .create(json!({"stubs": {"other/own": {"answer": {"A": 1}}}}))
        .await;
    assert_eq!(other.call("other/own", &json!({})).await.json["A"], 1);
}

#[tokio::test]
async fn a_path_is_two_plain_names() {
    let bench = Bench::start().await;
    let long = "x".repeat(65);
    for (service, command, pointer) in [
        ("a.b", "x", "/service"),
        ("openim", "x-y", "/command"),
        ("openim", "%2F", "/command"),
        ("openim", &*long, "/command"),
        (&*long, "x", "/service"),
    ] {
        let path = bench.made.path(&format!("/stubs/{service}/{command}"));
        for answer in [
            bench.control.put(&path, json!({})).await,
            bench.control.delete(&path).await,
        ] {
            assert_eq!(answer.faults(422)[0].0, pointer, "{path}");
        }
    }
    for name in ["openim", "openim/x/y", "openim/", "/x", "open im/x"] {
        let answer = bench
            .control
            .post("/apps", json!({"stubs": {name: {}}}))
            .await;
        let detail = &answer.faults(422)[0].1;
        assert_eq!(
            detail,
            "should be a service and a command, such as openim/getroammsg"
        );
    }
    bench
        .control
        .put("/apps/7/stubs/openim/x", json!({}))
        .await
        .faults(404);
    bench.control.get("/apps/7/stubs").await.faults(404);
}

#[tokio::test]
async fn an_app_is_not_made_with_more_than_a_thousand() {
    let bench = Bench::start().await;
    let stubs: serde_json::Map<_, _> = (0..1001)
        .map(|number| (format!("openim/x{number}"), json!({})))
        .collect();

    let answer = bench.control.post("/apps", json!({"stubs": stubs})).await;

    assert_eq!(
        answer.faults(422),
        [(
            "/stubs".to_owned(),
            "should be an object of at most 1000 stubs".to_owned()
        )]
    );
}
