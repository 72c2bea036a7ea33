//! The answer of a call: a command's fields or an error, in Tencent's envelope.

use super::code::{Answers, Code};
use super::code_text::CodeText;
use super::service::{CommandInfo, KeyOrder};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};
use smol_str::SmolStr;
use std::borrow::Cow;
use std::fmt;

/// A call that failed as a whole.
#[derive(Debug)]
pub struct CallError {
    /// The outcome; its number is the answer's ErrorCode.
    pub code: Code,
    /// The answer's ErrorInfo, if it differs from the text of the code; else empty.
    pub info: Cow<'static, str>,
    /// What was wrong with the call, for the hint in the header, the log and the journal; never in the body.
    pub detail: Cow<'static, str>,
}

impl CallError {
    /// An error with its own ErrorInfo.
    pub fn with_info(code: Code, info: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            info: info.into(),
            detail: Cow::Borrowed(""),
        }
    }

    /// An error with the text of its code, and a detail for the hint.
    pub fn with_detail(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            detail: detail.into(),
            ..code.into()
        }
    }

    /// An error whose ErrorInfo is `text`, followed by the problem.
    pub fn because(code: Code, text: impl fmt::Display, problem: &str) -> Self {
        let text = text.to_string();
        let colon = if text.ends_with('.') { "" } else { ":" };
        Self::with_info(code, format!("{text}{colon} {problem}"))
    }
}

impl From<Code> for CallError {
    fn from(code: Code) -> Self {
        Self::with_info(code, "")
    }
}

/// The fields of a command in a successful answer.
pub trait Answer: Serialize {
    /// Replaces the result code of each item for which `outcome`, called with the item's index,
    /// returns a code.
    fn replace_codes(&mut self, _outcome: &mut dyn FnMut(usize) -> Option<Code>) {}

    /// The number of items, and how many of them failed; `None` if the answer has no items.
    fn tally(&self) -> Option<Tally> {
        None
    }
}

/// The number of items in an answer, and how many of them failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Items in the request.
    pub items: usize,
    /// Items with a ResultCode other than 0.
    pub refused: usize,
    /// The index of the first of these and its outcome, if the answer has it.
    pub first_refused: Option<(usize, Code)>,
}

/// The initial capacity of an answer in bytes, to which each item adds [`ITEM_BYTES`].
const SHORT_ANSWER_BYTES: usize = 192;
const ITEM_BYTES: usize = 72;

/// The fields of a command in an item's result, besides To_Account, ResultCode and ResultInfo.
pub trait ItemFields: Serialize {
    /// The key of the list of results in the answer.
    const LIST: &'static str;
}

/// The results of a batch, in the request's order, and Fail_Account, which follows from them.
#[derive(Debug)]
pub struct ItemResults<T = NoFields> {
    items: Vec<ResultItem<T>>,
}

/// One item's outcome.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "{T}ResultItem")]
struct ResultItem<T> {
    /// As the request spells it.
    #[serde(rename = "To_Account")]
    to_account: SmolStr,
    #[serde(flatten)]
    fields: T,
    result_code: u32,
    /// Empty if and only if the code is 0, in documented answers.
    #[schemars(with = "String")]
    result_info: CodeText,
}

impl<T> ItemResults<T> {
    /// The results of `command`: each account as the request spells it, its outcome, and the fields
    /// that the command adds.
    pub fn new<A: Into<SmolStr>>(
        command: &'static CommandInfo,
        answers: Answers,
        outcomes: impl Iterator<Item = (A, Code, T)>,
    ) -> Self {
        let item = |(to_account, code, fields): (A, Code, T)| {
            let text = command.item_text(code, answers);
            ResultItem {
                to_account: to_account.into(),
                fields,
                result_code: text.number(),
                result_info: text,
            }
        };
        Self {
            items: outcomes.map(item).collect(),
        }
    }

    fn fail_account(&self) -> impl Iterator<Item = &SmolStr> {
        let failed = self.items.iter().filter(|item| item.result_code != 0);
        failed.map(|item| &item.to_account)
    }
}

impl<T: ItemFields> Serialize for ItemResults<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("ItemResults", 2)?;
        fields.serialize_field(T::LIST, &self.items)?;
        let fail_account: Vec<_> = self.fail_account().collect();
        if fail_account.is_empty() {
            fields.skip_field("Fail_Account")?;
        } else {
            fields.serialize_field("Fail_Account", &fail_account)?;
        }
        fields.end()
    }
}

impl<T: ItemFields + JsonSchema> JsonSchema for ItemResults<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("ItemResults_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let items = generator.subschema_for::<Vec<ResultItem<T>>>();
        json_schema!({
            "type": "object",
            "properties": {
                (T::LIST): items,
                "Fail_Account": {
                    "description": "The accounts that failed, in the request's order; absent if none failed.",
                    "type": "array",
                    "items": { "type": "string" },
                },
            },
            "required": [T::LIST],
        })
    }
}

impl<T: ItemFields> Answer for ItemResults<T> {
    fn replace_codes(&mut self, outcome: &mut dyn FnMut(usize) -> Option<Code>) {
        for (at, item) in self.items.iter_mut().enumerate() {
            if let Some(code) = outcome(at) {
                item.result_info = item.result_info.of(code);
                item.result_code = item.result_info.number();
            }
        }
    }

