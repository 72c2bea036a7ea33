//! `v4/sns/group_delete`: deletes groups of friends; the friends stay.
//! <https://www.tencentcloud.com/document/product/1047/34926>

use super::Command;
use super::context::CallContext;
use super::recipe::{Names, Needs, Recipe, WRITE};
use crate::faults::Targets;
use crate::protocol::lenient::names;
use crate::protocol::reply::{Answer, CallError};
use crate::protocol::service::{CommandInfo, Service, Subject};
use crate::sns::group::judge_delete;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use smol_str::SmolStr;

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct GroupDelete {
    /// Required: the owner of the groups.
    #[serde(rename = "From_Account")]
    from_account: SmolStr,
    /// Required: the groups. A group that does not exist is ignored (GUESS).
    #[serde(rename = "GroupName", deserialize_with = "names")]
    group_name: Vec<SmolStr>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GroupDeleteResponse {
    current_sequence: u32,
}

impl Answer for GroupDeleteResponse {}

impl Command for GroupDelete {
    const INFO: CommandInfo = CommandInfo {
        // As in the page's samples.
        success_info: "0",
        ..Service::Sns.command("group_delete", 200, Subject::From)
    };

    const RECIPE: Recipe = Recipe {
        needs: Needs::Group,
        account: "/From_Account",
        plain_field: "GroupName",
        scripted: [WRITE, &[]],
        ..Recipe::of(
            |Names { from, group, .. }| json!({ "From_Account": from, "GroupName": [group.as_str()] }),
        )
    };

    type Response = GroupDeleteResponse;

    fn targets(&self) -> Targets<'_, impl Iterator<Item = &str>> {
        Targets::new(Some(&self.from_account), std::iter::empty())
    }

    async fn handle(self, context: CallContext<'_>) -> Result<GroupDeleteResponse, CallError> {
        let groups = context.group_names(&self.group_name)?;
        let from = context.user_id(&self.from_account)?;
        let store = &context.app.store;
        let deleted = store.judge_own(from, &groups, |_| judge_delete(&groups));
        Ok(GroupDeleteResponse {
            current_sequence: deleted.await?.sequences.groups,
        })
    }
}
