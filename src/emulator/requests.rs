//! The request journal from Rust: filters of `GET requests`, and typed calls.

use super::app::user_id;
use super::error::Error;
use crate::control::recorded::{DEFAULT_LIMIT, Filter, wait};
use crate::control::redact::redact_body;
use crate::control::requests::{CallFilter, remove_calls};
use crate::journal::Entry;
use crate::protocol::code::Code;
use crate::protocol::ids::{SdkAppId, UserId};
use crate::state::AppState;
use serde::de::DeserializeOwned;
use std::fmt;
use std::time::Duration;

/// Recorded calls: all that the journal has, or the calls that match the given filters.
///
/// The journal keeps the newest calls, up to `journal.bytes` of the configuration, 8 MiB by default. A reset
/// empties it.
///
/// ```
/// # use std::time::Duration;
/// # use tencent_chat_emulator::{Code, Emulator};
/// # async fn example(emulator: &Emulator) -> Result<(), Box<dyn std::error::Error>> {
/// let failed = emulator.requests().code(Code::DenyAny.number()).list()?;
/// assert!(failed.iter().all(|call| call.command == "sns/friend_add"));
/// let by_ann = emulator.requests().command("friend_add").from("ann");
/// by_ann.wait(2, Duration::from_secs(5)).await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use = "it reads the journal only when it is asked"]
pub struct Requests {
    state: AppState,
    filter: CallFilter,
    /// Two UserIDs as they were given.
    from: Option<String>,
    account: Option<String>,
}

/// A call that the journal has. UserSigs and keys are redacted.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RecordedCall {
    /// Its number; later calls have larger numbers.
    pub id: u64,
    /// When the call arrived, by its app's clock; by the emulator's clock, if the app does not exist: the time
    /// since 1970-01-01 UTC.
    pub time: Duration,
    /// The duration by the system's clock.
    pub took: Duration,
    /// The app that the call named, whether it exists or not.
    pub sdkappid: Option<SdkAppId>,
    /// The command, such as `sns/friend_add`; the path, if the call reached no command.
    pub command: String,
    /// The HTTP method.
    pub method: &'static str,
    /// The query without the UserSig.
    pub query: String,
    /// From_Account, if the body was decoded.
    pub from_account: Option<UserId>,
    /// The HTTP status: 200, unless a fault changed it.
    pub status: u16,
    /// The ErrorCode.
    pub code: Code,
    /// A deviation from the documentation that the gateway accepted.
    pub warning: Option<String>,
    /// Why the call or its first failed item failed, and what to do.
    pub hint: Option<String>,
    /// The body, if the gateway admitted the call: JSON; a body that is not JSON is a JSON string.
    pub request: Option<String>,
    /// The answer before a fault damaged it, in the same form.
    pub response: Option<String>,
    /// Whether a body was too long and was cut off.
    pub is_cut: bool,
}

impl Requests {
    pub(super) fn new(state: &AppState, app: Option<SdkAppId>) -> Self {
        Self {
            state: state.clone(),
            filter: CallFilter {
                sdkappid: app,
                ..CallFilter::default()
            },
            from: None,
            account: None,
        }
    }

    /// Only calls of this app.
    pub fn app(mut self, sdkappid: SdkAppId) -> Self {
        self.filter.sdkappid = Some(sdkappid);
        self
    }

    /// Only calls of this command, such as `friend_add` or `sns/friend_add`.
    pub fn command(mut self, command: &str) -> Self {
        self.filter.command = Some(command.to_owned());
        self
    }

    /// Only calls with this From_Account. A call has none if its body was not decoded.
    pub fn from(mut self, user: &str) -> Self {
        self.from = Some(user.to_owned());
        self
    }

    /// Only calls with this From_Account, or whose body has this UserID as a string.
    pub fn account(mut self, user: &str) -> Self {
        self.account = Some(user.to_owned());
        self
    }

    /// Only calls with this ErrorCode, or with this ResultCode of an item; see [`Code::number`].
    pub fn code(mut self, number: u32) -> Self {
        self.filter.code = Some(number);
        self
    }

    /// Only calls after the call with this id.
    pub fn since(mut self, id: u64) -> Self {
        self.filter.since = Some(id);
        self
    }

    /// The newest calls that match, oldest first: at most 1000, and at most 8 MiB of them.
    ///
    /// # Errors
    /// `Invalid` if the command neither exists nor was called, or an account is not a UserID: such a filter
    /// would never match.
    pub fn list(&self) -> Result<Vec<RecordedCall>, Error> {
        let (entries, _) = self.filter()?.newest(&self.state, DEFAULT_LIMIT);
        Ok(entries.iter().map(RecordedCall::of).collect())
    }

    /// The number of calls that match.
    ///
    /// # Errors
    /// As [`Self::list`].
    pub fn count(&self) -> Result<usize, Error> {
        Ok(self.filter()?.count(&self.state).count)
    }

    /// Waits until `count` calls match, and returns how many do. The calls that the journal already has count.
    ///
    /// # Errors
    /// As [`Self::list`]; `TimedOut` when `timeout` has passed on the system's clock; `Stopped` when the emulator
    /// stops; `Conflict` if the journal is off (`journal.bytes` is 0).
    pub async fn wait(&self, count: usize, timeout: Duration) -> Result<usize, Error> {
        let filter = self.filter()?;
        Ok(wait(&filter, &self.state, count, timeout).await?.count)
    }

    /// Removes all recorded calls, or all calls of the app. Other filters are ignored.
    pub fn clear(&self) {
        remove_calls(&self.state, self.filter.sdkappid);
    }

    fn filter(&self) -> Result<CallFilter, Error> {
        let user = |given: &Option<String>| given.as_deref().map(user_id).transpose();
        let filter = CallFilter {
            from_account: user(&self.from)?,
            account: user(&self.account)?,
            ..self.filter.clone()
        };
        filter.check(&self.state)?;
        Ok(filter)
    }
}

impl RecordedCall {
    fn of(entry: &Entry) -> Self {
        let (call, texts) = (&entry.call, entry.texts());
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let body = |bytes| Some(redact_body(bytes)?.get().to_owned());
        Self {
            id: entry.id,
            time: call.at,
            took: call.took,
            sdkappid: call.app,
            command: texts.command.to_owned(),
            method: call.method,
            query: texts.query.to_owned(),
            from_account: call.from_account,
            status: call.status,
            code: call.code,
            warning: given(texts.warning),
            hint: given(texts.hint),
            request: body(texts.request),
            response: body(texts.response),
            is_cut: entry.is_cut,
        }
    }

    /// The body as a `T`.
    ///
    /// # Errors
    /// When there is no body, or it does not fit.
    pub fn request_json<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.request.as_deref().unwrap_or_default())
    }

    /// The answer as a `T`.
    ///
    /// # Errors
    /// When it does not fit.
    pub fn response_json<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.response.as_deref().unwrap_or_default())
    }
}

impl fmt::Debug for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requests")
            .field("filter", &self.filter)
            .field("from", &self.from)
            .finish_non_exhaustive()
    }
}
