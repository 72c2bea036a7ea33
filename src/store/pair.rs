//! The two accounts of a step: their facts, and the changes that a rule decides.

use super::SharedAccount;
use super::account::{Account, Changed};
use crate::protocol::ids::UserId;
use crate::sns::decision::{Change, Changes, Side};
use crate::sns::model::AllowType;
use crate::sns::pair::PairFacts;
use crate::sns::texts::GroupName;
use triomphe::Arc;

/// The accounts of a pair. To_Account is `None` when it is not imported, or is From_Account itself.
pub(super) struct Pair<A> {
    pub(super) from_id: UserId,
    pub(super) to_id: UserId,
    pub(super) from: A,
    pub(super) to: Option<A>,
}

impl<A: AsRef<Account>> Pair<A> {
    /// The facts that a rule judges; `groups` are those that the item names.
    pub(super) fn facts(&self, groups: &[GroupName]) -> PairFacts {
        let (from_id, to_id) = (self.from_id, self.to_id);
        let (from, to) = (self.from.as_ref(), self.to.as_ref().map(AsRef::as_ref));
        let new_groups = groups.iter().filter(|group| !from.has_group(group));
        PairFacts {
            to_exists: to.is_some() || from_id == to_id,
            from_forbidden: from.profile.admin_forbid_type,
            from_has_to: from.friends.has(to_id),
            to_has_from: to.is_some_and(|to| to.friends.has(from_id)),
            from_blocks_to: from.blocklist.has(to_id),
            to_blocks_from: to.is_some_and(|to| to.blocklist.has(from_id)),
            to_allows: to.map_or_else(AllowType::default, |to| to.profile.allow_type),
            from_friends: from.friends.count(),
            to_friends: to.map_or(0, |to| to.friends.count()),
            from_blocklist: from.blocklist.count(),
            from_groups: saturating(from.groups.len()),
            new_groups: saturating(new_groups.count()),
            from_asked_to: from.sent.has(to_id),
            to_asked_from: from.received.has(to_id),
            from_pending: from.pending(),
            to_pending: to.map_or(0, Account::pending),
            from_minute: from.request_minute,
        }
    }
}

impl Pair<&mut SharedAccount> {
    /// Applies a rule's changes, and returns the accounts that `UnfriendAll` has removed. An account
    /// that a reader still holds is copied first.
    ///
    /// A change to a To_Account that is not imported is dropped; no rule asks for one.
    pub(super) fn apply(&mut self, mut changes: Changes) -> Vec<UserId> {
        let (from_id, to_id) = (self.from_id, self.to_id);
        let mut unfriended = Vec::new();
        if changes.is_empty() {
            return unfriended;
        }
        let from = Arc::make_mut(self.from);
        let mut absent;
        let to = match &mut self.to {
            Some(to) => &mut **to,
            None => {
                absent = Arc::default();
                &mut absent
            }
        };
        let (mut from_changed, mut to_changed) = (Changed::default(), Changed::default());
        for change in changes.drain(..) {
            match change {
                Change::Befriend(Side::From, friend) => from.befriend(friend, &mut from_changed),
                Change::Befriend(Side::To, friend) => {
                    Arc::make_mut(to).befriend(friend, &mut to_changed);
                }
                Change::Unfriend(Side::From) => from.unfriend(to_id, &mut from_changed),
                Change::Unfriend(Side::To) => {
                    Arc::make_mut(to).unfriend(from_id, &mut to_changed);
                }
                Change::UnfriendAll => unfriended = from.unfriend_all(&mut from_changed),
                Change::Update(update) => {
                    from_changed.standard |= update.is_standard();
                    from_changed.custom |= !update.custom.is_empty();
                    from_changed.groups |= update.groups.is_some();
                    if let Some(friend) = from.friends.entry_mut(to_id) {
                        friend.update(*update);
                    }
                }
                Change::JoinGroups(groups) => {
                    (from_changed.standard, from_changed.groups) = (true, true);
                    if let Some(friend) = from.friends.entry_mut(to_id) {
                        friend.join(&groups);
                    }
                }
                Change::CreateGroups(groups) => from.create_groups(groups, &mut from_changed),
                Change::DeleteGroup(group) => from.delete_group(&group, &mut from_changed),
                Change::Block(blocked) => {
                    from_changed.blocklist = true;
                    from.blocklist.push(blocked);
                }
                Change::Unblock => from.unblock(to_id, &mut from_changed),
                Change::Ask(request) => {
                    from.sent.insert(request.sent);
                    Arc::make_mut(to).received.insert(request.received);
                }
                Change::Settle => {
                    from.settle(to_id);
                    Arc::make_mut(to).settle(from_id);
                }
                Change::CountRequest(minute) => from.request_minute = minute,
            }
        }
        from.count(from_changed);
        if to_changed.any() {
            Arc::make_mut(to).count(to_changed);
        }
        unfriended
    }
}

fn saturating(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
