//! `v4/sns/black_list_add`: blocks accounts.
//! <https://www.tencentcloud.com/document/product/1047/34911>

use super::Command;
use super::context::{CallContext, done_pairs};
use crate::faults::Targets;
use crate::protocol::reply::{CallError, ItemResults};
use crate::protocol::service::{CommandInfo, Service, Subject};
use crate::protocol::webhook::Event;
use crate::sns::black_list::judge_add;
use crate::store::Judged;
use schemars::JsonSchema;
use serde::Deserialize;

pub(crate) struct BlackListAdd;

/// The body.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct BlackListAddRequest {
    /// Required. Whose blocklist gains the accounts.
    #[serde(rename = "From_Account")]
    from_account: String,
    /// Required: 1 to 1000 accounts.
    #[serde(rename = "To_Account")]
    to_account: Vec<String>,
}

impl Command for BlackListAdd {
    const INFO: CommandInfo = CommandInfo {
        service: Service::Sns,
        name: "black_list_add",
        calls_per_second: 200,
        subject: Subject::FromAndItems,
    };

    type Request = BlackListAddRequest;
    type Response = ItemResults;

    fn targets(request: &BlackListAddRequest) -> Targets<'_, impl Iterator<Item = &str>> {
        let to_accounts = request.to_account.iter().map(|to| &**to);
        Targets::new(Some(&request.from_account), to_accounts)
    }

    async fn handle(
        context: CallContext<'_>,
        request: BlackListAddRequest,
    ) -> Result<ItemResults, CallError> {
        let (from, tos) = context
            .accounts(&request.from_account, &request.to_account)
            .await?;
        let (friendship, now) = (
            context.app.config.friendship_when_blocked,
            context.unix_time(),
        );
        let Judged { verdicts, .. } = context
            .app
            .store
            .judge_each(from, &tos, |pair, to| {
                judge_add((from, *to), pair, friendship, now, context.policy)
            })
            .await?;
        // GUESS: that a friendship ends with it is not told.
        context.tell(|| Event::BlackListAdd {
            pairs: done_pairs(from, &tos, &verdicts),
        });
        Ok(context.results(request.to_account, &verdicts))
    }
}
