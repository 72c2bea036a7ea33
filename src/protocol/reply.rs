//! What a call answers: a command's own fields, or a failure, in Tencent's envelope.

use super::code::Code;
use super::code_text::CodeText;
use super::ids::SdkAppId;
use super::service::CommandInfo;
use bytes::Bytes;
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
    /// The answer's ErrorInfo, where the table's text is only its beginning; else empty.
    pub info: Cow<'static, str>,
    /// What else our log should say; never sent.
    pub detail: Cow<'static, str>,
}

impl CallError {
    /// A failure with a text of its own, where the table's text is only its beginning.
    pub fn with_info(code: Code, info: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            info: info.into(),
            detail: Cow::Borrowed(""),
        }
    }

    /// A failure whose text goes on with what is wrong.
    pub fn because(code: Code, text: impl fmt::Display, what: &str) -> Self {
        let text = text.to_string();
        let colon = if text.ends_with('.') { "" } else { ":" };
        Self::with_info(code, format!("{text}{colon} {what}"))
    }

    /// A failure whose cause is for our log alone.
    pub fn with_detail(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            info: Cow::Borrowed(""),
            detail: detail.into(),
        }
    }
}

impl From<Code> for CallError {
    fn from(code: Code) -> Self {
        Self::with_info(code, "")
    }
}

/// Where the envelope's keys stand in a successful answer. To clients the order means nothing; it
/// is the order of each page's samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyOrder {
    /// Behind the command's own: sns and profile.
    FieldsFirst,
    /// Before the command's own: most account commands.
    EnvelopeFirst,
    /// The same, with ErrorInfo before ErrorCode: account_import.
    InfoFirst,
}

/// A command's own part of a successful answer.
pub trait Answer: Serialize {
    /// Where the envelope's keys stand.
    const KEYS: KeyOrder = KeyOrder::FieldsFirst;

    /// The ErrorInfo of a success.
    const INFO: &'static str = "";

    /// Gives items other outcomes, where there is one for an item's place.
    fn replace_codes(
        &mut self,
        _command: &'static CommandInfo,
        _outcome: &mut dyn FnMut(usize) -> Option<Code>,
    ) {
    }

    /// How many items were asked for and how many of them were refused, for the log.
    fn tally(&self) -> Option<Tally> {
        None
    }
}

/// How a batch went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Items in the request.
    pub items: usize,
    /// Items with a ResultCode other than 0.
    pub refused: usize,
}

/// Room for an answer to a call of one item; a longer one grows.
const SHORT_ANSWER: usize = 256;

/// What an item's result says beside To_Account, ResultCode and ResultInfo, and the name of the
/// list that such results stand in.
pub trait ItemFields: Serialize {
    /// The list's key in the answer.
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
struct ResultItem<T> {
    /// As the request spelt it.
    #[serde(rename = "To_Account")]
    to_account: SmolStr,
    #[serde(flatten)]
    fields: T,
    result_code: u32,
    /// Empty exactly when the code is 0.
    result_info: CodeText,
}

impl<T> ItemResults<T> {
    /// The results of `command`: each account as the request spelt it, its outcome, and the fields
    /// that the command adds.
    pub fn new<A: Into<SmolStr>>(
        command: &'static CommandInfo,
        outcomes: impl Iterator<Item = (A, Code, T)>,
    ) -> Self {
        let item = |(to_account, code, fields): (A, Code, T)| ResultItem {
            to_account: to_account.into(),
            fields,
            result_code: code.number(),
            result_info: command.text(code),
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
        let mut schema = json_schema!({
            "type": "object",
            "properties": {
                "Fail_Account": {
                    "description": "The accounts that failed, in the request's order; absent where none did.",
                    "type": "array",
                    "items": { "type": "string" },
                },
            },
            "required": [T::LIST],
        });
        schema.as_object_mut().expect("it is one")["properties"][T::LIST] = items.to_value();
        schema
    }
}

impl<T: ItemFields> Answer for ItemResults<T> {
    fn replace_codes(
        &mut self,
        command: &'static CommandInfo,
        outcome: &mut dyn FnMut(usize) -> Option<Code>,
    ) {
        for (at, item) in self.items.iter_mut().enumerate() {
            if let Some(code) = outcome(at) {
                item.result_code = code.number();
                item.result_info = command.text(code);
            }
        }
    }

