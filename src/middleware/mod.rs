//! What every REST call passes on its way to its command, one layer a file.

pub(crate) mod body;
pub(crate) mod journal;
pub(crate) mod rate_limit;
pub(crate) mod user_sig;

use crate::protocol::service::CommandInfo;
use crate::state::AppState;

/// What the layers of one command share.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    pub(crate) state: AppState,
    pub(crate) command: &'static CommandInfo,
}
