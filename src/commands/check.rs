//! What friend_check and black_list_check have in common: of each account, the relation to it.

use super::body::text;
use super::context::CallContext;
use crate::faults::Targets;
use crate::protocol::code::Code;
use crate::protocol::reply::CallError;
use crate::sns::pair::PairFacts;
use crate::sns::relation::{CheckType, Relation};
use schemars::JsonSchema;
use serde::Deserialize;

/// The body.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct CheckRequest {
    /// Required. A of the relation.
    #[serde(rename = "From_Account")]
    from_account: String,
    /// Required: 1 to 1000 accounts, each B of a relation.
    #[serde(rename = "To_Account")]
    to_account: Vec<String>,
    /// Required: whether A's list alone is looked at, or both.
    #[schemars(required)]
    #[serde(rename = "CheckType", default, deserialize_with = "text")]
    check_type: Option<String>,
}

impl CheckRequest {
    pub(super) fn targets(&self) -> Targets<'_, impl Iterator<Item = &str>> {
        let to_accounts = self.to_account.iter().map(|to| &**to);
        Targets::new(Some(&self.from_account), to_accounts)
    }
}

/// How a command spells it all, and which lists it looks at.
pub(super) struct Words {
    pub(super) single: &'static str,
    pub(super) both: &'static str,
    pub(super) relation: fn(Relation) -> &'static str,
    /// Whether A has B, and B has A.
    pub(super) has: fn(&PairFacts) -> (bool, bool),
}

/// Each account, its outcome, and its Relation, also of one that cannot be checked.
pub(super) async fn check(
    context: CallContext<'_>,
    request: CheckRequest,
    words: Words,
) -> Result<impl Iterator<Item = (String, Code, &'static str)>, CallError> {
    let check_type = context.choice(
        "CheckType",
        request.check_type.as_deref(),
        None,
        &[
            (words.single, CheckType::Single),
            (words.both, CheckType::Both),
        ],
    )?;
    let (from, tos) = context
        .accounts(&request.from_account, &request.to_account)
        .await?;
    let facts = context.app.store.facts_each(from, &tos).await?;
    let relation = move |pair: PairFacts| {
        let (a_has_b, b_has_a) = (words.has)(&pair);
        let relation = Relation::of(check_type, a_has_b, b_has_a);
        pair.readable().map(|()| relation)
    };
    let outcome = move |(to, facts): (String, Result<PairFacts, Code>)| {
        let (code, relation) = match facts.and_then(relation) {
            Ok(relation) => (Code::Ok, relation),
            Err(code) => (code, Relation::None),
        };
        (to, code, (words.relation)(relation))
    };
    Ok(request.to_account.into_iter().zip(facts).map(outcome))
}
