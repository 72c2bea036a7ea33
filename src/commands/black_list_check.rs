//! `v4/sns/black_list_check`: who has blocked whom.
//! <https://www.tencentcloud.com/document/product/1047/34913>

use super::Command;
use super::check::{CheckRequest, Words, check};
use super::context::CallContext;
use crate::faults::Targets;
use crate::protocol::reply::{CallError, ItemFields, ItemResults};
use crate::protocol::service::{CommandInfo, Service, Subject};
use crate::sns::relation::Relation;
use schemars::JsonSchema;
use serde::Serialize;

pub(crate) struct BlackListCheck;

/// What is said of each To_Account.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Checked {
    #[serde(rename = "Relation")]
    relation: &'static str,
}

impl ItemFields for Checked {
    const LIST: &'static str = "BlackListCheckItem";
}

const WORDS: Words = Words {
    single: "BlackCheckResult_Type_Single",
    both: "BlackCheckResult_Type_Both",
    relation: |relation| match relation {
        Relation::None => "BlackCheckResult_Type_NO",
        Relation::AWithB => "BlackCheckResult_Type_AWithB",
        Relation::BWithA => "BlackCheckResult_Type_BWithA",
        Relation::BothWay => "BlackCheckResult_Type_BothWay",
    },
    has: |pair| (pair.from_blocks_to, pair.to_blocks_from),
};

impl Command for BlackListCheck {
    const INFO: CommandInfo = CommandInfo {
        service: Service::Sns,
        name: "black_list_check",
        calls_per_second: 200,
        subject: Subject::FromAndItems,
    };

    type Request = CheckRequest;
    type Response = ItemResults<Checked>;

    fn targets(request: &CheckRequest) -> Targets<'_, impl Iterator<Item = &str>> {
        request.targets()
    }

    async fn handle(
        context: CallContext<'_>,
        request: CheckRequest,
    ) -> Result<ItemResults<Checked>, CallError> {
        let checked = check(context, request, WORDS).await?;
        let outcomes = checked.map(|(to, code, relation)| (to, code, Checked { relation }));
        Ok(ItemResults::new(context.command, outcomes))
    }
}
