//! Each built-in stub against its page, and the steps that it shares with all commands.

use super::pages::PAGES;
use super::{Bench, NOW, fields};
use crate::harness::{ADMIN, APP, ConfigExt, TestApp};
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn each_answers_like_the_sample_of_its_page() {
    let bench = Bench::start().await;
    for page in &PAGES {
        let path = page.path();

        let reply = bench.call(&path, (page.request)()).await;

        assert_eq!(reply.error_code(), 0, "{path}: {}", reply.text);
        let envelope = r#"{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0"#;
        assert!(reply.text.starts_with(envelope), "{path}: {}", reply.text);
        let (fields, sample) = (fields(&reply), (page.sample)());
        assert_like(&fields, &sample, &path);
    }
}

/// Asserts that the answer has the keys of the sample, and the same types.
#[track_caller]
fn assert_like(answer: &Value, sample: &Value, place: &str) {
    match (answer, sample) {
        (Value::Object(answer), Value::Object(sample)) => {
            let has_all = sample.keys().all(|key| answer.contains_key(key));
            assert!(has_all, "{place}: {answer:?}");
            for (key, value) in answer {
                let sample = sample.get(key);
                let sample = sample.unwrap_or_else(|| panic!("{place}/{key} is in no sample"));
                assert_like(value, sample, &format!("{place}/{key}"));
            }
        }
        (Value::Array(answer), Value::Array(sample)) => {
            for entry in answer {
                assert_like(entry, &sample[0], place);
            }
        }
        _ => {
            let kinds = [answer, sample].map(|value| (value.is_number(), value.is_string()));
            assert_eq!(kinds[0], kinds[1], "{place}: {answer}");
        }
    }
}

#[tokio::test]
async fn times_are_of_the_clock_and_keys_are_made_of_the_request() {
    let bench = Bench::start().await;
    let message = json!({"To_Account": "a", "MsgSeq": 5, "MsgRandom": 7, "MsgBody": []});

    let sent = bench.fields("openim/sendmsg", message.clone()).await;
    bench.control.advance(2.5).await;
    let later = bench.fields("openim/sendmsg", message).await;
    let unnumbered = json!({"To_Account": "a", "MsgRandom": 7, "MsgBody": []});
    let chosen = bench.fields("openim/sendmsg", unnumbered).await;

    assert_eq!(
        sent,
        json!({"MsgTime": NOW, "MsgKey": format!("5_7_{NOW}")})
    );
    assert_eq!(later["MsgTime"], NOW + 2);
    let key = chosen["MsgKey"].as_str().expect("a text");
    let parts: Vec<u64> = key
        .split('_')
        .map(|part| part.parse().expect(key))
        .collect();
    assert_eq!(parts[1..], [7, NOW as u64 + 2]);
    for not_given in [json!(null), json!(""), json!(0)] {
        let body = json!({"To_Account": "a", "MsgSeq": not_given, "MsgRandom": 7, "MsgBody": []});
        let sent = bench.fields("openim/sendmsg", body).await;
        let key = sent["MsgKey"].as_str().expect("a text");
        assert!(!key.starts_with('_') && !key.starts_with("0_"), "{key}");
    }
    let group = json!({"GroupId": "g", "Random": 1, "MsgBody": []});
    let in_group = bench
        .fields("group_open_http_svc/send_group_msg", group)
        .await;
    assert_eq!(in_group["MsgTime"], NOW + 2);
    assert!(in_group["MsgSeq"].is_u64());
}

#[tokio::test]
async fn lists_have_an_entry_for_each_of_the_request_in_its_order() {
    let bench = Bench::start().await;

    let states = bench
        .fields("openim/querystate", json!({"To_Account": ["b", "a", "b"]}))
        .await;
    let members = json!({"GroupId": "g", "MemberList": [{"Member_Account": "b", "Role": "Admin"}, {"Member_Account": "a"}]});
    let members = bench
        .fields("group_open_http_svc/add_group_member", members)
        .await;
    let groups = bench
        .fields(
            "group_open_http_svc/get_group_info",
            json!({"GroupIdList": ["h", "g"]}),
        )
        .await;

    assert_eq!(
        states,
        json!({"QueryResult": [
            {"To_Account": "b", "State": "Offline"},
            {"To_Account": "a", "State": "Offline"},
            {"To_Account": "b", "State": "Offline"},
        ]})
    );
    assert_eq!(
        members,
        json!({"MemberList": [{"Member_Account": "b", "Result": 1}, {"Member_Account": "a", "Result": 1}]})
    );
    let names = groups["GroupInfo"].as_array().expect("a list").iter();
    let names: Vec<_> = names.map(|group| group["GroupId"].clone()).collect();
    assert_eq!(names, ["h", "g"]);
    assert_eq!(groups["GroupInfo"][0]["CreateTime"], NOW);
}

