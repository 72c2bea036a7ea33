//! `v4/sns/black_list_delete`: unblocks accounts.
//! <https://www.tencentcloud.com/document/product/1047/34912>

use super::Command;
use super::context::{CallContext, blocklist_pairs};
use super::recipe::{Names, Needs, Recipe, WRITE};
use crate::faults::Targets;
use crate::protocol::code::Code;
use crate::protocol::reply::{CallError, ItemResults};
use crate::protocol::service::{CommandInfo, Service, Subject};
use crate::protocol::webhook::Event;
use crate::sns::black_list::judge_delete;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use smol_str::SmolStr;

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct BlackListDelete {
    /// Required: the owner of the blocklist.
    #[serde(rename = "From_Account")]
    from_account: SmolStr,
    /// Required: 1 to 1000 accounts to unblock.
    #[serde(rename = "To_Account")]
    to_account: Vec<SmolStr>,
}

impl Command for BlackListDelete {
    const INFO: CommandInfo = Service::Sns.command("black_list_delete", 200, Subject::FromAndItems);

    const RECIPE: Recipe = Recipe {
        needs: Needs::Blocked,
        scripted: [WRITE, &[Code::CheckBlocklistError]],
        ..Recipe::of(|Names { from, to, .. }| json!({ "From_Account": from, "To_Account": [to] }))
    };

    type Response = ItemResults;

    fn targets(&self) -> Targets<'_, impl Iterator<Item = &str>> {
        let to_accounts = self.to_account.iter().map(SmolStr::as_str);
        Targets::new(Some(&self.from_account), to_accounts)
    }

    async fn handle(self, context: CallContext<'_>) -> Result<ItemResults, CallError> {
        let (from, tos) = context.batch(&self.from_account, &self.to_account).await?;
        let store = &context.app.store;
        let judged = store.judge_each(from, &tos, |pair, _| judge_delete(pair));
        let verdicts = judged.await?.verdicts;
        context.send(|| Event::BlackListDelete {
            pairs: blocklist_pairs(from, &tos, &verdicts),
        });
        Ok(context.results(self.to_account, &verdicts))
    }
}
