//! One account: what it is, whom it has, and who waits for it.

use super::peer_list::PeerList;
use crate::profile::Profile;
use crate::protocol::ids::{UnixTime, UserId};
use crate::sns::decision::{Change, Side};
use crate::sns::model::{
    AccountSeed, AllowType, Blocked, Friend, PendingRequest, RequestMinute, Sequences,
};
use crate::sns::pair::PairFacts;
use crate::sns::texts::GroupName;
use std::collections::HashMap;

/// An account as the store keeps it, behind one lock.
#[derive(Clone, Debug, Default)]
pub(crate) struct Account {
    /// It is no longer imported; a call that found it before must not write to it.
    pub(super) is_deleted: bool,
    pub(super) profile: Profile,
    friends: PeerList<Friend>,
    groups: Vec<GroupName>,
    blocklist: PeerList<Blocked>,
    sent: PeerList<PendingRequest>,
    received: PeerList<PendingRequest>,
    sequences: Sequences,
    minute: RequestMinute,
}

/// Another account, as one may have it for a friend.
#[derive(Clone, Debug)]
pub(crate) struct FriendView {
    /// What is true of the two.
    pub pair: PairFacts,
    /// The entry in the friend list, where it is there.
    pub friend: Option<Friend>,
    /// The other account's profile.
    pub profile: Profile,
}

/// Some of a friend list's entries, in the order in which they were added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FriendsPage {
    /// The page.
    pub friends: Vec<Friend>,
    /// How many friends there are in all.
    pub total: u32,
    /// How often the account's lists have changed.
    pub sequences: Sequences,
}

/// Some of a blocklist's entries, in the order in which they were added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BlocklistPage {
    /// The page.
    pub blocked: Vec<Blocked>,
    /// How many there are in all.
    pub total: u32,
    /// How often the blocklist has changed.
    pub sequence: u32,
}

/// One of an account's groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    /// Its name.
    pub name: GroupName,
    /// Who is in it, in the order of the friend list.
    pub members: Vec<UserId>,
}

/// An account at one moment, copied out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// What it says of itself.
    pub profile: Profile,
    /// Its friends, in the order in which they were added.
    pub friends: Vec<Friend>,
    /// Its groups, in the order in which they were made.
    pub groups: Vec<GroupName>,
    /// Whom it has blocked.
    pub blocklist: Vec<Blocked>,
    /// How often its lists have changed.
    pub sequences: Sequences,
    /// Its requests that wait for others.
    pub sent: Vec<PendingRequest>,
    /// Others' requests that wait for it.
    pub received: Vec<PendingRequest>,
    /// The friend requests it made of late.
    pub minute: RequestMinute,
}

impl Account {
    pub(super) fn set(&mut self, seed: &AccountSeed, now: UnixTime) {
        self.profile.allow_type = seed.allow_type;
        self.profile.admin_forbid_type = seed.admin_forbid_type;
        self.blocklist = PeerList::default();
        for to in &seed.blocklist {
            self.blocklist.insert(Blocked {
                to: *to,
                add_time: now,
            });
        }
    }

    /// Leaves nothing of it, and tells calls that found it before.
    pub(super) fn delete(&mut self) {
        *self = Self {
            is_deleted: true,
            ..Self::default()
        };
    }

    /// Forgets other accounts: nobody's list keeps one that is deleted.
    pub(super) fn forget(&mut self, gone: &[UserId]) {
        let entries = self.friends.len() + self.blocklist.len() + self.pending();
        if entries == 0 {
            return;
        }
        for other in gone {
            let mut changed = Changed::default();
            self.unfriend(*other, &mut changed);
            self.unblock(*other, &mut changed);
            settle(self, *other);
            self.count(changed);
        }
    }

    pub(super) fn friend(&self, to: UserId) -> Option<&Friend> {
        self.friends.get(to)
    }

    pub(super) fn friends_page(&self, start: usize, count: usize) -> FriendsPage {
        FriendsPage {
            friends: page(self.friends.entries(), start, count).to_vec(),
            total: self.friends.len(),
            sequences: self.sequences,
        }
    }

    pub(super) fn blocklist_page(&self, start: usize, count: usize) -> BlocklistPage {
        BlocklistPage {
            blocked: page(self.blocklist.entries(), start, count).to_vec(),
            total: self.blocklist.len(),
            sequence: self.sequences.blocklist,
        }
    }

