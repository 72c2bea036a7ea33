//! `v4/sns/friend_get`: one page of all friends.
//! <https://www.tencentcloud.com/document/product/1047/34908>

use super::Command;
use super::context::{CallContext, next_index};
use super::recipe::{Names, Needs, Recipe};
use crate::faults::Targets;
use crate::protocol::lenient::integer;
use crate::protocol::reply::{Answer, CallError};
use crate::protocol::service::{CommandInfo, Service, Subject};
use crate::protocol::tag::TagItem;
use crate::sns::model::Friend;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use smol_str::SmolStr;

/// The number of friends on a page of the list (inferred from friend_get_all, the predecessor:
/// Tencent documents none).
const PAGE: usize = 100;

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(extend("required" = ["From_Account", "StartIndex"]))]
pub(crate) struct FriendGet {
    /// Required: the owner of the friend list.
    #[serde(rename = "From_Account")]
    from_account: SmolStr,
    /// Required: 0, then NextStartIndex of the previous answer.
    #[serde(rename = "StartIndex", default, deserialize_with = "integer")]
    start_index: Option<i64>,
    /// Optional: the StandardSequence that the caller knows. If StartIndex is 0 and the sequence is
    /// current and not 0, the answer has no standard fields.
    #[serde(rename = "StandardSequence", default, deserialize_with = "integer")]
    standard_sequence: Option<i64>,
    /// Optional: the same for custom fields.
    #[serde(rename = "CustomSequence", default, deserialize_with = "integer")]
    custom_sequence: Option<i64>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct FriendGetResponse {
    /// Absent if the account has no friend (seen 2020). Empty if both sequences of the request are
    /// current (GUESS).
    #[serde(skip_serializing_if = "Option::is_none")]
    user_data_item: Option<Vec<UserDataItem>>,
    standard_sequence: u32,
    custom_sequence: u32,
    /// The number of all friends.
    friend_num: u32,
    /// 1 on the last page.
    complete_flag: u8,
    /// 0 on the last page.
    next_start_index: u32,
}

/// One friend.
#[derive(Debug, Serialize, JsonSchema)]
struct UserDataItem {
    #[serde(rename = "To_Account")]
    to_account: String,
    /// The fields that have a value.
    #[serde(rename = "ValueItem")]
    value_item: Vec<TagItem>,
}

impl Answer for FriendGetResponse {}

impl Command for FriendGet {
    const INFO: CommandInfo = Service::Sns.command("friend_get", 200, Subject::From);

    const RECIPE: Recipe = Recipe {
        needs: Needs::Friend,
        account: "/From_Account",
        plain_field: "StartIndex",
        ..Recipe::of(|Names { from, .. }| json!({ "From_Account": from, "StartIndex": 0 }))
    };

    type Response = FriendGetResponse;

    fn targets(&self) -> Targets<'_, impl Iterator<Item = &str>> {
        Targets::new(Some(&self.from_account), std::iter::empty())
    }

    async fn handle(self, context: CallContext<'_>) -> Result<FriendGetResponse, CallError> {
        let start = context.index("StartIndex", self.start_index)?;
        let from = context.user_id(&self.from_account)?;
        let page = context.app.store.friends_page(from, start, PAGE).await?;
        // Clients send the sequences of page 1 with page 2 as well, and 0 for a sequence that they do
        // not know.
        let has = |known: Option<i64>, current: u32| {
            start == 0 && current > 0 && known == Some(current.into())
        };
        let wants_standard = !has(self.standard_sequence, page.sequences.standard);
        let wants_custom = !has(self.custom_sequence, page.sequences.custom);
        let item = |friend: &Friend| {
            let standard = friend.standard_items().filter(|_| wants_standard);
            let custom = friend.custom_items().filter(|_| wants_custom);
            UserDataItem {
                to_account: friend.to.to_string(),
                value_item: standard.chain(custom).collect(),
            }
        };
        let (user_data_item, next) = if wants_standard || wants_custom {
            let next = next_index(start, page.friends.len(), page.total);
            (page.friends.iter().map(item).collect(), next)
        } else {
            (Vec::new(), 0)
        };
        Ok(FriendGetResponse {
            user_data_item: (page.total > 0).then_some(user_data_item),
            standard_sequence: page.sequences.standard,
            custom_sequence: page.sequences.custom,
            friend_num: page.total,
            complete_flag: (next == 0).into(),
            next_start_index: next,
        })
    }
}
