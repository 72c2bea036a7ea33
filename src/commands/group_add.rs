//! `v4/sns/group_add`: makes groups of friends, and puts friends in them.
//! <https://www.tencentcloud.com/document/product/1047/34950>

use super::Command;
use super::body::names;
use super::context::CallContext;
use crate::faults::Targets;
use crate::protocol::code::Code;
use crate::protocol::ids::UserId;
use crate::protocol::reply::{Answer, CallError, ItemResults, Tally};
use crate::protocol::service::{CommandInfo, Service, Subject};
use crate::sns::group::{Joining, judge_add, judge_join};
use crate::store::Judged;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) struct GroupAdd;

/// The body.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct GroupAddRequest {
    /// Required. Whose groups.
    #[serde(rename = "From_Account")]
    from_account: String,
    /// Required: the groups, each of 1 to 30 bytes. Those that are there already are no fault.
    #[serde(rename = "GroupName", deserialize_with = "names")]
    group_name: Vec<String>,
    /// Optional: up to 1000 friends to put in all of the groups.
    #[serde(rename = "To_Account", default, deserialize_with = "names")]
    to_account: Vec<String>,
}

/// The answer.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct GroupAddResponse {
    /// Absent when no friend was named.
    #[serde(flatten)]
    results: Option<ItemResults>,
    #[serde(rename = "CurrentSequence")]
    current_sequence: u32,
}

impl Answer for GroupAddResponse {
    fn replace_codes(
        &mut self,
        command: &'static CommandInfo,
        outcome: &mut dyn FnMut(usize) -> Option<Code>,
    ) {
        if let Some(results) = &mut self.results {
            results.replace_codes(command, outcome);
        }
    }

    fn tally(&self) -> Option<Tally> {
        self.results.as_ref().and_then(Answer::tally)
    }
}

impl Command for GroupAdd {
    const INFO: CommandInfo = CommandInfo {
        service: Service::Sns,
        name: "group_add",
        calls_per_second: 200,
        subject: Subject::FromAndItems,
    };

    type Request = GroupAddRequest;
    type Response = GroupAddResponse;

    fn targets(request: &GroupAddRequest) -> Targets<'_, impl Iterator<Item = &str>> {
        let to_accounts = request.to_account.iter().map(|to| &**to);
        Targets::new(Some(&request.from_account), to_accounts)
    }

    async fn handle(
        context: CallContext<'_>,
        request: GroupAddRequest,
    ) -> Result<GroupAddResponse, CallError> {
        let (policy, store) = (context.policy, &context.app.store);
        let groups = context.group_names(&request.group_name)?;
        if !request.to_account.is_empty() {
            context.check_length("To_Account", request.to_account.len(), policy.max_items)?;
        }
        let from = context.user_id(&request.from_account)?;

        let groups_made = store
            .judge_own(from, &groups, |pair| judge_add(pair, &groups, policy))
            .await?;
        if groups_made.code != Code::Ok {
            return Err(groups_made.code.into());
        }
        let joining = |to: &String| {
            let to = UserId::parse(to).ok_or(Code::ToAccountIllegal)?;
            Ok(Joining {
                to,
                groups: &groups,
            })
        };
        if request.to_account.is_empty() {
            return Ok(GroupAddResponse {
                results: None,
                current_sequence: groups_made.sequences.groups,
            });
        }
        let tos = request.to_account.iter().map(joining);
        let items = context.items(from, tos).await?;
        let Judged {
            verdicts,
            sequences,
        } = store
            .judge_each(from, &items, |pair, item| judge_join(pair, item, policy))
            .await?;
        Ok(GroupAddResponse {
            results: Some(context.results(request.to_account, &verdicts)),
            current_sequence: sequences.groups,
        })
    }
}
