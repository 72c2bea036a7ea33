//! `v4/sns/friend_import`: imports friends from another system, one-way.
//! <https://www.tencentcloud.com/document/product/1047/34903>

use super::Command;
use super::context::CallContext;
use super::recipe::{Names, Recipe, WRITE};
use crate::faults::Targets;
use crate::protocol::code::Code;
use crate::protocol::lenient::objects;
use crate::protocol::reply::{CallError, ItemResults};
use crate::protocol::service::{CommandInfo, Service, Subject};
use crate::sns::friend_import::{ImportItem, ImportedFriend, judge};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use smol_str::SmolStr;

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct FriendImport {
    /// Required: the owner of the friend list.
    #[serde(rename = "From_Account")]
    from_account: SmolStr,
    /// Required: 1 to 1000 friends to import.
    #[serde(rename = "AddFriendItem", deserialize_with = "objects")]
    add_friend_item: Vec<ImportItem>,
}

impl Command for FriendImport {
    const INFO: CommandInfo = Service::Sns.command("friend_import", 200, Subject::FromAndItems);

    const RECIPE: Recipe = Recipe {
        account: "/AddFriendItem/0/To_Account",
        plain_field: "AddFriendItem",
        scripted: [WRITE, &[Code::SdkAppIdIllegal, Code::ValueIllegal]],
        ..Recipe::of(|Names { from, to, .. }| {
            let item = json!({ "To_Account": to, "AddSource": "AddSource_Type_Web" });
            json!({ "From_Account": from, "AddFriendItem": [item] })
        })
    };

    type Response = ItemResults;

    fn targets(&self) -> Targets<'_, impl Iterator<Item = &str>> {
        let to_accounts = self.add_friend_item.iter().map(|item| &*item.to_account);
        Targets::new(Some(&self.from_account), to_accounts)
    }

    async fn handle(self, context: CallContext<'_>) -> Result<ItemResults, CallError> {
        let CallContext { app, policy, .. } = context;
        let (declared, now) = (&app.config.custom_fields.friend, context.unix_time());
        let items = &self.add_friend_item;
        context.check_length("AddFriendItem", items.len(), policy.max_items)?;
        let from = context.user_id(&self.from_account)?;
        let parse = |item| ImportedFriend::parse(from, item, declared, policy);
        let items = context.items(from, items.iter().map(parse)).await?;
        let rule = |pair: &_, item: &_| judge(pair, item, now, policy);
        let verdicts = app.store.judge_each(from, &items, rule).await?.verdicts;
        let tos = self.add_friend_item.into_iter();
        Ok(context.results(tos.map(|item| item.to_account), &verdicts))
    }
}
