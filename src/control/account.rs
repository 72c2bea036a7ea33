//! An account as a JSON document: the same to make one, to change one, and to save one.

use super::problem::Fault;
use super::words::{AdminForbidType, AllowType};
use crate::config::CustomFields;
use crate::profile::{Profile, ProfileField};
use crate::protocol::ids::{UnixTime, UserId};
use crate::protocol::tag::{TagItem, TagValue};
use crate::sns::friend_tag::FriendTag;
use crate::sns::model::{Blocked, Friend, FriendDetails, PendingRequest, RequestMinute, Sequences};
use crate::sns::texts::{AddSource, AddWording, GroupName, Keyword, Remark};
use crate::store::Snapshot;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};

/// An account. What is left out stays as it is; a new account has none of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AccountDocument {
    /// Whom it lets add it.
    pub(super) allow_type: Option<AllowType>,
    /// Whether it may send friend requests.
    pub(super) admin_forbid_type: Option<AdminForbidType>,
    /// The other fields of its profile, by Tag.
    profile: Option<BTreeMap<String, Value>>,
    /// Its friend list: UserIDs, or with more said of them.
    pub(super) friends: Option<Vec<NameOr<FriendDocument>>>,
    /// Its groups; those that its friends are in need not be named.
    pub(super) groups: Option<Vec<String>>,
    /// Whom it has blocked.
    pub(super) blocklist: Option<Vec<NameOr<BlockedDocument>>>,
    /// Its requests that wait for others. The others have them as received.
    pub(super) sent: Option<Vec<NameOr<RequestDocument>>>,
    /// Others' requests that wait for it. The others have them as sent.
    received: Option<Vec<NameOr<RequestDocument>>>,
    /// How often its lists have changed.
    sequences: Option<SequencesDocument>,
    /// The friend requests it made of late.
    request_minute: Option<MinuteDocument>,
}

/// A UserID, or more than that.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum NameOr<T> {
    Name(UserId),
    Whole(T),
}

/// A Tag's value: a text, or an integer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Value {
    Text(String),
    Number(u64),
}

/// A friend in the account's list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FriendDocument {
    pub(super) to: UserId,
    /// Now, if not given: seconds since 1970-01-01 UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    add_time: Option<i64>,
    /// `AddSource_Type_` and 1 to 8 letters.
    #[serde(skip_serializing_if = "Option::is_none")]
    add_source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remark: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    groups: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    add_wording: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remark_time: Option<i64>,
    /// Custom fields by Tag.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    custom: BTreeMap<String, Value>,
}

/// An account on the blocklist.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BlockedDocument {
    pub(super) to: UserId,
    /// Now, if not given.
    add_time: Option<i64>,
}

/// A friend request that waits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RequestDocument {
    /// The other side.
    pub(super) with: UserId,
    /// Now, if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    add_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    add_source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    add_wording: Option<String>,
    /// Of a sent one: what the friend will be called.
    #[serde(skip_serializing_if = "Option::is_none")]
    remark: Option<String>,
    /// Of a sent one: the groups that the friend will be in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    groups: Vec<String>,
}

/// How often an account's lists have changed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SequencesDocument {
    standard: u32,
    custom: u32,
    groups: u32,
    blocklist: u32,
}

/// How many friend requests an account made in the minute that began at `since`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct MinuteDocument {
    since: i64,
    requests: u32,
}

impl AccountDocument {
    /// An account as it is, whole.
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        let Snapshot {
            profile,
            friends,
            groups,
            blocklist,
            sequences,
            sent,
            received,
            minute,
        } = snapshot;
        let value = |item: TagItem| Some((item.tag.into_owned(), Value::of(&item.value)?));
        let requests = |list: &[PendingRequest]| {
            let documents = list.iter().map(RequestDocument::of);
            Some(documents.map(NameOr::Whole).collect())
        };
        let blocked = blocklist.iter().map(|blocked| BlockedDocument {
            to: blocked.to,
            add_time: Some(blocked.add_time.0),
        });
        Self {
            allow_type: Some(profile.allow_type.into()),
            admin_forbid_type: Some(profile.admin_forbid_type.into()),
            profile: Some(profile.items().filter_map(value).collect()),
            friends: Some(
                friends
                    .iter()
                    .map(FriendDocument::of)
                    .map(NameOr::Whole)
                    .collect(),
            ),
            groups: Some(texts(groups)),
            blocklist: Some(blocked.map(NameOr::Whole).collect()),
            sent: requests(sent),
            received: requests(received),
            sequences: Some(SequencesDocument {
                standard: sequences.standard,
                custom: sequences.custom,
                groups: sequences.groups,
                blocklist: sequences.blocklist,
            }),
            request_minute: Some(MinuteDocument {
                since: minute.since.0,
                requests: minute.requests,
            }),
        }
    }
}

