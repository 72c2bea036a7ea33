//! The JSON document of an account: to create, change or save the account.

use crate::protocol::ids::{UnixTime, UserId};
use crate::protocol::tag::TagValue;
use crate::sns::friend_tag::FriendTag;
use crate::sns::model::{
    AdminForbidType, AllowType, Blocked, Friend, PendingRequest, RequestMinute, Sequences,
};
use crate::sns::texts::{AddSource, AddWording, GroupName, Remark};
use crate::store::{Account, Accounts};
use schemars::JsonSchema;
use serde::de;
use serde::{Deserialize, Deserializer, Serialize};
use smol_str::SmolStr;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

/// The size limit of an account's document: 32 MiB, enough for a million friends.
pub(crate) const MAX_ACCOUNTS_BYTES: usize = 32 << 20;

/// An account. A field that is left out stays as it is, or has its default in a new account.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountDocument {
    /// How it treats friend requests. The default is the app's.
    pub allow_type: Option<AllowType>,
    /// Whether it may send friend requests. The default is that it may.
    pub admin_forbid_type: Option<AdminForbidType>,
    /// The other fields of its profile, by Tag.
    pub profile: Option<BTreeMap<String, TagValue>>,
    /// Its friend list: UserIDs, or objects with more fields. A friendship is one way, unless `mutual`
    /// is true.
    pub friends: Option<Vec<Entry<FriendDocument>>>,
    /// Its groups; the groups of its friends are added.
    #[schemars(inner(length(min = 1)))]
    pub groups: Option<Vec<GroupName>>,
    /// The accounts that it has blocked: UserIDs, or objects with more fields.
    pub blocklist: Option<Vec<Entry<BlockedDocument>>>,
    /// Pending requests that it has sent. They are added to the other accounts' `received`.
    pub sent: Option<Vec<Entry<RequestDocument>>>,
    /// Pending requests that it has received. They are added to the other accounts' `sent`.
    pub received: Option<Vec<Entry<RequestDocument>>>,
    /// How often its lists have changed. The sequences of the lists that change grow by one, or become
    /// these if these are larger: a sequence never goes back, so that clients learn of the change.
    pub sequences: Option<Sequences>,
    /// The friend requests that it has made in the current minute.
    pub request_minute: Option<RequestMinute>,
}

/// An entry of a list. In a request, a UserID alone stands for an entry without other fields.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(transparent)]
#[schemars(rename = "{T}Entry", with = "IdOr<T>", bound = "T: JsonSchema")]
pub struct Entry<T>(pub T);

#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum IdOr<T> {
    Id(UserId),
    Object(T),
}

impl<T: From<UserId>> From<UserId> for Entry<T> {
    fn from(user: UserId) -> Self {
        Self(user.into())
    }
}

/// A derived untagged enum would not name the invalid field within the object.
impl<'de, T: Deserialize<'de> + From<UserId>> Deserialize<'de> for Entry<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EntryVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de> + From<UserId>> de::Visitor<'de> for EntryVisitor<T> {
            type Value = Entry<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a UserID or an object")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                let user = UserId::try_from(SmolStr::new(text)).map_err(E::custom)?;
                Ok(user.into())
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
pub struct FriendDocument {
    /// The friend.
    pub to: UserId,
    /// Whether the friend has this account in its own list, too. In a request, true also adds this account
    /// to the friend's list, if it is missing there; without true, the friend's list stays as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mutual: Option<bool>,
    /// Seconds since 1970-01-01 UTC; now by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub add_time: Option<UnixTime>,
    /// `AddSource_Type_` and 1 to 8 letters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub add_source: Option<AddSource>,
    /// The account's name for the friend.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remark: Option<Remark>,
    /// The account's groups that the friend is in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(inner(length(min = 1)))]
    pub groups: Vec<GroupName>,
    /// The text of the friend request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub add_wording: Option<AddWording>,
    /// Seconds since 1970-01-01 UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remark_time: Option<UnixTime>,
    /// Custom fields by Tag.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub custom: BTreeMap<String, TagValue>,
}

/// An account on the blocklist.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BlockedDocument {
    /// The blocked account.
    pub to: UserId,
    /// Seconds since 1970-01-01 UTC; now by default.
    pub add_time: Option<UnixTime>,
}

/// A pending friend request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestDocument {
    /// The other account.
    #[serde(alias = "to")]
    pub with: UserId,
    /// Seconds since 1970-01-01 UTC; now by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub add_time: Option<UnixTime>,
    /// `AddSource_Type_` and 1 to 8 letters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub add_source: Option<AddSource>,
    /// The text of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub add_wording: Option<AddWording>,
    /// The Remark that the friend will have; only in `sent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remark: Option<Remark>,
    /// The groups that the friend will be in; only in `sent`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(inner(length(min = 1)))]
    pub groups: Vec<GroupName>,
}

impl From<UserId> for FriendDocument {
    fn from(to: UserId) -> Self {
        Self {
            to,
            mutual: None,
            add_time: None,
            add_source: None,
            remark: None,
            groups: Vec::new(),
            add_wording: None,
            remark_time: None,
            custom: BTreeMap::new(),
        }
    }
}

impl From<UserId> for BlockedDocument {
    fn from(to: UserId) -> Self {
        Self { to, add_time: None }
    }
}

impl From<UserId> for RequestDocument {
    fn from(with: UserId) -> Self {
        Self {
            with,
            add_time: None,
            add_source: None,
            add_wording: None,
            remark: None,
            groups: Vec::new(),
        }
    }
}

impl AccountDocument {
    /// The document of an account; `all` are the accounts of its app at the same moment, with which
    /// its friendships are mutual or not.
    pub(crate) fn of(user: UserId, account: &Account, all: &Accounts) -> Self {
        let profile = account.profile.items();
        let has_user = |friend: UserId| {
            let friend = all.get(friend);
            friend.is_some_and(|friend| friend.friends.has(user))
        };
        let friend = |friend: &Friend| {
            Entry(FriendDocument {
                mutual: Some(has_user(friend.to)),
                ..friend.into()
            })
        };
        Self {
            allow_type: Some(account.profile.allow_type),
            admin_forbid_type: Some(account.profile.admin_forbid_type),
            profile: Some(profile.map(|item| (item.tag.into(), item.value)).collect()),
            friends: Some(account.friends.iter().map(friend).collect()),
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

/// Without `mutual`, which the entry alone does not tell.
impl From<&Friend> for FriendDocument {
    fn from(friend: &Friend) -> Self {
        let details = friend.details.as_deref().cloned().unwrap_or_default();
        let custom = details.custom.into_iter();
        let custom = custom.map(|(field, value)| (FriendTag::Custom(field).name().into(), value));
        Self {
            to: friend.to,
            mutual: None,
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
