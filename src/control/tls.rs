//! The certificate that clients of HTTPS must trust.

use super::problem::Problem;
use super::route::{Operation, OperationOutput};
use crate::state::AppState;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// A certificate as PEM.
pub(super) struct Pem(Arc<str>);

const PEM: &str = "application/x-pem-file";

impl IntoResponse for Pem {
    fn into_response(self) -> Response {
        ([(CONTENT_TYPE, PEM)], self.0.to_string()).into_response()
    }
}

impl OperationOutput for Pem {
    fn describe(operation: &mut Operation) {
        operation.add_media_type(PEM, None);
    }
}

pub(super) async fn ca(State(state): State<AppState>) -> Result<Pem, Problem> {
    let ca = state
        .tls
        .ca()
        .map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    let own = "the emulator has a certificate of its user (tls.certificate), and no CA";
    ca.map(Pem).ok_or_else(|| Problem::not_found(own))
}
