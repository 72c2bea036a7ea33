//! What a friend_add call would be told, and why; and what would make it 0. The call's own rule is
//! asked: there is no second one here.

mod change;
mod rehearser;
mod repair;

use super::apps::OfApp;
use super::problem::Problem;
use super::route::Json;
use crate::commands::rehearsal::{self, Rehearsal, Rehearsed};
use crate::commands::{Command, FriendAdd};
use crate::faults::{Fault, Faults};
use crate::gateway;
use crate::protocol::code::Code;
use crate::protocol::ids::UserId;
use crate::protocol::reply::CallError;
use crate::protocol::service::CommandInfo;
use crate::sns::pair::PairFacts;
use crate::state::AppState;
use change::Change;
use rehearser::{Rehearser, bytes};
use repair::Repaired;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::sync::Arc;

const FRIEND_ADD: &CommandInfo = &FriendAdd::INFO;

/// How often the rule is asked again for what would make a call and its items 0. When that is used
/// up, it is not told of the rest.
const MOST_ROUNDS: usize = 100;

/// Who would call.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct By {
    /// The first app admin, if not given.
    identifier: Option<String>,
}

/// A friend_add body, as it would be sent.
#[derive(Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct Body(Map<String, Value>);

/// What a call would be told. Nothing was written, and no fault was met.
#[derive(Serialize, JsonSchema)]
pub(super) struct Explanation {
    /// The ErrorCode; null where a fault spoils the answer on its way.
    code: Option<u32>,
    /// The outcome's name: the rule that decides for the whole call.
    outcome: Option<&'static str>,
    /// The ErrorInfo.
    error_info: String,
    /// When this outcome is met.
    meaning: Option<&'static str>,
    /// The id of the fault that decides instead, if one does.
    fault: Option<u64>,
    /// The fewest changes that would make it 0; null where it is 0, or none are known.
    to_be_0: Option<Change>,
    /// Each item; none where the call is refused before any is judged.
    items: Vec<Item>,
}

/// What an item would be told.
#[derive(Serialize, JsonSchema)]
struct Item {
    to_account: String,
    /// The ResultCode.
    code: u32,
    /// The outcome's name: the rule that decides.
    outcome: &'static str,
    /// When this outcome is met.
    meaning: &'static str,
    /// The id of the fault that decides instead of the rule, if one does.
    fault: Option<u64>,
    /// What the rule read; null where the item alone decides.
    facts: Option<Facts>,
    /// The fewest changes that would make it 0; null where it is 0, or none are known.
    to_be_0: Option<Change>,
}

/// What is true of From_Account and To_Account, when earlier items are done.
#[derive(Serialize, JsonSchema)]
struct Facts {
    to_exists: bool,
    /// From_Account's AdminForbidType.
    from_forbidden: &'static str,
    /// To_Account is in From_Account's list.
    from_has_to: bool,
    /// From_Account is in To_Account's list.
    to_has_from: bool,
    from_blocks_to: bool,
    to_blocks_from: bool,
    /// To_Account's AllowType.
    to_allows: &'static str,
    from_friends: u32,
    to_friends: u32,
    from_groups: u32,
    /// Groups of the item that From_Account does not have yet.
    new_groups: u32,
    /// From_Account's request to To_Account is pending.
    from_asked_to: bool,
    to_asked_from: bool,
    from_pending: u32,
    to_pending: u32,
    /// The friend requests that From_Account made in the minute that began at `since`.
    from_requests: u32,
    from_requests_since: i64,
}

pub(super) async fn explain(
    state: AppState,
    path: OfApp,
    By { identifier }: By,
    Body(body): Body,
) -> Result<Json<Explanation>, Problem> {
    let world = state.world();
    let app = path.find(&state)?;
    let rehearser = Rehearser {
        config: &state.config,
        app: &app,
        now: world.clock.now(),
    };
    let body = Value::Object(body);
    if identifier.is_some_and(|identifier| app.admin(&identifier).is_none()) {
        let refusal = gateway::not_admin(&state.config, FRIEND_ADD).into();
        let explanation = Explanation::of_refusal(&refusal);
        return Ok(Json(Explanation {
            to_be_0: Some(rehearser.as_admin()),
            ..explanation
        }));
    }
    Ok(Json(rehearser.explanation(&body, &world.faults).await))
}

/// What decides a call, and its items.
enum Decided {
    /// The call is refused.
    Refused(CallError),
    /// A fault ends it before its work.
    Ended(Arc<Fault>),
    /// Its items are judged.
    Judged {
        rehearsal: Rehearsal,
        /// The faults that items meet whose work is done.
        after: Vec<Option<Arc<Fault>>>,
        /// The fault that ends the call after its work.
        end: Option<Arc<Fault>>,
    },
}

