//! The table of codes, as a manual: what each outcome means, its usual causes, how to bring it about and how
//! to fix it.

use super::arrange::{Source, source};
use super::code_name::CodeName;
use super::extract::{Path, Query};
use super::problem::Problem;
use crate::config::Config;
use crate::protocol::code::{Code, Recorded};
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One outcome of the table of codes.
#[derive(Serialize, JsonSchema)]
pub(super) struct KnownCode {
    /// The number that ErrorCode or ResultCode carries.
    code: u32,
    /// The outcome's name. Several outcomes can have the same number.
    outcome: &'static str,
    /// The text or beginning of ErrorInfo or ResultInfo; `<Api>` stands for the command.
    info: &'static str,
    /// When a call or an item gets this outcome.
    meaning: &'static str,
    /// The usual causes in a client's program, the most frequent first.
    causes: &'static [&'static str],
    /// How to get this outcome.
    how: String,
    /// What to do about it.
    fix: &'static str,
    /// The evidence for the number: documented, seen (with the year, if it is known), inferred, or
    /// guess.
    code_is: String,
    /// The evidence for the text.
    info_is: String,
    /// What a record of the real service shows instead, if one contradicts the documentation. The items
    /// are answered so if `sns.answers` is "recorded".
    recorded: Option<Recorded>,
}

impl KnownCode {
    pub(super) fn of(code: Code, config: &Config) -> Self {
        let advice = code.advice();
        Self {
            code: code.number(),
            outcome: code.name(),
            info: code.info(),
            meaning: code.meaning(),
            causes: advice.causes,
            how: how(code, config),
            fix: advice.fix,
            code_is: code.number_basis().to_string(),
            info_is: code.info_basis().to_string(),
            recorded: code.recorded(),
        }
    }
}

/// Describes how to get an outcome.
fn how(code: Code, config: &Config) -> String {
    let name = code.name();
    let Some((command, source)) = source(code, config) else {
        let field = match (code.is_items(), code.is_calls()) {
            (true, true) => "result_code or code",
            (true, false) => "result_code",
            (false, _) => "code",
        };
        return format!("as `meaning` says, or by a fault with {field} {name:?}");
    };
    let command = command.name;
    let effect = match source {
        Source::State => format!("makes the state in which {command} answers it"),
        Source::Request => format!("returns a {command} request that gets it"),
        Source::Fault => format!("arms the fault that makes {command} answer it once"),
    };
    let body = match command {
        "friend_add" => format!("{{\"code\": {name:?}}}"),
        _ => format!("{{\"code\": {name:?}, \"command\": {command:?}}}"),
    };
    format!("POST apps/{{sdkappid}}/arrange {body} {effect}")
}

/// A filter of codes. Without fields, it matches every code.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CodeFilter {
    /// Only outcomes with this number.
    code: Option<u32>,
    /// Only outcomes whose name, text, meaning, causes or remedy have this text, in any case.
    text: Option<String>,
    /// Only outcomes whose number is known from this evidence.
    evidence: Option<Evidence>,
}

/// How a number is known.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Evidence {
    Documented,
    Seen,
    Inferred,
    Guess,
}

impl Evidence {
    fn word(self) -> &'static str {
        match self {
            Self::Documented => "documented",
            Self::Seen => "seen",
            Self::Inferred => "inferred",
            Self::Guess => "guess",
        }
    }
}

impl CodeFilter {
    fn matches(&self, known: &KnownCode) -> bool {
        let has = |text: &String| {
            let words = [known.outcome, known.info, known.meaning, known.fix];
            let mut texts = words.iter().chain(known.causes);
            texts.any(|word| word.to_lowercase().contains(&text.to_lowercase()))
        };
        self.code.is_none_or(|code| code == known.code)
            && self.text.as_ref().is_none_or(has)
            && self
                .evidence
                .is_none_or(|evidence| known.code_is.starts_with(evidence.word()))
    }
}

pub(super) async fn list(
    State(state): State<AppState>,
    Query(filter): Query<CodeFilter>,
) -> Json<Vec<KnownCode>> {
    let known = Code::ALL
        .iter()
        .map(|code| KnownCode::of(*code, &state.config));
    Json(known.filter(|known| filter.matches(known)).collect())
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CodePath {
    /// A number, or the name of an outcome.
    code: String,
}

/// All outcomes with the number, or the one with the name.
pub(super) async fn show(
    State(state): State<AppState>,
    Path(CodePath { code }): Path<CodePath>,
) -> Result<Json<Vec<KnownCode>>, Problem> {
    let name = match code.parse() {
        Ok(number) => CodeName::Number(number),
        Err(_) => CodeName::Name(code),
    };
    let known = name.all(Code::number);
    let known: Vec<_> = known
        .map(|code| KnownCode::of(code, &state.config))
        .collect();
    if known.is_empty() {
        return Err(Problem::not_found(format!(
            "the code {}",
            name.unknown_message()
        )));
    }
    Ok(Json(known))
}