impl FriendDocument {
    fn of(friend: &Friend) -> Self {
        let none = FriendDetails::default();
        let details = friend.details.as_deref().unwrap_or(&none);
        let custom = details.custom.iter().filter_map(|(field, value)| {
            let tag = FriendTag::Custom(*field).name().into_owned();
            Some((tag, Value::of(value)?))
        });
        Self {
            to: friend.to,
            add_time: Some(friend.add_time.0),
            add_source: friend.add_source.map(AddSource::to_text),
            remark: details.remark.as_ref().map(|text| text.as_str().to_owned()),
            groups: texts(&details.groups),
            add_wording: details
                .add_wording
                .as_ref()
                .map(|text| text.as_str().to_owned()),
            remark_time: details.remark_time.map(|time| time.0),
            custom: custom.collect(),
        }
    }
}

impl RequestDocument {
    fn of(request: &PendingRequest) -> Self {
        let none = FriendDetails::default();
        let details = request.details.as_deref().unwrap_or(&none);
        Self {
            with: request.with,
            add_time: Some(request.add_time.0),
            add_source: request.add_source.map(AddSource::to_text),
            add_wording: details
                .add_wording
                .as_ref()
                .map(|text| text.as_str().to_owned()),
            remark: details.remark.as_ref().map(|text| text.as_str().to_owned()),
            groups: texts(&details.groups),
        }
    }
}

fn texts(groups: &[GroupName]) -> Vec<String> {
    groups
        .iter()
        .map(|group| group.as_str().to_owned())
        .collect()
}

impl Value {
    fn of(value: &TagValue) -> Option<Self> {
        match value {
            TagValue::Text(text) => Some(Self::Text(text.to_string())),
            TagValue::Number(number) => Some(Self::Number(*number)),
            TagValue::Texts(_) => None,
        }
    }

    fn to_tag_value(&self) -> TagValue {
        match self {
            Self::Text(text) => TagValue::from(text.as_str()),
            Self::Number(number) => TagValue::Number(*number),
        }
    }
}

/// Reads documents, and keeps every fault with its place.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    pub(super) declared: &'a CustomFields,
    pub(super) now: UnixTime,
    pub(super) faults: Vec<Fault>,
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
        snapshot.profile.allow_type = allow_type.map_or(snapshot.profile.allow_type, Into::into);
        let forbid = snapshot.profile.admin_forbid_type;
        snapshot.profile.admin_forbid_type = admin_forbid_type.map_or(forbid, Into::into);
        if let Some(names) = groups {
            snapshot.groups = self.groups(&format!("{at}/groups"), names);
        }
        if let Some(friends) = friends {
            let place = format!("{at}/friends");
            let friend = |(number, friend)| self.friend(&format!("{place}/{number}"), friend);
            snapshot.friends = friends.iter().enumerate().map(friend).collect();
        }
        for group in snapshot.friends.iter().flat_map(Friend::groups) {
            if !snapshot.groups.contains(group) {
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
        self.faults.push(Fault::of_body(pointer, detail));
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
                Err(code) => self.complain(format!("{at}/{tag}"), code.meaning()),
            }
        }
        profile
    }

    fn groups(&mut self, at: &str, names: &[String]) -> Vec<GroupName> {
        let mut groups = Vec::new();
        for (number, name) in names.iter().enumerate() {
            match GroupName::parse(name).filter(|_| !name.is_empty()) {
                Some(group) if groups.contains(&group) => {}
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
                Err(why) => self.complain(format!("{at}/custom/{tag}"), why),
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
