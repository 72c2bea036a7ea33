//! `v4/sns/group_get`: groups of friends, and who is in them.
//! <https://www.tencentcloud.com/document/product/1047/40123>

use super::Command;
use super::body::{names, text};
use super::context::CallContext;
use crate::faults::Targets;
use crate::protocol::reply::{Answer, CallError};
use crate::protocol::service::{CommandInfo, Service, Subject};
use crate::store::Group;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) struct GroupGet;

/// The body. `LastSequence`, which older pages require, does not matter.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct GroupGetRequest {
    /// Required. Whose groups.
    #[serde(rename = "From_Account")]
    from_account: String,
    /// Optional: `Need_Friend_Type_Yes` asks for the friends in each group, too. (The page says that
    /// it counts only where no group is named, and its sample shows otherwise.)
    #[serde(rename = "NeedFriend", default, deserialize_with = "text")]
    need_friend: Option<String>,
    /// Optional: these groups, up to 32; else all. Those that are not there are left out (GUESS).
    #[serde(rename = "GroupName", default, deserialize_with = "names")]
    group_name: Vec<String>,
}

/// The answer.
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
    /// Absent when nobody asked.
    #[serde(rename = "To_Account", skip_serializing_if = "Option::is_none")]
    to_account: Option<Vec<String>>,
}

impl Answer for GroupGetResponse {}

impl Command for GroupGet {
    const INFO: CommandInfo = CommandInfo {
        service: Service::Sns,
        name: "group_get",
        calls_per_second: 200,
        subject: Subject::From,
    };

    type Request = GroupGetRequest;
    type Response = GroupGetResponse;

    fn targets(request: &GroupGetRequest) -> Targets<'_, impl Iterator<Item = &str>> {
        Targets::new(Some(&request.from_account), std::iter::empty())
    }

    async fn handle(
        context: CallContext<'_>,
        request: GroupGetRequest,
    ) -> Result<GroupGetResponse, CallError> {
        let needs_friends = context.choice(
            "NeedFriend",
            request.need_friend.as_deref(),
            Some(false),
            &[
                ("Need_Friend_Type_Yes", true),
                ("Need_Friend_Type_No", false),
            ],
        )?;
        let names = if request.group_name.is_empty() {
            Vec::new()
        } else {
            context.group_names(&request.group_name)?
        };
        let from = context.user_id(&request.from_account)?;
        let (groups, sequences) = context.app.store.groups(from, &names).await?;
        let item = |group: &Group| GroupItem {
            group_name: group.name.as_str().to_owned(),
            friend_number: group.members.len(),
            to_account: needs_friends
                .then(|| group.members.iter().map(ToString::to_string).collect()),
        };
        Ok(GroupGetResponse {
            result_item: groups.iter().map(item).collect(),
            current_sequence: sequences.groups,
        })
    }
}
