//! `v4/sns/black_list_get`: one page of the blocklist.
//! <https://www.tencentcloud.com/document/product/1047/34914>

use super::Command;
use super::context::{CallContext, next_index};
use super::recipe::{Names, Needs, Recipe};
use crate::faults::Targets;
use crate::protocol::lenient::integer;
use crate::protocol::reply::{Answer, CallError};
use crate::protocol::service::{CommandInfo, Service, Subject};
use crate::sns::model::Blocked;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use smol_str::SmolStr;

/// The largest MaxLimited; a larger one is reduced to it (GUESS: Tencent documents no limit).
const MAX_PAGE: usize = 1000;

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(extend("required" = ["From_Account", "StartIndex", "MaxLimited"]))]
pub(crate) struct BlackListGet {
    /// Required: the owner of the blocklist.
    #[serde(rename = "From_Account")]
    from_account: SmolStr,
    /// Required: 0, then StartIndex of the previous answer.
    #[serde(rename = "StartIndex", default, deserialize_with = "integer")]
    start_index: Option<i64>,
    /// Required: the maximum length of the page, at least 1.
    #[serde(rename = "MaxLimited", default, deserialize_with = "integer")]
    max_limited: Option<i64>,
    /// The sequence of the previous answer, at first 0. It has no effect, because Tencent tells callers
    /// of the REST API to send 0. The page requires it, but the official web SDK sends none.
    #[serde(rename = "LastSequence", default, deserialize_with = "integer")]
    last_sequence: Option<i64>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct BlackListGetResponse {
    black_list_item: Vec<BlackListItem>,
    /// The start of the next page; 0 on the last page.
    start_index: u32,
    /// The spelling of the international page, which half of the clients read.
    curruent_sequence: u32,
    /// The spelling of the Chinese page, which the other clients read.
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
    const INFO: CommandInfo = Service::Sns.command("black_list_get", 200, Subject::From);

    const RECIPE: Recipe = Recipe {
        needs: Needs::Blocked,
        account: "/From_Account",
        plain_field: "StartIndex",
        ..Recipe::of(
            |Names { from, .. }| json!({ "From_Account": from, "StartIndex": 0, "MaxLimited": 30 }),
        )
    };

    type Response = BlackListGetResponse;

    fn targets(&self) -> Targets<'_, impl Iterator<Item = &str>> {
        Targets::new(Some(&self.from_account), std::iter::empty())
    }

    async fn handle(self, context: CallContext<'_>) -> Result<BlackListGetResponse, CallError> {
        let start = context.index("StartIndex", self.start_index)?;
        let count = context.index("MaxLimited", self.max_limited)?;
        if count == 0 {
            return Err(context.bad("MaxLimited is 0"));
        }
        if self.last_sequence.is_some() {
            context.index("LastSequence", self.last_sequence)?;
        }
        let from = context.user_id(&self.from_account)?;
        let store = &context.app.store;
        let page = store
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
