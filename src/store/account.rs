//! An account: its profile and its lists.

use super::peer_list::PeerList;
use crate::profile::Profile;
use crate::protocol::ids::UserId;
use crate::sns::model::{Blocked, Friend, MAX_SEQUENCE, PendingRequest, RequestMinute, Sequences};
use crate::sns::texts::GroupName;
use std::collections::HashMap;

/// An account with all that is kept of it. Lists are in the order in which their entries were added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// The fields of its profile, AllowType and AdminForbidType among them.
    pub profile: Profile,
    /// Its friend list.
    pub friends: PeerList<Friend>,
    /// The names of its groups.
    pub groups: Vec<GroupName>,
    /// Its blocklist.
    pub blocklist: PeerList<Blocked>,
    /// Its own requests that are pending.
    pub sent: PeerList<PendingRequest>,
    /// Pending requests of other accounts to it.
    pub received: PeerList<PendingRequest>,
    /// How often its lists have changed.
    pub sequences: Sequences,
    /// The friend requests that it has made in the current minute.
    pub request_minute: RequestMinute,
}

/// A part of a friend list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FriendsPage {
    pub(crate) friends: Vec<Friend>,
    /// The length of the whole list.
    pub(crate) total: u32,
    pub(crate) sequences: Sequences,
}

/// A part of a blocklist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BlocklistPage {
    pub(crate) blocked: Vec<Blocked>,
    /// The length of the whole list.
    pub(crate) total: u32,
    /// The blocklist's sequence.
    pub(crate) sequence: u32,
}

/// One of an account's groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) name: GroupName,
    /// Its members, in the order of the friend list.
    pub(crate) members: Vec<UserId>,
}

impl Account {
    pub(super) fn friends_page(&self, start: usize, count: usize) -> FriendsPage {
        FriendsPage {
            friends: page(&self.friends, start, count).to_vec(),
            total: self.friends.count(),
            sequences: self.sequences,
        }
    }

    pub(super) fn blocklist_page(&self, start: usize, count: usize) -> BlocklistPage {
        BlocklistPage {
            blocked: page(&self.blocklist, start, count).to_vec(),
            total: self.blocklist.count(),
            sequence: self.sequences.blocklist,
        }
    }

    /// The groups with these names, or all groups when no name is given.
    pub(super) fn groups(&self, names: &[GroupName]) -> Vec<Group> {
        let is_asked = |name: &&GroupName| names.is_empty() || names.contains(name);
        let group = |name: &GroupName| Group {
            name: name.clone(),
            members: Vec::new(),
        };
        let mut groups: Vec<Group> = self.groups.iter().filter(is_asked).map(group).collect();
        let places: HashMap<_, _> = (0..groups.len())
            .map(|place| (groups[place].name.clone(), place))
            .collect();
        for friend in self.friends.iter() {
            for place in friend.groups().iter().filter_map(|name| places.get(name)) {
                groups[*place].members.push(friend.to);
            }
        }
        groups
    }

    /// The number of pending requests, sent and received.
    pub(super) fn pending(&self) -> u32 {
        self.sent.count() + self.received.count()
    }

    pub(super) fn has_group(&self, group: &GroupName) -> bool {
        self.groups.contains(group)
    }

    /// Whether any list names this account.
    pub(super) fn names(&self, peer: UserId) -> bool {
        self.friends.has(peer)
            || self.blocklist.has(peer)
            || self.sent.has(peer)
            || self.received.has(peer)
    }

    /// Removes a deleted account from all lists.
    pub(super) fn forget(&mut self, peer: UserId) {
        let mut changed = Changed::default();
        self.unfriend(peer, &mut changed);
        self.unblock(peer, &mut changed);
        self.settle(peer);
        self.count(changed);
    }

    pub(super) fn befriend(&mut self, friend: Friend, changed: &mut Changed) {
        changed.friend(&friend);
        self.friends.push(friend);
    }

    pub(super) fn unfriend(&mut self, peer: UserId, changed: &mut Changed) {
        if let Some(friend) = self.friends.remove(peer) {
            changed.friend(&friend);
        }
    }

    /// Empties the friend list, and returns the accounts that were in it.
    pub(super) fn unfriend_all(&mut self, changed: &mut Changed) -> Vec<UserId> {
        let friends = std::mem::take(&mut self.friends);
        friends.iter().for_each(|friend| changed.friend(friend));
        friends.iter().map(|friend| friend.to).collect()
    }

