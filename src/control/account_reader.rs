//! Applies an account's document to an account, and collects every invalid field with its place.
//!
//! The document's own types have checked each value alone. Here is what depends on the app (its
//! custom fields), or on several values.

use super::account::{AccountDocument, FriendDocument, RequestDocument};
use super::problem::InvalidField;
use crate::config::CustomFields;
use crate::profile::{Profile, ProfileField};
use crate::protocol::ids::{UnixTime, UserId};
use crate::protocol::tag::{TagItem, TagValue};
use crate::sns::friend_tag::FriendTag;
use crate::sns::model::{Blocked, Friend, FriendDetails, PendingRequest};
use crate::sns::texts::{GroupName, Keyword};
use crate::store::{Account, Peer};
use crate::strict::join;
use std::collections::{BTreeMap, HashSet};

/// Applies documents.
#[derive(Debug)]
pub(super) struct AccountReader<'a> {
    pub(super) declared: &'a CustomFields,
    pub(super) now: UnixTime,
    pub(super) invalid: Vec<InvalidField>,
}

impl AccountReader<'_> {
    /// Changes an account as the document says; `at` is the document's JSON pointer.
    pub(super) fn apply(
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
            let friends = friends.into_iter().enumerate();
            let friends: Vec<_> = friends
                .map(|(at_friend, friend)| {
                    self.friend(&format!("{at}/friends/{at_friend}"), friend.into_object())
                })
                .collect();
            self.check_peers(&format!("{at}/friends"), user, &friends);
            account.friends = friends.into_iter().collect();
        }
        let of_friends = account.friends.iter().flat_map(Friend::groups);
        account.groups = distinct(account.groups.iter().chain(of_friends).cloned());
        if let Some(blocklist) = document.blocklist {
            let blocked = blocklist.into_iter().map(|blocked| {
                let blocked = blocked.into_object();
                Blocked {
                    to: blocked.to,
                    add_time: blocked.add_time.unwrap_or(self.now),
                }
            });
            let blocked: Vec<_> = blocked.collect();
            self.check_peers(&format!("{at}/blocklist"), user, &blocked);
            account.blocklist = blocked.into_iter().collect();
        }
        let requests = [
            ("sent", document.sent, &mut account.sent),
            ("received", document.received, &mut account.received),
        ];
        for (name, documents, list) in requests {
            let Some(documents) = documents else { continue };
            let requests = documents.into_iter();
            let requests = requests.map(|request| self.request(request.into_object()));
            let requests: Vec<_> = requests.collect();
            self.check_peers(&format!("{at}/{name}"), user, &requests);
            *list = requests.into_iter().collect();
        }
        account.sequences = document.sequences.unwrap_or(account.sequences);
        account.request_minute = document.request_minute.unwrap_or(account.request_minute);
    }

    /// A list does not name its own account, and no account twice.
    fn check_peers(&mut self, at: &str, user: UserId, entries: &[impl Peer]) {
        let mut seen = HashSet::new();
        for (number, entry) in entries.iter().enumerate() {
            let peer = entry.peer();
            if peer == user {
                self.refuse(format!("{at}/{number}"), "is the account itself");
            } else if !seen.insert(peer) {
                self.refuse(format!("{at}/{number}"), "is there twice");
            }
        }
    }

    fn refuse(&mut self, pointer: impl Into<String>, detail: &str) {
        self.invalid.push(InvalidField::of_body(pointer, detail));
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
                Err(code) => self.refuse(pointer, code.meaning()),
            }
        }
        profile
    }

    fn friend(&mut self, at: &str, friend: FriendDocument) -> Friend {
        let mut custom = Vec::new();
        for (tag, value) in friend.custom {
            match self.custom(&tag, value) {
                Ok(field) => custom.push(field),
                Err(why) => self.refuse(join(&format!("{at}/custom"), &tag), why),
            }
        }
        let details = FriendDetails {
            remark: friend.remark,
            groups: distinct(friend.groups),
            add_wording: friend.add_wording,
            remark_time: friend.remark_time,
            custom,
        };
        Friend {
            to: friend.to,
            add_time: friend.add_time.unwrap_or(self.now),
            add_source: friend.add_source,
            details: details.boxed(),
        }
    }

    fn custom(&self, tag: &str, value: TagValue) -> Result<(Keyword, TagValue), &'static str> {
        match FriendTag::parse(tag, &self.declared.friend) {
            Some(FriendTag::Custom(field)) if FriendTag::check_custom(&value) => Ok((field, value)),
            Some(FriendTag::Custom(_)) => {
                Err("is neither a text of at most 500 bytes nor a number")
            }
            _ => Err("is no custom field that the app declares"),
        }
    }

    fn request(&self, request: RequestDocument) -> PendingRequest {
        let details = FriendDetails {
            remark: request.remark,
            groups: distinct(request.groups),
            add_wording: request.add_wording,
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

fn distinct(groups: impl IntoIterator<Item = GroupName>) -> Vec<GroupName> {
    let mut seen = HashSet::new();
    let groups = groups.into_iter();
    groups.filter(|group| seen.insert(group.clone())).collect()
}