    fn tally(&self) -> Option<Tally> {
        Some(Tally {
            items: self.items.len(),
            refused: self.fail_account().count(),
        })
    }
}

/// No fields of a command's own: only the envelope is answered.
#[derive(Debug, Serialize, JsonSchema)]
pub struct NoFields {}

impl Answer for NoFields {}

impl ItemFields for NoFields {
    const LIST: &'static str = "ResultItem";
}

/// A call's answer, whole.
#[derive(Debug)]
pub struct Reply<T> {
    command: Option<&'static CommandInfo>,
    result: Result<T, CallError>,
    notes: CallLogInfo,
}

/// What the log should know of a call's query.
#[derive(Clone, Debug, Default)]
pub struct CallLogInfo {
    /// The app that it named, known or not.
    pub app: Option<SdkAppId>,
    /// The beginning of an odd `random`; see `CommonQuery::odd_random`.
    pub odd_random: Option<Box<str>>,
    /// Which of the apps that have had this SDKAppID it met.
    pub generation: Option<u64>,
    /// The body, where the gateway let the call in.
    pub request: Bytes,
}

impl Reply<NoFields> {
    /// The gateway's answer, where no command was reached: the bare envelope.
    pub fn gateway(result: Result<NoFields, CallError>) -> Self {
        Self {
            command: None,
            result,
            notes: CallLogInfo::default(),
        }
    }

    /// A refusal by the gateway.
    pub fn refused(error: impl Into<CallError>) -> Self {
        Self::gateway(Err(error.into()))
    }
}

impl<T: Answer> Reply<T> {
    /// The answer of a command.
    pub fn new(command: &'static CommandInfo, result: Result<T, CallError>) -> Self {
        Self {
            command: Some(command),
            result,
            notes: CallLogInfo::default(),
        }
    }

    /// The same answer, with what the log should know of the call.
    #[must_use]
    pub fn with_notes(self, notes: CallLogInfo) -> Self {
        Self { notes, ..self }
    }

    /// The body: compact JSON, its keys in the order of the page's samples.
    pub fn to_json(&self) -> Vec<u8> {
        let (fields, code, info) = match &self.result {
            Ok(fields) => (Some(fields), Code::Ok, Cow::Borrowed(T::INFO)),
            Err(CallError { code, info, .. }) if info.is_empty() => (None, *code, self.text(*code)),
            Err(CallError { code, info, .. }) => (None, *code, Cow::Borrowed(info.as_ref())),
        };
        let keys = fields.map_or(KeyOrder::EnvelopeFirst, |_| T::KEYS);
        let service_has_it = |command: &CommandInfo| command.service.has_error_display();
        let has_display = !code.is_gateway() && self.command.is_some_and(service_has_it);
        let envelope = Envelope {
            fields_before: fields.filter(|_| keys == KeyOrder::FieldsFirst),
            action_status: if code == Code::Ok { "OK" } else { "FAIL" },
            info_before: (keys == KeyOrder::InfoFirst).then_some(&*info),
            error_code: code.number(),
            info_behind: (keys != KeyOrder::InfoFirst).then_some(&*info),
            error_display: has_display.then_some(""),
            fields_behind: fields.filter(|_| keys != KeyOrder::FieldsFirst),
        };
        let mut json = Vec::with_capacity(SHORT_ANSWER);
        serde_json::to_writer(&mut json, &envelope).expect("strings, numbers and lists serialise");
        json
    }

    fn text(&self, code: Code) -> Cow<'static, str> {
        match self.command {
            Some(command) => command.text(code).to_string().into(),
            None => code.info().into(),
        }
    }

