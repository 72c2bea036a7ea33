//! The types of the relationship chain: settings of accounts, friends, pending requests, and the
//! product's limits.

use super::texts::{AddSource, AddWording, GroupName, Keyword, Remark};
use crate::protocol::code::Answers;
use crate::protocol::ids::{UnixTime, UserId};
use crate::protocol::tag::TagValue;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::borrow::Cow;

/// How an account treats friend requests: `Tag_Profile_IM_AllowType`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AllowType {
    /// `AllowType_Type_AllowAny`, the default: each request succeeds at once.
    #[default]
    AllowAny,
    /// `AllowType_Type_NeedConfirm` (the page's error table once spells it `NeeedConfirm`): a
    /// request is pending until the account confirms it.
    NeedConfirm,
    /// `AllowType_Type_DenyAny`: each request is refused.
    DenyAny,
}

/// Whether an account may send friend requests: `Tag_Profile_IM_AdminForbidType`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AdminForbidType {
    /// `AdminForbid_Type_None`, the default: it may.
    #[default]
    None,
    /// `AdminForbid_Type_SendOut`: an admin has forbidden it.
    SendOut,
}

macro_rules! wire_spelling {
    ($type:ident { $( $variant:ident = $wire:literal ),* $(,)? }) => {
        impl $type {
            /// Every value with its spelling.
            pub const WIRE: &[(&'static str, Self)] = &[ $( ($wire, Self::$variant), )* ];

            /// Parses the spelling, which is case-sensitive.
            pub fn parse(text: &str) -> Option<Self> {
                Self::WIRE.iter().find(|(wire, _)| *wire == text).map(|(_, value)| *value)
            }

            /// The spelling in requests and answers.
            pub const fn wire(self) -> &'static str {
                match self { $( Self::$variant => $wire, )* }
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.wire())
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<str>::deserialize(deserializer)?;
                Self::parse(&text).ok_or_else(|| de::Error::unknown_variant(&text, &[ $( $wire, )* ]))
            }
        }

        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "enum": [ $( $wire, )* ] })
            }
        }
    };
}

wire_spelling!(AllowType {
    AllowAny = "AllowType_Type_AllowAny",
    NeedConfirm = "AllowType_Type_NeedConfirm",
    DenyAny = "AllowType_Type_DenyAny",
});

wire_spelling!(AdminForbidType { None = "AdminForbid_Type_None", SendOut = "AdminForbid_Type_SendOut" });

/// Whether friend_add changes one friend list or both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AddType {
    /// `Add_Type_Single`: From_Account's list gains To_Account.
    Single,
    /// `Add_Type_Both`, the default: each list gains the other account.
    #[default]
    Both,
}

wire_spelling!(AddType { Single = "Add_Type_Single", Both = "Add_Type_Both" });

/// Whether an admin forces the friendship.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ForceAddFlags {
    /// 0, the default: To_Account's AllowType applies.
    #[default]
    Normal,
    /// 1: To_Account's AllowType is ignored.
    Forced,
}

/// Whether friend_delete changes one friend list or both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeleteType {
    /// `Delete_Type_Single`, the default: From_Account's list loses To_Account.
    #[default]
    Single,
    /// `Delete_Type_Both`: each list loses the other account.
    Both,
}

wire_spelling!(DeleteType { Single = "Delete_Type_Single", Both = "Delete_Type_Both" });

/// An entry of a friend list. Fields that few friends have are boxed, to save memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Friend {
    /// The friend.
    pub to: UserId,
    /// `Tag_SNS_IM_AddTime`.
    pub add_time: UnixTime,
    /// `Tag_SNS_IM_AddSource`.
    pub add_source: Option<AddSource>,
    /// The other fields; `None` if none of them has a value.
    pub details: Option<Box<FriendDetails>>,
}

/// The fields that few friends have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FriendDetails {
    /// `Tag_SNS_IM_Remark`.
    pub remark: Option<Remark>,
    /// `Tag_SNS_IM_Group`: the owner's groups that the friend is in.
    pub groups: Vec<GroupName>,
    /// `Tag_SNS_IM_AddWording`.
    pub add_wording: Option<AddWording>,
    /// `Tag_SNS_IM_RemarkTime`: only friend_import sets it.
    pub remark_time: Option<UnixTime>,
    /// `Tag_SNS_Custom_*`: the fields that the app declares, in the order of their names, so that equal
    /// fields are equal however they were set.
    pub custom: Vec<(Keyword, TagValue)>,
}

