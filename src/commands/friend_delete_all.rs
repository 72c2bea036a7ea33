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
use crate::sns::friend_delete::{judge_all, judge_reverse};
use crate::sns::model::DeleteType;
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
        let store = &context.app.store;
        let own = store.judge_own(from, &[], |_| judge_all()).await?;
        let mut pairs = Vec::new();
        let friends = own.unfriended.iter();
        match delete_type {
            DeleteType::Single => pairs.extend(friends.map(|to| Pair { from, to: *to })),
            DeleteType::Both => {
                let friends: Vec<_> = friends.map(|to| Ok(*to)).collect();
                let judged = store.judge_each(from, &friends, |facts, _| judge_reverse(facts));
                for (to, verdict) in own.unfriended.iter().zip(judged.await?.verdicts) {
                    pairs.push(Pair { from, to: *to });
                    if verdict.reached_to {
                        pairs.push(Pair {
                            from: *to,
                            to: from,
                        });
                    }
                }
            }
        }
        // GUESS: the page does not say that this sends a webhook; it is a deletion like any other.
        context.tell(|| Event::FriendDelete { pairs });
        Ok(NoFields {})
    }
}