    /// What the log should know of the call that was answered so.
    pub fn into_outcome(self, answer: Bytes) -> Outcome {
        let (code, detail, tally) = match self.result {
            Ok(fields) => (Code::Ok, Cow::Borrowed(""), fields.tally()),
            Err(CallError { code, info, detail }) => {
                (code, if detail.is_empty() { info } else { detail }, None)
            }
        };
        Outcome {
            command: self.command,
            code,
            detail,
            tally,
            notes: self.notes,
            answer,
        }
    }
}

/// What the log knows of a call once it is answered.
#[derive(Debug)]
pub struct Outcome {
    /// The command that answered it, if one did.
    pub command: Option<&'static CommandInfo>,
    /// The whole call's outcome.
    pub code: Code,
    /// Why, where the code alone does not say; may be empty.
    pub detail: Cow<'static, str>,
    /// How the items fared, where there were items.
    pub tally: Option<Tally>,
    /// What its query said.
    pub notes: CallLogInfo,
    /// The answer's body.
    pub answer: Bytes,
}

/// As the body is.
impl<T: JsonSchema> JsonSchema for Reply<T> {
    fn schema_name() -> Cow<'static, str> {
        Envelope::<T>::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Envelope::<T>::json_schema(generator)
    }
}

/// An answer. What is not there is left out, never null.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(extend("required" = ["ActionStatus", "ErrorCode", "ErrorInfo"]))]
struct Envelope<'a, T> {
    #[serde(flatten)]
    fields_before: Option<&'a T>,
    /// `OK` where ErrorCode is 0, else `FAIL`.
    action_status: &'static str,
    #[serde(rename = "ErrorInfo", skip_serializing_if = "Option::is_none")]
    info_before: Option<&'a str>,
    /// The whole call's outcome; where it is not 0, there is the envelope alone.
    error_code: u32,
    /// What is wrong, in words; it is always there.
    #[serde(rename = "ErrorInfo", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    info_behind: Option<&'a str>,
    /// Always empty. Gateway failures lack it, and so does every answer of some services.
    #[schemars(with = "String")]
    #[serde(skip_serializing_if = "Option::is_none")]
    error_display: Option<&'static str>,
    #[serde(flatten)]
    fields_behind: Option<&'a T>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::service::{Service, Subject};

    const FRIEND_ADD: &CommandInfo = &CommandInfo {
        service: Service::Sns,
        name: "friend_add",
        calls_per_second: 200,
        subject: Subject::FromAndItems,
    };

    fn json<T: Answer>(reply: &Reply<T>) -> String {
        String::from_utf8(reply.to_json()).expect("UTF-8")
    }

    fn results(outcomes: &[(&str, Code)]) -> Reply<ItemResults> {
        let outcomes = outcomes
            .iter()
            .map(|(to, code)| ((*to).to_owned(), *code, NoFields {}));
        Reply::new(FRIEND_ADD, Ok(ItemResults::new(FRIEND_ADD, outcomes)))
    }

    #[test]
    fn success_has_the_pages_keys_in_the_pages_order() {
        assert_eq!(
            json(&results(&[("id1", Code::Ok)])),
            r#"{"ResultItem":[{"To_Account":"id1","ResultCode":0,"ResultInfo":""}],"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"","ErrorDisplay":""}"#
        );
    }

    #[test]
    fn partial_failure_is_the_pages_batch_sample() {
        let outcomes = [
            ("id1", Code::Ok),
            ("id2", Code::Internal),
            ("id3", Code::SdkAppIdIllegal),
        ];
        assert_eq!(
            json(&results(&outcomes)),
            r#"{"ResultItem":[{"To_Account":"id1","ResultCode":0,"ResultInfo":""},{"To_Account":"id2","ResultCode":30006,"ResultInfo":"Err_SNS_FriendAdd_Unpack_Profile_Data_Fail"},{"To_Account":"id3","ResultCode":30002,"ResultInfo":"Err_SNS_FriendAdd_SdkAppId_Illegal"}],"Fail_Account":["id2","id3"],"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"","ErrorDisplay":""}"#
        );
    }

    #[test]
    fn gateway_failures_have_exactly_three_keys_and_sns_failures_a_fourth() {
        assert_eq!(
            json(&Reply::refused(Code::HttpParse)),
            r#"{"ActionStatus":"FAIL","ErrorCode":60002,"ErrorInfo":"HTTP parse Error"}"#
        );
        for code in Code::ALL.iter().filter(|code| **code != Code::Ok) {
            let reply = Reply::<NoFields>::new(FRIEND_ADD, Err((*code).into()));
            assert_eq!(
                json(&reply).contains("ErrorDisplay"),
                !code.is_gateway(),
                "{code:?}"
            );
        }
    }
}
