//! Changes to several accounts, written atomically.

use crate::accounts::{mirrored, peers, reversed};
use crate::apps::App;
use crate::protocol::ids::UserId;
use crate::sns::model::PendingRequest;
use crate::store::{Account, Accounts, Edit, PeerEntry, PeerList, SharedAccount, StoreError};
use std::collections::{BTreeMap, BTreeSet};

/// Changes to a copy of an app's accounts.
pub(super) struct Edits<'a> {
    app: &'a App,
    accounts: &'a Accounts,
    changed: BTreeMap<UserId, Account>,
    /// Accounts that must still exist when the changes are written.
    needs: BTreeSet<UserId>,
}

/// The result of written changes.
pub(super) struct Written {
    /// How many accounts were created.
    pub(super) created: usize,
    /// All accounts right after the changes.
    pub(super) accounts: Accounts,
}

impl<'a> Edits<'a> {
    pub(super) fn new(app: &'a App, accounts: &'a Accounts) -> Self {
        Self {
            app,
            accounts,
            changed: BTreeMap::new(),
            needs: BTreeSet::new(),
        }
    }

    /// The account, to be changed; a new account if it is not imported.
    pub(super) fn account(&mut self, user: UserId) -> &mut Account {
        let account = || Account::clone(self.accounts.get(user).unwrap_or(&self.app.new_account));
        self.changed.entry(user).or_insert_with(account)
    }

    /// Replaces an account. Creates the accounts that its lists name, and updates the other sides
    /// of its pending requests.
    pub(super) fn put(&mut self, user: UserId, was: &Account, account: Account) {
        for peer in peers(&account) {
            if self.accounts.get(peer).is_none() {
                self.account(peer);
            } else {
                self.needs.insert(peer);
            }
        }
        // An unchanged request leaves the other side unchanged.
        for old in was.sent.iter().filter(|old| !account.sent.has(old.with)) {
            self.account(old.with).received.remove(user);
        }
        for old in (was.received.iter()).filter(|old| !account.received.has(old.with)) {
            self.account(old.with).sent.remove(user);
        }
        for request in new_entries(&was.sent, &account.sent) {
            move_to_end(
                &mut self.account(request.with).received,
                mirrored(request, user),
            );
        }
        for request in new_entries(&was.received, &account.received) {
            move_to_end(
                &mut self.account(request.with).sent,
                mirrored(request, user),
            );
        }
        self.changed.insert(user, account);
    }

    /// Adds an account to the lists of these friends where it is missing.
    pub(super) fn befriend_back(&mut self, user: UserId, friends: &[UserId]) {
        for friend in friends {
            let back = self.account(user).friends.entry(*friend);
            let back = back.map(|entry| reversed(entry, user));
            let has_user = |account: &SharedAccount| account.friends.has(user);
            if let Some(back) = back
                && !self.accounts.get(*friend).is_some_and(has_user)
            {
                self.account(*friend).friends.insert(back);
            }
        }
    }

    /// Writes all changes in one step. The sequences of the lists that differ move on.
    ///
    /// # Errors
    /// `Conflict` if one of the accounts has changed, or an account that their lists name was
    /// deleted, since the copy was made. Then nothing is written.
    pub(super) async fn commit(self) -> Result<Written, StoreError> {
        let edit = |(user, mut account): (UserId, Account)| {
            let before = self.accounts.get(user).cloned();
            let was = before.as_ref().unwrap_or(&self.app.new_account);
            account.sequences = account.sequences_after(was);
            Edit {
                user,
                before,
                after: SharedAccount::new(account),
            }
        };
        let edits: Vec<_> = self.changed.into_iter().map(edit).collect();
        let needs: Vec<_> = self.needs.into_iter().collect();
        let accounts = self.app.store.update(&edits, &needs).await?;
        let created = edits.iter().filter(|edit| edit.before.is_none());
        Ok(Written {
            created: created.count(),
            accounts,
        })
    }
}

fn move_to_end(list: &mut PeerList<PendingRequest>, request: PendingRequest) {
    list.remove(request.with);
    list.insert(request);
}

fn new_entries<'a, E: PeerEntry + PartialEq>(
    was: &'a PeerList<E>,
    is: &'a PeerList<E>,
) -> impl Iterator<Item = &'a E> {
    is.iter()
        .filter(|entry| was.entry(entry.peer()) != Some(entry))
}
