//! Fault injection from Rust: the faults are read and checked by the code of `POST faults`.

use super::error::Error;
use crate::control::extract::Draft;
use crate::control::faults::{arm, check_consumed, description, disarm, disarm_all, find_all};
use crate::faults;
use crate::protocol::code::Code;
use crate::protocol::ids::SdkAppId;
use crate::state::AppState;
use serde_json::{Map, Value};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A fault to arm: one kind of failure, the calls and items that it matches, and when it fires.
///
/// Without further settings, it matches every call of every app, and fires for each. An illegal setting is an
/// error of [`Faults::arm`].
///
/// ```
/// use tencent_chat_emulator::{Code, Fault};
///
/// // The first item for bob passes, the next two fail.
/// let _ = Fault::result_code(Code::NetworkTimeout).to("bob").skip(1).times(2);
/// // Every third call or so is done, but its connection is reset instead of an answer.
/// let _ = Fault::close().commit_then().probability(0.3, 7);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use = "a fault has no effect until it is armed"]
pub struct Fault {
    /// The fields of the fault in `POST faults`, without its failure.
    fields: Map<String, Value>,
    /// The field of the failure, and its value.
    failure: (&'static str, Value),
    commits: bool,
}

impl Fault {
    fn new(kind: &'static str, value: impl Into<Value>) -> Self {
        Self {
            fields: Map::new(),
            failure: (kind, value.into()),
            commits: false,
        }
    }

    /// The whole call answers this ErrorCode. It must be a code that a call can fail with.
    pub fn error_code(code: Code) -> Self {
        Self::new("code", code.name())
    }

    /// The matching items answer this ResultCode; the other items are processed. It must be a code that an
    /// item can fail with.
    pub fn result_code(code: Code) -> Self {
        Self::new("result_code", code.name())
    }

    /// The answer is delayed by the system's clock, from 1 ms to 10 minutes, rounded up to milliseconds. The
    /// delays of several faults add up.
    pub fn delay(time: Duration) -> Self {
        let ms = time.as_nanos().div_ceil(1_000_000);
        Self::new("delay_ms", u64::try_from(ms).unwrap_or(u64::MAX))
    }

    /// The answer has this HTTP status, from 400 to 599, and HTML instead of Tencent's JSON.
    pub fn http_status(status: u16) -> Self {
        Self::new("http_status", status)
    }

    /// The connection is reset.
    pub fn close() -> Self {
        Self::new("close", true)
    }

    /// The first half of the answer's body is sent, then the connection ends.
    pub fn truncate() -> Self {
        Self::new("truncate", true)
    }

    /// The answer is not JSON.
    pub fn malformed() -> Self {
        Self::new("malformed", true)
    }

    /// The command runs, then its answer fails: to test whether a retry is safe.
    pub fn commit_then(mut self) -> Self {
        self.commits = true;
        self
    }

    fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(field.to_owned(), value.into());
        self
    }

    /// Only calls of this app.
    pub fn app(self, sdkappid: SdkAppId) -> Self {
        self.with("sdkappid", sdkappid.get())
    }

    /// Only calls of this command, such as `friend_add` or `sns/friend_add`.
    pub fn command(self, command: &str) -> Self {
        self.with("command", command)
    }

    /// Only calls with this From_Account.
    pub fn from(self, user: &str) -> Self {
        self.with("from_account", user)
    }

    /// Only items with this To_Account; for a fault of the whole call, calls with such an item.
    pub fn to(self, user: &str) -> Self {
        self.with("to_account", user)
    }

    /// Only the item at this index, from 0; for a fault of the whole call, calls with such an item.
    pub fn item(self, index: u32) -> Self {
        self.with("item", index)
    }

    /// The number of matches that pass before a match can fail; 0 by default.
    pub fn skip(self, matches: u64) -> Self {
        self.with("skip", matches)
    }

    /// The maximum number of times that it fires, at least 1; no limit by default.
    pub fn times(self, times: u64) -> Self {
        self.with("times", times)
    }