impl FriendDetails {
    /// `None` if no field has a value.
    pub fn boxed(self) -> Option<Box<Self>> {
        (self != Self::default()).then(|| Box::new(self))
    }
}

/// New values for fields of a friend. `None` keeps a field; an empty text or list removes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FriendUpdate {
    /// `Tag_SNS_IM_Remark`.
    pub remark: Option<Remark>,
    /// `Tag_SNS_IM_Group`: replaces all groups of the friend.
    pub groups: Option<Vec<GroupName>>,
    /// `Tag_SNS_IM_AddSource`.
    pub add_source: Option<AddSource>,
    /// `Tag_SNS_IM_AddWording`.
    pub add_wording: Option<AddWording>,
    /// `Tag_SNS_IM_AddTime`.
    pub add_time: Option<UnixTime>,
    /// `Tag_SNS_IM_RemarkTime`.
    pub remark_time: Option<UnixTime>,
    /// `Tag_SNS_Custom_*`.
    pub custom: Vec<(Keyword, TagValue)>,
}

impl FriendUpdate {
    /// Whether it has a standard field.
    pub fn is_standard(&self) -> bool {
        *self
            != Self {
                custom: self.custom.clone(),
                ..Self::default()
            }
    }

    /// A new friend with these fields. Its AddTime is `now` if the fields have none.
    pub fn into_friend(self, to: UserId, now: UnixTime) -> Friend {
        let mut friend = Friend {
            to,
            add_time: now,
            add_source: None,
            details: None,
        };
        friend.update(self);
        friend
    }
}

impl Friend {
    /// Applies an update.
    pub fn update(&mut self, update: FriendUpdate) {
        let FriendUpdate {
            remark,
            groups,
            add_source,
            add_wording,
            add_time,
            remark_time,
            custom,
        } = update;
        self.add_time = add_time.unwrap_or(self.add_time);
        self.add_source = add_source.or(self.add_source);
        let mut details = self
            .details
            .take()
            .map_or_else(Default::default, |boxed| *boxed);
        if let Some(remark) = remark {
            details.remark = Some(remark).filter(|remark| !remark.as_str().is_empty());
        }
        details.groups = groups.unwrap_or(details.groups);
        details.add_wording = add_wording.or(details.add_wording);
        details.remark_time = remark_time.or(details.remark_time);
        for (field, value) in custom {
            details.custom.retain(|(other, _)| *other != field);
            if value != TagValue::from("") {
                details.custom.push((field, value));
            }
        }
        details.custom.sort_unstable_by_key(|(field, _)| *field);
        self.details = details.boxed();
    }

    /// Adds the friend to groups.
    pub fn join(&mut self, groups: &[GroupName]) {
        let details = self.details.get_or_insert_default();
        for group in groups {
            if !details.groups.contains(group) {
                details.groups.push(group.clone());
            }
        }
    }

    /// Removes the friend from a group, and returns whether it was a member.
    pub fn leave(&mut self, group: &GroupName) -> bool {
        let Some(details) = &mut self.details else {
            return false;
        };
        let before = details.groups.len();
        details.groups.retain(|other| other != group);
        let left = details.groups.len() < before;
        self.details = self.details.take().and_then(|details| details.boxed());
        left
    }

    /// The groups that the friend is in.
    pub fn groups(&self) -> &[GroupName] {
        self.details.as_ref().map_or(&[], |details| &details.groups)
    }

    /// The custom fields.
    pub fn custom(&self) -> &[(Keyword, TagValue)] {
        self.details.as_ref().map_or(&[], |details| &details.custom)
    }

    /// The standard fields, to compare them.
    pub fn standard_fields(&self) -> impl PartialEq {
        let details = self.details.as_ref();
        let text = (
            details.and_then(|details| details.remark.as_ref()),
            details.and_then(|details| details.add_wording.as_ref()),
        );
        let remark_time = details.and_then(|details| details.remark_time);
        let times = (self.add_time, remark_time);
        (text, self.groups(), self.add_source, times)
    }
}

/// An entry of a blocklist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// The blocked account.
    pub to: UserId,
    /// AddBlackTimeStamp.
    pub add_time: UnixTime,
}

/// The largest sequence, because published clients read sequences as i32. The next one is 0.
pub const MAX_SEQUENCE: u32 = i32::MAX.unsigned_abs();