    /// The groups of these names that there are, or all when no name is given.
    pub(super) fn groups(&self, names: &[GroupName]) -> Vec<Group> {
        let is_asked = |name: &&GroupName| names.is_empty() || names.contains(name);
        let mut groups: Vec<Group> = self
            .groups
            .iter()
            .filter(is_asked)
            .map(|name| Group {
                name: name.clone(),
                members: Vec::new(),
            })
            .collect();
        let places: HashMap<_, _> = (0..groups.len())
            .map(|place| (groups[place].name.clone(), place))
            .collect();
        for friend in self.friends.entries() {
            for place in friend.groups().iter().filter_map(|name| places.get(name)) {
                groups[*place].members.push(friend.to);
            }
        }
        groups
    }

    pub(super) fn sequences(&self) -> Sequences {
        self.sequences
    }

    /// Empties the friend list; whom it had.
    pub(super) fn clear_friends(&mut self) -> Vec<UserId> {
        let friends = std::mem::take(&mut self.friends);
        let mut changed = Changed::default();
        friends
            .entries()
            .iter()
            .for_each(|friend| changed.by(friend));
        self.count(changed);
        friends.entries().iter().map(|friend| friend.to).collect()
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot {
            profile: self.profile.clone(),
            friends: self.friends.entries().to_vec(),
            groups: self.groups.clone(),
            blocklist: self.blocklist.entries().to_vec(),
            sequences: self.sequences,
            sent: self.sent.entries().to_vec(),
            received: self.received.entries().to_vec(),
            minute: self.minute,
        }
    }

    /// The account that a snapshot was taken of. Of entries about one account, the last counts.
    pub(super) fn of(snapshot: Snapshot) -> Self {
        Self {
            is_deleted: false,
            profile: snapshot.profile,
            friends: PeerList::of(snapshot.friends),
            groups: snapshot.groups,
            blocklist: PeerList::of(snapshot.blocklist),
            sent: PeerList::of(snapshot.sent),
            received: PeerList::of(snapshot.received),
            sequences: snapshot.sequences,
            minute: snapshot.minute,
        }
    }

    pub(super) fn relations(&self) -> usize {
        self.friends.len() as usize
    }

    fn pending(&self) -> u32 {
        self.sent.len() + self.received.len()
    }

    fn has_group(&self, group: &GroupName) -> bool {
        self.groups.contains(group)
    }

    fn unfriend(&mut self, to: UserId, changed: &mut Changed) {
        if let Some(friend) = self.friends.remove(to) {
            changed.by(&friend);
        }
    }

    fn unblock(&mut self, to: UserId, changed: &mut Changed) {
        changed.blocklist |= self.blocklist.remove(to).is_some();
    }

    fn create_groups(&mut self, groups: Vec<GroupName>, changed: &mut Changed) {
        for group in groups {
            if !self.has_group(&group) {
                self.groups.push(group);
                changed.groups = true;
            }
        }
    }

    fn delete_group(&mut self, group: &GroupName, changed: &mut Changed) {
        if self.has_group(group) {
            self.groups.retain(|other| other != group);
            changed.groups = true;
            for friend in self.friends.entries_mut() {
                changed.standard |= friend.leave(group);
            }
        }
    }

    /// Counts one step's changes.
    fn count(&mut self, changed: Changed) {
        // Published clients read no larger number than i32's: behind it, it begins anew.
        let count = |sequence: &mut u32, has_changed: bool| {
            *sequence = (*sequence + u32::from(has_changed)) & i32::MAX.unsigned_abs();
        };
        count(&mut self.sequences.standard, changed.standard);
        count(&mut self.sequences.custom, changed.custom);
        count(&mut self.sequences.groups, changed.groups);
        count(&mut self.sequences.blocklist, changed.blocklist);
    }
}

/// What one step has changed of an account: each of its sequences grows by one at most.
#[derive(Clone, Copy, Debug, Default)]
struct Changed {
    standard: bool,
    custom: bool,
    groups: bool,
    blocklist: bool,
}

impl Changed {
    /// A friend that came or went.
    fn by(&mut self, friend: &Friend) {
        self.standard = true;
        self.custom |= friend.has_custom();
        self.groups |= !friend.groups().is_empty();
    }
}

/// What is left of a list from `start` on, up to `count` entries.
fn page<E>(list: &[E], start: usize, count: usize) -> &[E] {
    let rest = list.get(start..).unwrap_or_default();
    &rest[..rest.len().min(count)]
}