#[tokio::test]
async fn a_group_has_the_given_id_or_a_new_one() {
    let bench = Bench::start().await;
    let create = async |id: Value| {
        let body = json!({"Type": "Public", "Name": "n", "GroupId": id});
        let made = bench.fields("group_open_http_svc/create_group", body).await;
        made["GroupId"].as_str().expect("a text").to_owned()
    };

    assert_eq!(create(json!("MyFirstGroup")).await, "MyFirstGroup");
    let (one, other) = (create(json!("")).await, create(json!(null)).await);
    assert_ne!(one, other);
    for id in [one, other] {
        let letters = id.strip_prefix("@TGS#").expect(&id);
        assert_eq!(letters.len(), 10, "{id}");
        assert!(
            letters
                .chars()
                .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit()),
            "{id}"
        );
    }
}

#[tokio::test]
async fn each_required_field_is_required_and_has_its_type() {
    let bench = Bench::start().await;
    for page in &PAGES {
        let path = page.path();
        for (field, wrong, missing_code, wrong_code) in (page.required)() {
            let mut body = (page.request)();
            body[field] = wrong;
            let of_wrong_type = bench.call(&path, body.clone()).await;
            body[field] = Value::Null;
            let null = bench.call(&path, body.clone()).await;
            body.as_object_mut().expect("an object").remove(field);
            let missing = bench.call(&path, body).await;

            for (reply, code) in [
                (of_wrong_type, wrong_code),
                (null, missing_code),
                (missing, missing_code),
            ] {
                assert_eq!(reply.error_code(), code, "{path} {field}: {}", reply.text);
                assert!(reply.error_info().contains(field), "{path}: {}", reply.text);
            }
        }
    }
    // Older clients write Identifier.
    let kicked = json!({"Identifier": "test"});
    assert_eq!(
        bench.fields("im_open_login_svc/kick", kicked).await,
        json!({})
    );
}

#[tokio::test]
async fn accounts_are_strings_and_lists_of_accounts_have_1_to_500() {
    let bench = Bench::start().await;
    const GROUP: &str = "group_open_http_svc";
    let message = |to: Value| json!({"To_Account": to, "MsgRandom": 1, "MsgBody": []});
    let to = |to: Value| json!({ "To_Account": to });
    let members = |list: Value| json!({"GroupId": "g", "MemberList": list});
    let leavers = |list: Value| json!({"GroupId": "g", "MemberToDel_Account": list});
    let group = |key: &str, value: Value| json!({"Type": "Public", "Name": "n", key: value});
    let add = format!("{GROUP}/add_group_member");
    let delete = format!("{GROUP}/delete_group_member");
    let create = format!("{GROUP}/create_group");
    for (path, body, code) in [
        ("openim/sendmsg", message(json!(7)), 60015),
        ("openim/batchsendmsg", message(json!([])), 90003),
        ("openim/batchsendmsg", message(json!(["a", 7])), 60015),
        ("openim/batchsendmsg", message(json!(vec!["a"; 500])), 0),
        ("openim/batchsendmsg", message(json!(vec!["a"; 501])), 90003),
        ("openim/querystate", to(json!([])), 90003),
        ("openim/querystate", to(json!([null])), 60015),
        ("openim/query_online_status", to(json!([])), 90003),
        (
            "openim/query_online_status",
            to(json!(vec!["a"; 501])),
            90003,
        ),
        ("openim/query_online_status", to(json!(vec!["a"; 500])), 0),
        (&add, members(json!(["a"])), 10004),
        (&add, members(json!([{}])), 10004),
        (&add, members(json!([{"Member_Account": 7}])), 60015),
        (&delete, leavers(json!(["a", 7])), 60015),
        (&delete, leavers(json!([])), 10004),
        (&create, group("GroupId", json!(7)), 10004),
        (&create, group("GroupId", json!("g")), 0),
        (&create, group("Owner_Account", json!(7)), 60015),
        (
            "openim/sendmsg",
            json!({"From_Account": 7, "To_Account": "a", "MsgRandom": 1, "MsgBody": []}),
            60015,
        ),
    ] {
        let reply = bench.call(path, body.clone()).await;
        assert_eq!(reply.error_code(), code, "{path} {body}: {}", reply.text);
    }
}

/// The gateway treats stubs like commands, with the codes of their services.
#[tokio::test]
async fn each_passes_the_gateway_first() {
    let app = TestApp::start().await;
    let stranger = app.query_of(APP, "id");
    let expired = app.query().replace("usersig=", "usersig=x");
    for page in &PAGES {
        let path = format!("/v4/{}", page.path());
        let body = (page.request)().to_string();
        let [not_admin, not_json, no_object] = page.codes();
        for (query, body, code) in [
            ("", &*body, 60012),
            (&*expired, &body, 70003),
            (&stranger, &body, not_admin),
            (&app.query(), "{", not_json),
            (&app.query(), "", not_json),
            (&app.query(), "[]", no_object),
            (&app.query(), &body, 0),
        ] {
            let reply = app.post(&path, query, body.to_owned()).await;
            assert_eq!(reply.error_code(), code, "{path} {body}: {}", reply.text);
        }
        let get = app.client.get(app.url(&path, &app.query()));
        assert_eq!(app.send(get).await.error_code(), 60008, "{path}");
        let options = app
            .client
            .request(reqwest::Method::OPTIONS, app.url(&path, ""));
        assert_eq!(app.send(options).await.error_code(), 0, "{path}");
        for wrong in [
            format!("{path}/"),
            format!("{path}/x"),
            path.replace('_', "%5F"),
        ] {
            let reply = app.post(&wrong, &app.query(), body.clone()).await;
            let is_ok = wrong == path && reply.error_code() == 0;
            assert!(
                is_ok || [60002, 60009].contains(&reply.error_code()),
                "{wrong}"
            );
        }
    }
}