    fn tally(&self) -> Option<Tally> {
        let mut refused = self.items.iter().enumerate();
        let first = refused.find(|(_, item)| item.result_code != 0);
        Some(Tally {
            items: self.items.len(),
            refused: self.fail_account().count(),
            first_refused: first.map(|(at, item)| (at, item.result_info.code())),
        })
    }
}

/// No fields besides the envelope.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "")] // The schema of a `ResultItem` without more fields is `ResultItem`.
pub struct NoFields {}

impl Answer for NoFields {}

impl ItemFields for NoFields {
    const LIST: &'static str = "ResultItem";
}

/// The answer of a call: a command's fields or an error, in the envelope.
#[derive(Debug)]
pub struct Reply<T> {
    /// The command that was called, if there is one.
    pub command: Option<&'static CommandInfo>,
    /// The command's fields, or why the call failed.
    pub result: Result<T, CallError>,
}

impl Reply<NoFields> {
    /// An error of the gateway, for a call that reached no command.
    pub fn refused(error: impl Into<CallError>) -> Self {
        Self {
            command: None,
            result: Err(error.into()),
        }
    }
}

impl<T: Answer> Reply<T> {
    /// The answer of a command.
    pub fn new(command: &'static CommandInfo, result: Result<T, CallError>) -> Self {
        Self {
            command: Some(command),
            result,
        }
    }

    /// The body: compact JSON with the keys in the order of the documentation's samples.
    pub fn to_json(&self) -> Vec<u8> {
        let (fields, code, info) = match &self.result {
            Ok(fields) => (Some(fields), Code::Ok, ""),
            Err(CallError { code, info, .. }) => (None, *code, &**info),
        };
        let info = match (self.command, info) {
            (Some(command), "") if code == Code::Ok => command.success_info.into(),
            (Some(command), "") => command.text(code).to_string().into(),
            (None, "") => code.info().into(),
            _ => Cow::Borrowed(info),
        };
        let keys = match (self.command, fields) {
            (Some(command), Some(_)) => command.keys,
            _ => KeyOrder::EnvelopeFirst,
        };
        let has_error_display = |command: &CommandInfo| command.service.has_error_display();
        let has_display = !code.is_gateway() && self.command.is_some_and(has_error_display);
        let envelope = Envelope {
            fields_before: fields.filter(|_| keys == KeyOrder::FieldsFirst),
            action_status: if code == Code::Ok { "OK" } else { "FAIL" },
            info_before: (keys == KeyOrder::InfoFirst).then_some(&*info),
            error_code: code.number(),
            info_after: (keys != KeyOrder::InfoFirst).then_some(&*info),
            error_display: has_display.then_some(""),
            fields_after: fields.filter(|_| keys != KeyOrder::FieldsFirst),
        };
        let items = fields
            .and_then(Answer::tally)
            .map_or(0, |tally| tally.items);
        let mut json = Vec::with_capacity(SHORT_ANSWER_BYTES + items * ITEM_BYTES);
        serde_json::to_writer(&mut json, &envelope).expect("strings, numbers and lists serialise");
        json
    }

    /// The schema of the body.
    pub fn json_schema(generator: &mut SchemaGenerator) -> Schema
    where
        T: JsonSchema,
    {
        Envelope::<T>::json_schema(generator)
    }
}

/// The JSON of an answer. Missing fields are left out, never null.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(extend("required" = ["ActionStatus", "ErrorCode", "ErrorInfo"]))]
struct Envelope<'a, T> {
    #[serde(flatten)]
    fields_before: Option<&'a T>,
    /// `OK` if ErrorCode is 0, else `FAIL`.
    action_status: &'static str,
    #[serde(rename = "ErrorInfo", skip_serializing_if = "Option::is_none")]
    info_before: Option<&'a str>,
    /// The outcome of the whole call. If it is not 0, the answer is the envelope alone.
    error_code: u32,
    /// The error message; always present.
    #[serde(rename = "ErrorInfo", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    info_after: Option<&'a str>,
    /// Always empty. Absent from errors of the gateway, and from every answer of some services.
    #[schemars(with = "String")]
    #[serde(skip_serializing_if = "Option::is_none")]
    error_display: Option<&'static str>,
    #[serde(flatten)]
    fields_after: Option<&'a T>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::service::{Service, Subject};

    const FRIEND_ADD: &CommandInfo =
        &Service::Sns.command("friend_add", 200, Subject::FromAndItems);

    fn json(reply: &Reply<NoFields>) -> String {
        String::from_utf8(reply.to_json()).expect("UTF-8")
    }

    #[test]
    fn gateway_failures_have_exactly_three_keys_and_sns_failures_a_fourth() {
        assert_eq!(
            json(&Reply::refused(Code::HttpParse)),
            r#"{"ActionStatus":"FAIL","ErrorCode":60002,"ErrorInfo":"HTTP parse Error"}"#
        );
        for code in Code::ALL.iter().filter(|code| **code != Code::Ok) {
            let reply = Reply::new(FRIEND_ADD, Err((*code).into()));
            assert_eq!(
                json(&reply).contains("ErrorDisplay"),
                !code.is_gateway(),
                "{code:?}"
            );
        }
    }
}
