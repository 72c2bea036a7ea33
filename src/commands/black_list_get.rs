//! `v4/sns/black_list_get`: the blocklist, a page at a time.
//! <https://www.tencentcloud.com/document/product/1047/34914>

use super::Command;
use super::body::integer;
use super::context::{CallContext, next_index};
use crate::faults::Targets;
use crate::protocol::reply::{Answer, CallError};
use crate::protocol::service::{CommandInfo, Service, Subject};
use crate::sns::model::Blocked;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) struct BlackListGet;

/// The longest page; a larger MaxLimited is cut to it (GUESS: the page names none).
const MAX_PAGE: usize = 1000;

/// The body.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct BlackListGetRequest {
    /// Required. Whose blocklist.
    #[serde(rename = "From_Account")]
    from_account: String,
    /// Required: 0, then StartIndex of the answer before.
    #[schemars(required)]
    #[serde(rename = "StartIndex", default, deserialize_with = "integer")]
    start_index: Option<i64>,
    /// Required: how long a page may be, from 1 on.
    #[schemars(required)]
    #[serde(rename = "MaxLimited", default, deserialize_with = "integer")]
    max_limited: Option<i64>,
    /// Required: the sequence of the answer before, 0 at first. It does not matter: the page tells
    /// callers of the REST API to send 0.
    #[schemars(required)]
    #[serde(rename = "LastSequence", default, deserialize_with = "integer")]
    last_sequence: Option<i64>,
}

/// The answer.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct BlackListGetResponse {
    black_list_item: Vec<BlackListItem>,
    /// Where the next page starts; 0 on the last one.
    start_index: u32,
    /// The international page's spelling, which is the key that half the clients read.
    curruent_sequence: u32,
    /// The Chinese page's spelling, which the other half reads.
    current_sequence: u32,
}

/// One blocked account.
#[derive(Debug, Serialize, JsonSchema)]
struct BlackListItem {
    #[serde(rename = "To_Account")]
    to_account: String,
    #[serde(rename = "AddBlackTimeStamp")]
    add_black_time_stamp: u64,
}

impl Answer for BlackListGetResponse {}

impl Command for BlackListGet {
    const INFO: CommandInfo = CommandInfo {
        service: Service::Sns,
        name: "black_list_get",
        calls_per_second: 200,
        subject: Subject::From,
    };

    type Request = BlackListGetRequest;
    type Response = BlackListGetResponse;

    fn targets(request: &BlackListGetRequest) -> Targets<'_, impl Iterator<Item = &str>> {
        Targets::new(Some(&request.from_account), std::iter::empty())
    }

    async fn handle(
        context: CallContext<'_>,
        request: BlackListGetRequest,
    ) -> Result<BlackListGetResponse, CallError> {
        let start = context.index("StartIndex", request.start_index)?;
        let count = context.index("MaxLimited", request.max_limited)?;
        if count == 0 {
            return Err(context.bad("MaxLimited is 0"));
        }
        context.index("LastSequence", request.last_sequence)?;
        let from = context.user_id(&request.from_account)?;
        let page = context
            .app
            .store
            .blocklist_page(from, start, count.min(MAX_PAGE))
            .await?;
        let item = |blocked: &Blocked| BlackListItem {
            to_account: blocked.to.to_string(),
            add_black_time_stamp: blocked.add_time.seconds(),
        };
        Ok(BlackListGetResponse {
            black_list_item: page.blocked.iter().map(item).collect(),
            start_index: next_index(start, page.blocked.len(), page.total),
            curruent_sequence: page.sequence,
            current_sequence: page.sequence,
        })
    }
}
