//! A code in a control call, given as its number or as the name of an outcome.

use crate::protocol::code::Code;
use crate::strict::unknown_in_list;
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
            Self::Name(name) if name.parse::<u32>().is_ok() => {
                format!("should be a number; give {name} without quotes")
            }
            Self::Name(name) => {
                let known = Code::ALL.iter().map(|code| code.name());
                unknown_in_list(name, known, CODES)
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

    /// The first outcome with this number or name for which `fits` is true. Without one, the error is an
    /// outcome with this number or name, if there is any.
    pub(super) fn find(&self, fits: impl Fn(Code) -> bool) -> Result<Code, Option<Code>> {
        let found = self.all(Code::number).find(|code| fits(*code));
        found.ok_or_else(|| self.all(Code::number).next())
    }
}
