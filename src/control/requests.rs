//! The journal: what was called, and what it was answered.

use super::apps::AppFilter;
use super::extract::Query;
use super::problem::{InvalidField, Part, Problem};
use super::redact::redact_body;
use crate::commands;
use crate::faults::Subjects;
use crate::journal::{Call, Excerpt, Journal};
use crate::protocol::ids::{SdkAppId, UserId};
use crate::protocol::service::CommandInfo;
use crate::state::AppState;
use crate::strict::unknown;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

/// Calls that an answer has when nothing is said.
const LIMIT: usize = 1000;

/// What of the journal an answer has at most, in bytes.
const MOST_BYTES: usize = 8 << 20;

/// Which calls. What is left out matches every call.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// Of this app.
    pub(super) sdkappid: Option<SdkAppId>,
    /// Of this command, such as friend_add.
    pub(super) command: Option<String>,
    /// With this From_Account in the body. A body that was cut names nobody.
    pub(super) from_account: Option<UserId>,
    /// With this ErrorCode in the answer, or this ResultCode of an item.
    pub(super) code: Option<u32>,
    /// Behind the call with this id.
    pub(super) since: Option<u64>,
}

/// Which calls, and how many of them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct List {
    #[serde(flatten)]
    wanted: Wanted,
    /// This many of the newest at most, and no more than 8 MiB; 1000, if not given.
    #[schemars(range(min = 1, max = 100_000))]
    limit: Option<usize>,
}

/// Which calls, and how many to wait for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Wait {
    #[serde(flatten)]
    wanted: Wanted,
    /// 1, if not given.
    count: Option<usize>,
    /// For how long, by the system's clock; 10 s, if not given.
    #[schemars(range(max = 60_000))]
    timeout_ms: Option<u64>,
}

/// The command that a filter names, with its service or without.
pub(super) fn named(command: &str) -> Option<&'static CommandInfo> {
    let info = commands::named(command.split('/').next_back()?)?;
    let with_service = format!("{}/{}", info.service.name(), info.name);
    (command == info.name || command == with_service).then_some(info)
}

impl Wanted {
    /// A command that there is not, and that nobody called either, would match nothing for good.
    pub(super) fn check(&self, state: &AppState) -> Result<(), Problem> {
        let Some(command) = &self.command else {
            return Ok(());
        };
        let journal = Arc::clone(&state.world().journal);
        let is_called = || {
            !journal
                .read(0, |call| is_of(call, command))
                .calls
                .is_empty()
        };
        if named(command).is_some() || is_called() {
            return Ok(());
        }
        let table = commands::table();
        let names = table.iter().map(|row| row.info.name);
        let fault = InvalidField {
            part: Some(Part::Query),
            pointer: "/command".to_owned(),
            detail: unknown(command, names),
        };
        Err(Problem::invalid(vec![fault]))
    }

    pub(super) fn is(&self, call: &Call) -> bool {
        let is_from = |user: UserId| Subjects::of(call.request()).asker() == Some(user);
        self.sdkappid.is_none_or(|app| call.app == Some(app))
            && self.command.as_ref().is_none_or(|name| is_of(call, name))
            && self.code.is_none_or(|code| answers(call, code))
            && self.from_account.is_none_or(is_from)
    }

    pub(super) fn read(&self, state: &AppState) -> Excerpt {
        let since = self.since.unwrap_or_default();
        state.world().journal.read(since, |call| self.is(call))
    }
}

/// Whether a call, or an item of it, was answered this code.
fn answers(call: &Call, code: u32) -> bool {
    let of_item = format!("\"ResultCode\":{code}");
    let response = call.response();
    let mut places = response.windows(of_item.len()).enumerate();
    let mut has_item = || {
        places.any(|(at, place)| {
            let behind = response.get(at + of_item.len());
            place == of_item.as_bytes() && !behind.is_some_and(u8::is_ascii_digit)
        })
    };
    call.code.number() == code || has_item()
}

fn is_of(call: &Call, name: &str) -> bool {
    let command = call.command();
    command == name || command.split('/').next_back() == Some(name)
}

/// Calls, the oldest first.
#[derive(Serialize, JsonSchema)]
pub(super) struct Calls {
    calls: Vec<CallDocument>,
    /// How many match, also where `limit` leaves some out.
    count: usize,
    #[serde(flatten)]
    whole: Whole,
}

/// Whether the journal still has all that was asked for.
#[derive(Serialize, JsonSchema)]
pub(super) struct Whole {
    /// The id of the last call of all: what to ask for next is behind it.
    last_id: u64,
    /// False when older calls made room for newer ones, and some of them may have matched.
    complete: bool,
    /// The id of the last call that made room; 0 when none did.
    dropped_to: u64,
}

/// One call.
#[derive(Serialize, JsonSchema)]
pub(super) struct CallDocument {
    id: u64,
    /// When it came, by the emulator's clock: seconds since 1970-01-01 UTC.
    time: f64,
    /// How long it took, by the system's clock.
    duration_ms: f64,
    sdkappid: Option<SdkAppId>,
    /// Such as sns/friend_add.
    command: String,
    method: &'static str,
    /// The query, with the UserSig struck out.
    query: String,
    from_account: Option<UserId>,
    /// The HTTP status: 200, but for faults.
    status: u16,
    /// The ErrorCode.
    code: u32,
    /// The outcome's name.
    outcome: &'static str,
    /// What was accepted, and is not as documented.
    warning: Option<String>,
    /// The body, where the gateway let the call in: as JSON, or as text if it is none.
    #[schemars(with = "serde_json::Value")]
    request: Option<Box<RawValue>>,
    /// What the call was answered, or would have been, where a fault spoilt the answer.
    #[schemars(with = "serde_json::Value")]
    response: Option<Box<RawValue>>,
    /// Whether a body was too long to be kept whole.
    cut: bool,
}

