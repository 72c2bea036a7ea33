//! An account as a JSON document: the same to make one, to change one, and to save one.

use crate::protocol::ids::UserId;
use crate::protocol::tag::{TagItem, TagValue};
use crate::sns::friend_tag::FriendTag;
use crate::sns::model::{AdminForbidType, AllowType, Friend, FriendDetails, PendingRequest};
use crate::sns::texts::{AddSource, GroupName};
use crate::store::Snapshot;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How long a body may be that holds accounts: a million friends, or more.
pub(super) const LARGE_BYTES: usize = 32 << 20;

/// An account. What is left out stays as it is; a new account has none of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AccountDocument {
    /// Whom it lets add it.
    pub(super) allow_type: Option<AllowType>,
    /// Whether it may send friend requests.
    pub(super) admin_forbid_type: Option<AdminForbidType>,
    /// The other fields of its profile, by Tag.
    pub(super) profile: Option<BTreeMap<String, Value>>,
    /// Its friend list: UserIDs, or with more said of them.
    pub(super) friends: Option<Vec<NameOr<FriendDocument>>>,
    /// Its groups; those that its friends are in need not be named.
    pub(super) groups: Option<Vec<String>>,
    /// Whom it has blocked.
    pub(super) blocklist: Option<Vec<NameOr<BlockedDocument>>>,
    /// Its requests that wait for others. The others have them as received.
    pub(super) sent: Option<Vec<NameOr<RequestDocument>>>,
    /// Others' requests that wait for it. The others have them as sent.
    pub(super) received: Option<Vec<NameOr<RequestDocument>>>,
    /// How often its lists have changed.
    pub(super) sequences: Option<SequencesDocument>,
    /// The friend requests it made of late.
    pub(super) request_minute: Option<MinuteDocument>,
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
pub(super) enum Value {
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
    pub(super) add_time: Option<i64>,
    /// `AddSource_Type_` and 1 to 8 letters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) add_source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) remark: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) groups: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) add_wording: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) remark_time: Option<i64>,
    /// Custom fields by Tag.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) custom: BTreeMap<String, Value>,
}

/// An account on the blocklist.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BlockedDocument {
    pub(super) to: UserId,
    /// Now, if not given.
    pub(super) add_time: Option<i64>,
}

/// A friend request that waits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RequestDocument {
    /// The other side.
    pub(super) with: UserId,
    /// Now, if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) add_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) add_source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) add_wording: Option<String>,
    /// Of a sent one: what the friend will be called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) remark: Option<String>,
    /// Of a sent one: the groups that the friend will be in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) groups: Vec<String>,
}

/// What published clients can read of a sequence.
const MOST_CHANGES: u32 = i32::MAX.unsigned_abs();

/// How often an account's lists have changed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SequencesDocument {
    #[schemars(range(max = MOST_CHANGES))]
    pub(super) standard: u32,
    #[schemars(range(max = MOST_CHANGES))]
    pub(super) custom: u32,
    #[schemars(range(max = MOST_CHANGES))]
    pub(super) groups: u32,
    #[schemars(range(max = MOST_CHANGES))]
    pub(super) blocklist: u32,
}

/// How many friend requests an account made in the minute that began at `since`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MinuteDocument {
    pub(super) since: i64,
    pub(super) requests: u32,
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
            allow_type: Some(profile.allow_type),
            admin_forbid_type: Some(profile.admin_forbid_type),
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

    pub(super) fn to_tag_value(&self) -> TagValue {
        match self {
            Self::Text(text) => TagValue::from(text.as_str()),
            Self::Number(number) => TagValue::Number(*number),
        }
    }
}
