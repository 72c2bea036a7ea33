//! `v4/sns/friend_update`: changes what is kept of friends.
//! <https://www.tencentcloud.com/document/product/1047/34904>

use super::Command;
use super::body::objects;
use super::context::CallContext;
use crate::faults::Targets;
use crate::protocol::reply::{CallError, ItemResults};
use crate::protocol::service::{CommandInfo, Service, Subject};
use crate::protocol::tag::TagItem;
use crate::sns::friend_update::{UpdatedFriend, judge};
use crate::store::Judged;
use schemars::JsonSchema;
use serde::Deserialize;

pub(crate) struct FriendUpdate;

/// The body.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct FriendUpdateRequest {
    /// Required. Whose friends.
    #[serde(rename = "From_Account")]
    from_account: String,
    /// Required: 1 to 1000 items.
    #[serde(rename = "UpdateItem", deserialize_with = "objects")]
    update_item: Vec<UpdateItem>,
}

/// One friend.
#[derive(Debug, Deserialize, JsonSchema)]
struct UpdateItem {
    /// Required.
    #[serde(rename = "To_Account")]
    to_account: String,
    /// Required: Remark, Group and custom fields may be written. Group is all the groups that the
    /// friend is in from now on; those that are new are made. An empty value takes away.
    #[serde(rename = "SnsItem", deserialize_with = "objects")]
    sns_item: Vec<TagItem>,
}

impl Command for FriendUpdate {
    const INFO: CommandInfo = CommandInfo {
        service: Service::Sns,
        name: "friend_update",
        calls_per_second: 200,
        subject: Subject::FromAndItems,
    };

    type Request = FriendUpdateRequest;
    type Response = ItemResults;

    fn targets(request: &FriendUpdateRequest) -> Targets<'_, impl Iterator<Item = &str>> {
        let to_accounts = request.update_item.iter().map(|item| &*item.to_account);
        Targets::new(Some(&request.from_account), to_accounts)
    }

    async fn handle(
        context: CallContext<'_>,
        request: FriendUpdateRequest,
    ) -> Result<ItemResults, CallError> {
        let CallContext { policy, .. } = context;
        let declared = &context.app.config.custom_fields.friend;
        context.check_length("UpdateItem", request.update_item.len(), policy.max_items)?;
        let from = context.user_id(&request.from_account)?;
        let parse = |item: &UpdateItem| {
            UpdatedFriend::parse(&item.to_account, &item.sns_item, declared, policy)
        };
        let items = context
            .items(from, request.update_item.iter().map(parse))
            .await?;
        let Judged { verdicts, .. } = context
            .app
            .store
            .judge_each(from, &items, |pair, item| judge(pair, item, policy))
            .await?;
        let tos = request.update_item.into_iter().map(|item| item.to_account);
        Ok(context.results(tos, &verdicts))
    }
}