    pub(super) fn unblock(&mut self, peer: UserId, changed: &mut Changed) {
        changed.blocklist |= self.blocklist.remove(peer).is_some();
    }

    pub(super) fn create_groups(&mut self, groups: Vec<GroupName>, changed: &mut Changed) {
        for group in groups {
            if !self.has_group(&group) {
                self.groups.push(group);
                changed.groups = true;
            }
        }
    }

    pub(super) fn delete_group(&mut self, group: &GroupName, changed: &mut Changed) {
        if self.has_group(group) {
            self.groups.retain(|other| other != group);
            changed.groups = true;
            for friend in self.friends.entries_mut() {
                changed.standard |= friend.leave(group);
            }
        }
    }

    /// Ends the pending requests between this account and `peer`, in both directions.
    pub(super) fn settle(&mut self, peer: UserId) {
        self.sent.remove(peer);
        self.received.remove(peer);
    }

    /// The sequences of this account when it replaces `before` without a rule that decides it. Each
    /// sequence is the one that the same change by Tencent's calls would give, or this account's own if
    /// that is larger. So no sequence goes back: a client that knows a later state learns of the change.
    pub(crate) fn sequences_after(&self, before: &Self) -> Sequences {
        let (given, was) = (self.sequences, before.sequences);
        let mut next = was;
        advance(&mut next, Changed::between(before, self));
        let later = |given: u32, was: u32, next: u32| if given > was { given } else { next };
        Sequences {
            standard: later(given.standard, was.standard, next.standard),
            custom: later(given.custom, was.custom, next.custom),
            groups: later(given.groups, was.groups, next.groups),
            blocklist: later(given.blocklist, was.blocklist, next.blocklist),
        }
    }

    /// Advances the sequences by the changes of one step.
    pub(super) fn count(&mut self, changed: Changed) {
        advance(&mut self.sequences, changed);
    }
}

/// Which sequences of an account one step advances, each by one at most.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Changed {
    pub(super) standard: bool,
    pub(super) custom: bool,
    pub(super) groups: bool,
    pub(super) blocklist: bool,
}

impl Changed {
    pub(super) fn any(self) -> bool {
        self.standard || self.custom || self.groups || self.blocklist
    }

    /// The friend was added to the friend list, or removed from it.
    fn friend(&mut self, friend: &Friend) {
        self.standard = true;
        self.custom |= !friend.custom().is_empty();
        self.groups |= !friend.groups().is_empty();
    }

    /// The differences of two states of an account.
    fn between(before: &Account, after: &Account) -> Self {
        let mut changed = Self {
            groups: before.groups != after.groups,
            blocklist: before.blocklist != after.blocklist,
            ..Self::default()
        };
        if before.friends == after.friends {
            return changed;
        }
        for friend in after.friends.iter() {
            match before.friends.entry(friend.to) {
                Some(was) => {
                    changed.standard |= was.standard_fields() != friend.standard_fields();
                    changed.custom |= was.custom() != friend.custom();
                    changed.groups |= was.groups() != friend.groups();
                }
                None => changed.friend(friend),
            }
        }
        let gone = before
            .friends
            .iter()
            .filter(|was| !after.friends.has(was.to));
        gone.for_each(|friend| changed.friend(friend));
        // The order of the list is the order of its pages.
        let order = before.friends.iter().map(|friend| friend.to);
        changed.standard |= !order.eq(after.friends.iter().map(|friend| friend.to));
        changed
    }
}

/// Advances the sequences by the changes of one step; they wrap around after the largest.
fn advance(sequences: &mut Sequences, changed: Changed) {
    let count = |sequence: &mut u32, has_changed: bool| {
        *sequence = (*sequence + u32::from(has_changed)) & MAX_SEQUENCE;
    };
    count(&mut sequences.standard, changed.standard);
    count(&mut sequences.custom, changed.custom);
    count(&mut sequences.groups, changed.groups);
    count(&mut sequences.blocklist, changed.blocklist);
}

fn page<E>(list: &[E], start: usize, count: usize) -> &[E] {
    let rest = list.get(start..).unwrap_or_default();
    &rest[..rest.len().min(count)]
}
