//! What an account's document means: every fault of it, with its place.

use super::account::{
    AccountDocument, BlockedDocument, FriendDocument, NameOr, RequestDocument, Value,
};
use super::problem::InvalidField;
use crate::config::CustomFields;
use crate::profile::{Profile, ProfileField};
use crate::protocol::ids::{UnixTime, UserId};
use crate::protocol::tag::{TagItem, TagValue};
use crate::sns::friend_tag::FriendTag;
use crate::sns::model::{Blocked, Friend, FriendDetails, PendingRequest, RequestMinute, Sequences};
use crate::sns::texts::{AddSource, AddWording, GroupName, Keyword, Remark};
use crate::store::Snapshot;
use crate::strict::join;
use std::collections::{BTreeMap, HashSet};

/// Reads documents, and keeps every fault with its place.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    pub(super) declared: &'a CustomFields,
    pub(super) now: UnixTime,
    pub(super) faults: Vec<InvalidField>,
}

impl Reader<'_> {
    /// Changes an account as the document says; `at` is the document's place.
    pub(super) fn apply(
        &mut self,
        at: &str,
        user: UserId,
        document: &AccountDocument,
        snapshot: &mut Snapshot,
    ) {
        let AccountDocument {
            allow_type,
            admin_forbid_type,
            profile,
            friends,
            groups,
            blocklist,
            sent,
            received,
            sequences,
            request_minute,
        } = document;
        if let Some(fields) = profile {
            snapshot.profile = self.profile(&format!("{at}/profile"), fields, &snapshot.profile);
        }
        snapshot.profile.allow_type = allow_type.unwrap_or(snapshot.profile.allow_type);
        let forbid = snapshot.profile.admin_forbid_type;
        snapshot.profile.admin_forbid_type = admin_forbid_type.unwrap_or(forbid);
        if let Some(names) = groups {
            snapshot.groups = self.groups(&format!("{at}/groups"), names);
        }
        if let Some(friends) = friends {
            let place = format!("{at}/friends");
            let friend = |(number, friend)| self.friend(&format!("{place}/{number}"), friend);
            snapshot.friends = friends.iter().enumerate().map(friend).collect();
        }
        let mut known: HashSet<_> = snapshot.groups.iter().cloned().collect();
        for group in snapshot.friends.iter().flat_map(Friend::groups) {
            if known.insert(group.clone()) {
                snapshot.groups.push(group.clone());
            }
        }
        if let Some(blocklist) = blocklist {
            let blocked = |blocked: &NameOr<BlockedDocument>| match blocked {
                NameOr::Name(to) => Blocked {
                    to: *to,
                    add_time: self.now,
                },
                NameOr::Whole(BlockedDocument { to, add_time }) => Blocked {
                    to: *to,
                    add_time: add_time.map_or(self.now, UnixTime),
                },
            };
            snapshot.blocklist = blocklist.iter().map(blocked).collect();
        }
        if let Some(requests) = sent {
            snapshot.sent = self.requests(&format!("{at}/sent"), requests);
        }
        if let Some(requests) = received {
            snapshot.received = self.requests(&format!("{at}/received"), requests);
        }
        if let Some(sequences) = sequences {
            snapshot.sequences = Sequences {
                standard: sequences.standard,
                custom: sequences.custom,
                groups: sequences.groups,
                blocklist: sequences.blocklist,
            };
        }
        if let Some(minute) = request_minute {
            snapshot.minute = RequestMinute {
                since: UnixTime(minute.since),
                requests: minute.requests,
            };
        }
        let lists = [
            (
                "friends",
                snapshot.friends.iter().map(|friend| friend.to).collect(),
            ),
            (
                "blocklist",
                snapshot
                    .blocklist
                    .iter()
                    .map(|blocked| blocked.to)
                    .collect(),
            ),
            (
                "sent",
                snapshot
                    .sent
                    .iter()
                    .map(|request| request.with)
                    .collect::<Vec<_>>(),
            ),
            (
                "received",
                snapshot
                    .received
                    .iter()
                    .map(|request| request.with)
                    .collect(),
            ),
        ];
        for (list, peers) in lists {
            self.check_peers(&format!("{at}/{list}"), user, &peers);
        }
    }

    /// An account is in no list of its own, and nobody is there twice.
    fn check_peers(&mut self, at: &str, user: UserId, peers: &[UserId]) {
        let mut seen = HashSet::new();
        for (number, peer) in peers.iter().enumerate() {
            if *peer == user {
                self.complain(format!("{at}/{number}"), "is the account itself");
            } else if !seen.insert(*peer) {
                self.complain(format!("{at}/{number}"), "is there twice");
            }
        }
    }

    fn complain(&mut self, pointer: impl Into<String>, detail: &str) {
        self.faults.push(InvalidField::of_body(pointer, detail));
    }

    fn profile(&mut self, at: &str, fields: &BTreeMap<String, Value>, was: &Profile) -> Profile {
        let mut profile = Profile::default();
        profile.allow_type = was.allow_type;
        profile.admin_forbid_type = was.admin_forbid_type;
        for (tag, value) in fields {
            let item = TagItem {
                tag: tag.clone().into(),
                value: value.to_tag_value(),
            };
            match ProfileField::parse(&item, &self.declared.profile) {
                Ok(field) => profile.set(field),
                Err(code) => self.complain(join(at, tag), code.meaning()),
            }
        }
        profile
    }

    fn groups(&mut self, at: &str, names: &[String]) -> Vec<GroupName> {
        let (mut groups, mut known) = (Vec::new(), HashSet::new());
        for (number, name) in names.iter().enumerate() {
            match GroupName::parse(name).filter(|_| !name.is_empty()) {
                Some(group) if !known.insert(group.clone()) => {}
                Some(group) => groups.push(group),
                None => self.complain(format!("{at}/{number}"), "has not 1 to 30 bytes"),
            }
        }
        groups
    }

    fn friend(&mut self, at: &str, friend: &NameOr<FriendDocument>) -> Friend {
        let friend = match friend {
            NameOr::Whole(friend) => friend,
            NameOr::Name(to) => {
                return Friend {
                    to: *to,
                    add_time: self.now,
                    add_source: None,
                    details: None,
                };
            }
        };
        let mut custom = Vec::new();
        for (tag, value) in &friend.custom {
            match self.custom(tag, value) {
                Ok(field) => custom.push(field),
                Err(why) => self.complain(join(&format!("{at}/custom"), tag), why),
            }
        }
        let details = FriendDetails {
            remark: self.text(at, "remark", friend.remark.as_deref(), Remark::parse),
            groups: self.groups(&format!("{at}/groups"), &friend.groups),
            add_wording: self.text(
                at,
                "add_wording",
                friend.add_wording.as_deref(),
                AddWording::parse,
            ),
            remark_time: friend.remark_time.map(UnixTime),
            custom,
        };
        Friend {
            to: friend.to,
            add_time: friend.add_time.map_or(self.now, UnixTime),
            add_source: self.text(
                at,
                "add_source",
                friend.add_source.as_deref(),
                AddSource::parse,
            ),
            details: details.boxed(),
        }
    }

    fn custom(&self, tag: &str, value: &Value) -> Result<(Keyword, TagValue), &'static str> {
        match FriendTag::parse(tag, &self.declared.friend) {
            Some(FriendTag::Custom(field)) => {
                match FriendTag::check_custom(&value.to_tag_value()) {
                    true => Ok((field, value.to_tag_value())),
                    false => Err("is over 500 bytes"),
                }
            }
            _ => Err("is no custom field that the app declares"),
        }
    }

    fn requests(&mut self, at: &str, requests: &[NameOr<RequestDocument>]) -> Vec<PendingRequest> {
        let request = |(number, request): (usize, &NameOr<RequestDocument>)| {
            let at = format!("{at}/{number}");
            match request {
                NameOr::Name(with) => PendingRequest {
                    with: *with,
                    add_time: self.now,
                    add_source: None,
                    details: None,
                },
                NameOr::Whole(request) => PendingRequest {
                    with: request.with,
                    add_time: request.add_time.map_or(self.now, UnixTime),
                    add_source: self.text(
                        &at,
                        "add_source",
                        request.add_source.as_deref(),
                        AddSource::parse,
                    ),
                    details: FriendDetails {
                        remark: self.text(&at, "remark", request.remark.as_deref(), Remark::parse),
                        groups: self.groups(&format!("{at}/groups"), &request.groups),
                        add_wording: self.text(
                            &at,
                            "add_wording",
                            request.add_wording.as_deref(),
                            AddWording::parse,
                        ),
                        ..FriendDetails::default()
                    }
                    .boxed(),
                },
            }
        };
        requests.iter().enumerate().map(request).collect()
    }

    fn text<T>(
        &mut self,
        at: &str,
        field: &str,
        text: Option<&str>,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let text = text?;
        let parsed = parse(text);
        if parsed.is_none() {
            self.complain(format!("{at}/{field}"), "is too long, or not what it takes");
        }
        parsed
    }
}
