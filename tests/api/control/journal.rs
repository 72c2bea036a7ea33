//! The journal stores the request and the answer of every call, and every filter finds them.

use super::calls::{body_of, ids};
use super::client::Control;
use crate::harness::{APP, TestApp};
use reqwest::Method;
use serde_json::{Value, json};

/// The properties of a call that filters use: app, command, From_Account, code.
struct Entry {
    app: Option<u64>,
    command: &'static str,
    from: Option<&'static str>,
    code: u64,
}

/// A part of a filter: its query text, and whether a call matches.
type Part = (String, Box<dyn Fn(u64, &Entry) -> bool>);

fn part(name: &str, value: impl ToString, is: impl Fn(u64, &Entry) -> bool + 'static) -> Part {
    (format!("{name}={}&", value.to_string()), Box::new(is))
}

fn anything() -> Part {
    (String::new(), Box::new(|_, _| true))
}

/// Makes calls of each kind to several apps. Returns the expected entry of each.
async fn make_calls(app: &TestApp, apps: &[(u64, String)]) -> Vec<Entry> {
    let mut entries = Vec::new();
    for (sdkappid, query) in apps {
        for (command, from, body, code) in [
            ("sns/friend_add", Some("id1"), body_of("id1"), 0),
            ("sns/friend_add", Some("id2"), body_of("id2"), 0),
            ("sns/friend_add", None, "{".to_owned(), 60003),
            ("sns/friend_get", Some("id1"), body_of("id1"), 30001),
            ("sns/no_such", None, body_of("id1"), 60009),
            ("profile/friend_add", None, body_of("id1"), 60009),
        ] {
            let sent = app.post(&format!("/v4/{command}"), query, body).await;
            assert_eq!(sent.error_code(), code, "{command}: {}", sent.text);
            entries.push(Entry {
                app: Some(*sdkappid),
                command,
                from,
                code,
            });
        }
        let bad = query.replace("usersig=", "usersig=x");
        let sent = app.post("/v4/sns/friend_add", &bad, body_of("id1")).await;
        assert_eq!(sent.error_code(), 70003);
        entries.push(Entry {
            app: Some(*sdkappid),
            command: "sns/friend_add",
            from: None,
            code: 70003,
        });
    }
    entries
}

/// Compares all combinations of filters with a model.
#[tokio::test]
async fn each_combination_of_filters_finds_exactly_the_calls_that_match_in_order() {
    let app = TestApp::start().await;
    let control = app.control();
    let made = control.create_with(&["id1", "id2"]).await;
    let apps = [
        (88_888_888, app.query()),
        (made.sdkappid, made.query.clone()),
    ];
    app.import(["id1", "id2"]);
    let entries = make_calls(&app, &apps).await;

    let of_app = |id: u64| part("sdkappid", id, move |_, entry| entry.app == Some(id));
    let of_command = |name: &'static str| {
        part("command", name, move |_, entry| {
            entry.command == name || entry.command.ends_with(&format!("/{name}"))
        })
    };
    let of_from = |name| {
        part("from_account", name, move |_, entry| {
            entry.from == Some(name)
        })
    };
    let of_code = |code| part("code", code, move |_, entry| entry.code == code);
    let since = |since| part("since", since, move |id, _| id > since);
    let last = entries.len() as u64;
    let limits = [None, Some(1), Some(3), Some(100_000)];
    let (mut tried, mut found) = (0, 0);
    for app in [anything(), of_app(apps[0].0), of_app(apps[1].0), of_app(5)] {
        for command in [
            anything(),
            of_command("friend_add"),
            of_command("sns/friend_add"),
            of_command("no_such"),
            of_command("friend_get"),
        ] {
            for from in [anything(), of_from("id1"), of_from("nobody")] {
                for code in [anything(), of_code(0), of_code(60009)] {
                    for since in [anything(), since(4), since(last)] {
                        let parts = [&app, &command, &from, &code, &since];
                        let filter: String = parts.iter().map(|part| &*part.0).collect();
                        let of_call = (1..).zip(&entries);
                        let matching = of_call
                            .filter(|(id, entry)| parts.iter().all(|part| (part.1)(*id, entry)));
                        let expected: Vec<u64> = matching.map(|(id, _)| id).collect();
                        let limit: Option<usize> = limits[tried % limits.len()];
                        check(&control, &filter, &expected, limit, last).await;
                        tried += 1;
                        found += usize::from(!expected.is_empty());
                    }
                }
            }
        }
    }
    assert!(tried > 500 && found > 50, "{tried} {found}");
}