/// The number of changes of an account's lists. An item of a call that changes something adds 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sequences {
    /// StandardSequence: a friend was added or removed, or a standard field of one has changed.
    #[schemars(range(max = MAX_SEQUENCE))]
    pub standard: u32,
    /// CustomSequence: a custom field of a friend was added, removed or changed.
    #[schemars(range(max = MAX_SEQUENCE))]
    pub custom: u32,
    /// CurrentSequence of groups: a group was created or deleted, or has gained or lost a member.
    #[schemars(range(max = MAX_SEQUENCE))]
    pub groups: u32,
    /// CurrentSequence of the blocklist: an account was added or removed.
    #[schemars(range(max = MAX_SEQUENCE))]
    pub blocklist: u32,
}

/// A pending friend request. Both accounts store it: one as sent, the other as received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingRequest {
    /// The other account.
    pub with: UserId,
    /// When it was last sent.
    pub add_time: UnixTime,
    /// `Tag_SNS_IM_AddSource`.
    pub add_source: Option<AddSource>,
    /// The details of the future friend. The received request has only the AddWording.
    pub details: Option<Box<FriendDetails>>,
}

/// The friend requests that an account sent in the minute that began at `since`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestMinute {
    /// When the first of them was sent.
    pub since: UnixTime,
    /// Their number.
    pub requests: u32,
}

impl RequestMinute {
    /// This minute if `now` is in it; else an empty minute that begins at `now`.
    pub fn at(self, now: UnixTime) -> Self {
        let is_over = now.0.saturating_sub(self.since.0) >= 60 || now < self.since;
        if is_over {
            Self {
                since: now,
                requests: 0,
            }
        } else {
            self
        }
    }
}

/// The product's limits, which can be configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SnsPolicy {
    /// The most friends of an account.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_friends: u32,
    /// The most items in a request.
    #[schemars(range(min = 1, max = 100_000))]
    pub max_items: u32,
    /// The most pending requests of an account, sent and received together.
    #[schemars(range(max = 10_000))]
    pub max_pending: u32,
    /// The most groups of an account.
    #[schemars(range(max = 10_000))]
    pub max_groups: u32,
    /// The most accounts that an account can block.
    #[schemars(range(max = 1_000_000))]
    pub max_blocklist: u32,
    /// The most friend requests of an account in a minute; 0 means no limit.
    #[schemars(range(max = 1_000_000))]
    pub max_requests_per_minute: u32,
    /// How a call treats an account that is not imported.
    pub unknown_accounts: UnknownAccounts,
    /// Whether items are answered as documented or as recorded, where the two differ.
    pub answers: Answers,
}

#[cfg(test)]
impl SnsPolicy {
    /// The product's defaults.
    pub(crate) const PRODUCT: Self = Self {
        max_friends: 3000,
        max_items: 1000,
        max_pending: 100,
        max_groups: 32,
        max_blocklist: 1000,
        max_requests_per_minute: 0,
        unknown_accounts: UnknownAccounts::Refuse,
        answers: Answers::Documented,
    };
}

/// How a call treats an account that is not imported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownAccounts {
    /// `refuse`, the default, as Tencent does: the account does not exist.
    #[default]
    Refuse,
    /// `create`: the call imports the account.
    Create,
}

wire_spelling!(UnknownAccounts { Refuse = "refuse", Create = "create" });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_friend_without_texts_is_kept_in_place_in_56_bytes() {
        assert_eq!(size_of::<Friend>(), 56);
    }

    #[test]
    fn a_minute_lasts_sixty_seconds_and_starts_anew_when_the_clock_goes_back() {
        let minute = RequestMinute {
            since: UnixTime(100),
            requests: 7,
        };
        assert_eq!(minute.at(UnixTime(159)), minute);
        assert_eq!(
            minute.at(UnixTime(160)),
            RequestMinute {
                since: UnixTime(160),
                requests: 0
            }
        );
        assert_eq!(
            minute.at(UnixTime(99)),
            RequestMinute {
                since: UnixTime(99),
                requests: 0
            }
        );
    }

    #[test]
    fn wire_spellings_are_exact() {
        assert_eq!(
            AllowType::parse("AllowType_Type_NeedConfirm"),
            Some(AllowType::NeedConfirm)
        );
        assert_eq!(AllowType::parse("AllowType_Type_NeeedConfirm"), None);
        assert_eq!(AddType::parse("add_type_both"), None);
    }
}
