//! `v4/sns/friend_delete_all`: deletes all friends.
//! <https://www.tencentcloud.com/document/product/1047/34906>

use super::Command;
use super::body::text;
use super::context::CallContext;
use super::friend_delete::delete_type;
use crate::faults::Targets;
use crate::protocol::reply::{CallError, NoFields};
use crate::protocol::service::{CommandInfo, Service, Subject};
use crate::protocol::webhook::{Event, Pair};
use schemars::JsonSchema;
use serde::Deserialize;

pub(crate) struct FriendDeleteAll;

/// The body.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct FriendDeleteAllRequest {
    /// Required. Whose list loses all friends.
    #[serde(rename = "From_Account")]
    from_account: String,
    /// Optional: `Delete_Type_Single`, which is the default, or `Delete_Type_Both`.
    #[serde(rename = "DeleteType", default, deserialize_with = "text")]
    delete_type: Option<String>,
}

impl Command for FriendDeleteAll {
    const INFO: CommandInfo = CommandInfo {
        service: Service::Sns,
        name: "friend_delete_all",
        calls_per_second: 200,
        subject: Subject::From,
    };

    type Request = FriendDeleteAllRequest;
    type Response = NoFields;

    fn targets(request: &FriendDeleteAllRequest) -> Targets<'_, impl Iterator<Item = &str>> {
        Targets::new(Some(&request.from_account), std::iter::empty())
    }

    async fn handle(
        context: CallContext<'_>,
        request: FriendDeleteAllRequest,
    ) -> Result<NoFields, CallError> {
        let delete_type = delete_type(&context, request.delete_type.as_deref())?;
        let from = context.user_id(&request.from_account)?;
        let lost = context.app.store.clear_friends(from, delete_type).await?;
        // GUESS: the page does not say whether this is told; it is a deletion like any other.
        context.tell(|| Event::FriendDelete {
            pairs: lost
                .into_iter()
                .map(|(from, to)| Pair { from, to })
                .collect(),
        });
        Ok(NoFields {})
    }
}
