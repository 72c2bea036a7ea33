//! One account: what it is, whom it has, and who waits for it.

use super::peer_list::PeerList;
use crate::protocol::code::Code;
use crate::protocol::ids::UserId;
use crate::sns::decision::{Change, Side};
use crate::sns::model::AccountSeed;
use crate::sns::model::{
    AdminForbidType, AllowType, Friend, GroupName, PendingRequest, RequestMinute,
};
use crate::sns::pair::Pair;

/// An account as the store keeps it, behind one lock.
#[derive(Debug, Default)]
pub(crate) struct Account {
    allow_type: AllowType,
    admin_forbid_type: AdminForbidType,
    friends: PeerList<Friend>,
    groups: Vec<GroupName>,
    blocklist: PeerList<UserId>,
    sent: PeerList<PendingRequest>,
    received: PeerList<PendingRequest>,
    minute: RequestMinute,
    /// Outcomes that a test has asked for, by To_Account.
    scripted: Vec<(UserId, Code)>,
}

/// An account at one moment, copied out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Its friends, in the order in which they were added.
    pub friends: Vec<Friend>,
    /// Its groups, in the order in which they were made.
    pub groups: Vec<GroupName>,
    /// Whom it has blocked.
    pub blocklist: Vec<UserId>,
    /// Its requests that wait for others.
    pub sent: Vec<PendingRequest>,
    /// Others' requests that wait for it.
    pub received: Vec<PendingRequest>,
}

impl Account {
    pub(super) fn set(&mut self, seed: &AccountSeed) {
        self.allow_type = seed.allow_type;
        self.admin_forbid_type = seed.admin_forbid_type;
        self.blocklist = PeerList::default();
        for blocked in &seed.blocklist {
            self.blocklist.insert(*blocked);
        }
    }

    pub(super) fn script(&mut self, to: UserId, code: Option<Code>) {
        self.scripted.retain(|(other, _)| *other != to);
        self.scripted.extend(code.map(|code| (to, code)));
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot {
            friends: self.friends.entries().to_vec(),
            groups: self.groups.clone(),
            blocklist: self.blocklist.entries().to_vec(),
            sent: self.sent.entries().to_vec(),
            received: self.received.entries().to_vec(),
        }
    }

    fn pending(&self) -> u32 {
        self.sent.len() + self.received.len()
    }

    fn has_group(&self, group: &GroupName) -> bool {
        self.groups.contains(group)
    }
}

/// Two accounts that are locked together, the one that asks first.
pub(super) struct Two<'a> {
    pub(super) from: &'a mut Account,
    /// `None` when To_Account is not imported.
    pub(super) to: Option<&'a mut Account>,
}

impl Two<'_> {
    /// What is true of the two.
    pub(super) fn facts(&self, from: UserId, to: UserId, groups: &[GroupName]) -> Pair {
        let Self {
            from: asker,
            to: asked,
        } = self;
        let asked = asked.as_deref();
        Pair {
            scripted: asker
                .scripted
                .iter()
                .find(|(other, _)| *other == to)
                .map(|(_, code)| *code),
            to_exists: asked.is_some(),
            from_forbidden: asker.admin_forbid_type,
            from_has_to: asker.friends.contains(to),
            to_has_from: asked.is_some_and(|account| account.friends.contains(from)),
            from_blocks_to: asker.blocklist.contains(to),
            to_blocks_from: asked.is_some_and(|account| account.blocklist.contains(from)),
            to_allows: asked.map_or_else(AllowType::default, |account| account.allow_type),
            from_friends: asker.friends.len(),
            to_friends: asked.map_or(0, |account| account.friends.len()),
            from_groups: count(asker.groups.iter()),
            new_groups: count(groups.iter().filter(|group| !asker.has_group(group))),
            from_asked_to: asker.sent.contains(to),
            to_asked_from: asker.received.contains(to),
            from_pending: asker.pending(),
            to_pending: asked.map_or(0, |account| account.pending()),
            from_minute: asker.minute,
        }
    }

    /// Does what a rule decided. A change to a To_Account that is not imported has nowhere to go;
    /// no rule asks for one.
    pub(super) fn apply(&mut self, from: UserId, to: UserId, changes: Vec<Change>) {
        for change in changes {
            match change {
                Change::Befriend(Side::From, friend) => self.from.friends.push(friend),
                Change::Befriend(Side::To, friend) => {
                    self.on_to(|account| account.friends.push(friend))
                }
                Change::CreateGroup(group) => self.from.groups.push(group),
                Change::Ask { sent, received } => {
                    self.from.sent.insert(sent);
                    self.on_to(|account| account.received.insert(received));
                }
                Change::Settle => {
                    settle(self.from, to);
                    self.on_to(|account| settle(account, from));
                }
                Change::CountRequest(minute) => self.from.minute = minute,
            }
        }
    }

    fn on_to(&mut self, change: impl FnOnce(&mut Account)) {
        if let Some(account) = self.to.as_deref_mut() {
            change(account);
        }
    }
}

fn settle(account: &mut Account, with: UserId) {
    account.sent.remove(with);
    account.received.remove(with);
}

fn count<T>(items: impl Iterator<Item = T>) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}
