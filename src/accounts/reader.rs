//! Applies a document to an account, and collects every invalid field with its JSON pointer.
//!
//! The types of the document have already checked each single value. This module checks values
//! against the app's custom fields and against each other.

use super::CustomFields;
use super::document::{AccountDocument, BlockedDocument, Entry, FriendDocument, RequestDocument};
use crate::profile::{Profile, ProfileField};
use crate::protocol::ids::{UnixTime, UserId};
use crate::protocol::tag::{TagItem, TagValue};
use crate::sns::friend_tag::FriendTag;
use crate::sns::model::{Blocked, Friend, FriendDetails, FriendUpdate, PendingRequest};
use crate::sns::texts::{AddWording, GroupName, Keyword, Remark};
use crate::store::{Account, PeerEntry, PeerList, SharedAccount};
use crate::strict::{InvalidField, MAX_ERRORS, join};
use std::collections::{BTreeMap, HashSet};

/// Reads the documents of one request, or of one app of the configuration.
#[derive(Debug)]
pub(crate) struct AccountReader<'a> {
    declared: &'a CustomFields,
    /// An account with the app's defaults.
    pub(super) new_account: &'a SharedAccount,
    /// The time of entries without a time.
    now: UnixTime,
    /// The invalid fields, at most [`MAX_ERRORS`].
    invalid: Vec<InvalidField>,
    /// The friendships that a document calls mutual: the account of the document, and the friend.
    pub(super) mutual: Vec<(UserId, UserId)>,
}

impl<'a> AccountReader<'a> {
    pub(crate) fn new(
        declared: &'a CustomFields,
        new_account: &'a SharedAccount,
        now: UnixTime,
    ) -> Self {
        Self {
            declared,
            new_account,
            now,
            invalid: Vec::new(),
            mutual: Vec::new(),
        }
    }

    /// The friends of a single document with `mutual`; or all invalid fields.
    pub(crate) fn finish(self) -> Result<Vec<UserId>, Vec<InvalidField>> {
        let friends = self.mutual.into_iter().map(|(_, friend)| friend);
        match self.invalid.is_empty() {
            true => Ok(friends.collect()),
            false => Err(self.invalid),
        }
    }

    /// Changes an account as the document says; `at` is the document's JSON pointer.
    pub(crate) fn apply(
        &mut self,
        at: &str,
        user: UserId,
        document: AccountDocument,
        account: &mut Account,
    ) {
        if let Some(fields) = document.profile {
            account.profile = self.profile(&format!("{at}/profile"), fields, &account.profile);
        }
        let profile = &mut account.profile;
        profile.allow_type = document.allow_type.unwrap_or(profile.allow_type);
        let forbid = document.admin_forbid_type;
        profile.admin_forbid_type = forbid.unwrap_or(profile.admin_forbid_type);
        if let Some(groups) = document.groups {
            account.groups = distinct(groups);
        }
        if let Some(friends) = document.friends {
            let mutual = friends
                .iter()
                .filter(|Entry(friend)| friend.mutual == Some(true));
            self.mutual
                .extend(mutual.map(|Entry(friend)| (user, friend.to)));
            account.friends = self.list(&format!("{at}/friends"), user, friends, Self::friend);
        }
        let of_friends = account.friends.iter().flat_map(Friend::groups);
        account.groups = distinct(account.groups.iter().chain(of_friends).cloned());
        if let Some(list) = document.blocklist {
            account.blocklist = self.list(&format!("{at}/blocklist"), user, list, Self::blocked);
        }
        if let Some(sent) = document.sent {
            account.sent = self.list(&format!("{at}/sent"), user, sent, Self::request);
        }
        if let Some(received) = document.received {
            account.received = self.list(&format!("{at}/received"), user, received, Self::request);
        }
        account.sequences = document.sequences.unwrap_or(account.sequences);
        account.request_minute = document.request_minute.unwrap_or(account.request_minute);
    }