impl CallDocument {
    pub(super) fn of(call: &Call) -> Self {
        Self {
            id: call.id,
            time: call.at.wall.as_secs_f64(),
            duration_ms: call.took.as_secs_f64() * 1000.0,
            sdkappid: call.app,
            command: call.command().to_owned(),
            method: call.method(),
            query: call.query().to_owned(),
            from_account: Subjects::of(call.request()).asker(),
            status: call.status,
            code: call.code.number(),
            outcome: call.code.name(),
            warning: (!call.warning().is_empty()).then(|| call.warning().to_owned()),
            request: redact_body(call.request()),
            response: redact_body(call.response()),
            cut: call.is_cut,
        }
    }
}

impl Whole {
    pub(super) fn of(excerpt: &Excerpt, since: Option<u64>) -> Self {
        Self {
            last_id: excerpt.last_id,
            complete: excerpt.dropped <= since.unwrap_or_default(),
            dropped_to: excerpt.dropped,
        }
    }
}

pub(super) async fn list(
    State(state): State<AppState>,
    Query(List { wanted, limit }): Query<List>,
) -> Result<Json<Calls>, Problem> {
    wanted.check(&state)?;
    let excerpt = wanted.read(&state);
    let newest = excerpt.calls.iter().rev().take(limit.unwrap_or(LIMIT));
    let mut bytes = 0;
    let fit = newest.take_while(|call| {
        bytes += call.bytes();
        bytes <= MOST_BYTES
    });
    let mut calls: Vec<_> = fit.map(CallDocument::of).collect();
    calls.reverse();
    Ok(Json(Calls {
        calls,
        count: excerpt.calls.len(),
        whole: Whole::of(&excerpt, wanted.since),
    }))
}

/// How many calls match.
#[derive(Serialize, JsonSchema)]
pub(super) struct Count {
    count: usize,
    #[serde(flatten)]
    whole: Whole,
}

pub(super) async fn count(
    State(state): State<AppState>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Count>, Problem> {
    wanted.check(&state)?;
    let excerpt = wanted.read(&state);
    Ok(Json(Count {
        count: excerpt.calls.len(),
        whole: Whole::of(&excerpt, wanted.since),
    }))
}

/// What has been counted while somebody waits: also what has made room since.
struct Counting {
    journal: Arc<Journal>,
    since: u64,
    count: usize,
    is_complete: bool,
}

impl Counting {
    fn start(state: &AppState, wanted: &Wanted) -> Self {
        Self {
            journal: Arc::clone(&state.world().journal),
            since: wanted.since.unwrap_or_default(),
            count: 0,
            is_complete: true,
        }
    }

    /// Counts on; from the start, where the journal was emptied.
    fn go_on(&mut self, state: &AppState, wanted: &Wanted) -> Count {
        if !Arc::ptr_eq(&self.journal, &state.world().journal) {
            *self = Self::start(state, wanted);
        }
        let excerpt = self.journal.read(self.since, |call| wanted.is(call));
        self.count += excerpt.calls.len();
        self.is_complete &= excerpt.dropped <= self.since;
        self.since = self.since.max(excerpt.last_id);
        Count {
            count: self.count,
            whole: Whole {
                complete: self.is_complete,
                ..Whole::of(&excerpt, wanted.since)
            },
        }
    }
}

pub(super) async fn wait(
    State(state): State<AppState>,
    Query(Wait {
        wanted,
        count,
        timeout_ms,
    }): Query<Wait>,
) -> Result<Json<Count>, Problem> {
    wanted.check(&state)?;
    if !state.world().journal.is_kept() {
        return Err(Problem::conflict("no journal is kept: journal.bytes is 0"));
    }
    let wished = count.unwrap_or(1);
    let timeout = Duration::from_millis(timeout_ms.unwrap_or(10_000));
    let mut is_over = pin!(tokio::time::sleep(timeout));
    let mut counting = Counting::start(&state, &wanted);
    loop {
        let journal = Arc::clone(&counting.journal);
        let grown = journal.grown();
        let counted = counting.go_on(&state, &wanted);
        if counted.count >= wished {
            return Ok(Json(counted));
        }
        tokio::select! {
            biased;
            () = grown => {}
            () = state.stopping.cancelled() => {
                let status = StatusCode::SERVICE_UNAVAILABLE;
                return Err(Problem::new(status, "the emulator stops"));
            }
            () = &mut is_over => return Err(too_late(&counted, wished, timeout)),
        }
    }
}

fn too_late(counted: &Count, wished: usize, timeout: Duration) -> Problem {
    let Count { count, whole } = counted;
    let mut detail = format!("{count} of {wished} calls in {} ms", timeout.as_millis());
    if !whole.complete {
        let dropped_to = whole.dropped_to;
        detail += &format!("; calls up to {dropped_to} made room, and some may have matched");
    }
    Problem::new(StatusCode::REQUEST_TIMEOUT, detail)
}

/// How many calls the journal forgot.
#[derive(Serialize, JsonSchema)]
pub(super) struct Cleared {
    calls: usize,
}

/// With an app, only the calls that named it.
pub(super) async fn clear(
    State(state): State<AppState>,
    Query(AppFilter { sdkappid }): Query<AppFilter>,
) -> Result<Json<Cleared>, Problem> {
    let calls = state.change(|world| match sdkappid {
        Some(app) => world.journal.take_out(|call| call.app == Some(app)),
        None => {
            let calls = world.journal.len();
            world.empty_journal();
            calls
        }
    });
    Ok(Json(Cleared { calls }))
}