impl Decided {
    /// The fault that decides the call as a whole.
    fn fault(&self) -> Option<&Arc<Fault>> {
        match self {
            Self::Refused(_) => None,
            Self::Ended(fault) => Some(fault),
            Self::Judged { end, .. } => end.as_ref(),
        }
    }

    /// The fault that decides an item.
    fn fault_of(&self, at: usize) -> Option<&Arc<Fault>> {
        match self {
            Self::Refused(_) | Self::Ended(_) => None,
            Self::Judged {
                rehearsal, after, ..
            } => {
                let after = after.get(at).and_then(Option::as_ref);
                after.or(rehearsal.items.get(at)?.fault.as_ref())
            }
        }
    }
}

impl Rehearser<'_> {
    /// In the order in which a call is served. What fires of `faults` has fired then.
    async fn decide(&self, body: &Value, faults: &Faults) -> Decided {
        let (app, command) = (self.app.sdkappid, FRIEND_ADD);
        let request = match rehearsal::decode(bytes(body)) {
            Ok(request) => request,
            Err(refusal) => return Decided::Refused(refusal),
        };
        let met = faults.meet(app, command, FriendAdd::targets(&request));
        if let Some(fault) = met.before.end {
            return Decided::Ended(fault);
        }
        match (self.rehearse_with(&request, faults).await, met.after.end) {
            (Ok(rehearsal), None) => Decided::Judged {
                after: faults.meet_done_items(app, command, &rehearsal.work()),
                rehearsal,
                end: None,
            },
            (Ok(rehearsal), end) => Decided::Judged {
                rehearsal,
                after: Vec::new(),
                end,
            },
            // It has the last word even where there was no work to do.
            (Err(_), Some(fault)) => Decided::Ended(fault),
            (Err(refusal), None) => Decided::Refused(refusal),
        }
    }

    /// What decides when these faults are disarmed.
    async fn decide_without(&self, body: &Value, armed: &Faults, disarmed: &[u64]) -> Decided {
        let mut faults = armed.rehearsal();
        faults.disarm(|fault| disarmed.contains(&fault.id));
        self.decide(body, &faults).await
    }

    async fn explanation(&self, body: &Value, armed: &Faults) -> Explanation {
        let decided = self.decide_without(body, armed, &[]).await;
        let explanation = match (&decided, decided.fault()) {
            (_, Some(fault)) => Explanation::by_fault(fault),
            (Decided::Refused(refusal), _) => Explanation::of_refusal(refusal),
            (Decided::Ended(_) | Decided::Judged { .. }, None) => {
                Explanation::of(Code::Ok, String::new())
            }
        };
        let (mut items, mut rounds) = (Vec::new(), MOST_ROUNDS);
        if let Decided::Judged { rehearsal, .. } = &decided {
            for (at, item) in rehearsal.items.iter().enumerate() {
                let change = self.change_of_item(body, armed, &decided, at, &mut rounds);
                let to_be_0 = change.await;
                let sent = &body["AddFriendItem"][at];
                items.push(Item::of(sent, item, decided.fault_of(at), to_be_0));
                tokio::task::yield_now().await;
            }
        }
        Explanation {
            to_be_0: self.change_of_call(body, armed, decided, rounds).await,
            items,
            ..explanation
        }
    }

    /// What would make a whole call 0: without one fault, it may meet the next.
    async fn change_of_call(
        &self,
        body: &Value,
        armed: &Faults,
        mut decided: Decided,
        mut rounds: usize,
    ) -> Option<Change> {
        let (mut change, mut disarmed) = (None, Vec::new());
        while let Some(fault) = decided.fault() {
            rounds = rounds.checked_sub(1)?;
            change = Some(Change::without(fault).behind(change));
            disarmed.push(fault.id);
            decided = self.decide_without(body, armed, &disarmed).await;
        }
        match decided {
            Decided::Refused(_) => Some(self.of_call(body).await?.behind(change)),
            Decided::Ended(_) | Decided::Judged { .. } => change,
        }
    }

    /// What would make a call 0 that is refused as a whole.
    async fn of_call(&self, body: &Value) -> Option<Change> {
        let Repaired {
            request,
            mut words,
            mut strangers,
        } = repair::call(self, body).await?;
        if self.rehearse(&request).await.is_err() {
            strangers.push(UserId::parse(request["From_Account"].as_str()?)?);
        }
        words.extend(strangers.iter().map(|user| format!("import {user}")));
        let import = |user: &UserId| self.put(*user, json!({}));
        let calls = strangers.iter().map(import).collect();
        Some(Change {
            summary: words.join(", then "),
            calls,
            request: (request != *body).then_some(request),
            query: None,
        })
    }

    fn as_admin(&self) -> Change {
        Change {
            summary: format!("call as {}, who is an app admin", self.admin()),
            query: Some(self.query()),
            ..Change::default()
        }
    }

    /// What would make an item 0: without one fault, it may meet the next.
    async fn change_of_item(
        &self,
        body: &Value,
        armed: &Faults,
        decided: &Decided,
        at: usize,
        rounds: &mut usize,
    ) -> Option<Change> {
        let (mut change, mut disarmed, mut without) = (None, Vec::new(), None);
        loop {
            let decided = without.as_ref().unwrap_or(decided);
            let Some(fault) = decided.fault_of(at) else {
                let Decided::Judged { rehearsal, .. } = decided else {
                    return change;
                };
                if rehearsal.items[at].outcome == Code::Ok {
                    return change;
                }
                let rule = self.change(body, rehearsal, at, rounds).await?;
                return Some(rule.behind(change));
            };
            *rounds = rounds.checked_sub(1)?;
            change = Some(Change::without(fault).behind(change));
            disarmed.push(fault.id);
            tokio::task::yield_now().await;
            without = Some(self.decide_without(body, armed, &disarmed).await);
        }
    }

    /// What would make an item 0 by the rule: of the request, then of the state.
    async fn change(
        &self,
        body: &Value,
        rehearsal: &Rehearsal,
        at: usize,
        rounds: &mut usize,
    ) -> Option<Change> {
        let item = &rehearsal.items[at];
        if item.facts.is_some() {
            return self.of_state(rehearsal, item);
        }
        *rounds = rounds.checked_sub(1)?;
        let Repaired { request, words, .. } = repair::item(self, body, at).await?;
        let repaired = self.rehearse(&request).await.ok()?;
        let change = self.of_state(&repaired, repaired.items.get(at)?)?;
        let edit = Change {
            summary: words.join(", then "),
            ..Change::default()
        };
        Some(Change {
            request: Some(request),
            ..change.behind(Some(edit))
        })
    }

    /// What would make a well-formed item 0.
    fn of_state(&self, rehearsal: &Rehearsal, item: &Rehearsed) -> Option<Change> {
        let remedies = rehearsal.remedies(item, self.app.config.default_allow_type)?;
        let (from, to) = (rehearsal.from, item.to()?);
        let (mut words, mut calls) = (Vec::new(), Vec::new());
        for remedy in remedies {
            let (word, of_remedy) = self.calls(from, to, remedy);
            words.push(word);
            calls.extend(of_remedy);
        }
        Some(Change {
            summary: words.join(", then "),
            calls,
            ..Change::default()
        })
    }
}