    /// The probability that a match fires, above 0 and at most 1, and the seed of the random decisions: the same
    /// seed gives the same decisions.
    pub fn probability(self, probability: f64, seed: u64) -> Self {
        // JSON has no NaN. As a text, it is refused like any other value that is no number.
        let number = serde_json::Number::from_f64(probability);
        let number = number.map_or_else(|| probability.to_string().into(), Value::from);
        self.with("probability", number).with("seed", seed)
    }

    /// The body of `POST faults`.
    fn document(self) -> Value {
        let (mut fields, (kind, value)) = (self.fields, self.failure);
        let failure = Map::from_iter([(kind.to_owned(), value)]);
        match self.commits {
            true => drop(fields.insert("commit_then".to_owned(), failure.into())),
            false => fields.extend(failure),
        }
        Value::Object(fields)
    }
}

/// The armed faults of an emulator, or only those that are limited to one app.
#[derive(Clone)]
pub struct Faults {
    state: AppState,
    app: Option<SdkAppId>,
}

impl Faults {
    pub(super) fn new(state: &AppState, app: Option<SdkAppId>) -> Self {
        let state = state.clone();
        Self { state, app }
    }

    /// Arms a fault; an app's faults limit it to the app. Faults that were armed earlier take precedence. The
    /// fault stays armed until it is disarmed or a reset, also when the returned value is dropped.
    ///
    /// # Errors
    /// `Invalid` if a setting is illegal or the fault could never fire, with one message for each reason;
    /// `Full` if 1000 faults are armed. Then nothing is changed.
    pub fn arm(&self, fault: Fault) -> Result<ArmedFault, Error> {
        let fault = match (self.app, fault.fields.get("sdkappid")) {
            (Some(app), None) => fault.app(app),
            (Some(app), Some(other)) if *other != app.get() => {
                let message = format!("/sdkappid differs from the app of these faults, {app}");
                return Err(Error::invalid(message));
            }
            _ => fault,
        };
        let armed = arm(&self.state, Draft::of(fault.document()))?;
        Ok(self.armed(armed))
    }

    /// The armed faults, in the order in which they were armed.
    pub fn list(&self) -> Vec<ArmedFault> {
        let faults = find_all(&self.state, self.app).into_iter();
        faults.map(|fault| self.armed(fault)).collect()
    }

    /// Disarms them.
    pub fn clear(&self) {
        disarm_all(&self.state, self.app);
    }

    /// Checks that every fault has been consumed: has fired as often as [`Fault::times`] says, or at least once
    /// without it. An app's faults are only those that are limited to the app.
    ///
    /// # Errors
    /// `Conflict` if not. The first message has the numbers; then there is one message for each fault that has
    /// not been consumed. `Invalid` if the app does not exist.
    pub fn verify(&self) -> Result<(), Error> {
        check_consumed(&self.state, self.app)?;
        Ok(())
    }

    fn armed(&self, fault: Arc<faults::Fault>) -> ArmedFault {
        let state = self.state.clone();
        ArmedFault { state, fault }
    }
}

/// A fault that was armed. The counters are the present ones, and stay readable when the fault is disarmed.
///
/// `Display` writes the fault and its counters in one line, as [`Faults::verify`] does.
#[derive(Clone)]
pub struct ArmedFault {
    state: AppState,
    fault: Arc<faults::Fault>,
}

impl ArmedFault {
    /// Its number, which no other fault of this emulator has.
    pub fn id(&self) -> u64 {
        self.fault.id
    }

    /// How often it has fired.
    pub fn hits(&self) -> u64 {
        self.fault.hits()
    }

    /// How often it can still fire; `None` means no limit.
    pub fn left(&self) -> Option<u64> {
        self.fault.left()
    }

    /// Whether it has fired as often as it can; without a limit, whether it has fired at least once.
    pub fn is_consumed(&self) -> bool {
        self.fault.is_consumed()
    }

    /// Disarms it. Does nothing if it is not armed any more.
    pub fn disarm(&self) {
        // An error means that it is not armed.
        drop(disarm(&self.state, self.fault.id));
    }
}

impl fmt::Display for ArmedFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&description(&self.fault))
    }
}

impl fmt::Debug for ArmedFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ArmedFault({self})")
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.list()).finish()
    }
}
