//! The bodies of all commands, field by field. A field that is missing, of a wrong type, empty or
//! too long gives the service's code with the field's name in ErrorInfo, and the call changes
//! nothing.

mod fields;

use crate::commands::{COMMANDS, Command};
use crate::harness::{APP, ConfigExt, TestApp};
use fields::{FIELDS, Field};
use serde_json::{Value, json};
use tencent_chat_emulator::sns::texts::Keyword;
use tencent_chat_emulator::store::Account;

/// An invalid body, its code, and the field that ErrorInfo names.
struct Case {
    body: Value,
    code: u64,
    named: &'static str,
}

/// An app in which the good requests of most commands change something.
async fn start() -> TestApp {
    let app = TestApp::start_with(|config| {
        let test = Keyword::parse("Test").expect("a keyword");
        config.app().custom_fields.friend = vec![test];
    })
    .await;
    for (command, body) in [
        (
            "sns/friend_import",
            json!({"From_Account": "id", "AddFriendItem": [
                {"To_Account": "id1", "AddSource": "AddSource_Type_Web", "GroupName": ["g"]},
                {"To_Account": "id2", "AddSource": "AddSource_Type_Web"},
            ]}),
        ),
        (
            "sns/friend_import",
            json!({"From_Account": "id1", "AddFriendItem": [
                {"To_Account": "id", "AddSource": "AddSource_Type_Web"},
            ]}),
        ),
        (
            "sns/black_list_add",
            json!({"From_Account": "id", "To_Account": ["id3"]}),
        ),
        (
            "profile/portrait_set",
            json!({"From_Account": "id", "ProfileItem": [
                {"Tag": "Tag_Profile_IM_Nick", "Value": "before"},
            ]}),
        ),
    ] {
        app.arrange(command, body).await;
    }
    app
}

/// All state that the commands' requests can change.
async fn state(app: &TestApp) -> (Vec<Option<Account>>, String) {
    let accounts = ["id", "id1", "id2", "id3", "new"];
    let accounts = accounts.map(|name| app.account_of(APP, name));
    let body = json!({"To_Account": ["id"], "TagList": ["Tag_Profile_IM_Nick"]});
    let profile = app.call("profile/portrait_get", body).await.text;
    (accounts.into(), profile)
}

/// The command's good request with another value of a field; `None` removes the field.
fn changed(command: &Command, field: &Field, value: Option<Value>) -> Value {
    let mut body = (command.request)();
    let (parent, name) = field.path.rsplit_once('/').expect("a path has a slash");
    let parent = body.pointer_mut(parent).and_then(Value::as_object_mut);
    let parent = parent.expect("the request has what the field is in");
    match value {
        Some(value) => parent.insert(name.to_owned(), value),
        None => parent.remove(name),
    };
    body
}

fn cases(command: &Command, field: &Field) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut case = |value: Option<Value>, code: u64| {
        cases.push(Case {
            body: changed(command, field, value),
            code,
            named: field.name(),
        });
    };
    let bad_body = command.bad_body();
    if field.is_required {
        case(None, bad_body);
    }
    for value in field.wrong_values() {
        let code = if field.is_account() { 60015 } else { bad_body };
        case(Some(value), code);
    }
    // Good elements before an invalid element must not be processed either.
    let good = (command.request)();
    let good = good.pointer(field.path).and_then(Value::as_array);
    let good = good.cloned().unwrap_or_default();
    for element in field.wrong_elements() {
        let code = if field.is_accounts() { 60015 } else { bad_body };
        let list = good.iter().cloned().chain([element]).collect();
        case(Some(list), code);
    }
    if let Some(max) = field.max {
        if field.is_required {
            case(Some(json!([])), field.code_when_empty.unwrap_or(bad_body));
        }
        case(Some(repeated(&good, max + 1)), bad_body);
    }
    cases
}

fn repeated(good: &[Value], times: usize) -> Value {
    good.iter().cycle().take(times).cloned().collect()
}

fn fields_of(command: &Command) -> impl Iterator<Item = &'static Field> {
    let name = command.name;
    let fields = FIELDS.iter().filter(move |(of, _)| of.contains(&name));
    fields.flat_map(|(_, fields)| *fields)
}

