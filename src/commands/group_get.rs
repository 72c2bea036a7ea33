//! `v4/sns/group_get`: groups of friends and their members.
//! <https://www.tencentcloud.com/document/product/1047/40123>

use super::Command;
use super::context::CallContext;
use super::recipe::{Names, Needs, Recipe};
use crate::faults::Targets;
use crate::protocol::lenient::{names, text};
use crate::protocol::reply::{Answer, CallError};
use crate::protocol::service::{CommandInfo, Service, Subject};
use crate::store::Group;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use smol_str::SmolStr;

/// The body. `LastSequence`, which older pages require, has no effect.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct GroupGet {
    /// Required: the owner of the groups.
    #[serde(rename = "From_Account")]
    from_account: SmolStr,
    /// Optional: `Need_Friend_Type_Yes` requests the members of each group. (The page says that it has
    /// an effect only without GroupName; the page's sample shows the opposite.)
    #[serde(rename = "NeedFriend", default, deserialize_with = "text")]
    need_friend: Option<SmolStr>,
    /// Optional: up to 32 groups; all groups by default. A group that does not exist is left out
    /// (GUESS).
    #[serde(rename = "GroupName", default, deserialize_with = "names")]
    group_name: Vec<SmolStr>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GroupGetResponse {
    result_item: Vec<GroupItem>,
    current_sequence: u32,
}

/// One group.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct GroupItem {
    group_name: String,
    friend_number: usize,
    /// The members; absent if they were not requested.
    #[serde(rename = "To_Account", skip_serializing_if = "Option::is_none")]
    to_account: Option<Vec<String>>,
}

/// The values of NeedFriend.
const NEED_FRIEND: &[(&str, bool)] = &[
    ("Need_Friend_Type_Yes", true),
    ("Need_Friend_Type_No", false),
];

impl Answer for GroupGetResponse {}

impl Command for GroupGet {
    const INFO: CommandInfo = Service::Sns.command("group_get", 200, Subject::From);

    const RECIPE: Recipe = Recipe {
        needs: Needs::Group,
        account: "/From_Account",
        plain_field: "GroupName",
        ..Recipe::of(
            |Names { from, group, .. }| json!({ "From_Account": from, "GroupName": [group.as_str()] }),
        )
    };

    type Response = GroupGetResponse;

    fn targets(&self) -> Targets<'_, impl Iterator<Item = &str>> {
        Targets::new(Some(&self.from_account), std::iter::empty())
    }

    async fn handle(self, context: CallContext<'_>) -> Result<GroupGetResponse, CallError> {
        let need_friend = self.need_friend.as_deref();
        let needs_friends = context.choice("NeedFriend", need_friend, Some(false), NEED_FRIEND)?;
        let mut names = Vec::new();
        if !self.group_name.is_empty() {
            names = context.group_names(&self.group_name)?;
        }
        let from = context.user_id(&self.from_account)?;
        let (groups, sequences) = context.app.store.groups(from, &names).await?;
        let members = |group: &Group| group.members.iter().map(ToString::to_string).collect();
        let item = |group: &Group| GroupItem {
            group_name: group.name.as_str().to_owned(),
            friend_number: group.members.len(),
            to_account: needs_friends.then(|| members(group)),
        };
        Ok(GroupGetResponse {
            result_item: groups.iter().map(item).collect(),
            current_sequence: sequences.groups,
        })
    }
}
