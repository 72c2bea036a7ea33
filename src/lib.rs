//! A stand-alone server that behaves like Tencent Cloud Chat's REST endpoint
//! `POST /v4/sns/friend_add` and the relationship APIs around it, for development and tests without
//! the cloud.
//!
//! Rust tests can run the server in their own process: see [`Emulator`].
//!
//! # Architecture
//!
//! A request goes down through the layers and its answer comes back up. A layer never calls a layer
//! above it.
//!
//! ```text
//! main ─► emulator ─► server ─► commands ─► gateway ─► state ─► world ─► apps ─► store ─► sns, profile ─► protocol
//!            │            │                    └───► http ─► protocol     └───► limiter, webhooks ─► deliveries ─► protocol
//!            │            └───► control ─► commands, saved       └───► faults, journal, clock, tls, config ─► stub ─► strict
//!            └───► state_file ─► state, saved ─► apps, accounts                                      └───► accounts ─► store
//! ```
//!
//! | module | job |
//! |---|---|
//! | `main`, `cli` | the process: command line, exit codes |
//! | `serve`, `exec`, `env`, `wait`, `health`, `transfer`, `tls_commands` | the commands of the program, one file for each |
//! | `environment`, `own_proxy`, `java_options`, `trust`, `signals`, `control_client` | for these commands: variables, a proxy of the user's own, options of Java, bundles of certificates, signals, calls to a running emulator |
//! | `emulator` | the Rust API: an emulator in the process of a test, with the functions that the control API calls, too |
//! | `server` | all routes; the loop that accepts connections; HTTPS and the proxy |
//! | `tls` | the certificate for HTTPS, and the CA that signs it |
//! | `client_stream`, `client_ip` | a client's connection; its IP address |
//! | `workers` | the runtimes that serve connections |
//! | `commands` | the table of REST commands (`answer` runs a call); one file for each: parse, decide, answer |
//! | `gateway` | the steps of every REST call: check the UserSig and the rate limit, receive the body, write the journal and the hint |
//! | `control` | the table of the control API's routes, `/_emulator/v1`; one file for each resource; serves the debugging page, whose files are in `src/page`: `main.js` shows the views, one file for each |
//! | `http` | converts a reply to an HTTP response, always with status 200 |
//! | `budget` | the memory for bodies in flight |
//! | `background` | a separate runtime for the control API, whose calls can take long |
//! | `state`, `token` | the state that all calls share; the token of the control API |
//! | `state_file`, `atomic_file` | keeps the accounts between runs; writes a file atomically |
//! | `world` | the state that a reset replaces atomically; a call uses one world from start to end |
//! | `apps` | the apps, each with its own accounts, limits and webhook |
//! | `store` | accounts and relationships: runs the given rule on two accounts under a lock, applies its changes |
//! | `webhooks` | sends events to an app's own server |
//! | `limiter`, `faults`, `clock` | rate limits; fault injection; the time |
//! | `journal`, `deliveries`, `ring` | recent calls; recent deliveries of webhooks; the ring buffer of both |
//! | `metrics` | counters for Prometheus |
//! | `config`, `telemetry` | the configuration; the log |
//! | `accounts` | the form in which accounts are given and shown, in the configuration and the control API |
//! | `saved` | the documents of an app's accounts and of all apps' accounts, written and read piece by piece |
//! | `stub` | stubs: commands that answer from a template |
//! | `checks` | the list of checks that schemas name, and the readers that know them |
//! | `strict` | the strict reader of JSON, for the control API's requests and the configuration |
//! | `sns` | the rules, pure functions: facts in, decision out |
//! | `profile` | the profile fields of accounts, pure functions |
//! | `protocol` | the types of Tencent's protocol, pure: the table of codes, replies, the query, UserSig |
//!
//! A new command is one file in `commands` and one line in the table of `commands`, plus a rule in `sns` if it
//! decides something, and a row in `protocol::code` if it has a new result. A test asks for an example in
//! `control/examples.json`, and `control::arrange` has the states and the wrong fields that give a command's own
//! codes. A command that needs no state is one row in the table of `commands::stubs`. A new control route is a
//! handler in the file of its resource and one line in the table of `control`. What a route and a method of the
//! Rust API both do is one function in the file of the resource.

pub mod accounts;
mod apps;
#[doc(hidden)]
pub mod atomic_file;
mod background;
mod budget;
mod checks;
mod client_ip;
mod client_stream;
pub mod clock;
mod commands;
pub mod config;
mod control;
mod deliveries;
mod emulator;
mod faults;
mod gateway;
mod http;
mod journal;
mod limiter;
mod metrics;
pub mod profile;
pub mod protocol;
mod ring;
mod saved;
mod server;
pub mod sns;
mod state;
mod state_file;
pub mod store;
mod strict;
pub mod stub;
pub mod telemetry;
#[doc(hidden)]
pub mod tls;
mod token;
mod webhooks;
mod workers;
mod world;

pub use control::PREFIX as CONTROL_PREFIX;
pub use emulator::{
    AccountSeed, AppHandle, ArmedFault, Builder, Emulator, Error, ErrorKind, Fault, Faults,
    RecordedCall, Requests, STOP_DEADLINE, Snapshot,
};
pub use protocol::code::Code;
pub use protocol::ids::{SdkAppId, UserId};
pub use sns::friend_response::Response as FriendResponse;
pub use sns::model::AllowType;
pub use state_file::StateFileError;

use config::{Config, ConfigError, Sources};

impl Config {
    /// Merges and checks all sources. The error has all unknown keys and invalid values, in the order of
    /// their lines.
    ///
    /// # Errors
    /// When a source cannot be read, or has an unknown key or an invalid value.
    pub fn load(sources: &Sources) -> Result<Self, ConfigError> {
        Self::read(sources, checks::CHECKS)
    }
}
