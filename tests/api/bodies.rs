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