#[tokio::test]
async fn each_may_be_called_as_often_as_its_page_says_and_no_more() {
    let app = TestApp::start_with(|config| config.app().calls_per_second = None).await;
    app.emulator.clock().hold(None);
    let query = app.query_of(APP, ADMIN);
    for page in &PAGES {
        let path = format!("/v4/{}", page.path());
        let call = async || app.post(&path, &query, "{}").await.error_code();
        for _ in 0..page.calls_per_second {
            assert_ne!(call().await, 60007, "{path}");
        }
        assert_eq!(call().await, 60007, "{path}");
    }
    app.emulator.clock().advance(Duration::from_secs(1));
    let push = async || {
        app.post("/v4/all_member_push/im_push", &query, "{}")
            .await
            .error_code()
    };
    assert_eq!((push().await, push().await), (90005, 60007));
}

#[tokio::test]
async fn each_can_fail_by_a_fault_and_is_in_the_journal() {
    let bench = Bench::start().await;
    for page in &PAGES {
        let (path, request) = (page.path(), (page.request)());
        let filter = format!("sdkappid={}&from_account=id", bench.made.sdkappid);
        let fault = json!({
            "sdkappid": bench.made.sdkappid, "command": page.name, "from_account": "id", "times": 1, "code": 60008,
        });
        bench.control.post("/faults", fault).await.ok();

        let failed = bench.call(&path, request.clone()).await;
        let done = bench.call(&path, request.clone()).await;

        assert_eq!(
            (failed.error_code(), done.error_code()),
            (60008, 0),
            "{path}"
        );
        for command in [page.name, &path] {
            let calls = bench
                .control
                .get(&format!("/requests?{filter}&command={command}"))
                .await
                .ok();
            let calls = calls["calls"].as_array().expect("a list").clone();
            let codes: Vec<_> = calls.iter().map(|call| call["code"].clone()).collect();
            assert_eq!(codes, [60008, 0], "{command}");
            assert_eq!(calls[1]["command"], path);
            assert_eq!(calls[1]["request"], request);
            assert_eq!(calls[1]["response"], done.json);
        }
    }
    let client = crate::harness::client_builder().build().expect("a client");
    let metrics = client.get(bench.control.outside("/metrics"));
    let metrics = metrics.send().await.expect("an answer");
    let metrics = metrics.text().await.expect("a text");
    assert!(
        metrics.contains(r#"command="sendmsg",code="0""#),
        "{metrics}"
    );
}

#[tokio::test]
async fn faults_find_a_call_by_each_account_that_it_names() {
    let bench = Bench::start().await;
    let batch = json!({"To_Account": ["a", "b"], "MsgRandom": 1, "MsgBody": []});
    let one = json!({"To_Account": "b", "MsgRandom": 1, "MsgBody": []});
    let arm = async |scope: Value| {
        let mut fault = json!({"sdkappid": bench.made.sdkappid, "code": 60008});
        fault
            .as_object_mut()
            .expect("an object")
            .extend(scope.as_object().expect("an object").clone());
        bench.control.put("/faults", json!([fault])).await.ok();
        let batch = bench.call("openim/batchsendmsg", batch.clone()).await;
        let one = bench.call("openim/sendmsg", one.clone()).await;
        [batch.error_code(), one.error_code()]
    };

    assert_eq!(arm(json!({"to_account": "b"})).await, [60008, 60008]);
    assert_eq!(arm(json!({"to_account": "a"})).await, [60008, 0]);
    assert_eq!(arm(json!({"to_account": "c"})).await, [0, 0]);
    assert_eq!(arm(json!({"item": 1})).await, [60008, 0]);
    assert_eq!(arm(json!({"to_account": "b", "item": 0})).await, [0, 60008]);
    assert_eq!(arm(json!({"from_account": "a"})).await, [0, 0]);
    let no_results = json!({"command": "sendmsg", "result_code": 30001});
    let answer = bench.control.post("/faults", no_results).await;
    assert_eq!(answer.faults(422)[0].0, "/result_code");
}

#[tokio::test]
async fn each_is_in_openapi_and_in_the_readme() {
    let app = TestApp::start().await;
    let document = app.control().get("/openapi.json").await.ok();
    let readme = include_str!("../../../README.md");
    for page in &PAGES {
        let operation = &document["paths"][format!("/v4/{}", page.path())]["post"];
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        let reference = schema["$ref"].as_str().expect("a reference");
        let schema = document.pointer(&reference[1..]).expect("a schema");
        let mut required: Vec<_> = (page.required)().into_iter().map(|field| field.0).collect();
        required.sort_unstable();
        assert_eq!(schema["required"], json!(required), "{}", page.name);
        assert!(readme.contains(page.name), "{}", page.name);
    }
}
