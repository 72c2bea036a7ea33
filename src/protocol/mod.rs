//! The types of Tencent's REST protocol, without HTTP, clock or locks.

pub mod code;
pub mod code_text;
pub mod flaw;
pub mod hosts;
pub mod ids;
pub(crate) mod lenient;
pub mod object;
pub mod query;
pub mod redact;
pub mod reply;
pub mod service;
pub mod tag;
pub mod user_sig;
pub(crate) mod webhook;
