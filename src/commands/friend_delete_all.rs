//! `v4/sns/friend_delete_all`: deletes all friends.
//! <https://www.tencentcloud.com/document/product/1047/34906>

use super::Command;
use super::context::CallContext;
use super::friend_delete::delete_type;
use super::recipe::{Names, Needs, Recipe, WRITE};
use crate::faults::Targets;
use crate::protocol::lenient::text;
use crate::protocol::reply::{CallError, NoFields};
use crate::protocol::service::{CommandInfo, Service, Subject};
use crate::protocol::webhook::{Event, Pair};
use crate::sns::friend_delete::{judge_all, judge_reverse};
use crate::sns::model::DeleteType;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use smol_str::SmolStr;

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct FriendDeleteAll {
    /// Required: the owner of the friend list.
    #[serde(rename = "From_Account")]
    from_account: SmolStr,
    /// Optional: `Delete_Type_Single`, which is the default, or `Delete_Type_Both`.
    #[serde(rename = "DeleteType", default, deserialize_with = "text")]
    delete_type: Option<SmolStr>,
}

impl Command for FriendDeleteAll {
    const INFO: CommandInfo = Service::Sns.command("friend_delete_all", 200, Subject::From);

    const RECIPE: Recipe = Recipe {
        needs: Needs::Friend,
        account: "/From_Account",
        plain_field: "DeleteType",
        scripted: [WRITE, &[]],
        ..Recipe::of(|Names { from, .. }| json!({ "From_Account": from }))
    };

    type Response = NoFields;

    fn targets(&self) -> Targets<'_, impl Iterator<Item = &str>> {
        Targets::new(Some(&self.from_account), std::iter::empty())
    }

    async fn handle(self, context: CallContext<'_>) -> Result<NoFields, CallError> {
        let delete_type = delete_type(&context, self.delete_type.as_deref())?;
        let from = context.user_id(&self.from_account)?;
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
                    if verdict.to_list_changed {
                        pairs.push(Pair {
                            from: *to,
                            to: from,
                        });
                    }
                }
            }
        }
        // GUESS: the page does not say that this sends a webhook; it is a deletion like any other.
        context.send(|| Event::FriendDelete { pairs });
        Ok(NoFields {})
    }
}
