//! What a control call that fails is told: `application/problem+json` (RFC 9457), with every fault
//! of the request at once.

use crate::store::StoreError;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;

/// Why a control call failed.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Problem {
    /// The HTTP status, in words.
    title: &'static str,
    /// The HTTP status.
    #[schemars(with = "u16")]
    #[serde(serialize_with = "as_number")]
    status: StatusCode,
    /// What is wrong, for a person.
    detail: String,
    /// Each fault of the request, where it has faults.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<InvalidField>,
}

/// One fault of a request.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub(super) struct InvalidField {
    /// In which part of the request, where it is the request's.
    #[serde(rename = "in", skip_serializing_if = "Option::is_none")]
    pub(super) part: Option<Part>,
    /// A JSON pointer (RFC 6901) to what is wrong.
    pub(super) pointer: String,
    /// What is wrong with it.
    pub(super) detail: String,
}

/// A part of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Part {
    Path,
    Query,
    Body,
}

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
    pub(super) fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, detail)
    }

    /// 422: what was understood cannot be done.
    pub(super) fn invalid(errors: Vec<InvalidField>) -> Self {
        let first = errors.first();
        let detail = first.map_or_else(String::new, |fault| {
            let InvalidField {
                pointer, detail, ..
            } = fault;
            match pointer.as_str() {
                "" => detail.clone(),
                pointer => format!("{pointer} {detail}"),
            }
        });
        Self {
            errors,
            ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
        }
    }

    /// The same, with what it is about, one by one.
    pub(super) fn with_errors(self, errors: Vec<InvalidField>) -> Self {
        Self { errors, ..self }
    }

    /// 422 for one fault of the body.
    pub(super) fn invalid_field(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::invalid(vec![InvalidField::of_body(pointer, detail)])
    }
}

/// 409 for a write conflict, 503 for a store that does not answer.
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
        Self {
            part: Some(Part::Body),
            pointer: pointer.into(),
            detail: detail.into(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self).expect("strings, numbers and lists serialise");
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status;
        let content_type = HeaderValue::from_static("application/problem+json");
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, content_type);
        if self.status == StatusCode::UNAUTHORIZED {
            let bearer = HeaderValue::from_static("Bearer");
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, bearer);
        }
        response
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn as_number<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}
