//! `v4/sns/black_list_delete`: blocks accounts no longer.
//! <https://www.tencentcloud.com/document/product/1047/34912>

use super::Command;
use super::context::{CallContext, done_pairs};
use crate::faults::Targets;
use crate::protocol::reply::{CallError, ItemResults};
use crate::protocol::service::{CommandInfo, Service, Subject};
use crate::protocol::webhook::Event;
use crate::sns::black_list::judge_delete;
use crate::store::Judged;
use schemars::JsonSchema;
use serde::Deserialize;

pub(crate) struct BlackListDelete;

/// The body.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct BlackListDeleteRequest {
    /// Required. Whose blocklist loses the accounts.
    #[serde(rename = "From_Account")]
    from_account: String,
    /// Required: 1 to 1000 accounts.
    #[serde(rename = "To_Account")]
    to_account: Vec<String>,
}

impl Command for BlackListDelete {
    const INFO: CommandInfo = CommandInfo {
        service: Service::Sns,
        name: "black_list_delete",
        calls_per_second: 200,
        subject: Subject::FromAndItems,
    };

    type Request = BlackListDeleteRequest;
    type Response = ItemResults;

    fn targets(request: &BlackListDeleteRequest) -> Targets<'_, impl Iterator<Item = &str>> {
        let to_accounts = request.to_account.iter().map(|to| &**to);
        Targets::new(Some(&request.from_account), to_accounts)
    }

    async fn handle(
        context: CallContext<'_>,
        request: BlackListDeleteRequest,
    ) -> Result<ItemResults, CallError> {
        let (from, tos) = context
            .accounts(&request.from_account, &request.to_account)
            .await?;
        let Judged { verdicts, .. } = context
            .app
            .store
            .judge_each(from, &tos, |pair, _| judge_delete(pair))
            .await?;
        context.tell(|| Event::BlackListDelete {
            pairs: done_pairs(from, &tos, &verdicts),
        });
        Ok(context.results(request.to_account, &verdicts))
    }
}
