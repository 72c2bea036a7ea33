//! `v4/sns/group_delete`: deletes groups of friends; the friends stay.
//! <https://www.tencentcloud.com/document/product/1047/34926>

use super::Command;
use super::body::names;
use super::context::CallContext;
use crate::faults::Targets;
use crate::protocol::reply::{Answer, CallError};
use crate::protocol::service::{CommandInfo, Service, Subject};
use crate::sns::group::judge_delete;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) struct GroupDelete;

/// The body.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct GroupDeleteRequest {
    /// Required. Whose groups.
    #[serde(rename = "From_Account")]
    from_account: String,
    /// Required: the groups. Those that are not there are no fault (GUESS).
    #[serde(rename = "GroupName", deserialize_with = "names")]
    group_name: Vec<String>,
}

/// The answer.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct GroupDeleteResponse {
    #[serde(rename = "CurrentSequence")]
    current_sequence: u32,
}

impl Answer for GroupDeleteResponse {
    /// As the page's samples have it.
    const INFO: &'static str = "0";
}

impl Command for GroupDelete {
    const INFO: CommandInfo = CommandInfo {
        service: Service::Sns,
        name: "group_delete",
        calls_per_second: 200,
        subject: Subject::From,
    };

    type Request = GroupDeleteRequest;
    type Response = GroupDeleteResponse;

    fn targets(request: &GroupDeleteRequest) -> Targets<'_, impl Iterator<Item = &str>> {
        Targets::new(Some(&request.from_account), std::iter::empty())
    }

    async fn handle(
        context: CallContext<'_>,
        request: GroupDeleteRequest,
    ) -> Result<GroupDeleteResponse, CallError> {
        let store = &context.app.store;
        let groups = context.group_names(&request.group_name)?;
        let from = context.user_id(&request.from_account)?;
        let deleted = store
            .judge_own(from, &groups, |_| judge_delete(&groups))
            .await?;
        Ok(GroupDeleteResponse {
            current_sequence: deleted.sequences.groups,
        })
    }
}
