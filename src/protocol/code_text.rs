//! The text of an outcome in a command's answer.

use super::code::{API, Code};
use super::service::CommandInfo;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;

/// The text of ErrorInfo or ResultInfo, or its beginning: the table's text, with the command's name in
/// place of `<Api>`.
#[derive(Clone, Copy, Debug)]
pub struct CodeText {
    code: Code,
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
        match info.split_once(API) {
            Some((before, after)) => write!(f, "{before}{}{after}", self.command.api()),
            None => f.write_str(info),
        }
    }
}

impl JsonSchema for CodeText {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "CodeText".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        String::json_schema(generator)
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