    /// Reads a list. It must not name the account itself, nor any account twice.
    fn list<D, E: PeerEntry>(
        &mut self,
        at: &str,
        user: UserId,
        documents: Vec<Entry<D>>,
        read: impl Fn(&mut Self, &str, D) -> E,
    ) -> PeerList<E> {
        let mut list = PeerList::default();
        for (number, Entry(document)) in documents.into_iter().enumerate() {
            let at = format!("{at}/{number}");
            let entry = read(self, &at, document);
            if entry.peer() == user {
                self.add_invalid(at, "is the account itself");
            } else if list.has(entry.peer()) {
                self.add_invalid(at, "is listed twice");
            }
            list.insert(entry);
        }
        list
    }

    pub(crate) fn add_invalid(&mut self, pointer: impl Into<String>, detail: impl Into<String>) {
        if self.invalid.len() < MAX_ERRORS {
            self.invalid.push(InvalidField::new(None, pointer, detail));
        }
    }

    fn profile(&mut self, at: &str, fields: BTreeMap<String, TagValue>, was: &Profile) -> Profile {
        let mut profile = Profile::default();
        profile.allow_type = was.allow_type;
        profile.admin_forbid_type = was.admin_forbid_type;
        for (tag, value) in fields {
            let pointer = join(at, &tag);
            let item = TagItem {
                tag: tag.into(),
                value,
            };
            match ProfileField::parse(&item, &self.declared.profile) {
                Ok(field) => profile.set(field),
                Err(code) => self.add_invalid(pointer, code.meaning()),
            }
        }
        profile
    }

    fn friend(&mut self, at: &str, friend: FriendDocument) -> Friend {
        let mut custom = Vec::new();
        for (tag, value) in friend.custom {
            match self.custom(&tag, value) {
                Ok(field) => custom.push(field),
                Err(why) => self.add_invalid(join(&format!("{at}/custom"), &tag), why),
            }
        }
        let update = FriendUpdate {
            remark: friend.remark,
            groups: Some(distinct(friend.groups)),
            add_source: friend.add_source,
            add_wording: friend.add_wording.filter(is_given_wording),
            add_time: friend.add_time,
            remark_time: friend.remark_time,
            custom,
        };
        update.into_friend(friend.to, self.now)
    }

    fn custom(&self, tag: &str, value: TagValue) -> Result<(Keyword, TagValue), &'static str> {
        match FriendTag::parse(tag, &self.declared.friend) {
            Some(FriendTag::Custom(field)) if FriendTag::check_custom(&value) => Ok((field, value)),
            Some(FriendTag::Custom(_)) => {
                Err("should be a string of at most 500 bytes or a number")
            }
            _ => Err("is not a custom field of the app"),
        }
    }

    fn blocked(&mut self, _: &str, blocked: BlockedDocument) -> Blocked {
        Blocked {
            to: blocked.to,
            add_time: blocked.add_time.unwrap_or(self.now),
        }
    }

    fn request(&mut self, _: &str, request: RequestDocument) -> PendingRequest {
        let details = FriendDetails {
            remark: request
                .remark
                .filter(|remark: &Remark| !remark.as_str().is_empty()),
            groups: distinct(request.groups),
            add_wording: request.add_wording.filter(is_given_wording),
            ..FriendDetails::default()
        };
        PendingRequest {
            with: request.with,
            add_time: request.add_time.unwrap_or(self.now),
            add_source: request.add_source,
            details: details.boxed(),
        }
    }
}

/// An empty text is the same as none.
fn is_given_wording(wording: &AddWording) -> bool {
    !wording.as_str().is_empty()
}

fn distinct(groups: impl IntoIterator<Item = GroupName>) -> Vec<GroupName> {
    let mut seen = HashSet::new();
    let groups = groups.into_iter();
    groups.filter(|group| seen.insert(group.clone())).collect()
}
