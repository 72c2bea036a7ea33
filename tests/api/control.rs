//! The control API over HTTP. `client` checks every answer against `openapi.json`.

mod accounts;
mod apps;
mod arrange;
mod calls;
pub(crate) mod client;
mod clock;
mod document;
mod documents;
mod events;
mod examples;
mod faults;
mod guard;
mod help;
mod isolation;
mod journal;
mod journal_bytes;
mod limits;
mod manual;
mod messages;
mod names;
mod openapi;
mod process;
mod rate;
mod secrets;
mod sequences;
mod state;
mod wait;
mod wire_faults;

pub(crate) use client::{Control, MadeApp};
