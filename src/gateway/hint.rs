//! The hint about a call that failed: one sentence that says why, and what to do. Tencent's answer stays
//! as it is: the hint is in the header `X-Emulator-Hint`, the log and the journal.

use super::journal::{Arrival, CallLogInfo};
use super::not_admin;
use crate::config::Config;
use crate::http::LoggedAnswer;
use crate::protocol::code::Code;
use crate::protocol::ids::{SdkAppId, UnixTime};
use crate::protocol::query::CommonQuery;
use crate::protocol::redact::redact_text;
use crate::protocol::reply::Tally;
use crate::protocol::user_sig::{self, Ticket};
use crate::world::World;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method};
use std::fmt::Display;

/// The header that has the hint and the control route that explains the call.
pub(super) const HEADER: HeaderName = HeaderName::from_static("x-emulator-hint");

/// The longest reason, in bytes.
const MAX_BYTES: usize = 400;

/// Stands before the names of unknown fields.
const UNKNOWN: &str = "unknown fields";

/// The maximum number of names that a hint lists.
const MAX_NAMES: usize = 8;

/// The maximum number of apps whose key is tried on a UserSig.
const MAX_KEYS: usize = 100;

/// The hint about a call that failed as a whole or some of whose items failed; empty for others.
pub(super) fn hint(
    config: &Config,
    arrival: &Arrival,
    call: &Parts,
    info: &CallLogInfo,
    answered: &LoggedAnswer,
) -> String {
    let (why, mend) = match (answered.code, &answered.tally) {
        (Code::Ok, None) => return String::new(),
        (Code::Ok, Some(tally)) if tally.refused == 0 => return String::new(),
        (Code::Ok, Some(tally)) => about_items(tally, info),
        (code, _) => {
            let known = about_call(config, arrival, call, info, answered);
            let why = known.unwrap_or_else(|| match &*answered.detail {
                "" => code.meaning().trim_end_matches('.').to_owned(),
                detail => detail.trim_end_matches('.').to_owned(),
            });
            match info.fault {
                Some(id) => (format!("fault {id} ended the call"), disarm(id)),
                // The detail says what to do.
                None if code == Code::NoSuchCommand => (why, String::new()),
                None => (why, code.advice().mend.to_owned()),
            }
        }
    };
    // The hint repeats parts of the call, and so a secret in the wrong place.
    let mut hint = redact_text(&why);
    hint.truncate(hint.floor_char_boundary(MAX_BYTES));
    if !info.unknown_fields.is_empty() && !hint.contains(UNKNOWN) {
        hint += &format!("; {UNKNOWN}: {}", info.unknown_fields.join(", "));
    }
    if !mend.is_empty() {
        hint += "; ";
        hint += &mend;
    }
    hint
}

/// The hint as the value of a header, in ASCII. `id` is the id of the call in the journal, where the control
/// API can explain it.
pub(super) fn header_value(hint: &str, id: Option<u64>) -> HeaderValue {
    let is_plain = |c: char| (' '..='~').contains(&c);
    let ascii = hint.chars().map(|c| if is_plain(c) { c } else { '?' });
    let mut text: String = ascii.collect();
    if let Some(id) = id {
        text += &format!("; see GET /_emulator/v1/requests/{id}/explain");
    }
    HeaderValue::try_from(text).expect("printable ASCII")
}

fn disarm(fault: u64) -> String {
    format!("to disarm it, DELETE /_emulator/v1/faults/{fault}")
}

/// About the first item that failed: why, and what to do.
fn about_items(tally: &Tally, info: &CallLogInfo) -> (String, String) {
    let (items, refused) = (tally.items, tally.refused);
    let Some((at, code)) = tally.first_refused else {
        return (format!("{refused} of {items} items failed"), String::new());
    };
    let place = match items {
        1 => "the item".to_owned(),
        _ => format!("item {at} of {items}, counted from 0,"),
    };
    let more = match refused {
        1 => String::new(),
        refused => format!(" ({refused} items failed)"),
    };
    let place = format!("{place} got {}{more}", code.number());
    if let Some(Some(id)) = info.item_faults.get(at) {
        let faults = info.item_faults.iter().enumerate();
        let by_fault = list(faults.filter_map(|(at, fault)| fault.is_some().then_some(at)));
        let why = format!("{place} from fault {id}; faults decided item {by_fault}");
        return (why, disarm(*id));
    }
    let meaning = code.meaning().trim_end_matches('.');
    (format!("{place}: {meaning}"), code.advice().mend.to_owned())
}

/// Why a call failed, for the codes about which the query and the apps say more than the code.
fn about_call(
    config: &Config,
    arrival: &Arrival,
    call: &Parts,
    info: &CallLogInfo,
    answered: &LoggedAnswer,
) -> Option<String> {
    let code = answered.code;
    if code == Code::RequestFormat && call.method != Method::POST {
        return Some(format!(
            "the method is {}",
            super::journal::method(&call.method)
        ));
    }
    let raw = call.uri.query().unwrap_or_default();
    let query = CommonQuery::parse(raw, false).ok()?;
    let (world, app) = (&arrival.world, query.sdkappid);
    if code == Code::NoSuchApp {
        let apps = list(world.apps.keys());
        return Some(format!("there is no app {app}; the apps are {apps}"));
    }
    let used = UsedUserSig {
        sdkappid: app,
        identifier: &query.identifier,
        usersig: &query.usersig,
    };
    if let Some(why) = used.why_refused(world, code, info.at?.unix_time()) {
        return Some(why);
    }
    let command = answered.command?;
    if code == not_admin(config, command) {
        let admins = list(&world.apps.get(&app)?.config.admins);
        let identifier = shortened(&query.identifier);
        return Some(format!(
            "identifier {identifier:?} is not an admin of app {app}; its admins are {admins}"
        ));
    }
    None
}

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
            return Some(self.whose_key(world));
        }
        if code == Code::SigSdkAppId {
            let signed = ticket.sdkappid;
            return Some(format!(
                "the UserSig is of app {signed}, and the call is to app {sdkappid}"
            ));
        }
        if code == Code::SigIdentifier {
            let (signed, called) = (shortened(&ticket.identifier), shortened(identifier));
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

    fn whose_key(&self, world: &World) -> String {
        let app = self.sdkappid;
        let fits = |key| user_sig::verify(self.usersig, key, app, self.identifier).is_ok();
        let mut apps = world.apps.values().take(MAX_KEYS);
        match apps.find(|app| fits(&app.config.secret_key)) {
            Some(other) => format!(
                "the UserSig is signed with the key of app {}, not of app {app}",
                other.sdkappid
            ),
            None => {
                format!("the UserSig is signed with the key of no app here, so not of app {app}")
            }
        }
    }
}

/// The first names, and how many more there are.
fn list<T: Display>(names: impl IntoIterator<Item = T>) -> String {
    let mut names = names.into_iter();
    let shown = names.by_ref().take(MAX_NAMES);
    let mut text = shown
        .map(|name| name.to_string())
        .collect::<Vec<_>>()
        .join(", ");
    match names.count() {
        0 => {}
        more => text += &format!(" and {more} more"),
    }
    if text.is_empty() {
        "none".to_owned()
    } else {
        text
    }
}

fn shortened(text: &str) -> &str {
    &text[..text.floor_char_boundary(64)]
}
