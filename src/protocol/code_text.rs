//! The number and the text of an outcome in a command's answer.

use super::code::{API, Answers, Code, Recorded};
use super::service::CommandInfo;
use serde::{Serialize, Serializer};
use std::fmt::{self, Write};

/// The number and the text of an outcome, as a command's answer gives them.
#[derive(Clone, Copy, Debug)]
pub struct CodeText {
    code: Code,
    command: &'static CommandInfo,
    answers: Answers,
}

impl CommandInfo {
    /// The outcome in an answer of this command, as the documentation has it.
    pub fn text(&'static self, code: Code) -> CodeText {
        self.item_text(code, Answers::Documented)
    }

    /// The outcome of an item: as documented, or as recorded if `answers` says so.
    pub fn item_text(&'static self, code: Code, answers: Answers) -> CodeText {
        CodeText {
            code,
            command: self,
            answers,
        }
    }
}

impl CodeText {
    /// The same command's text for another outcome.
    pub fn of(self, code: Code) -> Self {
        Self { code, ..self }
    }

    /// The outcome.
    pub fn code(self) -> Code {
        self.code
    }

    /// The ErrorCode or ResultCode.
    pub fn number(self) -> u32 {
        self.recorded()
            .map_or(self.code.number(), |recorded| recorded.number)
    }

    /// The text of ErrorInfo or ResultInfo, or its beginning, with `<Api>` for the command's name.
    fn info(self) -> &'static str {
        self.recorded()
            .map_or(self.code.info(), |recorded| recorded.info)
    }

    /// What a record shows instead, if the answers are to be as recorded.
    fn recorded(self) -> Option<Recorded> {
        let recorded = match self.answers {
            Answers::Documented => return None,
            Answers::Recorded => self.code.recorded()?,
        };
        let shows = recorded.commands.contains(&self.command.name);
        shows.then_some(recorded)
    }
}

impl fmt::Display for CodeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let info = self.info();
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
        let info = self.info();
        if info.contains(API) {
            return serializer.collect_str(self);
        }
        serializer.serialize_str(info)
    }
}
