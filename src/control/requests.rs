//! The journal: what was called, how often, and whether that was too often.

use super::problem::Problem;
use super::request::Nothing;
use super::route::{Answer, Json};
use crate::faults::Subjects;
use crate::journal::{Call, Excerpt};
use crate::limiter::Replay;
use crate::protocol::ids::{SdkAppId, UserId};
use crate::state::AppState;
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream, StreamExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

/// Calls that an answer has when nothing is said.
const LIMIT: usize = 1000;

/// Which calls. What is left out matches every call.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// Of this app.
    sdkappid: Option<SdkAppId>,
    /// Of this command, such as friend_add.
    command: Option<String>,
    /// With this From_Account in the body.
    from_account: Option<UserId>,
    /// With this ErrorCode in the answer.
    code: Option<u32>,
    /// Behind the call with this id.
    since: Option<u64>,
}

/// Which calls, and how many of them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct List {
    #[serde(flatten)]
    wanted: Wanted,
    /// This many of the newest at most; 1000, if not given.
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
    #[schemars(range(max = 600_000))]
    timeout_ms: Option<u64>,
}

impl Wanted {
    fn is(&self, call: &Call) -> bool {
        let is_command = |name: &String| {
            let command = call.command();
            command == name || command.split('/').next_back() == Some(name)
        };
        let is_from = |user: UserId| Subjects::of(call.request()).asker() == Some(user);
        self.sdkappid.is_none_or(|app| call.app == Some(app))
            && self.command.as_ref().is_none_or(is_command)
            && self.code.is_none_or(|code| call.code.number() == code)
            && self.from_account.is_none_or(is_from)
    }

    fn read(&self, state: &AppState) -> Excerpt {
        let since = self.since.unwrap_or_default();
        state.world().journal.read(since, |call| self.is(call))
    }
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
struct Whole {
    /// The id of the last call of all: what to ask for next is behind it.
    last_id: u64,
    /// False when older calls made room for newer ones, and some of them may have matched.
    complete: bool,
    /// The id of the last call that made room; 0 when none did.
    dropped_to: u64,
}

/// One call.
#[derive(Serialize, JsonSchema)]
struct CallDocument {
    id: u64,
    /// When it came, by the emulator's clock: seconds since 1970-01-01 UTC.
    time: f64,
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
    fn of(call: &Call) -> Self {
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
            request: raw(call.request()),
            response: raw(call.response()),
            cut: call.is_cut,
        }
    }
}

/// JSON as it stands; or a text as a JSON string.
fn raw(bytes: &[u8]) -> Option<Box<RawValue>> {
    if bytes.is_empty() {
        return None;
    }
    // Half a surrogate pair, or a number beyond all bounds, would spoil the whole answer to those who
    // read it strictly, so such JSON is text.
    let json = serde_json::from_slice::<Value>(bytes)
        .and_then(|_| serde_json::from_slice(bytes))
        .ok();
    json.or_else(|| {
        let text = String::from_utf8_lossy(bytes);
        serde_json::value::to_raw_value(&text).ok()
    })
}

impl Whole {
    fn of(excerpt: &Excerpt, since: Option<u64>) -> Self {
        Self {
            last_id: excerpt.last_id,
            complete: excerpt.dropped <= since.unwrap_or_default(),
            dropped_to: excerpt.dropped,
        }
    }
}

