//! `v4/sns/black_list_add`: blocks accounts.
//! <https://www.tencentcloud.com/document/product/1047/34911>

use super::Command;
use super::context::{CallContext, blocklist_pairs, friend_pairs};
use super::recipe::{Names, Recipe, WRITE};
use crate::faults::Targets;
use crate::protocol::code::Code;
use crate::protocol::reply::{CallError, ItemResults};
use crate::protocol::service::{CommandInfo, Service, Subject};
use crate::protocol::webhook::Event;
use crate::sns::black_list::judge_add;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use smol_str::SmolStr;

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct BlackListAdd {
    /// Required: the owner of the blocklist.
    #[serde(rename = "From_Account")]
    from_account: SmolStr,
    /// Required: 1 to 1000 accounts to block.
    #[serde(rename = "To_Account")]
    to_account: Vec<SmolStr>,
}

impl Command for BlackListAdd {
    const INFO: CommandInfo = Service::Sns.command("black_list_add", 200, Subject::FromAndItems);

    const RECIPE: Recipe = Recipe {
        scripted: [WRITE, &[Code::SdkAppIdIllegal]],
        ..Recipe::of(|Names { from, to, .. }| json!({ "From_Account": from, "To_Account": [to] }))
    };

    type Response = ItemResults;

    fn targets(&self) -> Targets<'_, impl Iterator<Item = &str>> {
        let to_accounts = self.to_account.iter().map(SmolStr::as_str);
        Targets::new(Some(&self.from_account), to_accounts)
    }

    async fn handle(self, context: CallContext<'_>) -> Result<ItemResults, CallError> {
        let CallContext { app, policy, .. } = context;
        let (from, tos) = context.batch(&self.from_account, &self.to_account).await?;
        let (friendship, now) = (app.config.friendship_when_blocked, context.unix_time());
        let judged = app.store.judge_each(from, &tos, |pair, to| {
            judge_add((from, *to), pair, friendship, now, policy)
        });
        let verdicts = judged.await?.verdicts;
        context.send(|| Event::BlackListAdd {
            pairs: blocklist_pairs(from, &tos, &verdicts),
        });
        // The friendships that have ended (documented on the Chinese page, and seen).
        context.send(|| Event::FriendDelete {
            pairs: friend_pairs(from, &tos, &verdicts),
        });
        Ok(context.results(self.to_account, &verdicts))
    }
}
