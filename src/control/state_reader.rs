//! Reads the body of an app's whole graph one account after the other: a parsed body takes many times its
//! size in memory, so a large graph is never parsed as a whole.

use super::extract::{Body, max_errors, reader};
use super::problem::{InvalidField, Part, Problem};
use super::receive::Input;
use super::route::{Operation, OperationInput};
use super::state::{StateDocument, VERSION};
use crate::accounts::{AccountDocument, MAX_ACCOUNTS_BYTES};
use crate::protocol::ids::UserId;
use crate::state::AppState;
use crate::strict::join;
use axum::body::to_bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use bytes::Bytes;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::iter;

/// The longest value of a field other than an account that is parsed, in bytes.
const MAX_FIELD_BYTES: usize = 100;

/// The body of a [`StateDocument`].
pub(super) struct StateBody(Bytes);

/// The fields of an object, not parsed.
type Fields<'a> = BTreeMap<String, &'a RawValue>;

impl FromRequest<AppState> for StateBody {
    type Rejection = Problem;

    async fn from_request(call: Request, _: &AppState) -> Result<Self, Problem> {
        // `receive` has limited the size.
        let bytes = to_bytes(call.into_body(), usize::MAX).await;
        Ok(Self(bytes.expect("the body is in memory")))
    }
}

impl OperationInput for StateBody {
    const INPUT: Option<Input> = Body::<StateDocument>::INPUT;

    fn describe(operation: &mut Operation) {
        Body::<StateDocument>::describe(operation);
    }
}

impl StateBody {
    /// Visits the accounts. The error names the invalid fields, up to a limit.
    pub(super) fn read(
        &self,
        mut visit: impl FnMut(UserId, AccountDocument),
    ) -> Result<(), Problem> {
        let reader = reader::<StateDocument>();
        let max_errors = max_errors(self.0.len());
        let mut invalid = Vec::new();
        let (head, accounts) = split(&self.0)?;
        // Each account is a document of its own, so that the pointers of its errors are right.
        let accounts = accounts
            .into_iter()
            .map(|(name, account)| -> Result<Value, Problem> {
                check_size(&name, account)?;
                let account: Value = parsed(account.get().as_bytes())?;
                Ok(json!({ "version": VERSION, "accounts": { name: account } }))
            });
        for document in iter::once(Ok(head)).chain(accounts) {
            match reader.read(document?, max_errors - invalid.len()) {
                Ok(StateDocument { accounts, .. }) => {
                    accounts
                        .into_iter()
                        .for_each(|(user, account)| visit(user, account));
                }
                Err(more) => invalid.extend(more),
            }
            if invalid.len() >= max_errors {
                break;
            }
        }
        if invalid.is_empty() {
            return Ok(());
        }
        let of_body = |field| InvalidField {
            part: Some(Part::Body),
            ..field
        };
        Err(Problem::invalid(invalid.into_iter().map(of_body).collect()))
    }
}

/// Splits a document into its accounts and the document without accounts. Values that are invalid and may
/// be large are replaced with null, which is invalid as well.
fn split(bytes: &[u8]) -> Result<(Value, Fields<'_>), Problem> {
    let bytes = if bytes.is_empty() { b"{}" } else { bytes };
    let Ok(fields) = serde_json::from_slice::<Fields<'_>>(bytes) else {
        let _: IgnoredAny = parsed(bytes)?;
        return Ok((Value::Null, Fields::new()));
    };
    let (mut head, mut accounts) = (Map::new(), Fields::new());
    for (name, field) in fields {
        let text = field.get();
        let value = match serde_json::from_str(text) {
            Ok(fields) if name == "accounts" => {
                accounts = fields;
                json!({})
            }
            _ if text.len() <= MAX_FIELD_BYTES => parsed(text.as_bytes())?,
            _ => Value::Null,
        };
        head.insert(name, value);
    }
    Ok((head.into(), accounts))
}

fn parsed<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes).map_err(|error| {
        let detail = format!("the body is not JSON: {error}");
        Problem::new(StatusCode::BAD_REQUEST, detail)
    })
}

/// An account has the size limit that it has in a body of its own.
fn check_size(name: &str, account: &RawValue) -> Result<(), Problem> {
    if account.get().len() <= MAX_ACCOUNTS_BYTES {
        return Ok(());
    }
    let detail = format!("is larger than {MAX_ACCOUNTS_BYTES} bytes");
    Err(Problem::invalid_field(join("/accounts", name), detail))
}
