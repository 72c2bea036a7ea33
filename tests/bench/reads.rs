//! The time of calls that only read: a page of friends, a thousand relations, the fields of a
//! hundred friends. Each is compared with a route that parses the same body and serialises the same
//! answer, without any other work.

use crate::process::{KEY, Server};
use crate::throughput::ratio_of_rounds;
use crate::{Table, load};
use axum::Router;
use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde::{Deserialize, Serialize};

/// Friends of the account that is read: the maximum, so that copying the list would be visible.
const FRIENDS: usize = 3000;

const REMARK: &str = "an old friend";
const GROUP: &str = "Classmates";
const SOURCE: &str = "AddSource_Type_Web";
const ADD_TIME: u64 = 1_420_000_001;

pub(crate) fn measure(table: &mut Table) {
    let accounts: String = (0..=FRIENDS)
        .map(|number| format!("{} = {{}}\n", load::user(number)))
        .collect();
    let config = format!(
        "[apps.1]\nsecret_key = \"{KEY}\"\nadmins = [\"admin\"]\ncalls_per_second = 0\n[apps.1.accounts]\n{accounts}"
    );
    let (emulator, baseline) = (Server::emulator(&config), Server::baseline());
    import_friends(&emulator);

    let me = load::user(0);
    let tos = |count: usize| {
        let names: Vec<_> = (1..=count)
            .map(|number| format!("\"{}\"", load::user(number)))
            .collect();
        names.join(",")
    };
    for (what, command, body) in [
        (
            "friend_get, one page of 3000 friends",
            "friend_get",
            format!(r#"{{"From_Account":"{me}","StartIndex":1000}}"#),
        ),
        (
            "friend_check of 1000 accounts, both ways",
            "friend_check",
            format!(
                r#"{{"From_Account":"{me}","To_Account":[{}],"CheckType":"CheckResult_Type_Both"}}"#,
                tos(1000)
            ),
        ),
        (
            "friend_get_list of 100 friends, 4 fields each",
            "friend_get_list",
            format!(
                r#"{{"From_Account":"{me}","To_Account":[{}],"TagList":["Tag_SNS_IM_Remark","Tag_SNS_IM_Group","Tag_SNS_IM_AddTime","Tag_SNS_IM_AddSource"]}}"#,
                tos(100)
            ),
        ),
    ] {
        let mine = load::request(&load::signed_path(1, command), &body);
        let theirs = load::request(&format!("/{command}"), &body);
        let same = load::answer_length(baseline.addr, &theirs) as f64
            / load::answer_length(emulator.addr, &mine) as f64;
        assert!(
            (0.98..1.02).contains(&same),
            "{command}: the answers differ in length: {same}"
        );
        let requests = |_| (mine.clone(), theirs.clone());
        let ratio = ratio_of_rounds(&emulator, &baseline, requests, r#""ErrorCode":0"#);
        table.row(
            &format!("{what}, time against parse and serialise"),
            format!("{ratio:.2}"),
            "<= 3.0",
        );
    }
}

fn import_friends(emulator: &Server) {
    let path = load::signed_path(1, "friend_import");
    for first in (1..=FRIENDS).step_by(1000) {
        let items: Vec<_> = (first..first + 1000)
            .map(|to| {
                format!(
                    r#"{{"To_Account":"{}","Remark":"{REMARK}","GroupName":["{GROUP}"],"AddSource":"{SOURCE}","AddTime":{ADD_TIME}}}"#,
                    load::user(to)
                )
            })
            .collect();
        let body = format!(
            r#"{{"From_Account":"{}","AddFriendItem":[{}]}}"#,
            load::user(0),
            items.join(",")
        );
        load::call_once(emulator.addr, &load::request(&path, &body));
    }
}

/// The baseline's routes.
pub(crate) fn routes() -> Router {
    Router::new()
        .route("/friend_get", post(friend_get))
        .route("/friend_check", post(friend_check))
        .route("/friend_get_list", post(friend_get_list))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request {
    #[serde(rename = "From_Account")]
    _from_account: String,
    #[serde(rename = "To_Account", default)]
    to_account: Vec<String>,
    #[serde(rename = "CheckType")]
    _check_type: Option<String>,
    #[serde(rename = "TagList", default)]
    _tag_list: Vec<String>,
    #[serde(rename = "StartIndex")]
    _start_index: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Answer<I> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    info_item: Vec<I>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    user_data_item: Vec<Friend>,
    #[serde(skip_serializing_if = "Option::is_none")]
    standard_sequence: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom_sequence: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    friend_num: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    complete_flag: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_start_index: Option<u32>,
    action_status: &'static str,
    error_code: u32,
    error_info: &'static str,
    error_display: &'static str,
}

impl<I> Default for Answer<I> {
    fn default() -> Self {
        Self {
            info_item: Vec::new(),
            user_data_item: Vec::new(),
            standard_sequence: None,
            custom_sequence: None,
            friend_num: None,
            complete_flag: None,
            next_start_index: None,
            action_status: "OK",
            error_code: 0,
            error_info: "",
            error_display: "",
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Relation {
    #[serde(rename = "To_Account")]
    to_account: String,
    relation: &'static str,
    result_code: u32,
    result_info: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Fields {
    #[serde(rename = "To_Account")]
    to_account: String,
    sns_profile_item: Vec<Field>,
    result_code: u32,
    result_info: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Friend {
    #[serde(rename = "To_Account")]
    to_account: String,
    value_item: Vec<Field>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Field {
    tag: &'static str,
    value: Value,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Value {
    Text(&'static str),
    Number(u64),
    Texts([&'static str; 1]),
}

fn fields() -> Vec<Field> {
    let field = |tag, value| Field { tag, value };
    vec![
        field("Tag_SNS_IM_AddSource", Value::Text(SOURCE)),
        field("Tag_SNS_IM_Remark", Value::Text(REMARK)),
        field("Tag_SNS_IM_Group", Value::Texts([GROUP])),
        field("Tag_SNS_IM_AddTime", Value::Number(ADD_TIME)),
    ]
}

async fn friend_get(body: Bytes) -> Response {
    parse(&body);
    let friend = |number| Friend {
        to_account: load::user(number),
        value_item: fields(),
    };
    json(&Answer::<()> {
        user_data_item: (1..=100).map(friend).collect(),
        standard_sequence: Some(3000),
        custom_sequence: Some(0),
        friend_num: Some(3000),
        complete_flag: Some(0),
        next_start_index: Some(1100),
        ..Answer::default()
    })
}

async fn friend_check(body: Bytes) -> Response {
    let relation = |to_account| Relation {
        to_account,
        relation: "CheckResult_Type_AWithB",
        result_code: 0,
        result_info: "",
    };
    let info_item = parse(&body).to_account.into_iter().map(relation).collect();
    json(&Answer {
        info_item,
        ..Answer::default()
    })
}

async fn friend_get_list(body: Bytes) -> Response {
    let friend = |to_account| Fields {
        to_account,
        sns_profile_item: fields(),
        result_code: 0,
        result_info: "",
    };
    let info_item = parse(&body).to_account.into_iter().map(friend).collect();
    json(&Answer {
        info_item,
        ..Answer::default()
    })
}

fn parse(body: &Bytes) -> Request {
    serde_json::from_slice(body).expect("the benchmark sends good bodies")
}

fn json<T: Serialize>(answer: &T) -> Response {
    let body = serde_json::to_vec(answer).expect("strings and numbers serialise");
    ([(CONTENT_TYPE, "application/json")], body).into_response()
}
