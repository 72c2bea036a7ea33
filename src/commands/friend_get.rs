//! `v4/sns/friend_get`: all friends, a page at a time.
//! <https://www.tencentcloud.com/document/product/1047/34908>

use super::Command;
use super::body::integer;
use super::context::{CallContext, next_index};
use crate::faults::Targets;
use crate::protocol::reply::{Answer, CallError};
use crate::protocol::service::{CommandInfo, Service, Subject};
use crate::protocol::tag::TagItem;
use crate::sns::model::{Friend, Sequences};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) struct FriendGet;

/// Friends on a page (inferred from the command before it, friend_get_all: this page names none).
const PAGE: usize = 100;

/// The body.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct FriendGetRequest {
    /// Required. Whose friends.
    #[serde(rename = "From_Account")]
    from_account: String,
    /// Required: 0, then NextStartIndex of the answer before.
    #[schemars(required)]
    #[serde(rename = "StartIndex", default, deserialize_with = "integer")]
    start_index: Option<i64>,
    /// Optional: the StandardSequence that the caller knows. When it is still right, no standard
    /// field is answered.
    #[serde(rename = "StandardSequence", default, deserialize_with = "integer")]
    standard_sequence: Option<i64>,
    /// Optional: the same for custom fields.
    #[serde(rename = "CustomSequence", default, deserialize_with = "integer")]
    custom_sequence: Option<i64>,
}

/// The answer.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct FriendGetResponse {
    /// Empty when the caller knows all (GUESS).
    user_data_item: Vec<UserDataItem>,
    standard_sequence: u32,
    custom_sequence: u32,
    /// How many friends there are in all.
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
    /// Its fields that have a value.
    #[serde(rename = "ValueItem")]
    value_item: Vec<TagItem>,
}

impl Answer for FriendGetResponse {}

/// Which fields are answered.
#[derive(Clone, Copy)]
struct Wanted {
    standard: bool,
    custom: bool,
}

impl Wanted {
    fn item(self, friend: &Friend) -> UserDataItem {
        let standard = friend.standard_items().filter(|_| self.standard);
        let custom = friend.custom_items().filter(|_| self.custom);
        UserDataItem {
            to_account: friend.to.to_string(),
            value_item: standard.chain(custom).collect(),
        }
    }
}

impl Command for FriendGet {
    const INFO: CommandInfo = CommandInfo {
        service: Service::Sns,
        name: "friend_get",
        calls_per_second: 200,
        subject: Subject::From,
    };

    type Request = FriendGetRequest;
    type Response = FriendGetResponse;

    fn targets(request: &FriendGetRequest) -> Targets<'_, impl Iterator<Item = &str>> {
        Targets::new(Some(&request.from_account), std::iter::empty())
    }

    async fn handle(
        context: CallContext<'_>,
        request: FriendGetRequest,
    ) -> Result<FriendGetResponse, CallError> {
        let start = context.index("StartIndex", request.start_index)?;
        let from = context.user_id(&request.from_account)?;
        let page = context.app.store.friends_page(from, start, PAGE).await?;
        let Sequences {
            standard, custom, ..
        } = page.sequences;
        let wanted = Wanted {
            standard: request.standard_sequence != Some(i64::from(standard)),
            custom: request.custom_sequence != Some(i64::from(custom)),
        };
        let known = !wanted.standard && !wanted.custom;
        let friends = page.friends.iter().filter(|_| !known);
        let next = if known {
            0
        } else {
            next_index(start, page.friends.len(), page.total)
        };
        Ok(FriendGetResponse {
            user_data_item: friends.map(|friend| wanted.item(friend)).collect(),
            standard_sequence: standard,
            custom_sequence: custom,
            friend_num: page.total,
            complete_flag: (next == 0).into(),
            next_start_index: next,
        })
    }
}
