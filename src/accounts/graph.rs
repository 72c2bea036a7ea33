//! All accounts of an app, from their documents. What a document says about another account is
//! written to that account: the other sides of pending requests and of mutual friendships.

use super::AccountReader;
use super::document::AccountDocument;
use crate::protocol::ids::UserId;
use crate::sns::model::{Friend, FriendDetails, FriendUpdate, PendingRequest};
use crate::store::{Account, Accounts, PeerEntry, SharedAccount};
use crate::strict::join;

impl AccountReader<'_> {
    /// Adds the accounts of these documents to `accounts`; `at` is the JSON pointer to the documents.
    /// Returns the accounts that the documents name and that are not there, each with the account
    /// whose document names it.
    pub(crate) fn add_all(
        &mut self,
        at: &str,
        documents: impl IntoIterator<Item = (UserId, AccountDocument)>,
        accounts: &mut Accounts,
    ) -> Vec<(UserId, UserId)> {
        let mut users = Vec::new();
        for (user, document) in documents {
            self.add(at, user, document, accounts);
            users.push(user);
        }
        self.complete(&users, accounts)
    }

    /// Adds the account of a document; `at` is the JSON pointer to all documents.
    pub(crate) fn add(
        &mut self,
        at: &str,
        user: UserId,
        document: AccountDocument,
        accounts: &mut Accounts,
    ) {
        let mut account = Account::clone(self.new_account);
        self.apply(&join(at, user.as_str()), user, document, &mut account);
        accounts.insert(user, SharedAccount::new(account));
    }

    /// Completes the accounts that were added with what their documents say about other accounts. Returns
    /// the same as [`Self::add_all`].
    pub(crate) fn complete(
        &mut self,
        users: &[UserId],
        accounts: &mut Accounts,
    ) -> Vec<(UserId, UserId)> {
        let mut missing = Vec::new();
        for user in users {
            let account = accounts.get(*user).into_iter();
            let peers = account.flat_map(|account| peers(account));
            let unknown = peers.filter(|peer| accounts.get(*peer).is_none());
            missing.extend(unknown.map(|peer| (peer, *user)));
        }
        for (peer, _) in &missing {
            accounts.insert(*peer, self.new_account.clone());
        }
        complete_requests(accounts, users);
        for (user, friend) in std::mem::take(&mut self.mutual) {
            befriend_back(accounts, user, friend);
        }
        missing
    }
}

/// Adds the missing entry of each pending request of these accounts that only one of its two accounts
/// lists.
fn complete_requests(accounts: &mut Accounts, users: &[UserId]) {
    let (mut received, mut sent) = (Vec::new(), Vec::new());
    for (user, account) in users
        .iter()
        .filter_map(|user| Some((*user, accounts.get(*user)?)))
    {
        let mirror = |request: &PendingRequest| (request.with, mirrored(request, user));
        received.extend(account.sent.iter().map(mirror));
        sent.extend(account.received.iter().map(mirror));
    }
    for (user, request) in received {
        let is_missing = |account: &Account| !account.received.has(request.with);
        if let Some(account) = accounts.change_if(user, is_missing) {
            account.received.insert(request);
        }
    }
    for (user, request) in sent {
        let is_missing = |account: &Account| !account.sent.has(request.with);
        if let Some(account) = accounts.change_if(user, is_missing) {
            account.sent.insert(request);
        }
    }
}

/// Adds an account to the list of its friend, if it is missing there.
fn befriend_back(accounts: &mut Accounts, user: UserId, friend: UserId) {
    let entry = accounts
        .get(user)
        .and_then(|account| account.friends.entry(friend));
    let Some(back) = entry.map(|entry| reversed(entry, user)) else {
        return;
    };
    if let Some(account) = accounts.change_if(friend, |account| !account.friends.has(user)) {
        account.friends.insert(back);
    }
}

/// All accounts that an account's lists name.
pub(crate) fn peers(account: &Account) -> impl Iterator<Item = UserId> {
    let friends = account.friends.iter().map(PeerEntry::peer);
    let blocked = account.blocklist.iter().map(PeerEntry::peer);
    let requests = account.sent.iter().chain(account.received.iter());
    friends.chain(blocked).chain(requests.map(PeerEntry::peer))
}

/// A request as the other side stores it: with the wording, without the Remark and the groups.
pub(crate) fn mirrored(request: &PendingRequest, with: UserId) -> PendingRequest {
    let details = request.details.as_ref();
    let details = FriendDetails {
        add_wording: details.and_then(|details| details.add_wording.clone()),
        ..FriendDetails::default()
    };
    PendingRequest {
        with,
        details: details.boxed(),
        ..request.clone()
    }
}

/// A friendship as the other side stores it, as friend_add makes it in both lists: with the source,
/// the wording and the time, without the Remark and the groups.
pub(crate) fn reversed(friend: &Friend, to: UserId) -> Friend {
    let details = friend.details.as_ref();
    let update = FriendUpdate {
        add_source: friend.add_source,
        add_wording: details.and_then(|details| details.add_wording.clone()),
        ..FriendUpdate::default()
    };
    update.into_friend(to, friend.add_time)
}
