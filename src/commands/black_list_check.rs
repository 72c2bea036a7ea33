//! `v4/sns/black_list_check`: says whether accounts have blocked each other.
//! <https://www.tencentcloud.com/document/product/1047/34913>

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
pub(crate) struct BlackListCheck(CheckRequest);

/// The relation to a To_Account.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "BlackListCheck")]
pub(crate) struct Checked {
    relation: &'static str,
}

impl ItemFields for Checked {
    const LIST: &'static str = "BlackListCheckItem";
}

const WORDS: Words<Checked> = Words {
    single: "BlackCheckResult_Type_Single",
    both: "BlackCheckResult_Type_Both",
    relation: |relation| Checked {
        relation: match relation {
            Relation::None => "BlackCheckResult_Type_NO",
            Relation::AWithB => "BlackCheckResult_Type_AWithB",
            Relation::BWithA => "BlackCheckResult_Type_BWithA",
            Relation::BothWay => "BlackCheckResult_Type_BothWay",
        },
    },
    has: |pair| (pair.from_blocks_to, pair.to_blocks_from),
};

impl Command for BlackListCheck {
    const INFO: CommandInfo = Service::Sns.command("black_list_check", 200, Subject::FromAndItems);

    const RECIPE: Recipe = Recipe {
        scripted: [READ, &[Code::CheckBlocklistFail]],
        ..Recipe::of(|Names { from, to, .. }| {
            let check = "BlackCheckResult_Type_Both";
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
