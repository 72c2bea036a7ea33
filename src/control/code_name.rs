//! A code in a control call, given as its number or as the name of an outcome.

use crate::protocol::code::Code;
use crate::strict::unknown;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A hint for messages about unknown codes.
pub(super) const CODES: &str = "GET /_emulator/v1/codes lists them";

/// A code's number, or the name of an outcome in `GET codes`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum CodeName {
    Number(u32),
    Name(String),
}

impl CodeName {
    /// The error message for a code that does not exist.
    pub(super) fn unknown_message(&self) -> String {
        match self {
            Self::Number(_) => format!("is unknown; {CODES}"),
            Self::Name(name) => {
                let names = Code::ALL.iter().map(|code| code.name());
                format!("{}; {CODES}", unknown(name, names))
            }
        }
    }

    /// The outcomes that have this name, or for which `number_of` gives this number.
    pub(super) fn all(&self, number_of: impl Fn(Code) -> u32) -> impl Iterator<Item = Code> {
        let all = Code::ALL.iter().copied();
        all.filter(move |code| match self {
            Self::Number(number) => number_of(*code) == *number,
            Self::Name(name) => code.name() == name,
        })
    }

    /// The first outcome with this number or name.
    pub(super) fn find(&self) -> Option<Code> {
        self.all(Code::number).next()
    }

    /// The first outcome that an item can have, or else the first outcome.
    pub(super) fn find_for_items(&self) -> Option<Code> {
        let of_items = self.all(Code::number).find(|code| !code.is_whole_calls());
        of_items.or_else(|| self.find())
    }
}