/// LockedPair accounts that are locked together, the one that asks first.
pub(super) struct LockedPair<'a> {
    pub(super) from: &'a mut Account,
    /// `None` when To_Account is not imported.
    pub(super) to: Option<&'a mut Account>,
}

impl<'a> LockedPair<'a> {
    /// A To_Account that was deleted while the call was under way is none.
    pub(super) fn new(from: &'a mut Account, to: &'a mut Account) -> Self {
        let to = (!to.is_deleted).then_some(to);
        Self { from, to }
    }

    /// What is true of the two.
    pub(super) fn facts(&self, from: UserId, to: UserId, groups: &[GroupName]) -> PairFacts {
        let Self {
            from: asker,
            to: asked,
        } = self;
        let asked = asked.as_deref();
        PairFacts {
            to_exists: asked.is_some() || from == to,
            from_forbidden: asker.profile.admin_forbid_type,
            from_has_to: asker.friends.contains(to),
            to_has_from: asked.is_some_and(|account| account.friends.contains(from)),
            from_blocks_to: asker.blocklist.contains(to),
            to_blocks_from: asked.is_some_and(|account| account.blocklist.contains(from)),
            to_allows: asked.map_or_else(AllowType::default, |account| account.profile.allow_type),
            from_friends: asker.friends.len(),
            to_friends: asked.map_or(0, |account| account.friends.len()),
            from_blocklist: asker.blocklist.len(),
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
        let mut nobody;
        let asker = &mut *self.from;
        let asked = match self.to.as_deref_mut() {
            Some(account) => account,
            None => {
                nobody = Account::default();
                &mut nobody
            }
        };
        let (mut mine, mut theirs) = (Changed::default(), Changed::default());
        for change in changes {
            match change {
                Change::Befriend(Side::From, friend) => {
                    mine.by(&friend);
                    asker.friends.push(friend);
                }
                Change::Befriend(Side::To, friend) => {
                    theirs.by(&friend);
                    asked.friends.push(friend);
                }
                Change::Unfriend(Side::From) => asker.unfriend(to, &mut mine),
                Change::Unfriend(Side::To) => asked.unfriend(from, &mut theirs),
                Change::Update(update) => {
                    mine.standard |= update.is_standard();
                    mine.custom |= !update.custom.is_empty();
                    mine.groups |= update.groups.is_some();
                    if let Some(friend) = asker.friends.get_mut(to) {
                        friend.update(update);
                    }
                }
                Change::JoinGroups(groups) => {
                    (mine.standard, mine.groups) = (true, true);
                    if let Some(friend) = asker.friends.get_mut(to) {
                        friend.join(&groups);
                    }
                }
                Change::CreateGroups(groups) => asker.create_groups(groups, &mut mine),
                Change::DeleteGroup(group) => asker.delete_group(&group, &mut mine),
                Change::Block(blocked) => {
                    mine.blocklist = true;
                    asker.blocklist.push(blocked);
                }
                Change::Unblock => asker.unblock(to, &mut mine),
                Change::Ask { sent, received } => {
                    asker.sent.insert(sent);
                    asked.received.insert(received);
                }
                Change::Settle => {
                    settle(asker, to);
                    settle(asked, from);
                }
                Change::CountRequest(minute) => asker.minute = minute,
            }
        }
        asker.count(mine);
        asked.count(theirs);
    }

    /// To_Account's list loses From_Account, as From_Account's has lost To_Account.
    pub(super) fn unfriend_to(&mut self, from: UserId, to: UserId) -> bool {
        let is_friend_again = self.from.friends.contains(to);
        let Some(account) = self.to.as_deref_mut() else {
            return false;
        };
        let has = !is_friend_again && account.friends.contains(from);
        if has {
            let mut changed = Changed::default();
            account.unfriend(from, &mut changed);
            account.count(changed);
        }
        has
    }
}

fn settle(account: &mut Account, with: UserId) {
    account.sent.remove(with);
    account.received.remove(with);
}

fn count<T>(items: impl Iterator<Item = T>) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_deleted_since_the_call_found_it_does_not_exist() {
        let user = |name| UserId::parse(name).expect("a legal UserID");
        let (mut from, mut to) = (Account::default(), Account::default());
        let exists = |two: LockedPair<'_>| two.facts(user("id"), user("id1"), &[]).to_exists;
        assert!(exists(LockedPair::new(&mut from, &mut to)));

        to.delete();

        assert!(!exists(LockedPair::new(&mut from, &mut to)));
    }
}
