//! `v4/sns/friend_check`: says whether accounts are in each other's friend lists.
//! <https://www.tencentcloud.com/document/product/1047/34907>

use super::Command;
use super::check::{CheckRequest, Words};
use super::context::CallContext;
use super::recipe::{Names, READ, Recipe};
use crate::faults::Targets;
use crate::protocol::code::Code;
use crate::protocol::reply::{CallError, ItemFields, ItemResults};
use crate::protocol::service::{CommandInfo, Service, Subject};
use crate::sns::relation::Relation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct FriendCheck(CheckRequest);

/// The relation to a To_Account.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "FriendCheck")]
pub(crate) struct Checked {
    relation: &'static str,
}

impl ItemFields for Checked {
    const LIST: &'static str = "InfoItem";
}

const WORDS: Words<Checked> = Words {
    single: "CheckResult_Type_Single",
    both: "CheckResult_Type_Both",
    relation: |relation| Checked {
        relation: match relation {
            Relation::None => "CheckResult_Type_NoRelation",
            Relation::AWithB => "CheckResult_Type_AWithB",
            Relation::BWithA => "CheckResult_Type_BWithA",
            Relation::BothWay => "CheckResult_Type_BothWay",
        },
    },
    has: |pair| (pair.from_has_to, pair.to_has_from),
};

impl Command for FriendCheck {
    const INFO: CommandInfo = Service::Sns.command("friend_check", 200, Subject::FromAndItems);

    const RECIPE: Recipe = Recipe {
        scripted: [READ, &[Code::CheckRelationFail]],
        ..Recipe::of(|Names { from, to, .. }| {
            let check = "CheckResult_Type_Both";
            json!({ "From_Account": from, "To_Account": [to], "CheckType": check })
        })
    };

    type Response = ItemResults<Checked>;

    fn targets(&self) -> Targets<'_, impl Iterator<Item = &str>> {
        self.0.targets()
    }

    async fn handle(self, context: CallContext<'_>) -> Result<ItemResults<Checked>, CallError> {
        self.0.check(context, WORDS).await
    }
}