async fn check(control: &Control, filter: &str, expected: &[u64], limit: Option<usize>, last: u64) {
    let limited = limit.map_or_else(String::new, |limit| format!("limit={limit}"));
    let calls = control.calls(&format!("{filter}{limited}")).await;

    let newest = &expected[expected.len() - limit.unwrap_or(1000).min(expected.len())..];
    assert_eq!(ids(&calls), newest, "{filter}{limited}");
    let whole = |answer: &Value| {
        let fields = ["count", "last_id", "complete", "dropped_to"];
        fields.map(|field| answer[field].clone())
    };
    let wanted = [json!(expected.len()), json!(last), json!(true), json!(0)];
    assert_eq!(whole(&calls), wanted, "{filter}");
    let count = control.get(&format!("/requests/count?{filter}")).await.ok();
    assert_eq!(whole(&count), wanted, "{filter}");
}

#[tokio::test]
async fn an_account_is_found_wherever_a_body_has_it() {
    let app = TestApp::start().await;
    let item = |to: &str| json!({"To_Account": to, "AddSource": "AddSource_Type_Test"});
    for body in [
        json!({"From_Account": "ann", "AddFriendItem": [item("bob"), item("a \"b\"")]}),
        json!({"From_Account": "bob", "AddFriendItem": [item("anna")]}),
        json!({"From_Account": "cat", "To_Account": ["ann"]}),
    ] {
        app.call("sns/friend_add", body).await;
    }
    // The gateway refuses it, so the body is not recorded.
    app.post("/v4/sns/friend_add", "sdkappid=88888888", body_of("ann"))
        .await;

    for (account, expected) in [
        ("ann", &[1, 3][..]),
        ("bob", &[1, 2]),
        ("cat", &[3]),
        ("anna", &[2]),
        ("an", &[]),
        ("a%20%22b%22", &[1]),
    ] {
        let calls = app.control().calls(&format!("account={account}")).await;
        assert_eq!(ids(&calls), expected, "{account}");
    }
}

#[tokio::test]
async fn a_filter_that_is_none_is_refused_with_its_place() {
    let app = TestApp::start().await;
    for (query, pointer) in [
        ("sdkappid=x", "/sdkappid"),
        ("sdkappid=0", "/sdkappid"),
        ("code=-1", "/code"),
        ("since=-1", "/since"),
        ("since=1.5", "/since"),
        ("from_acount=id", "/from_acount"),
        ("limit=0", "/limit"),
        ("limit=100001", "/limit"),
        (
            "from_account=123456789012345678901234567890123",
            "/from_account",
        ),
        ("account=123456789012345678901234567890123", "/account"),
    ] {
        let faults = app.control().get(&format!("/requests?{query}")).await;
        let faults = faults.faults(422);
        assert_eq!(faults.len(), 1, "{query}: {faults:?}");
        assert_eq!(faults[0].0, pointer, "{query}: {faults:?}");
    }
}

