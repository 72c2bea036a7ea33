//! Black-box tests over HTTP, in one binary. `harness` checks what is true of every reply.

mod commands;
mod control;
mod harness;
mod readme;
#[path = "../../config/fixtures/emulator.rs"]
mod recipe;
mod webhooks;
mod wire;

mod answers;
mod bodies;
mod clients;
mod codes;
mod concurrency;
mod documented;
mod explanations;
mod family;
mod friend_add;
mod friend_add_body;
mod gateway;
mod hints;
mod hostile;
mod https;
mod in_process;
mod lifecycle;
mod live;
mod model;
mod parity;
mod proxy;
mod rate_limit;
mod records;
mod state_file;
mod stubs;
