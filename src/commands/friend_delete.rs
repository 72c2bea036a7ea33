//! `v4/sns/friend_delete`: deletes friends.
//! <https://www.tencentcloud.com/document/product/1047/34905>

use super::Command;
use super::context::{CallContext, friend_pairs};
use super::recipe::{Names, Needs, Recipe, WRITE};
use crate::faults::Targets;
use crate::protocol::code::Code;
use crate::protocol::lenient::text;
use crate::protocol::reply::{CallError, ItemResults};
use crate::protocol::service::{CommandInfo, Service, Subject};
use crate::protocol::webhook::Event;
use crate::sns::friend_delete::judge;
use crate::sns::model::DeleteType;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use smol_str::SmolStr;

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct FriendDelete {
    /// Required: the owner of the friend list.
    #[serde(rename = "From_Account")]
    from_account: SmolStr,
    /// Required: 1 to 1000 friends to delete.
    #[serde(rename = "To_Account")]
    to_account: Vec<SmolStr>,
    /// Optional: `Delete_Type_Single`, which is the default (GUESS: this page names no default;
    /// friend_delete_all's is documented), or `Delete_Type_Both`.
    #[serde(rename = "DeleteType", default, deserialize_with = "text")]
    delete_type: Option<SmolStr>,
}

impl Command for FriendDelete {
    const INFO: CommandInfo = CommandInfo {
        // As in the page's samples.
        success_info: "0",
        ..Service::Sns.command("friend_delete", 200, Subject::FromAndItems)
    };

    const RECIPE: Recipe = Recipe {
        needs: Needs::Friend,
        scripted: [WRITE, &[Code::SdkAppIdIllegal, Code::TooManyDeletions]],
        ..Recipe::of(|Names { from, to, .. }| json!({ "From_Account": from, "To_Account": [to] }))
    };

    type Response = ItemResults;

    fn targets(&self) -> Targets<'_, impl Iterator<Item = &str>> {
        let to_accounts = self.to_account.iter().map(SmolStr::as_str);
        Targets::new(Some(&self.from_account), to_accounts)
    }

    async fn handle(self, context: CallContext<'_>) -> Result<ItemResults, CallError> {
        let delete_type = delete_type(&context, self.delete_type.as_deref())?;
        let (from, tos) = context.batch(&self.from_account, &self.to_account).await?;
        let store = &context.app.store;
        let judged = store.judge_each(from, &tos, |pair, _| judge(pair, delete_type));
        let verdicts = judged.await?.verdicts;
        context.send(|| Event::FriendDelete {
            pairs: friend_pairs(from, &tos, &verdicts),
        });
        Ok(context.results(self.to_account, &verdicts))
    }
}

/// DeleteType, also of friend_delete_all.
pub(super) fn delete_type(
    context: &CallContext<'_>,
    text: Option<&str>,
) -> Result<DeleteType, CallError> {
    let default = Some(DeleteType::default());
    context.choice("DeleteType", text, default, DeleteType::WIRE)
}
