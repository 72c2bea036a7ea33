//! The common part of friend_check and black_list_check: the relation of From_Account to each
//! To_Account.

use super::context::CallContext;
use crate::faults::Targets;
use crate::protocol::code::Code;
use crate::protocol::lenient::text;
use crate::protocol::reply::{CallError, ItemFields, ItemResults};
use crate::sns::pair::PairFacts;
use crate::sns::relation::{CheckType, Relation};
use schemars::JsonSchema;
use serde::Deserialize;
use smol_str::SmolStr;

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(extend("required" = ["From_Account", "To_Account", "CheckType"]))]
pub(crate) struct CheckRequest {
    /// Required: account A of the relations.
    #[serde(rename = "From_Account")]
    from_account: SmolStr,
    /// Required: 1 to 1000 accounts; each is account B of a relation.
    #[serde(rename = "To_Account")]
    to_account: Vec<SmolStr>,
    /// Required: whether to check only A's list, or both lists.
    #[serde(rename = "CheckType", default, deserialize_with = "text")]
    check_type: Option<SmolStr>,
}

/// The command's spelling of the values, and the lists that it checks.
pub(super) struct Words<T> {
    pub(super) single: &'static str,
    pub(super) both: &'static str,
    pub(super) relation: fn(Relation) -> T,
    /// Whether A's list has B, and B's list has A.
    pub(super) has: fn(&PairFacts) -> (bool, bool),
}

impl CheckRequest {
    pub(super) fn targets(&self) -> Targets<'_, impl Iterator<Item = &str>> {
        let to_accounts = self.to_account.iter().map(SmolStr::as_str);
        Targets::new(Some(&self.from_account), to_accounts)
    }

    /// The relation to each account; [`Relation::None`] if it cannot be checked.
    pub(super) async fn check<T: ItemFields>(
        self,
        context: CallContext<'_>,
        words: Words<T>,
    ) -> Result<ItemResults<T>, CallError> {
        let check_types = [
            (words.single, CheckType::Single),
            (words.both, CheckType::Both),
        ];
        let check_type = self.check_type.as_deref();
        let check_type = context.choice("CheckType", check_type, None, &check_types)?;
        let (from, tos) = context.batch(&self.from_account, &self.to_account).await?;
        let facts = context.app.store.facts_each(from, &tos).await?;
        let relation = |pair: PairFacts| {
            let (a_has_b, b_has_a) = (words.has)(&pair);
            let relation = Relation::of(check_type, a_has_b, b_has_a);
            pair.readable().map(|()| relation)
        };
        let outcome = |(to, facts): (SmolStr, Result<PairFacts, Code>)| {
            let (code, relation) = match facts.and_then(relation) {
                Ok(relation) => (Code::Ok, relation),
                Err(code) => (code, Relation::None),
            };
            (to, code, (words.relation)(relation))
        };
        let outcomes = self.to_account.into_iter().zip(facts).map(outcome);
        Ok(context.item_results(outcomes))
    }
}
