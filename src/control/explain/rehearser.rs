//! ItemTarget friend_add's own rule what it would say, and makes no call.

use crate::apps::App;
use crate::clock::Moment;
use crate::commands::FriendAddRequest;
use crate::commands::rehearsal::{self, Rehearsal};
use crate::config::Config;
use crate::control::apps::EXPIRE_SECONDS;
use crate::control::unused_name;
use crate::faults::Faults;
use crate::protocol::ids::UserId;
use crate::protocol::reply::CallError;
use bytes::Bytes;
use serde_json::Value;

/// ItemTarget the rule of an app, at one moment.
pub(super) struct Rehearser<'a> {
    pub(super) config: &'a Config,
    pub(super) app: &'a App,
    pub(super) now: Moment,
}

impl Rehearser<'_> {
    /// What the rule says, whatever faults are armed.
    pub(super) async fn rehearse(&self, body: &Value) -> Result<Rehearsal, CallError> {
        let request = rehearsal::decode(bytes(body))?;
        self.rehearse_with(&request, &Faults::default()).await
    }

    pub(super) async fn rehearse_with(
        &self,
        request: &FriendAddRequest,
        faults: &Faults,
    ) -> Result<Rehearsal, CallError> {
        let policy = &self.config.sns;
        rehearsal::rehearse(policy, self.app, self.now, request, faults).await
    }

    /// Somebody who is always there.
    pub(super) fn admin(&self) -> UserId {
        self.app.first_admin()
    }

    /// A name that nobody has.
    pub(super) fn stranger(&self) -> UserId {
        unused_name(self.app, "to")
    }

    pub(super) fn max_items(&self) -> usize {
        self.config.sns.max_items as usize
    }

    /// The query of a call that the gateway lets in.
    pub(super) fn query(&self) -> String {
        let now = self.now.unix_time();
        self.app.query(self.admin(), now, EXPIRE_SECONDS)
    }
}

pub(super) fn bytes(body: &Value) -> Bytes {
    serde_json::to_vec(body).expect("it is JSON").into()
}