pub(super) async fn list(
    state: AppState,
    _: Nothing,
    List { wanted, limit }: List,
    _: Nothing,
) -> Result<Json<Calls>, Problem> {
    let excerpt = wanted.read(&state);
    let count = excerpt.calls.len();
    let skip = count.saturating_sub(limit.unwrap_or(LIMIT));
    let calls = excerpt.calls.iter().skip(skip);
    Ok(Json(Calls {
        calls: calls.map(|call| CallDocument::of(call)).collect(),
        count,
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
    state: AppState,
    _: Nothing,
    wanted: Wanted,
    _: Nothing,
) -> Result<Json<Count>, Problem> {
    Ok(Json(counted(&state, &wanted)))
}

fn counted(state: &AppState, wanted: &Wanted) -> Count {
    let excerpt = wanted.read(state);
    Count {
        count: excerpt.calls.len(),
        whole: Whole::of(&excerpt, wanted.since),
    }
}

pub(super) async fn wait(
    state: AppState,
    _: Nothing,
    Wait {
        wanted,
        count,
        timeout_ms,
    }: Wait,
    _: Nothing,
) -> Result<Json<Count>, Problem> {
    let wished = count.unwrap_or(1);
    let timeout = Duration::from_millis(timeout_ms.unwrap_or(10_000));
    let reached = async {
        loop {
            let journal = Arc::clone(&state.world().journal);
            let grown = journal.grown();
            let counted = counted(&state, &wanted);
            if counted.count >= wished {
                return counted;
            }
            grown.await;
        }
    };
    tokio::select! {
        biased;
        counted = reached => Ok(Json(counted)),
        () = tokio::time::sleep(timeout) => {
            let count = counted(&state, &wanted).count;
            let detail = format!("{count} of {wished} calls in {} ms", timeout.as_millis());
            Err(Problem::new(StatusCode::REQUEST_TIMEOUT, detail))
        }
        () = state.stopping.cancelled() => {
            Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the emulator stops"))
        }
    }
}

/// How many calls the journal forgot.
#[derive(Serialize, JsonSchema)]
pub(super) struct Cleared {
    calls: usize,
}

pub(super) async fn clear(
    state: AppState,
    _: Nothing,
    _: Nothing,
    _: Nothing,
) -> Result<Json<Cleared>, Problem> {
    let calls = state.change(|world| {
        let calls = world.journal.len();
        world.empty_journal();
        calls
    });
    Ok(Json(Cleared { calls }))
}

/// A stream of server-sent events: `call` for each call that matches, with its id, and `dropped`
/// where calls made room before they could be told.
pub(super) struct Events(Response);

impl IntoResponse for Events {
    fn into_response(self) -> Response {
        self.0
    }
}

impl Answer for Events {
    fn describe() -> (StatusCode, &'static str, Option<serde_json::Value>) {
        (StatusCode::OK, "text/event-stream", None)
    }
}

pub(super) async fn events(
    state: AppState,
    _: Nothing,
    wanted: Wanted,
    _: Nothing,
) -> Result<Events, Problem> {
    // Without `since`, what comes from now on.
    let since = wanted
        .since
        .unwrap_or_else(|| state.world().journal.read(u64::MAX, |_| false).last_id);
    let stopping = state.stopping.clone();
    let told = told(state, wanted, since).take_until(stopping.cancelled_owned());
    let events = told.map(Ok::<_, Infallible>);
    Ok(Events(
        Sse::new(events)
            .keep_alive(KeepAlive::default())
            .into_response(),
    ))
}

fn told(state: AppState, wanted: Wanted, since: u64) -> impl Stream<Item = Event> + Send {
    let start = (state, wanted, since, VecDeque::<Event>::new());
    stream::unfold(
        start,
        |(state, wanted, mut since, mut waiting)| async move {
            while waiting.is_empty() {
                let journal = Arc::clone(&state.world().journal);
                let grown = journal.grown();
                let excerpt = journal.read(since, |call| wanted.is(call));
                if excerpt.dropped > since {
                    waiting.push_back(
                        Event::default()
                            .event("dropped")
                            .data(excerpt.dropped.to_string()),
                    );
                }
                waiting.extend(excerpt.calls.iter().map(event));
                if waiting.is_empty() && excerpt.last_id <= since {
                    grown.await;
                }
                since = since.max(excerpt.last_id);
            }
            let event = waiting.pop_front()?;
            Some((event, (state, wanted, since, waiting)))
        },
    )
}

fn event(call: &Arc<Call>) -> Event {
    let json = serde_json::to_string(&CallDocument::of(call)).expect("it is JSON");
    Event::default()
        .event("call")
        .id(call.id.to_string())
        .data(json)
}

/// Which calls are counted. Refused ones count as well: they were sent.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RateOf {
    /// Of this app; without it, of all apps together.
    sdkappid: Option<SdkAppId>,
    /// Of this command, such as friend_add; without it, of all together.
    command: Option<String>,
    /// Behind the call with this id.
    since: Option<u64>,
    /// What it is held against: calls per second; 200, if not given.
    #[schemars(range(min = 1, max = 1_000_000))]
    limit: Option<u32>,
}

/// How often the clients have called, on the emulator's clock.
#[derive(Serialize, JsonSchema)]
pub(super) struct Rate {
    /// All calls that match.
    calls: usize,
    /// For each length of time, the most calls that came within it.
    busiest: Vec<Busiest>,
    /// What the calls are held against.
    limit_per_second: u32,
    /// Calls that a token bucket of that size would have refused.
    over_limit: usize,
    #[serde(flatten)]
    whole: Whole,
}

/// The busiest time of a length.
#[derive(Serialize, JsonSchema)]
struct Busiest {
    window_ms: u64,
    /// Calls within it; its end does not count.
    calls: usize,
    /// When it began: seconds since 1970-01-01 UTC.
    from: Option<f64>,
}

pub(super) async fn rate(
    state: AppState,
    _: Nothing,
    RateOf {
        sdkappid,
        command,
        since,
        limit,
    }: RateOf,
    _: Nothing,
) -> Result<Json<Rate>, Problem> {
    let wanted = Wanted {
        sdkappid,
        command,
        from_account: None,
        code: None,
        since,
    };
    let excerpt = wanted.read(&state);
    let limit = limit.unwrap_or(200);
    let mut moments: Vec<_> = excerpt.calls.iter().map(|call| call.at).collect();
    moments.sort_by_key(|at| at.steady);
    let times: Vec<_> = moments.iter().map(|at| at.steady).collect();
    let busiest = [10, 100, 1000, 10_000, 60_000].map(|window_ms| {
        let (calls, first) = busiest(&times, Duration::from_millis(window_ms));
        Busiest {
            window_ms,
            calls,
            from: moments.get(first).map(|at| at.wall.as_secs_f64()),
        }
    });
    let mut bucket = Replay::new(limit);
    Ok(Json(Rate {
        calls: times.len(),
        busiest: busiest.into(),
        limit_per_second: limit,
        over_limit: times.iter().filter(|now| !bucket.admits(**now)).count(),
        whole: Whole::of(&excerpt, since),
    }))
}

/// The most of these times, which are in order, that lie within a window; and the first of them.
fn busiest(times: &[Duration], window: Duration) -> (usize, usize) {
    let (mut most, mut start) = ((0, 0), 0);
    for (end, now) in times.iter().enumerate() {
        while *now - times[start] >= window {
            start += 1;
        }
        let calls = end + 1 - start;
        if calls > most.0 {
            most = (calls, start);
        }
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Against counting anew from each call.
        #[test]
        fn the_busiest_window_is_exact(mut times in prop::collection::vec(0_u64..5000, 0..200)) {
            times.sort_unstable();
            let times: Vec<_> = times.into_iter().map(Duration::from_millis).collect();
            let second = Duration::from_secs(1);
            let within = |start: &Duration| times.iter().filter(|time| *time >= start && **time - *start < second).count();
            let expected = times.iter().map(within).max().unwrap_or(0);
            prop_assert_eq!(busiest(&times, second).0, expected);
        }
    }
}