#[tokio::test]
async fn a_bad_field_is_the_services_own_code_with_its_name_and_nothing_is_done() {
    let app = start().await;
    let before = state(&app).await;
    let mut wrong = Vec::new();
    for command in &COMMANDS {
        let path = format!("/v4/{}", command.path());
        for Case { body, code, named } in fields_of(command).flat_map(|f| cases(command, f)) {
            let mut sent = body.to_string();
            let reply = app.post(&path, &app.query(), sent.clone()).await;
            let why = app.why(&reply).await;
            if reply.error_code() != code || !why.contains(named) {
                sent.truncate(300);
                wrong.push(format!("{path} {sent}: {} ({why})", reply.text));
            }
        }
        assert_eq!(state(&app).await, before, "{path}");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn the_longest_lists_are_taken() {
    for command in &COMMANDS {
        for field in fields_of(command) {
            let Some(max) = field.max else { continue };
            let good = (command.request)();
            let good = good.pointer(field.path).and_then(Value::as_array);
            let Some(good) = good else { continue };
            let app = start().await;
            let body = changed(command, field, Some(repeated(good, max)));
            let path = format!("/v4/{}", command.path());
            let reply = app.post(&path, &app.query(), body.to_string()).await;
            assert_eq!(
                reply.error_code(),
                0,
                "{path} {}: {}",
                field.path,
                reply.text
            );
        }
    }
}

#[tokio::test]
async fn no_field_of_a_request_is_left_out_and_each_request_is_good() {
    for command in &COMMANDS {
        let request = (command.request)();
        let mut paths = Vec::new();
        collect_paths(&request, String::new(), &mut paths);
        for path in paths {
            let is_tested = fields_of(command).any(|field| field.path == path);
            assert!(is_tested, "{}: {path}", command.name);
        }
        let app = start().await;
        let reply = app.call(&command.path(), request).await;
        assert_eq!(reply.error_code(), 0, "{}: {}", command.name, reply.text);
    }
}

/// Collects the JSON pointer of each field.
fn collect_paths(value: &Value, at: String, paths: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = format!("{at}/{name}");
                paths.push(path.clone());
                collect_paths(value, path, paths);
            }
        }
        Value::Array(list) => {
            for (number, value) in list.iter().enumerate() {
                collect_paths(value, format!("{at}/{number}"), paths);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => (),
    }
}

#[tokio::test]
async fn a_required_field_that_is_left_out_is_named_as_missing() {
    let app = start().await;
    for command in &COMMANDS {
        let path = format!("/v4/{}", command.path());
        let required: Vec<_> = fields_of(command)
            .filter(|field| field.is_required)
            .collect();
        assert!(!required.is_empty(), "{path}");
        for field in &required {
            let body = changed(command, field, None).to_string();
            let reply = app.post(&path, &app.query(), body).await;
            let why = app.why(&reply).await;
            let is_named = why.contains(field.name()) && why.contains("missing");
            assert!(is_named, "{path} {}: {why}", field.path);
        }
        let reply = app.post(&path, &app.query(), "{}").await;
        let why = app.why(&reply).await;
        assert_eq!(
            reply.error_code(),
            command.bad_body(),
            "{path}: {}",
            reply.text
        );
        let is_named = required.iter().any(|field| why.contains(field.name()));
        assert!(is_named && why.contains("missing"), "{path} {{}}: {why}");
    }
}

/// The command's good request with an unknown field in each object, and the path of the field.
fn with_unknown_fields(command: &Command) -> Vec<(Value, String)> {
    let request = (command.request)();
    let mut places = vec![String::new()];
    collect_paths(&request, String::new(), &mut places);
    let with_field = |place: String| {
        let mut body = request.clone();
        let object = body.pointer_mut(&place)?.as_object_mut()?;
        object.insert("Foo".to_owned(), json!({"usersig": 1}));
        let mut path = String::new();
        for part in place.split('/').skip(1) {
            path += &match part.parse::<usize>() {
                Ok(number) => format!("[{number}]"),
                Err(_) if path.is_empty() => part.to_owned(),
                Err(_) => format!(".{part}"),
            };
        }
        let dot = if path.is_empty() { "" } else { "." };
        Some((body, format!("{path}{dot}Foo")))
    };
    let mut found = Vec::new();
    let elements = places.iter().flat_map(|place| {
        let list = request.pointer(place).and_then(Value::as_array);
        let numbers = 0..list.map_or(0, Vec::len);
        numbers.map(move |number| format!("{place}/{number}"))
    });
    let all: Vec<_> = places.iter().cloned().chain(elements).collect();
    found.extend(all.into_iter().filter_map(with_field));
    found
}

#[tokio::test]
async fn an_unknown_field_is_ignored_unless_strict_body_is_on() {
    let lenient = start().await;
    let strict = TestApp::start_with(|config| {
        config.strict_body = true;
        let test = Keyword::parse("Test").expect("a keyword");
        config.app().custom_fields.friend = vec![test];
    })
    .await;
    let mut tested = 0;
    for command in &COMMANDS {
        let path = format!("/v4/{}", command.path());
        for (body, field) in with_unknown_fields(command) {
            let body = body.to_string();
            let before = state(&strict).await;

            let ignored = lenient.post(&path, &lenient.query(), body.clone()).await;
            let refused = strict.post(&path, &strict.query(), body).await;

            assert_ne!(
                ignored.error_code(),
                command.bad_body(),
                "{path} {field}: {}",
                ignored.text
            );
            assert_eq!(
                refused.error_code(),
                command.bad_body(),
                "{path} {field}: {}",
                refused.text
            );
            let why = strict.why(&refused).await;
            assert!(
                why.ends_with(&format!("unknown fields (strict_body is on): {field}")),
                "{field}: {why}"
            );
            assert_eq!(state(&strict).await, before, "{path} {field}");
            tested += 1;
        }
    }
    assert!(tested >= 30, "{tested}");
}

#[tokio::test]
async fn strict_body_accepts_good_bodies_of_all_commands_and_all_fields_of_stubs() {
    let strict = TestApp::start_with(|config| config.strict_body = true).await;
    for command in &COMMANDS {
        let path = format!("/v4/{}", command.path());
        let body = (command.request)().to_string();
        let reply = strict.post(&path, &strict.query(), body).await;
        assert_ne!(
            reply.error_code(),
            command.bad_body(),
            "{path}: {}",
            reply.text
        );
    }
    let body = json!({"To_Account": "id1", "MsgRandom": 1, "MsgBody": [{}], "Foo": 1});
    let reply = strict.call("openim/sendmsg", body).await;
    assert_eq!(reply.error_code(), 0, "{}", reply.text);
}

/// A value that is ignored may be one that no type can hold.
#[tokio::test]
async fn an_unknown_field_is_found_whatever_its_value() {
    let strict = TestApp::start_with(|config| config.strict_body = true).await;
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    for value in ["1", "1e999", r#""\ud800""#, &"9".repeat(400), &deep, "{}"] {
        for body in [
            format!(
                r#"{{"From_Account":"id","Zzz":{value},"AddFriendItem":[{{"To_Account":"id1"}}]}}"#
            ),
            format!(
                r#"{{"From_Account":"id","AddFriendItem":[{{"To_Account":"id1","Zzz":{value}}}]}}"#
            ),
        ] {
            let reply = strict
                .post("/v4/sns/friend_add", &strict.query(), body)
                .await;
            assert_eq!(reply.error_code(), 30001, "{value}: {}", reply.text);
            let why = strict.why(&reply).await;
            assert!(why.ends_with("Zzz"), "{value}: {why}");
        }
    }
}

/// A body can have very many unknown fields with very long names.
#[tokio::test]
async fn a_few_unknown_fields_are_named_and_no_long_name() {
    let strict = TestApp::start_with(|config| config.strict_body = true).await;
    let mut body = json!({"From_Account": "id", "AddFriendItem": [{"To_Account": "id1"}]});
    for number in 0..1000 {
        body[format!("{number}{}", "x".repeat(1000))] = json!(1);
    }
    let reply = strict.call("sns/friend_add", body).await;
    assert_eq!(reply.error_code(), 30001);
    let why = strict.why(&reply).await;
    assert!(why.len() <= 400, "{why}");
}