/// The path, the query and the fault of a call, and its HTTP status and ErrorCode.
type Ending = (&'static str, String, Value, u16, u64);

/// All ways in which a call can end.
fn endings(app: &TestApp) -> Vec<Ending> {
    let (path, good) = ("/v4/sns/friend_add", app.query());
    let with = |part: &str, other: &str| good.replacen(part, other, 1);
    let refused = [
        (with("usersig=", "usersig=x"), 70003),
        (with(APP, "7"), 70020),
        (with(APP, ""), 60012),
        (with("=json", "=xml"), 60025),
        (app.query_of(APP, "id"), 30004),
    ];
    let faults = [
        (json!({"code": 30006}), 200, 30006),
        (json!({"http_status": 502}), 502, 60008),
        (json!({"malformed": true}), 200, 60008),
        (json!({"close": true}), 200, 60008),
        (json!({"truncate": true}), 200, 60008),
        (json!({"commit_then": {"http_status": 503}}), 503, 0),
        (json!({"commit_then": {"close": true}}), 200, 0),
    ];
    let mut endings: Vec<Ending> = vec![
        (path, good.clone(), Value::Null, 200, 0),
        (path, with("99999999", "-5"), Value::Null, 200, 0),
        ("/v4/sns/no_such", good.clone(), Value::Null, 200, 60009),
        ("/nowhere", good.clone(), Value::Null, 200, 60002),
    ];
    let refused = refused.map(|(query, code)| (path, query, Value::Null, 200, code));
    endings.extend(refused);
    let faults = faults.map(|(fault, status, code)| (path, good.clone(), fault, status, code));
    endings.extend(faults);
    endings
}

#[tokio::test]
async fn every_end_of_a_call_is_written_down_with_what_was_answered() {
    let app = TestApp::start().await;
    let control = app.control();
    let codes = control.get("/codes").await.ok();
    control.hold(1_700_000_000).await;
    control.advance(0.25).await;
    app.import(["id", "id1"]);
    let body = body_of("id");

    for (number, (path, query, mut fault, status, code)) in (1_u64..).zip(endings(&app)) {
        if !fault.is_null() {
            fault["times"] = json!(1);
            assert_eq!(control.post("/faults", fault.clone()).await.status, 201);
        }
        let call = app.client.post(app.url(path, &query)).body(body.clone());
        let answered = match call.send().await {
            Ok(answer) => answer.text().await.ok(),
            Err(_) => None,
        };

        let answer = control
            .get(&format!("/requests?since={}", number - 1))
            .await;
        let [entry] = &answer.json["calls"].as_array().expect("a list")[..] else {
            panic!("{fault} {code}: {}", answer.text)
        };
        let is_let_in = code < 60000 && code != 30004 || !fault.is_null();
        let request = if is_let_in {
            serde_json::from_str(&body).expect("JSON")
        } else {
            Value::Null
        };
        let warning = entry["warning"].as_str();
        assert_eq!(warning.is_some(), query.contains("random=-5"), "{entry}");
        assert!(warning.is_none_or(|text| text.contains("-5")), "{entry}");
        assert_eq!(entry["id"], number);
        assert_eq!(entry["time"], 1_700_000_000.25);
        let took = entry["duration_ms"].as_f64().expect("a number");
        assert!(took > 0.0 && took < 60_000.0, "{took}");
        assert_eq!(entry["method"], "POST");
        assert_eq!(entry["command"], path.strip_prefix("/v4/").unwrap_or(path));
        assert_eq!(entry["cut"], false);
        assert_eq!(
            (&entry["status"], &entry["code"]),
            (&json!(status), &json!(code)),
            "{entry}"
        );
        assert_eq!(entry["request"], request, "{entry}");
        let mut known = codes.as_array().expect("a list").iter();
        let is_its = |known: &Value| known["outcome"] == entry["outcome"] && known["code"] == code;
        assert!(known.any(is_its), "{entry}");
        // A complete answer is stored byte by byte. An answer that a fault damaged is stored whole.
        match answered.filter(|text| serde_json::from_str::<Value>(text).is_ok()) {
            Some(text) => assert!(answer.text.contains(&text), "{text} {}", answer.text),
            None => assert_eq!(entry["response"]["ErrorCode"], code, "{entry}"),
        }
    }
}

#[tokio::test]
async fn a_call_over_the_limit_and_one_by_another_method_are_written_down() {
    let app = TestApp::start().await;
    let control = app.control();
    control.hold(0).await;
    let made = control.create(json!({"calls_per_second": 1})).await;
    made.ping().await;

    assert_eq!(made.ping().await, 60007);
    let get = app.client.get(app.url("/v4/sns/friend_add", &app.query()));
    assert_eq!(app.send(get).await.error_code(), 60008);

    let over = control.calls("code=60007").await;
    assert_eq!(ids(&over), [2]);
    assert_eq!(over["calls"][0]["sdkappid"], made.sdkappid);
    assert_eq!(over["calls"][0]["response"]["ErrorCode"], 60007);
    let get = &control.calls("since=2").await["calls"][0];
    assert_eq!(
        (&get["method"], &get["code"]),
        (&json!("GET"), &json!(60008))
    );
}

#[tokio::test]
async fn a_call_takes_as_long_as_it_takes_however_the_clock_was_moved_meanwhile() {
    let app = TestApp::start().await;
    let control = app.control();
    control.hold(1000).await;
    control.post("/faults", json!({"delay_ms": 300})).await.ok();
    let advance = async {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        control.advance(86_400.0).await;
    };

    tokio::join!(app.send_body(body_of("id")), advance);

    let entry = &control.calls("").await["calls"][0];
    assert_eq!(entry["time"], 1000.0);
    let took = entry["duration_ms"].as_f64().expect("a number");
    assert!((300.0..60_000.0).contains(&took), "{took}");
}

/// JSON is shown unchanged, byte by byte. Another body is shown as text, with invalid UTF-8
/// replaced.
#[tokio::test]
async fn any_body_is_shown_as_json_or_as_text() {
    let app = TestApp::start().await;
    let control = app.control();
    let deep = "[".repeat(5000);
    let bodies: [&[u8]; 16] = [
        b"",
        b"{",
        b"nonsense",
        b"\xff\xfe{",
        b"{\"From_Account\": \"\xe7\x94\"}",
        b"7",
        b"null",
        b"\"text\"",
        b"[]",
        b"{}}",
        b"{\r\n\t\"From_Account\" : \"id\"\r\n}",
        b"{\"From_Account\": 1, \"From_Account\": 2.50}",
        br#"{"From_Account": "\ud800"}"#,
        br#"{"From_Account": 1e400}"#,
        b"\0\x01\x7f",
        deep.as_bytes(),
    ];
    for (number, body) in (1..).zip(bodies) {
        app.send_body(body.to_vec()).await;

        let answer = control
            .get(&format!("/requests?since={}", number - 1))
            .await;

        let shown = &answer.json["calls"][0]["request"];
        let text = String::from_utf8_lossy(body);
        match serde_json::from_slice::<Value>(body) {
            Ok(json) => {
                assert_eq!(*shown, json);
                assert!(answer.text.contains(&*text), "{text}: {}", answer.text);
            }
            Err(_) if body.is_empty() => assert_eq!(*shown, Value::Null),
            Err(_) => assert_eq!(*shown, *text, "{}", answer.text),
        }
    }
    assert_eq!(control.calls("").await["count"], bodies.len());
}

#[tokio::test]
async fn it_can_be_emptied_and_its_numbers_go_on() {
    let app = TestApp::start().await;
    let control = app.control();
    for round in 0..3 {
        for _ in 0..4 {
            app.send_body(body_of("id")).await;
        }

        assert_eq!(control.delete("/requests").await.ok(), json!({"calls": 4}));

        let empty = control.calls("").await;
        let last = 4 * (round + 1);
        assert_eq!(
            empty,
            json!({"calls": [], "count": 0, "last_id": last, "complete": true, "dropped_to": 0})
        );
        assert_eq!(control.metric("emulator_journal_bytes").await, 0);
    }
    assert_eq!(control.delete("/requests").await.ok(), json!({"calls": 0}));
}

#[tokio::test]
async fn an_app_that_is_reset_or_removed_takes_its_calls_along_and_no_others() {
    let app = TestApp::start().await;
    let control = app.control();
    for (method, path) in [(Method::POST, "/reset"), (Method::DELETE, "")] {
        let (one, other) = (
            control.create_with(&[]).await,
            control.create_with(&[]).await,
        );
        control.delete("/requests").await.ok();
        let before = control.calls("").await["last_id"]
            .as_u64()
            .expect("a number");
        for made in [&one, &other, &one, &other, &one] {
            made.ping().await;
        }
        app.post("/nowhere", "", "").await;
        let bad = one.query.replace("usersig=", "usersig=x");
        app.post("/v4/sns/friend_add", &bad, "").await;

        control.send(method, &one.path(path), None).await.ok();

        let left = control.calls("").await;
        assert_eq!(ids(&left), [before + 2, before + 4, before + 6]);
        assert_eq!(left["last_id"], before + 7);
        assert_eq!(left["complete"], true);
    }
}

#[tokio::test]
async fn a_reset_takes_all_calls_and_the_numbers_go_on() {
    let app = TestApp::start().await;
    let control = app.control();
    let made = control.create_with(&[]).await;
    made.ping().await;
    app.send_body(body_of("id")).await;

    assert_eq!(control.post("/reset", json!({})).await.ok()["calls"], 2);

    assert_eq!(control.calls("").await["count"], 0);
    app.send_body(body_of("id")).await;
    assert_eq!(ids(&control.calls("").await), [3]);
}

#[tokio::test]
async fn a_call_is_found_by_the_code_of_an_item() {
    let app = TestApp::start().await;
    let control = app.control();
    let made = control.create_with(&["a", "b"]).await;
    for tos in [vec!["b"], vec!["b", "nobody"], vec!["nobody"]] {
        made.add("a", &tos).await;
    }
    for (code, expected) in [
        (0, vec![1, 2, 3]),
        (30001, vec![2]),
        (30003, vec![2, 3]),
        (3000, vec![]),
    ] {
        assert_eq!(
            ids(&control.calls(&format!("code={code}")).await),
            expected,
            "{code}"
        );
    }
}
