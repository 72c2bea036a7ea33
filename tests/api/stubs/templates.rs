//! What a template makes of a request.

use super::{Bench, NOW};
use serde_json::{Map, Value, json};

#[tokio::test]
async fn an_expression_alone_keeps_the_type_of_its_value() {
    let bench = Bench::start().await;
    for value in [
        json!(7),
        json!(-7),
        json!(1.5),
        json!(18446744073709551615_u64),
        json!(true),
        json!(""),
        json!("7"),
        json!("a \" \\ \n 你 <&>"),
        json!([1, "2", [3.5]]),
        json!({"b": 1, "a": {"c": []}}),
    ] {
        let rendered = bench
            .render(json!("{{ request.X }}"), json!({"X": value}))
            .await;
        assert_eq!(rendered, Some(value));
    }
    let body = json!({"X": 3, "L": ["a", "b"]});
    for (template, value) in [
        ("{{ request }}", body.clone()),
        ("{{ request.X + 1 }}", json!(4)),
        ("{{request['X']}}", json!(3)),
        ("{{- request.X -}}", json!(3)),
        ("{{ now }}", json!(NOW)),
        ("{{ request.L | length }}", json!(2)),
        (
            "{{ request.L | map('item', 'To', {'Ok': true}) | list }}",
            json!([{"To": "a", "Ok": true}, {"To": "b", "Ok": true}]),
        ),
        (
            "{{ request.L | map('item', 'To') | list }}",
            json!([{"To": "a"}, {"To": "b"}]),
        ),
        (
            "{{ request.L | map('item', 'To', {'To': 1, 'A': none}) | list }}",
            json!([{"To": "a"}, {"To": "b"}]),
        ),
        ("{{ '}} and {{' }}", json!("}} and {{")),
    ] {
        let rendered = bench.render(json!(template), body.clone()).await;
        assert_eq!(rendered, Some(value), "{template}");
    }
}

