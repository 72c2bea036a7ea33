//! The control API, over HTTP; `client` holds every answer against `openapi.json`.

mod client;
mod document;
mod openapi;
