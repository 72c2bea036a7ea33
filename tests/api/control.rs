//! The control API, over HTTP; `client` holds every answer against `openapi.json`.

mod accounts;
mod apps;
mod arrange;
mod client;
mod document;
mod faults;
mod guard;
mod isolation;
mod calls;
mod client;
mod document;

mod clock;
mod events;
mod journal;
mod journal_bytes;
mod limits;
mod openapi;
mod state;
mod wire_faults;
mod rate;
mod secrets;
mod wait;