#[tokio::test]
async fn other_strings_become_text() {
    let bench = Bench::start().await;
    let body = json!({"X": 3, "Y": "y", "N": null, "T": true, "L": [1, null, {"a": "b"}]});
    for (template, text) in [
        ("plain } } text", "plain } } text"),
        (" {{ request.X }}", " 3"),
        ("{{ request.X }}{{ request.Y }}", "3y"),
        (
            "{{ request.T }}, {{ request.Nope }}, {{ request.N }}.",
            "true, , .",
        ),
        ("{{ request.Nope.Nope }}-", "-"),
        (
            "it is {{ 'many' if request.X > 2 else 'few' }}",
            "it is many",
        ),
        ("line {{ request.X }}\n", "line 3\n"),
        ("{# nothing #}", ""),
        ("<{{ request.Y }}>", "<y>"),
        ("L: {{ request.L }}", r#"L: [1,{"a":"b"}]"#),
    ] {
        let rendered = bench.render(json!(template), body.clone()).await;
        assert_eq!(rendered, Some(json!(text)), "{template:?}");
    }
}

#[tokio::test]
async fn what_is_undefined_or_null_is_left_out() {
    let bench = Bench::start().await;
    let body = json!({"N": null, "D": {"n": null, "x": [null, 1]}});
    for template in [
        "{{ request.Nope }}",
        "{{ request.N }}",
        "{{ request.A.B.C }}",
        "{{ none }}",
    ] {
        assert_eq!(
            bench.render(json!(template), body.clone()).await,
            None,
            "{template}"
        );
        let inside = json!(["a", template, {"k": template, "l": 1}]);
        let rendered = bench.render(inside, body.clone()).await;
        assert_eq!(rendered, Some(json!(["a", {"l": 1}])), "{template}");
    }
    assert_eq!(bench.render(json!(null), body.clone()).await, None);
    let rendered = bench.render(json!("{{ request.D }}"), body).await;
    assert_eq!(rendered, Some(json!({"x": [1]})));
}

#[tokio::test]
async fn values_that_are_no_strings_stay_and_templates_can_be_anywhere() {
    let bench = Bench::start().await;
    let template = json!({"a": [1, true, 2.5, {"b": "{{ request.X }}", "c/d": "x{{ request.X }}"}], "{{ key }}": {}});
    let rendered = bench.render(template, json!({"X": 3})).await;
    let expected = json!({"a": [1, true, 2.5, {"b": 3, "c/d": "x3"}], "{{ key }}": {}});
    assert_eq!(rendered, Some(expected));
}

#[tokio::test]
async fn a_uuid_is_one_in_an_answer_and_new_in_the_next() {
    let bench = Bench::start().await;
    let answer = json!({"answer": {"A": "{{ uuid }}", "B": "x{{ uuid }}", "R": "{{ random }}"}});
    bench.put("openim/x", answer).await;
    let call = async || bench.fields("openim/x", json!({})).await;

    let (one, other) = (call().await, call().await);

    let uuid = one["A"].as_str().expect("a text");
    let parts: Vec<_> = uuid.split('-').map(str::len).collect();
    assert_eq!(parts, [8, 4, 4, 4, 12], "{uuid}");
    assert_eq!(&uuid[14..15], "4", "{uuid}");
    assert!("89ab".contains(&uuid[19..20]), "{uuid}");
    assert_eq!(one["B"], format!("x{uuid}"));
    assert_ne!(one["A"], other["A"]);
    assert!(
        one["R"].as_u64().is_some_and(|number| number < 1 << 31),
        "{one}"
    );
}

/// The caller gets 60013; the reason is in the log.
#[tokio::test]
async fn a_template_that_fails_answers_60013_and_harms_nothing() {
    let bench = Bench::start().await;
    let long = "x".repeat(100_000);
    let many = vec![0; 200_000];
    let fields: Map<String, Value> = (0..33).map(|at| (format!("k{at}"), json!(1))).collect();
    for template in [
        "{{ 1 / request.Zero }}",
        "{{ request.Word + 1 }}",
        "x{{ request.Word() }}",
        "{{ request.Word | map('item') | list }}",
        "{{ [request.Long] * 100000 }}",
        "{{ [1] * 99999999 }}",
        "{{ request.Long * 99999 }}",
        "x {{ [request.Long] * 100000 }}",
        "{{ request.Many | map('item', 'K') | list }}",
        "{{ request.Word | item('K', request.Fields) }}",
    ] {
        bench
            .control
            .put(
                &bench.made.path("/stubs/openim/x"),
                json!({"answer": {"Key": template}}),
            )
            .await
            .ok();
        let body = json!({"Zero": 0, "Word": "w", "Long": long, "Many": many, "Fields": fields});
        let reply = bench.call("openim/x", body).await;
        assert_eq!(
            reply.error_code(),
            60013,
            "{template}: {}",
            &reply.text[..100.min(reply.text.len())]
        );
        assert_eq!(reply.error_info(), "The reply of the service is not JSON");
    }
    let rendered = bench
        .render(json!("{{ request.X }}"), json!({"X": 1}))
        .await;
    assert_eq!(rendered, Some(json!(1)));
}

#[tokio::test]
async fn deeply_nested_requests_and_templates_are_no_danger() {
    let bench = Bench::start().await;
    let nested = |depth: usize| {
        let mut value = json!(1);
        for _ in 0..depth {
            value = json!([value]);
        }
        value
    };
    let body = nested(100);
    let rendered = bench
        .render(json!("{{ request.X }}"), json!({"X": body}))
        .await;
    assert_eq!(rendered, Some(body));
    let rendered = bench.render(nested(100), json!({})).await;
    assert_eq!(rendered, Some(nested(100)));
    let parentheses = format!("{{{{ {}1{} }}}}", "(".repeat(5000), ")".repeat(5000));
    let path = bench.made.path("/stubs/openim/x");
    let definition = json!({"answer": {"Key": parentheses}});
    let answer = bench.control.put(&path, definition).await;
    assert_eq!(answer.faults(422)[0].0, "/answer/Key");
    let _: Value = bench.control.get("/health").await.ok();
}
