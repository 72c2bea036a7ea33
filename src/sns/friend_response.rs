//! The rule for answering a pending friend request: accept and refuse of the client SDKs. No REST
//! command does this.

use super::decision::{Change, Decision, Side};
use super::model::{Friend, FriendDetails, PendingRequest, SnsPolicy};
use super::pair::{ItemTarget, PairFacts};
use super::texts::GroupName;
use crate::protocol::code::Code;
use crate::protocol::ids::{UnixTime, UserId};
use schemars::JsonSchema;
use serde::Deserialize;

/// The answer to a friend request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "FriendResponse")]
pub enum Response {
    /// `Response_Action_Agree`: From_Account's list gains To_Account.
    Agree,
    /// `Response_Action_AgreeAndAdd`: each list gains the other account.
    AgreeAndAdd,
    /// `Response_Action_Reject`: no list changes.
    Reject,
}

/// A request of From_Account, and To_Account's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The request, as From_Account stores it.
    pub request: PendingRequest,
    /// The answer.
    pub response: Response,
}

impl ItemTarget for Answered {
    fn to(&self) -> UserId {
        self.request.with
    }

    fn groups(&self) -> &[GroupName] {
        match &self.request.details {
            Some(details) => &details.groups,
            None => &[],
        }
    }
}

/// The code if no such request is pending. No documented code means this; this one is the closest.
pub const NO_REQUEST: Code = Code::FriendNotExist;

/// Ends the request. If it is accepted, the friend gets its Remark and group (inferred).
///
/// # Precedence
/// To_Account not imported, no pending request, From_Account's list full, To_Account's list full,
/// too many groups (GUESS: as for friend_add). Only lists that gain a friend are checked. If a
/// check fails, the request stays pending.
pub fn judge(
    from: UserId,
    pair: &PairFacts,
    item: &Answered,
    now: UnixTime,
    policy: &SnsPolicy,
) -> Decision {
    let Answered { request, response } = item;
    let refuse = Decision::refuse;
    if !pair.to_exists {
        return refuse(Code::ToAccountNotExist);
    }
    if !pair.from_asked_to {
        return refuse(NO_REQUEST);
    }
    let from_gains = *response != Response::Reject && !pair.from_has_to;
    let to_gains = *response == Response::AgreeAndAdd && !pair.to_has_from;
    if from_gains && pair.from_friends >= policy.max_friends {
        return refuse(Code::MyFriendsFull);
    }
    if to_gains && pair.to_friends >= policy.max_friends {
        return refuse(Code::PeerFriendsFull);
    }
    if from_gains && pair.new_groups > 0 && pair.from_groups + pair.new_groups > policy.max_groups {
        return refuse(Code::GroupsFull);
    }
    let friend = |to, details| Friend {
        to,
        add_time: now,
        add_source: request.add_source,
        details,
    };
    let mut changes = vec![Change::Settle];
    if from_gains {
        if pair.new_groups > 0 {
            changes.push(Change::CreateGroups(item.groups().to_vec()));
        }
        let details = request.details.clone();
        changes.push(Change::Befriend(Side::From, friend(request.with, details)));
    }
    if to_gains {
        let wording = request
            .details
            .as_ref()
            .and_then(|details| details.add_wording.clone());
        let details = FriendDetails {
            add_wording: wording,
            ..FriendDetails::default()
        };
        changes.push(Change::Befriend(Side::To, friend(from, details.boxed())));
    }
    Decision::done(changes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str) -> UserId {
        UserId::parse(name).expect("a legal UserID")
    }

    const POLICY: SnsPolicy = SnsPolicy {
        max_friends: 1,
        ..SnsPolicy::PRODUCT
    };

    #[test]
    fn what_nobody_asked_for_or_of_an_account_that_is_gone_is_not_granted() {
        let request = PendingRequest {
            with: user("id1"),
            add_time: UnixTime(1),
            add_source: None,
            details: None,
        };
        for response in [Response::Agree, Response::AgreeAndAdd, Response::Reject] {
            let item = Answered {
                request: request.clone(),
                response,
            };
            for (to_exists, from_asked_to, expected) in [
                (false, false, Code::ToAccountNotExist),
                (false, true, Code::ToAccountNotExist),
                (true, false, NO_REQUEST),
                (true, true, Code::Ok),
            ] {
                let pair = PairFacts {
                    to_exists,
                    from_asked_to,
                    ..PairFacts::default()
                };
                let decision = judge(user("id"), &pair, &item, UnixTime(2), &POLICY);
                assert_eq!(decision.code, expected, "{pair:?}");
                assert_eq!(decision.changes.is_empty(), expected != Code::Ok);
            }
        }
    }

    #[test]
    fn in_every_case_lists_gain_what_is_granted_and_none_grows_over_its_cap() {
        let flags = [false, true];
        for response in [Response::Agree, Response::AgreeAndAdd, Response::Reject] {
            for (from_has_to, to_has_from) in flags
                .iter()
                .flat_map(|one| flags.map(|other| (*one, other)))
            {
                for (from_full, to_full) in flags
                    .iter()
                    .flat_map(|one| flags.map(|other| (*one, other)))
                {
                    let pair = PairFacts {
                        to_exists: true,
                        from_asked_to: true,
                        from_has_to,
                        to_has_from,
                        from_friends: from_full.into(),
                        to_friends: to_full.into(),
                        ..PairFacts::default()
                    };
                    let request = PendingRequest {
                        with: user("id1"),
                        add_time: UnixTime(1),
                        add_source: None,
                        details: None,
                    };
                    let item = Answered { request, response };
                    let Decision { code, changes } =
                        judge(user("id"), &pair, &item, UnixTime(2), &POLICY);
                    let wants = |side: Side| match side {
                        Side::From => response != Response::Reject && !from_has_to,
                        Side::To => response == Response::AgreeAndAdd && !to_has_from,
                    };
                    let expected = if wants(Side::From) && from_full {
                        Code::MyFriendsFull
                    } else if wants(Side::To) && to_full {
                        Code::PeerFriendsFull
                    } else {
                        Code::Ok
                    };
                    assert_eq!(code, expected, "{pair:?} {response:?}");
                    let gains = |side: Side| {
                        changes
                            .iter()
                            .any(|change| matches!(change, Change::Befriend(of, _) if *of == side))
                    };
                    for side in [Side::From, Side::To] {
                        assert_eq!(gains(side), wants(side) && code == Code::Ok);
                    }
                    assert_eq!(changes.contains(&Change::Settle), code == Code::Ok);
                }
            }
        }
    }
}
