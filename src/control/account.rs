//! The JSON document of an account: to create, change or save the account.

use crate::protocol::ids::{UnixTime, UserId};
use crate::protocol::tag::TagValue;
use crate::sns::friend_tag::FriendTag;
use crate::sns::model::{
    AdminForbidType, AllowType, Blocked, Friend, PendingRequest, RequestMinute, Sequences,
};
use crate::sns::texts::{AddSource, AddWording, GroupName, Remark};
use crate::store::Account;
use schemars::JsonSchema;
use serde::de;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::iter;
use std::marker::PhantomData;

/// The size limit of a body with accounts: 32 MiB, enough for a million friends.
pub(super) const MAX_ACCOUNTS_BYTES: usize = 32 << 20;

/// An account. A field that is left out stays as it is, or has its default in a new account.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AccountDocument {
    pub(super) allow_type: Option<AllowType>,
    pub(super) admin_forbid_type: Option<AdminForbidType>,
    /// The other fields of its profile, by Tag.
    pub(super) profile: Option<BTreeMap<String, TagValue>>,
    /// Its friend list: UserIDs, or objects with more fields.
    pub(super) friends: Option<Vec<Entry<FriendDocument>>>,
    /// Its groups; the groups of its friends are added.
    #[schemars(inner(length(min = 1)))]
    pub(super) groups: Option<Vec<GroupName>>,
    pub(super) blocklist: Option<Vec<Entry<BlockedDocument>>>,
    /// Pending requests that it has sent. They are added to the other accounts' `received`.
    pub(super) sent: Option<Vec<Entry<RequestDocument>>>,
    /// Pending requests that it has received. They are added to the other accounts' `sent`.
    pub(super) received: Option<Vec<Entry<RequestDocument>>>,
    /// How often its lists have changed. If they are left out, the sequences of the lists that change
    /// grow by one.
    pub(super) sequences: Option<Sequences>,
    /// The friend requests that it has made in the current minute.
    pub(super) request_minute: Option<RequestMinute>,
}

/// An entry of a list. In a request, a UserID alone stands for an entry without other fields.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(transparent)]
#[schemars(rename = "{T}Entry", with = "IdOr<T>", bound = "T: JsonSchema")]
pub(super) struct Entry<T>(pub(super) T);

#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum IdOr<T> {
    Id(UserId),
    Object(T),
}

/// A derived untagged enum would not name the invalid field within the object.
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Entry<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EntryVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> de::Visitor<'de> for EntryVisitor<T> {
            type Value = Entry<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a UserID or an object")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                let object = iter::once(("to", text));
                T::deserialize(de::value::MapDeserializer::new(object)).map(Entry)
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(de::value::MapAccessDeserializer::new(map)).map(Entry)
            }
        }

        deserializer.deserialize_any(EntryVisitor(PhantomData))
    }
}

/// A friend in the account's list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FriendDocument {
    pub(super) to: UserId,
    /// Seconds since 1970-01-01 UTC; now by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) add_time: Option<UnixTime>,
    /// `AddSource_Type_` and 1 to 8 letters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) add_source: Option<AddSource>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) remark: Option<Remark>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(inner(length(min = 1)))]
    pub(super) groups: Vec<GroupName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) add_wording: Option<AddWording>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) remark_time: Option<UnixTime>,
    /// Custom fields by Tag.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) custom: BTreeMap<String, TagValue>,
}

/// An account on the blocklist.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BlockedDocument {
    pub(super) to: UserId,
    /// Seconds since 1970-01-01 UTC; now by default.
    pub(super) add_time: Option<UnixTime>,
}

/// A pending friend request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RequestDocument {
    /// The other account.
    #[serde(alias = "to")]
    pub(super) with: UserId,
    /// Seconds since 1970-01-01 UTC; now by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) add_time: Option<UnixTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) add_source: Option<AddSource>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) add_wording: Option<AddWording>,
    /// The Remark that the friend will have; only in `sent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) remark: Option<Remark>,
    /// The groups that the friend will be in; only in `sent`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(inner(length(min = 1)))]
    pub(super) groups: Vec<GroupName>,
}

impl From<&Account> for AccountDocument {
    fn from(account: &Account) -> Self {
        let profile = account.profile.items();
        Self {
            allow_type: Some(account.profile.allow_type),
            admin_forbid_type: Some(account.profile.admin_forbid_type),
            profile: Some(profile.map(|item| (item.tag.into(), item.value)).collect()),
            friends: entries(&account.friends),
            groups: Some(account.groups.clone()),
            blocklist: entries(&account.blocklist),
            sent: entries(&account.sent),
            received: entries(&account.received),
            sequences: Some(account.sequences),
            request_minute: Some(account.request_minute),
        }
    }
}

fn entries<'a, E, T: From<&'a E>>(list: &'a [E]) -> Option<Vec<Entry<T>>> {
    Some(list.iter().map(|entry| Entry(entry.into())).collect())
}

impl From<&Friend> for FriendDocument {
    fn from(friend: &Friend) -> Self {
        let details = friend.details.as_deref().cloned().unwrap_or_default();
        let custom = details.custom.into_iter();
        let custom = custom.map(|(field, value)| (FriendTag::Custom(field).name().into(), value));
        Self {
            to: friend.to,
            add_time: Some(friend.add_time),
            add_source: friend.add_source,
            remark: details.remark,
            groups: details.groups,
            add_wording: details.add_wording,
            remark_time: details.remark_time,
            custom: custom.collect(),
        }
    }
}

impl From<&Blocked> for BlockedDocument {
    fn from(blocked: &Blocked) -> Self {
        Self {
            to: blocked.to,
            add_time: Some(blocked.add_time),
        }
    }
}

impl From<&PendingRequest> for RequestDocument {
    fn from(request: &PendingRequest) -> Self {
        let details = request.details.as_deref().cloned().unwrap_or_default();
        Self {
            with: request.with,
            add_time: Some(request.add_time),
            add_source: request.add_source,
            add_wording: details.add_wording,
            remark: details.remark,
            groups: details.groups,
        }
    }
}
