//! `v4/sns/friend_update`: changes the stored fields of friends.
//! <https://www.tencentcloud.com/document/product/1047/34904>

use super::Command;
use super::context::CallContext;
use super::recipe::{Names, Needs, Recipe, WRITE};
use crate::faults::Targets;
use crate::protocol::code::Code;
use crate::protocol::lenient::objects;
use crate::protocol::reply::{CallError, ItemResults};
use crate::protocol::service::{CommandInfo, Service, Subject};
use crate::protocol::tag::TagItem;
use crate::sns::friend_update::{UpdatedFriend, judge};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use smol_str::SmolStr;

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct FriendUpdate {
    /// Required: the owner of the friend list.
    #[serde(rename = "From_Account")]
    from_account: SmolStr,
    /// Required: 1 to 1000 friends to change.
    #[serde(rename = "UpdateItem", deserialize_with = "objects")]
    update_item: Vec<UpdateItem>,
}

/// One friend.
#[derive(Debug, Deserialize, JsonSchema)]
struct UpdateItem {
    /// Required.
    #[serde(rename = "To_Account")]
    to_account: SmolStr,
    /// Required: the new values of Remark, Group and custom fields. Group replaces all groups of the
    /// friend; new groups are created. An empty value removes the field.
    #[serde(rename = "SnsItem", deserialize_with = "objects")]
    sns_item: Vec<TagItem>,
}

impl Command for FriendUpdate {
    const INFO: CommandInfo = Service::Sns.command("friend_update", 200, Subject::FromAndItems);

    const RECIPE: Recipe = Recipe {
        needs: Needs::Friend,
        account: "/UpdateItem/0/To_Account",
        plain_field: "UpdateItem",
        scripted: [WRITE, &[Code::SdkAppIdIllegal, Code::ImportSdkAppIdIllegal]],
        ..Recipe::of(|Names { from, to, .. }| {
            let field = json!({ "Tag": "Tag_SNS_IM_Remark", "Value": "remark" });
            json!({ "From_Account": from, "UpdateItem": [{ "To_Account": to, "SnsItem": [field] }] })
        })
    };

    type Response = ItemResults;

    fn targets(&self) -> Targets<'_, impl Iterator<Item = &str>> {
        let to_accounts = self.update_item.iter().map(|item| &*item.to_account);
        Targets::new(Some(&self.from_account), to_accounts)
    }

    async fn handle(self, context: CallContext<'_>) -> Result<ItemResults, CallError> {
        let CallContext { app, policy, .. } = context;
        let (declared, items) = (&app.config.custom_fields.friend, &self.update_item);
        context.check_length("UpdateItem", items.len(), policy.max_items)?;
        let from = context.user_id(&self.from_account)?;
        let parse =
            |UpdateItem {
                 to_account,
                 sns_item,
             }: &_| { UpdatedFriend::parse(to_account, sns_item, declared, policy) };
        let items = context.items(from, items.iter().map(parse)).await?;
        let rule = |pair: &_, item: &_| judge(pair, item, policy);
        let verdicts = app.store.judge_each(from, &items, rule).await?.verdicts;
        let tos = self.update_item.into_iter().map(|item| item.to_account);
        Ok(context.results(tos, &verdicts))
    }
}
