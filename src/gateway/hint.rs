//! The hint about a call that failed: one sentence that says why, and what to do. Tencent's answer stays
//! as it is: the hint is in the header `X-Emulator-Hint`, the log and the journal.

use super::journal::{Arrival, CallLogInfo};
use super::not_admin;
use super::user_sig::UsedUserSig;
use crate::apps::App;
use crate::http::LoggedAnswer;
use crate::protocol::code::Code;
use crate::protocol::query::CommonQuery;
use crate::protocol::redact::{redact_beginning, redact_text};
use crate::protocol::reply::Tally;
use crate::state::AppState;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method};
use std::fmt::Display;

/// The header that has the hint and the control route that explains the call.
pub(super) const HEADER: HeaderName = HeaderName::from_static("x-emulator-hint");

/// The longest reason, in bytes.
const MAX_BYTES: usize = 400;

/// Stands before the names of unknown fields.
const UNKNOWN: &str = "unknown fields";

/// The longest name that a hint repeats, in bytes. A UserID has at most 32.
pub(super) const MAX_NAME_BYTES: usize = 64;

/// The maximum number of names that a hint lists.
const MAX_NAMES: usize = 8;

/// The hint about a call that failed as a whole or some of whose items failed.
pub(super) fn hint(
    state: &AppState,
    arrival: &Arrival,
    call: &Parts,
    info: &CallLogInfo,
    answered: &LoggedAnswer,
) -> String {
    let (why, fix) = match (info.fault, &answered.tally) {
        (Some(id), _) => (format!("fault {id} ended the call"), disarm(id)),
        (None, Some(tally)) => about_items(tally, info),
        (None, None) => {
            let code = answered.code;
            let known = about_call(state, arrival, call, info, answered);
            let why = known.unwrap_or_else(|| match &*answered.detail {
                "" => code.meaning().trim_end_matches('.').to_owned(),
                detail => detail.trim_end_matches('.').to_owned(),
            });
            // The detail of this code says what to do.
            let says_all = code == Code::NoSuchCommand;
            let fix = if says_all { "" } else { code.advice().fix };
            (why, fix.to_owned())
        }
    };
    // The hint repeats parts of the call, and so a secret in the wrong place.
    let mut hint = redact_text(&why);
    hint.truncate(hint.floor_char_boundary(MAX_BYTES));
    if !info.unknown_fields.is_empty() && !hint.contains(UNKNOWN) {
        hint += &format!("; {UNKNOWN}: {}", info.unknown_fields.join(", "));
    }
    if !fix.is_empty() {
        hint += "; ";
        hint += &fix;
    }
    if let Some(app) = info.app {
        hint = hint.replace("{sdkappid}", &app.to_string());
    }
    if !state.config.control.enabled {
        // There are no routes that it could name.
        let parts = hint
            .split("; ")
            .filter(|part| !part.contains("/_emulator/"));
        hint = parts.collect::<Vec<_>>().join("; ");
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

/// About the first item that failed: why, and what to do. It names no account: the log quotes no body.
fn about_items(tally: &Tally, info: &CallLogInfo) -> (String, String) {
    let (items, refused) = (tally.items, tally.refused);
    let Some((at, code)) = tally.first_refused else {
        return (format!("{refused} of {items} items failed"), String::new());
    };
    let (number, meaning) = (code.number(), code.meaning().trim_end_matches('.'));
    let item = match (items, refused) {
        (1, _) => "the item".to_owned(),
        (_, 1) => format!("item {at} of {items}"),
        _ => format!("{refused} of {items} items failed; the first, item {at},"),
    };
    let by_fault = info.item_faults.iter().enumerate();
    let by_fault = by_fault.filter_map(|(at, fault)| fault.is_some().then_some(at));
    match info.item_faults.get(at) {
        Some(Some(id)) if items == 1 => (format!("fault {id} gave the item {number}"), disarm(*id)),
        Some(Some(id)) => {
            let why = format!(
                "{item} got {number} from fault {id}; faults decided item {}",
                list(by_fault)
            );
            (why, disarm(*id))
        }
        _ => (
            format!("{item} got {number}: {meaning}"),
            code.advice().fix.to_owned(),
        ),
    }
}

/// Why a call failed, for the codes about which the query and the apps say more than the code.
fn about_call(
    state: &AppState,
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
    let path = call.uri.path();
    let has_slash = path.contains("//") || path.ends_with('/');
    if code == Code::HttpParse && has_slash && path.contains("/v4/") {
        return Some("the path has a slash too many: does the base URL end in one?".to_owned());
    }
    let raw = call.uri.query().unwrap_or_default();
    let query = CommonQuery::parse(raw, false).ok()?;
    let (world, app) = (&arrival.world, query.sdkappid);
    // Where the control API needs a token, only its clients may learn which other apps there are.
    let names_apps = state.control_token.is_none();
    if code == Code::SigKey && !names_apps {
        return None;
    }
    if code == Code::NoSuchApp {
        let apps = list(world.apps.keys());
        return Some(match names_apps {
            true => format!("there is no app {app}; the apps are {apps}"),
            false => format!("there is no app {app}"),
        });
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
    if code == not_admin(&state.config, command) {
        return Some(no_admin(world.apps.get(&app)?, &query.identifier));
    }
    None
}

/// Why a call by an identifier that is not an app admin is refused.
pub(crate) fn no_admin(app: &App, identifier: &str) -> String {
    let (identifier, sdkappid) = (redact_beginning(identifier, MAX_NAME_BYTES), app.sdkappid);
    let admins = list(&app.config.admins);
    format!("identifier {identifier:?} is not an admin of app {sdkappid}; its admins are {admins}")
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
