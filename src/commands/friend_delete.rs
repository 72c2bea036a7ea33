//! `v4/sns/friend_delete`: deletes friends.
//! <https://www.tencentcloud.com/document/product/1047/34905>

use super::Command;
use super::body::text;
use super::context::{CallContext, friend_pairs};
use crate::faults::Targets;
use crate::protocol::code::Code;
use crate::protocol::reply::{Answer, CallError, ItemResults, Tally};
use crate::protocol::service::{CommandInfo, Service, Subject};
use crate::protocol::webhook::Event;
use crate::sns::friend_delete::judge;
use crate::sns::model::DeleteType;
use crate::store::Judged;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) struct FriendDelete;

/// The body.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct FriendDeleteRequest {
    /// Required. Whose list loses the friends.
    #[serde(rename = "From_Account")]
    from_account: String,
    /// Required: 1 to 1000 accounts.
    #[serde(rename = "To_Account")]
    to_account: Vec<String>,
    /// Optional: `Delete_Type_Single`, which is the default (GUESS: friend_delete_all's is
    /// documented, this page names none), or `Delete_Type_Both`.
    #[serde(rename = "DeleteType", default, deserialize_with = "text")]
    delete_type: Option<String>,
}

/// The answer: a result for each item, in the request's order.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct FriendDeleteResponse(ItemResults);

impl Answer for FriendDeleteResponse {
    /// As the page's samples have it.
    const INFO: &'static str = "0";

    fn replace_codes(
        &mut self,
        command: &'static CommandInfo,
        outcome: &mut dyn FnMut(usize) -> Option<Code>,
    ) {
        self.0.replace_codes(command, outcome);
    }

    fn tally(&self) -> Option<Tally> {
        self.0.tally()
    }
}

impl Command for FriendDelete {
    const INFO: CommandInfo = CommandInfo {
        service: Service::Sns,
        name: "friend_delete",
        calls_per_second: 200,
        subject: Subject::FromAndItems,
    };

    type Request = FriendDeleteRequest;
    type Response = FriendDeleteResponse;

    fn targets(request: &FriendDeleteRequest) -> Targets<'_, impl Iterator<Item = &str>> {
        let to_accounts = request.to_account.iter().map(|to| &**to);
        Targets::new(Some(&request.from_account), to_accounts)
    }

    async fn handle(
        context: CallContext<'_>,
        request: FriendDeleteRequest,
    ) -> Result<FriendDeleteResponse, CallError> {
        let delete_type = delete_type(&context, request.delete_type.as_deref())?;
        let (from, tos) = context
            .accounts(&request.from_account, &request.to_account)
            .await?;
        let Judged { verdicts, .. } = context
            .app
            .store
            .judge_each(from, &tos, |pair, _| judge(pair, delete_type))
            .await?;
        context.tell(|| Event::FriendDelete {
            pairs: friend_pairs(from, &tos, &verdicts),
        });
        let results = context.results(request.to_account, &verdicts);
        Ok(FriendDeleteResponse(results))
    }
}

/// DeleteType, also of friend_delete_all.
pub(super) fn delete_type(
    context: &CallContext<'_>,
    text: Option<&str>,
) -> Result<DeleteType, CallError> {
    let default = Some(DeleteType::default());
    context.choice("DeleteType", text, default, DeleteType::WIRE)
}
