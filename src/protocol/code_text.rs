//! The text of an outcome in a command's answer.

use super::code::{API, Code};
use super::service::CommandInfo;
use serde::{Serialize, Serializer};
use std::fmt::{self, Write};

/// The text of ErrorInfo or ResultInfo, or its beginning: the table's text, with the command's name in
/// place of `<Api>`.
#[derive(Clone, Copy, Debug)]
pub struct CodeText {
    pub(super) code: Code,
    command: &'static CommandInfo,
}

impl CommandInfo {
    /// The outcome's text in an answer of this command.
    pub fn text(&'static self, code: Code) -> CodeText {
        CodeText {
            code,
            command: self,
        }
    }
}

impl fmt::Display for CodeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let info = self.code.info();
        let Some((before, after)) = info.split_once(API) else {
            return f.write_str(info);
        };
        f.write_str(before)?;
        // `FriendAdd` for friend_add.
        for word in self.command.name.split('_') {
            let mut letters = word.chars();
            if let Some(first) = letters.next() {
                f.write_char(first.to_ascii_uppercase())?;
            }
            f.write_str(letters.as_str())?;
        }
        f.write_str(after)
    }
}

impl Serialize for CodeText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let info = self.code.info();
        if info.contains(API) {
            return serializer.collect_str(self);
        }
        serializer.serialize_str(info)
    }
}
