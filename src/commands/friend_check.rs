//! `v4/sns/friend_check`: what accounts are to each other in their friend lists.
//! <https://www.tencentcloud.com/document/product/1047/34907>

use super::Command;
use super::check::{CheckRequest, Words, check};
use super::context::CallContext;
use crate::faults::Targets;
use crate::protocol::reply::{CallError, ItemFields, ItemResults};
use crate::protocol::service::{CommandInfo, Service, Subject};
use crate::sns::relation::Relation;
use schemars::JsonSchema;
use serde::Serialize;

pub(crate) struct FriendCheck;

/// What is said of each To_Account.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Checked {
    #[serde(rename = "Relation")]
    relation: &'static str,
}

impl ItemFields for Checked {
    const LIST: &'static str = "InfoItem";
}

const WORDS: Words = Words {
    single: "CheckResult_Type_Single",
    both: "CheckResult_Type_Both",
    relation: |relation| match relation {
        Relation::None => "CheckResult_Type_NoRelation",
        Relation::AWithB => "CheckResult_Type_AWithB",
        Relation::BWithA => "CheckResult_Type_BWithA",
        Relation::BothWay => "CheckResult_Type_BothWay",
    },
    has: |pair| (pair.from_has_to, pair.to_has_from),
};

impl Command for FriendCheck {
    const INFO: CommandInfo = CommandInfo {
        service: Service::Sns,
        name: "friend_check",
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
