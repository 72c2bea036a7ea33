//! A friend_add call that is gone through and not made: what it would be told, and on which facts.

use super::Command;
use super::body;
use super::context::CallContext;
use super::friend_add::{Batch, FriendAdd, FriendAddRequest};
use crate::apps::App;
use crate::client_ip::ClientIp;
use crate::clock::Moment;
use crate::faults::{Fault, Faults, Work};
use crate::gateway::body::Received;
use crate::protocol::code::Code;
use crate::protocol::ids::UserId;
use crate::protocol::reply::CallError;
use crate::sns::decision::Decision;
use crate::sns::friend_add::{How, NewFriend, judge};
use crate::sns::model::{AllowType, SnsPolicy};
use crate::sns::pair::{Asks, Pair};
use crate::sns::remedy::{self, Remedy};
use crate::sns::texts::GroupName;
use bytes::Bytes;
use std::sync::{Arc, OnceLock};

/// What a call would be told, item by item.
#[derive(Debug)]
pub(crate) struct Rehearsal {
    pub(crate) from: UserId,
    how: How,
    policy: SnsPolicy,
    pub(crate) items: Vec<Rehearsed>,
}

/// One item of it.
#[derive(Debug)]
pub(crate) struct Rehearsed {
    new: Result<NewFriend, Code>,
    pub(crate) outcome: Code,
    /// What it was judged on, where the item alone did not decide.
    pub(crate) facts: Option<Pair>,
    /// The fault that it meets instead of being judged.
    pub(crate) fault: Option<Arc<Fault>>,
}

/// An item that is judged, but not done where it meets a fault.
struct Tried<'a> {
    new: &'a NewFriend,
    meets_fault: bool,
}

impl Asks for Tried<'_> {
    fn to(&self) -> UserId {
        self.new.to
    }

    fn groups(&self) -> &[GroupName] {
        self.new.groups()
    }
}

/// Reads a friend_add body, as its call does.
pub(crate) fn decode(body: Bytes) -> Result<FriendAddRequest, CallError> {
    body::decode(&Received::Whole(body), FriendAdd::INFO.service)
}

/// Goes through a call as `handle` does, and writes nothing. Items meet `faults`; what the rule would
/// say of them is kept.
pub(crate) async fn rehearse(
    policy: &SnsPolicy,
    app: &App,
    now: Moment,
    request: &FriendAddRequest,
    faults: &Faults,
) -> Result<Rehearsal, CallError> {
    let context = CallContext {
        command: const { &FriendAdd::INFO },
        app,
        policy,
        // Those of the call's items are met below, where it is kept which.
        faults: &Faults::default(),
        work: &OnceLock::new(),
        admin: app.first_admin(),
        client: ClientIp::default(),
        now,
    };
    let Batch { from, how, items } = Batch::parse(&context, request)?;
    let of = |item: &Result<NewFriend, Code>| item.as_ref().map(Asks::to).map_err(|code| *code);
    let mut tos: Vec<_> = items.iter().map(of).collect();
    let mut met = faults.overrule(app.sdkappid, context.command, Some(from), &mut tos);
    met.resize(items.len(), None);
    let tried = items.iter().zip(&met).map(|(item, fault)| {
        let tried = |new| Tried {
            new,
            meets_fault: fault.is_some(),
        };
        item.as_ref().map(tried).map_err(|code| *code)
    });
    let tried: Vec<_> = tried.collect();
    let rule = |pair: &Pair, Tried { new, meets_fault }: &Tried<'_>| {
        let Decision { code, changes } = judge(from, pair, new, how, policy);
        let changes = if *meets_fault { Vec::new() } else { changes };
        Decision { code, changes }
    };
    let judged = app.store.rehearse_each(from, &tried, rule).await?;
    let items = items.into_iter().zip(judged).zip(met);
    let items = items.map(|((new, judged), fault)| {
        let (facts, outcome) = match judged {
            Ok((facts, code)) => (Some(facts), code),
            Err(code) => (None, code),
        };
        Rehearsed {
            new,
            outcome,
            facts,
            fault,
        }
    });
    Ok(Rehearsal {
        from,
        how,
        policy: *policy,
        items: items.collect(),
    })
}

impl Rehearsal {
    /// What the call would have done, of which faults may say otherwise.
    pub(crate) fn work(&self) -> Work {
        let is_done = |item: &Rehearsed| item.to().filter(|_| item.fault.is_none());
        let items = self.items.iter();
        let items = items.map(|item| is_done(item).ok_or(item.outcome));
        Work::of(self.from, &items.collect::<Vec<_>>())
    }

    /// The fewest changes of the state after which a well-formed item is 0. `new_account` is the
    /// AllowType of an account that is imported.
    pub(crate) fn remedies(&self, item: &Rehearsed, new_account: AllowType) -> Option<Vec<Remedy>> {
        let (new, facts) = (item.new.as_ref().ok()?, item.facts?);
        let rule = |pair: &Pair| judge(self.from, pair, new, self.how, &self.policy).code;
        remedy::fewest(&facts, &self.policy, new_account, rule)
    }
}

impl Rehearsed {
    /// Whom it is about, where it is well-formed.
    pub(crate) fn to(&self) -> Option<UserId> {
        self.new.as_ref().ok().map(|new| new.to)
    }
}