impl Explanation {
    fn of(code: Code, error_info: String) -> Self {
        Self {
            code: Some(code.number()),
            outcome: Some(code.name()),
            error_info,
            meaning: Some(code.meaning()),
            fault: None,
            to_be_0: None,
            items: Vec::new(),
        }
    }

    fn of_refusal(refusal: &CallError) -> Self {
        let CallError { code, info, .. } = refusal;
        let info = match info.is_empty() {
            true => FRIEND_ADD.text(*code).to_string(),
            false => info.to_string(),
        };
        Self::of(*code, info)
    }

    fn by_fault(fault: &Fault) -> Self {
        let code = fault.code();
        let text = code.map(|code| FRIEND_ADD.text(code).to_string());
        Self {
            code: code.map(Code::number),
            outcome: code.map(Code::name),
            error_info: text.unwrap_or_default(),
            meaning: code.map(Code::meaning),
            fault: Some(fault.id),
            to_be_0: None,
            items: Vec::new(),
        }
    }
}

impl Item {
    fn of(
        sent: &Value,
        item: &Rehearsed,
        fault: Option<&Arc<Fault>>,
        to_be_0: Option<Change>,
    ) -> Self {
        let code = fault.and_then(|fault| fault.code()).unwrap_or(item.outcome);
        let to = sent["To_Account"].as_str();
        Self {
            to_account: to.unwrap_or_default().to_owned(),
            code: code.number(),
            outcome: code.name(),
            meaning: code.meaning(),
            facts: item.facts.as_ref().map(Facts::of),
            fault: fault.map(|fault| fault.id),
            to_be_0,
        }
    }
}

impl Facts {
    fn of(pair: &PairFacts) -> Self {
        Self {
            to_exists: pair.to_exists,
            from_forbidden: pair.from_forbidden.wire(),
            from_has_to: pair.from_has_to,
            to_has_from: pair.to_has_from,
            from_blocks_to: pair.from_blocks_to,
            to_blocks_from: pair.to_blocks_from,
            to_allows: pair.to_allows.wire(),
            from_friends: pair.from_friends,
            to_friends: pair.to_friends,
            from_groups: pair.from_groups,
            new_groups: pair.new_groups,
            from_asked_to: pair.from_asked_to,
            to_asked_from: pair.to_asked_from,
            from_pending: pair.from_pending,
            to_pending: pair.to_pending,
            from_requests: pair.from_minute.requests,
            from_requests_since: pair.from_minute.since.0,
        }
    }
}
