//! `v4/sns/group_add`: creates groups of friends, and adds friends to them.
//! <https://www.tencentcloud.com/document/product/1047/34950>

use super::Command;
use super::context::CallContext;
use super::recipe::{Names, Needs, Recipe, WRITE};
use crate::faults::Targets;
use crate::protocol::code::Code;
use crate::protocol::ids::UserId;
use crate::protocol::lenient::names;
use crate::protocol::reply::{Answer, CallError, ItemResults, Tally};
use crate::protocol::service::{CommandInfo, Service, Subject};
use crate::sns::group::{Joining, judge_add, judge_join};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use smol_str::SmolStr;

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct GroupAdd {
    /// Required: the owner of the groups.
    #[serde(rename = "From_Account")]
    from_account: SmolStr,
    /// Required: the groups, each of 1 to 30 bytes. A group can already exist.
    #[serde(rename = "GroupName", deserialize_with = "names")]
    group_name: Vec<SmolStr>,
    /// Optional: up to 1000 friends to add to all of the groups.
    #[serde(rename = "To_Account", default, deserialize_with = "names")]
    to_account: Vec<SmolStr>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct GroupAddResponse {
    /// Absent if the request has no To_Account.
    #[serde(flatten)]
    results: Option<ItemResults>,
    #[serde(rename = "CurrentSequence")]
    current_sequence: u32,
}

impl Answer for GroupAddResponse {
    fn replace_codes(&mut self, outcome: &mut dyn FnMut(usize) -> Option<Code>) {
        if let Some(results) = &mut self.results {
            results.replace_codes(outcome);
        }
    }

    fn tally(&self) -> Option<Tally> {
        self.results.as_ref().and_then(Answer::tally)
    }
}

impl Command for GroupAdd {
    const INFO: CommandInfo = Service::Sns.command("group_add", 200, Subject::FromAndItems);

    const RECIPE: Recipe = Recipe {
        needs: Needs::Friend,
        scripted: [WRITE, &[Code::SdkAppIdIllegal, Code::GroupSdkAppIdIllegal]],
        ..Recipe::of(
            |Names {
                 from, to, group, ..
             }| {
                json!({ "From_Account": from, "GroupName": [group.as_str()], "To_Account": [to] })
            },
        )
    };

    type Response = GroupAddResponse;

    fn targets(&self) -> Targets<'_, impl Iterator<Item = &str>> {
        let to_accounts = self.to_account.iter().map(SmolStr::as_str);
        Targets::new(Some(&self.from_account), to_accounts)
    }

    async fn handle(self, context: CallContext<'_>) -> Result<GroupAddResponse, CallError> {
        let (policy, store) = (context.policy, &context.app.store);
        let groups = context.group_names(&self.group_name)?;
        if !self.to_account.is_empty() {
            context.check_length("To_Account", self.to_account.len(), policy.max_items)?;
        }
        let from = context.user_id(&self.from_account)?;

        let created = store.judge_own(from, &groups, |pair| judge_add(pair, &groups, policy));
        let created = created.await?;
        if created.code != Code::Ok {
            return Err(created.code.into());
        }
        if self.to_account.is_empty() {
            return Ok(GroupAddResponse {
                results: None,
                current_sequence: created.sequences.groups,
            });
        }
        let (groups, tos) = (&*groups, self.to_account.iter());
        let tos = tos.map(|to| UserId::parse(to).ok_or(Code::ToAccountIllegal));
        let items = tos.map(|to| to.map(|to| Joining { to, groups }));
        let items = context.items(from, items).await?;
        let judged = store.judge_each(from, &items, |pair, item| judge_join(pair, item, policy));
        let judged = judged.await?;
        Ok(GroupAddResponse {
            results: Some(context.results(self.to_account, &judged.verdicts)),
            current_sequence: judged.sequences.groups,
        })
    }
}
