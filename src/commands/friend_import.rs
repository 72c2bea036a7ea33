//! `v4/sns/friend_import`: takes over friends from another system, one way.
//! <https://www.tencentcloud.com/document/product/1047/34903>

use super::Command;
use super::body::{names, number, objects, optional_objects, text};
use super::context::CallContext;
use crate::faults::Targets;
use crate::protocol::reply::{CallError, ItemResults};
use crate::protocol::service::{CommandInfo, Service, Subject};
use crate::protocol::tag::TagItem;
use crate::sns::friend_import::{ImportedFriend, RawImport, judge};
use crate::store::Judged;
use schemars::JsonSchema;
use serde::Deserialize;

pub(crate) struct FriendImport;

/// The body.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct FriendImportRequest {
    /// Required. Whose list gains the friends.
    #[serde(rename = "From_Account")]
    from_account: String,
    /// Required: 1 to 1000 items.
    #[serde(rename = "AddFriendItem", deserialize_with = "objects")]
    add_friend_item: Vec<AddFriendItem>,
}

/// One friend. One that is in the list already gets what is given, and keeps the rest.
#[derive(Debug, Deserialize, JsonSchema)]
struct AddFriendItem {
    /// Required.
    #[serde(rename = "To_Account")]
    to_account: String,
    /// Optional: From_Account's name for the friend, at most 96 bytes.
    #[serde(rename = "Remark", default, deserialize_with = "text")]
    remark: Option<String>,
    /// Optional: when that name was given, in seconds since 1970.
    #[serde(rename = "RemarkTime", default, deserialize_with = "number")]
    remark_time: Option<i64>,
    /// Optional: groups, each of at most 30 bytes; those that are new are made.
    #[serde(rename = "GroupName", default, deserialize_with = "names")]
    group_name: Vec<String>,
    /// Required here: `AddSource_Type_` and 1 to 8 letters.
    #[schemars(required)]
    #[serde(rename = "AddSource", default, deserialize_with = "text")]
    add_source: Option<String>,
    /// Optional: what the request said, at most 256 bytes.
    #[serde(rename = "AddWording", default, deserialize_with = "text")]
    add_wording: Option<String>,
    /// Optional: since when they are friends, in seconds since 1970; now is the default.
    #[serde(rename = "AddTime", default, deserialize_with = "number")]
    add_time: Option<i64>,
    /// Optional: custom fields that the app declares.
    #[serde(rename = "CustomItem", default, deserialize_with = "optional_objects")]
    custom_item: Vec<TagItem>,
}

impl Command for FriendImport {
    const INFO: CommandInfo = CommandInfo {
        service: Service::Sns,
        name: "friend_import",
        calls_per_second: 200,
        subject: Subject::FromAndItems,
    };

    type Request = FriendImportRequest;
    type Response = ItemResults;

    fn targets(request: &FriendImportRequest) -> Targets<'_, impl Iterator<Item = &str>> {
        let to_accounts = request.add_friend_item.iter().map(|item| &*item.to_account);
        Targets::new(Some(&request.from_account), to_accounts)
    }

    async fn handle(
        context: CallContext<'_>,
        request: FriendImportRequest,
    ) -> Result<ItemResults, CallError> {
        let (policy, now) = (context.policy, context.unix_time());
        let declared = &context.app.config.custom_fields.friend;
        let length = request.add_friend_item.len();
        context.check_length("AddFriendItem", length, policy.max_items)?;
        let from = context.user_id(&request.from_account)?;
        let parse =
            |item: &AddFriendItem| ImportedFriend::parse(from, item.raw(), declared, policy);
        let items = context
            .items(from, request.add_friend_item.iter().map(parse))
            .await?;
        let Judged { verdicts, .. } = context
            .app
            .store
            .judge_each(from, &items, |pair, item| judge(pair, item, now, policy))
            .await?;
        let tos = request
            .add_friend_item
            .into_iter()
            .map(|item| item.to_account);
        Ok(context.results(tos, &verdicts))
    }
}

impl AddFriendItem {
    fn raw(&self) -> RawImport<'_> {
        RawImport {
            to_account: &self.to_account,
            remark: self.remark.as_deref(),
            remark_time: self.remark_time,
            group_name: &self.group_name,
            add_source: self.add_source.as_deref(),
            add_wording: self.add_wording.as_deref(),
            add_time: self.add_time,
            custom_item: &self.custom_item,
        }
    }
}
