//! How a control call names an outcome.

use super::request::unknown;
use crate::protocol::code::Code;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A code's number, or an outcome's name as `codes` has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum CodeName {
    Number(u32),
    Name(String),
}

impl CodeName {
    /// That there is no such code.
    pub(super) fn is_unknown(&self) -> String {
        match self {
            Self::Number(_) => "is no code that `codes` has".to_owned(),
            Self::Name(name) => unknown(name, Code::ALL.iter().map(|code| code.name())),
        }
    }

    /// The outcomes that it may stand for.
    pub(super) fn all(&self) -> impl Iterator<Item = Code> {
        let all = Code::ALL.iter().copied();
        all.filter(move |code| match self {
            Self::Number(number) => code.number() == *number,
            Self::Name(name) => code.name() == name,
        })
    }

    /// The outcome: of a number that several have, the first.
    pub(super) fn find(&self) -> Option<Code> {
        self.all().next()
    }

    /// The same, of an item: the first that is not a whole call's.
    pub(super) fn find_for_items(&self) -> Option<Code> {
        let of_items = self.all().find(|code| !code.is_whole_calls());
        of_items.or_else(|| self.find())
    }
}
