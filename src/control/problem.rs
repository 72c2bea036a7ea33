//! The answer to a control call that failed: `application/problem+json` (RFC 9457), with all
//! invalid fields of the request.

use crate::protocol::redact::redact_text;
use crate::store::StoreError;
pub(super) use crate::strict::{InvalidField, Part};
use crate::world::ChangeError;
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;

/// The reason why a control call failed.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Problem {
    /// The name of the HTTP status.
    title: &'static str,
    /// The HTTP status.
    #[schemars(with = "u16")]
    #[serde(serialize_with = "as_number")]
    status: StatusCode,
    /// A description for people.
    detail: String,
    /// The invalid fields of the request, or the faults that have not been consumed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) errors: Vec<InvalidField>,
}

/// The longest pointer that the description repeats, in characters.
const MAX_POINTER: usize = 100;

impl Problem {
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            title: status.canonical_reason().unwrap_or_default(),
            status,
            detail: detail.into(),
            errors: Vec::new(),
        }
    }

    /// 404.
    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// 409.
    pub(crate) fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, detail)
    }

    /// 422: the request was understood, but fields of it are invalid.
    pub(crate) fn invalid(errors: Vec<InvalidField>) -> Self {
        let mut detail = errors.first().map(described).unwrap_or_default();
        if errors.len() > 1 {
            detail += &format!(" (`errors` has {} more)", errors.len() - 1);
        }
        Self {
            errors,
            ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
        }
    }

    /// 422 for invalid fields of the body.
    pub(super) fn invalid_body(mut errors: Vec<InvalidField>) -> Self {
        errors
            .iter_mut()
            .for_each(|error| error.part = Some(Part::Body));
        Self::invalid(errors)
    }

    /// 422 for one invalid field of the body.
    pub(crate) fn invalid_field(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::invalid(vec![InvalidField::of_body(pointer, detail)])
    }

    /// The status, and the messages of the Rust API: one for each invalid field, or the description and one
    /// for each fault that has not been consumed.
    pub(crate) fn into_messages(self) -> (StatusCode, Vec<String>) {
        let Self {
            status,
            detail,
            errors,
            ..
        } = self.redacted();
        let names_fields = status == StatusCode::UNPROCESSABLE_ENTITY && !errors.is_empty();
        let detail = (!names_fields).then_some(detail);
        let message =
            |InvalidField {
                 pointer, detail, ..
             }| format!("{pointer} {detail}").trim_start().to_owned();
        let errors = errors.into_iter().map(message);
        (status, detail.into_iter().chain(errors).collect())
    }

    /// A message can name a part of the request, and so a secret in the wrong place.
    fn redacted(mut self) -> Self {
        self.detail = redact_text(&self.detail);
        for error in &mut self.errors {
            error.pointer = redact_pointer(&error.pointer);
            error.detail = redact_text(&error.detail);
        }
        self
    }

    pub(super) fn with_errors(self, errors: Vec<InvalidField>) -> Self {
        Self { errors, ..self }
    }
}

/// An invalid field and its problem, in a sentence.
fn described(field: &InvalidField) -> String {
    let InvalidField {
        part,
        pointer,
        detail,
    } = field;
    let pointer = redact_pointer(pointer);
    let mut name = pointer.clone();
    name.truncate(name.floor_char_boundary(MAX_POINTER));
    if name.len() < pointer.len() {
        name.push('…');
    }
    match (part, name.strip_prefix('/')) {
        (Some(part @ (Part::Path | Part::Query)), Some(name)) => {
            format!("the {} parameter \"{name}\" {detail}", part.name())
        }
        (Some(part), None) => format!("the {} {detail}", part.name()),
        _ => format!("{name} {detail}").trim_start().to_owned(),
    }
}

/// A JSON pointer without secrets. A `/` in a name, which can be part of a UserSig, is `~1`.
fn redact_pointer(pointer: &str) -> String {
    let names = pointer.split('/');
    let names = names.map(|name| redact_text(&name.replace("~1", "/").replace("~0", "~")));
    let names = names.map(|name| name.replace('~', "~0").replace('/', "~1"));
    names.collect::<Vec<_>>().join("/")
}

/// 409 for a conflict, 507 if a limit is reached.
impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Conflict(detail) => Self::conflict(detail),
            ChangeError::Full(detail) => Self::new(StatusCode::INSUFFICIENT_STORAGE, detail),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NoAccount => Self::not_found("there is no such account"),
            StoreError::Conflict => Self::conflict("the account was changed by another call"),
            StoreError::Unavailable => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "the store does not answer")
            }
        }
    }
}

impl InvalidField {
    pub(super) fn of_body(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(Some(Part::Body), pointer, detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let problem = self.redacted();
        let mut response = (problem.status, Json(&problem)).into_response();
        let headers = response.headers_mut();
        let content_type = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, content_type);
        if problem.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if problem.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn as_number<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}
