//! The error of the Rust API. It has the messages that the control API answers.

use crate::control::problem::Problem;
use axum::http::StatusCode;
use std::fmt;

/// Why a method of the Rust API has failed. `Display` writes each message on a line of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Error {
    /// The kind of error.
    pub kind: ErrorKind,
    /// At least one message. If fields are invalid, there is one for each: the JSON pointer to the field, as in
    /// the control API, and what is wrong with it.
    pub messages: Vec<String>,
}

/// A kind of [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// There is no such app, account, request or fault; it may have been removed.
    NotFound,
    /// An argument is invalid.
    Invalid,
    /// The present state does not allow it, or is not as expected: faults have not been consumed.
    Conflict,
    /// A limit is reached, such as the number of apps.
    Full,
    /// The time is over.
    TimedOut,
    /// The emulator has been stopped.
    Stopped,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.messages.join("\n"))
    }
}

impl std::error::Error for Error {}

impl Error {
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self {
            kind: ErrorKind::Invalid,
            messages: vec![message.into()],
        }
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        let (status, messages) = problem.into_messages();
        let kind = match status {
            StatusCode::NOT_FOUND => ErrorKind::NotFound,
            StatusCode::CONFLICT => ErrorKind::Conflict,
            StatusCode::INSUFFICIENT_STORAGE => ErrorKind::Full,
            StatusCode::REQUEST_TIMEOUT => ErrorKind::TimedOut,
            StatusCode::SERVICE_UNAVAILABLE => ErrorKind::Stopped,
            _ => ErrorKind::Invalid,
        };
        Self { kind, messages }
    }
}
