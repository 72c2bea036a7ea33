//! Stubs of a process: the log's hint, the limits, and a configuration that cannot be.

use crate::fixture::{APP, Client, Server, run, text};
use serde_json::{Value, json};
use std::process::Command;

/// The bytes of a request with a JSON body.
fn request(method: &str, path: &str, body: &Value) -> Vec<u8> {
    let body = body.to_string();
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

fn put(client: &mut Client, app: &Value, path: &str, definition: &Value) -> Value {
    let path = format!("/_emulator/v1/apps/{app}/stubs/{path}");
    client.call(&request("PUT", &path, definition))
}

/// A call of the control API whose answer may have any status.
fn curl(server: &Server, method: &str, path: &str, body: &Value) -> Value {
    let url = format!("http://{}/_emulator/v1/{path}", server.addr);
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--noproxy", "*", "--request", method, &url]);
    curl.args([
        "--header",
        "Content-Type: application/json",
        "--data",
        &body.to_string(),
    ]);
    let output = curl.output().expect("curl is there");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[test]
fn the_log_says_how_to_make_a_stub_and_why_one_failed() {
    let server = Server::start_with(&[], &[("EMULATOR__LOG__FORMAT", "json")]);
    let (query, mut client) = (Server::query(), server.connect());
    let mut call = |path: &str, query: &str| {
        let path = format!("/v4/{path}?{query}");
        client.call(&request("POST", &path, &json!({"From_Account": "private"})))
    };
    let long = format!("openim/{}", "x".repeat(40));
    let signed = format!("openim/{}", Server::user_sig());
    let answers = [
        call("openim/getroammsg", &query),
        call("openim/getroammsg", ""),
        call(&long, &query),
        call(&signed, &query),
        call("openim/friend_add", &query),
        call("sns/friend_ad", &query),
        call("openim/SendMsg", &query),
    ];
    let definition = json!({"answer": {"A": {"B": "{{ request.From_Account + 1 }}"}}});
    put(
        &mut server.connect(),
        &json!(88888888),
        "openim/getroammsg",
        &definition,
    );
    let failed = call("openim/getroammsg", &query);

    let stderr = server.stop();

    for answer in &answers {
        assert_eq!(
            *answer,
            json!({"ActionStatus": "FAIL", "ErrorCode": 60009, "ErrorInfo": "The requested resource does not exist, please check the URL"})
        );
    }
    assert_eq!(failed["ErrorCode"], 60013);
    let lines = stderr
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let details: Vec<_> = lines
        .map(|line| line["hint"].as_str().expect("a text").to_owned())
        .collect();
    let hint = |app: &str, path: &str| {
        let service = path.split('/').next();
        let known = match service {
            Some("openim") => "openim has sendmsg, batchsendmsg, querystate, query_online_status",
            Some("sns") => {
                "sns has friend_add, friend_import, friend_update, friend_delete, friend_delete_all, \
                 friend_check, friend_get, friend_get_list, black_list_add, black_list_delete, \
                 black_list_get, black_list_check, group_add, group_delete, group_get"
            }
            _ => {
                "the services are sns, im_open_login_svc, profile, openim, group_open_http_svc, \
                 all_member_push"
            }
        };
        format!(
            "not emulated here; {known}; to answer this call, PUT /_emulator/v1/apps/{app}/stubs/{path}"
        )
    };
    assert_eq!(details[0], hint(APP, "openim/getroammsg"));
    assert_eq!(details[1], hint("{sdkappid}", "openim/getroammsg"));
    assert_eq!(details[2], hint(APP, "{service}/{command}"));
    assert_eq!(details[3], hint(APP, "{service}/{command}"));
    for (detail, near, path) in [
        (&details[4], "sns/friend_add", "openim/friend_add"),
        (&details[5], "sns/friend_add", "sns/friend_ad"),
        (&details[6], "openim/sendmsg", "openim/SendMsg"),
    ] {
        let beginning = "not emulated here; ";
        let near = format!("{beginning}did you mean {near}? ");
        assert_eq!(*detail, hint(APP, path).replace(beginning, &near));
    }
    assert!(
        details[7].contains("failed at /A/B: invalid operation")
            && details[7].contains("; correct the stub"),
        "{}",
        details[7]
    );
    assert!(!stderr.contains("private"), "{stderr}");
}

#[test]
fn an_app_and_a_process_can_have_so_many_stubs_and_no_more() {
    let server = Server::start();
    let mut client = server.connect();
    let app = json!(88888888);
    // An app that is refused for one name takes no place.
    let refused: serde_json::Map<_, _> = (0..998)
        .map(|number| (format!("openim/y{number}"), json!({})))
        .chain([("sns/friend_add".to_owned(), json!({}))])
        .collect();
    let refused = curl(&server, "POST", "apps", &json!({ "stubs": refused }));
    assert_eq!(refused["status"], 422, "{refused}");
    for number in 0..1000 {
        let made = put(&mut client, &app, &format!("openim/x{number}"), &json!({}));
        assert_eq!(made["origin"], "control", "{made}");
    }

    let put = |app: &Value, path: &str, definition: Value| {
        let path = format!("apps/{app}/stubs/{path}");
        curl(&server, "PUT", &path, &definition)
    };
    let of_app = put(&app, "openim/x1000", json!({}));
    let other = curl(&server, "POST", "apps", &json!({}));
    let other = &other["sdkappid"];
    let of_process = put(other, "openim/x1000", json!({}));
    let of_rate = put(other, "openim/x1", json!({"calls_per_second": 7}));
    let again = put(&app, "openim/x1", json!({"answer": {"A": 1}}));
    let known = put(other, "openim/x1", json!({}));

    for (answer, says) in [
        (of_app, "an app has at most 1000 stubs"),
        (
            of_process,
            "the process has had stubs with 1000 different names",
        ),
    ] {
        assert_eq!(answer["status"], 507, "{answer}");
        assert!(
            answer["detail"]
                .as_str()
                .is_some_and(|detail| detail.contains(says)),
            "{answer}"
        );
    }
    assert_eq!(
        (again["answer"]["A"].as_u64(), known["origin"].as_str()),
        (Some(1), Some("control"))
    );
    assert_eq!(of_rate["calls_per_second"], 7);
    server.still_serves();
}

#[test]
fn a_configured_stub_with_the_name_of_a_command_is_named_with_its_line() {
    let file = tempfile::Builder::new()
        .suffix(".toml")
        .tempfile()
        .expect("a file");
    let config = "[apps.7]\nsecret_key = \"k\"\nadmins = [\"a\"]\n[apps.7.stubs]\n\"openim/friend_add\" = {}\n";
    std::fs::write(file.path(), config).expect("it can be written");
    let path = file.path().display().to_string();

    let output = run(&["--config", &path, "--listen", "127.0.0.1:0"]);

    assert!(!output.status.success());
    assert_eq!(
        text(&output.stderr),
        format!(
            "{path}:5: apps.7.stubs.openim/friend_add names a command that exists as sns/friend_add; did you mean that path? Faults and limits find a command by its name alone\n"
        )
    );
}
