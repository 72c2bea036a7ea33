//! The bare axum routes that the emulator is compared with.

use axum::Router;
use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Reads the body, and writes a fixed answer of the same size as the emulator's.
pub(crate) const FIXED: &str = "/fixed";

/// Parses a friend_add body and serialises an answer, without any other work.
pub(crate) const PARSE: &str = "/parse";

/// The same, but its texts borrow from the body instead of copying them.
pub(crate) const BORROW: &str = "/borrow";

const FLAG: &str = "--serve-baseline";

const FIXED_ANSWER: &str = r#"{"ResultItem":[{"To_Account":"u00000000001","ResultCode":0,"ResultInfo":""}],"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"","ErrorDisplay":""}"#;

#[derive(Deserialize)]
struct Request {
    #[serde(rename = "From_Account")]
    _from_account: String,
    #[serde(rename = "AddFriendItem")]
    add_friend_item: Vec<Item>,
    #[serde(rename = "AddType")]
    _add_type: Option<String>,
    #[serde(rename = "ForceAddFlags")]
    _force_add_flags: Option<i64>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(rename = "To_Account")]
    to_account: String,
    #[serde(rename = "Remark")]
    _remark: Option<String>,
    #[serde(rename = "GroupName")]
    _group_name: Option<String>,
    #[serde(rename = "AddSource")]
    _add_source: Option<String>,
    #[serde(rename = "AddWording")]
    _add_wording: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Answer<T> {
    result_item: Vec<ResultItem<T>>,
    action_status: &'static str,
    error_code: u32,
    error_info: &'static str,
    error_display: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ResultItem<T> {
    #[serde(rename = "To_Account")]
    to_account: T,
    result_code: u32,
    result_info: &'static str,
}

async fn parse(body: Bytes) -> impl IntoResponse {
    let request: Request = serde_json::from_slice(&body).expect("the benchmark sends good bodies");
    let items = request.add_friend_item.into_iter();
    answer(items.map(|item| item.to_account))
}

fn answer<T: Serialize>(to_accounts: impl Iterator<Item = T>) -> Response {
    let result_item = to_accounts
        .map(|to_account| ResultItem {
            to_account,
            result_code: 0,
            result_info: "",
        })
        .collect();
    let answer = Answer {
        result_item,
        action_status: "OK",
        error_code: 0,
        error_info: "",
        error_display: "",
    };
    json(serde_json::to_vec(&answer).expect("strings and numbers serialise"))
}

#[derive(Deserialize)]
struct BorrowedRequest<'a> {
    #[serde(rename = "From_Account")]
    _from_account: &'a str,
    #[serde(rename = "AddFriendItem", borrow)]
    add_friend_item: Vec<BorrowedItem<'a>>,
    #[serde(rename = "AddType")]
    _add_type: Option<&'a str>,
    #[serde(rename = "ForceAddFlags")]
    _force_add_flags: Option<i64>,
}

#[derive(Deserialize)]
struct BorrowedItem<'a> {
    #[serde(rename = "To_Account")]
    to_account: &'a str,
    #[serde(rename = "Remark")]
    _remark: Option<&'a str>,
    #[serde(rename = "GroupName")]
    _group_name: Option<&'a str>,
    #[serde(rename = "AddSource")]
    _add_source: Option<&'a str>,
    #[serde(rename = "AddWording")]
    _add_wording: Option<&'a str>,
}

async fn borrow(body: Bytes) -> impl IntoResponse {
    let request: BorrowedRequest<'_> =
        serde_json::from_slice(&body).expect("the benchmark sends good bodies");
    answer(request.add_friend_item.iter().map(|item| item.to_account))
}

async fn fixed(_: Bytes) -> impl IntoResponse {
    json(FIXED_ANSWER)
}

fn json(body: impl IntoResponse) -> Response {
    ([(CONTENT_TYPE, "application/json")], body).into_response()
}

/// The file to write the address to, if this process was started as the baseline.
pub(crate) fn ready_file() -> Option<PathBuf> {
    let mut arguments = std::env::args().skip_while(|argument| argument != FLAG);
    arguments.next()?;
    arguments.next().map(PathBuf::from)
}

/// The command that starts this program as the baseline.
pub(crate) fn command(ready_file: &Path) -> std::process::Command {
    let mut command =
        std::process::Command::new(std::env::current_exe().expect("we run from a file"));
    command.arg(FLAG).arg(ready_file);
    command
}

pub(crate) fn serve(ready_file: &Path) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port is free");
        let url = format!("http://{}\n", listener.local_addr().expect("it is bound"));
        let unfinished = ready_file.with_extension("part");
        std::fs::write(&unfinished, url).expect("the folder is ours");
        std::fs::rename(&unfinished, ready_file).expect("the folder is ours");
        let router = Router::new()
            .route(FIXED, post(fixed))
            .route(PARSE, post(parse))
            .route(BORROW, post(borrow))
            .merge(crate::reads::routes())
            .layer(axum::extract::DefaultBodyLimit::disable());
        axum::serve(listener, router)
            .await
            .expect("it serves until it is killed");
    });
}
