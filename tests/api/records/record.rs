//! The types of `tests/vectors/records.json`.

use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use tencent_chat_emulator::protocol::code::{Basis, Code};

/// What one source shows of a row.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    /// The name of the row.
    pub(super) code: String,
    /// The year or years of the source, or "undated".
    pub(super) year: String,
    pub(super) kind: Kind,
    /// Which page, issue or client it is.
    pub(super) source: String,
    /// A source of more authority that says something else: the record is then no evidence for the
    /// row, and `setup` makes the emulator answer as recorded.
    pub(super) contradicted_by: Option<String>,
    /// What comes before the call.
    #[serde(default)]
    pub(super) setup: Vec<Step>,
    pub(super) request: Request,
    pub(super) answer: Shown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// A sample request or answer on a page of Tencent.
    Sample,
    /// A table of codes: it gives only the number and its meaning.
    #[serde(rename = "error table")]
    ErrorTable,
    /// The text of a page of Tencent.
    Page,
    #[serde(rename = "FAQ")]
    Faq,
    /// The code of a client.
    Client,
    /// An answer of the real service that somebody has published.
    Answer,
    /// A line of a log.
    Log,
    Issue,
    /// A question in a forum.
    Question,
}

/// A step that prepares the emulator.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum Step {
    /// Keys of the configuration, such as `sns.max_friends`.
    Config(BTreeMap<String, String>),
    /// A call: its path and body.
    Call(String, Value),
    /// A request to the control API, for a state that no call makes, or for a fault: method, path
    /// and body.
    Control(String, String, Value),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    /// POST by default.
    pub(super) method: Option<String>,
    pub(super) path: String,
    /// Parameters that differ from a good call's: null means that the parameter is missing.
    #[serde(default)]
    pub(super) query: BTreeMap<String, Option<Parameter>>,
    /// A string is sent as it is.
    pub(super) body: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Parameter {
    Text(String),
    UserSig(Signed),
}

/// A UserSig. By default: of the call's app and identifier, with the app's key, and valid.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Signed {
    pub(super) sdkappid: Option<String>,
    pub(super) identifier: Option<String>,
    pub(super) expire: Option<i64>,
    pub(super) key: Option<String>,
}

/// The part of an answer that the source shows. The Result fields are of its only item.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Shown {
    #[serde(rename = "ErrorCode")]
    pub(super) error_code: Option<u32>,
    #[serde(rename = "ErrorInfo")]
    pub(super) error_info: Option<String>,
    #[serde(rename = "ErrorDisplay")]
    pub(super) error_display: Option<String>,
    #[serde(rename = "ResultCode")]
    pub(super) result_code: Option<u32>,
    #[serde(rename = "ResultInfo")]
    pub(super) result_info: Option<String>,
    /// A part of ErrorInfo or ResultInfo.
    pub(super) text_contains: Option<String>,
}

/// All records, in the order of the code table.
pub(crate) fn all() -> Vec<Record> {
    serde_json::from_str(include_str!("../../vectors/records.json"))
        .expect("the records are as above")
}

impl Kind {
    pub(super) fn is_tencents(self) -> bool {
        match self {
            Self::Sample | Self::ErrorTable | Self::Page | Self::Faq => true,
            Self::Client | Self::Answer | Self::Log | Self::Issue | Self::Question => false,
        }
    }
}

impl Step {
    pub(super) fn is_fault(&self) -> bool {
        matches!(self, Self::Control(_, path, _) if path == "/faults")
    }
}

impl Shown {
    pub(super) fn shows_number(&self) -> bool {
        self.error_code.or(self.result_code).is_some()
    }

    pub(super) fn shows_text(&self) -> bool {
        let texts = [&self.error_info, &self.result_info, &self.text_contains];
        texts.into_iter().any(Option::is_some)
    }
}

impl Record {
    /// The record's place in the file, for messages.
    pub(super) fn title(&self) -> String {
        let Self {
            code, kind, source, ..
        } = self;
        format!("{code}, {kind:?}: {source}")
    }

    pub(crate) fn row(&self) -> Code {
        let row = Code::ALL.iter().find(|row| row.name() == self.code);
        *row.unwrap_or_else(|| panic!("{}: no such row", self.title()))
    }

    /// What the record is, as a grade of its row.
    pub(super) fn basis(&self) -> Basis {
        match self.kind.is_tencents() {
            true => Basis::Documented,
            false => Basis::Seen {
                year: self.year.parse().ok(),
            },
        }
    }

    /// The command's name, such as friend_add.
    pub(super) fn command(&self) -> &str {
        self.request.path.rsplit('/').next().unwrap_or_default()
    }

    /// The command, such as `sns/friend_add`, if calls or states give the outcome, without a fault.
    pub(crate) fn met_by_state(&self) -> Option<&str> {
        let met = self.contradicted_by.is_none() && !self.setup.iter().any(Step::is_fault);
        met.then(|| self.request.path.strip_prefix("/v4/"))?
    }
}
