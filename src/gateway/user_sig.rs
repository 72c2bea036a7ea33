//! Why a UserSig is refused, in more detail than its code says: for the hint of a call, and for the control API.

use super::hint::MAX_NAME_BYTES;
use crate::protocol::code::Code;
use crate::protocol::ids::{SdkAppId, UnixTime};
use crate::protocol::redact::redact_beginning;
use crate::protocol::user_sig::Ticket;
use crate::world::World;

/// The maximum number of apps whose key is tried on a UserSig: about a millisecond.
const MAX_KEYS: usize = 1000;

/// A UserSig, and the app and the identifier that it is used for.
pub(crate) struct UsedUserSig<'a> {
    pub(crate) sdkappid: SdkAppId,
    pub(crate) identifier: &'a str,
    pub(crate) usersig: &'a str,
}

impl UsedUserSig<'_> {
    /// Why a call with it gets this code, in more detail than the code says; `None` if the code is about
    /// something else.
    pub(crate) fn why_refused(&self, world: &World, code: Code, now: UnixTime) -> Option<String> {
        let ticket = Ticket::decode(self.usersig).ok()?;
        let Self {
            sdkappid,
            identifier,
            ..
        } = self;
        if code == Code::SigKey {
            return Some(whose_key(world, *sdkappid, &ticket));
        }
        if code == Code::SigSdkAppId {
            let signed = ticket.sdkappid;
            return Some(format!(
                "the UserSig is of app {signed}, and the call is to app {sdkappid}"
            ));
        }
        if code == Code::SigIdentifier {
            let (signed, called) = (
                redact_beginning(&ticket.identifier, MAX_NAME_BYTES),
                redact_beginning(identifier, MAX_NAME_BYTES),
            );
            return Some(format!(
                "the UserSig is of {signed:?}, and identifier is {called:?}"
            ));
        }
        if code == Code::SigExpired {
            let expires_at = ticket.time.saturating_add(ticket.expire);
            let ago = now.0.saturating_sub(expires_at);
            return Some(format!(
                "the UserSig expired {ago} s ago by the app's clock"
            ));
        }
        None
    }
}

fn whose_key(world: &World, app: SdkAppId, ticket: &Ticket) -> String {
    let mut apps = world.apps.values().take(MAX_KEYS);
    let owner = apps.find(|app| ticket.is_signed_with(&app.config.secret_key));
    let owner = match owner {
        Some(owner) => format!("of app {}", owner.sdkappid),
        None if world.apps.len() > MAX_KEYS => format!("of none of the first {MAX_KEYS} apps"),
        None => "of no app here".to_owned(),
    };
    format!("the UserSig is signed with the key {owner}, not with the key of app {app}")
}
