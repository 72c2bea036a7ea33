//! The name of an outcome in the control API.

use super::request::unknown;
use crate::protocol::code::Code;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The number of a code, or the name of an outcome, as GET codes lists them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum CodeName {
    Number(u32),
    Name(String),
}

impl CodeName {
    /// The message for a code that does not exist.
    pub(super) fn is_unknown(&self) -> String {
        match self {
            Self::Number(_) => "is no code; GET /_emulator/v1/codes lists the codes".to_owned(),
            Self::Name(name) => unknown(name, Code::ALL.iter().map(|code| code.name())),
        }
    }

    /// The outcomes with this number or name.
    pub(super) fn all(&self) -> impl Iterator<Item = Code> {
        let all = Code::ALL.iter().copied();
        all.filter(move |code| match self {
            Self::Number(number) => code.number() == *number,
            Self::Name(name) => code.name() == name,
        })
    }

    /// The outcome; the first, if several have this number.
    pub(super) fn find(&self) -> Option<Code> {
        self.all().next()
    }

    /// The outcome of an item; if several have this number, the first that items can have.
    pub(super) fn find_for_items(&self) -> Option<Code> {
        let of_items = self.all().find(|code| !code.is_whole_calls());
        of_items.or_else(|| self.find())
    }
}
