//! The words of the relationship chain, each with its documented limit. Limits are in UTF-8 bytes
//! (contacts model, doc 1047/33521).

use crate::protocol::ids::{UnixTime, UserId};
use std::num::NonZeroU64;
use std::sync::Arc;

/// Whom an account lets add it: `Tag_Profile_IM_AllowType`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AllowType {
    /// `AllowType_Type_AllowAny`: everybody, at once.
    #[default]
    AllowAny,
    /// `AllowType_Type_NeedConfirm` (the page's error table once spells it `NeeedConfirm`): a
    /// request waits until the account confirms it.
    NeedConfirm,
    /// `AllowType_Type_DenyAny`: nobody.
    DenyAny,
}

/// Whether an account may send friend requests: `Tag_Profile_IM_AdminForbidType`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AdminForbidType {
    /// `AdminForbid_Type_None`: it may.
    #[default]
    None,
    /// `AdminForbid_Type_SendOut`: an admin has forbidden it.
    SendOut,
}

macro_rules! wire_spelling {
    ($type:ident { $( $variant:ident = $wire:literal ),* $(,)? }) => {
        impl $type {
            /// Every value, as the protocol spells it.
            pub const WIRE: &[(&'static str, Self)] = &[ $( ($wire, Self::$variant), )* ];

            /// Reads the protocol's spelling, which is case-sensitive.
            pub fn parse(text: &str) -> Option<Self> {
                Self::WIRE.iter().find(|(wire, _)| *wire == text).map(|(_, value)| *value)
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

/// Whether one list gains a friend or both do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AddType {
    /// `Add_Type_Single`: From_Account's list gains To_Account.
    Single,
    /// `Add_Type_Both`, the default: each list gains the other.
    #[default]
    Both,
}

wire_spelling!(AddType { Single = "Add_Type_Single", Both = "Add_Type_Both" });

/// Whether an admin forces the friendship.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ForceAddFlags {
    /// 0, the default: To_Account's AllowType counts.
    #[default]
    Normal,
    /// 1: To_Account's AllowType does not count.
    Forced,
}

/// What an account is made of when it is imported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountSeed {
    /// Whom it lets add it.
    pub allow_type: AllowType,
    /// Whether it may send friend requests.
    pub admin_forbid_type: AdminForbidType,
    /// Whom it has blocked.
    pub blocklist: Vec<UserId>,
}

/// Where a friend was found: `AddSource_Type_` and a keyword of 1 to 8 ASCII letters.
///
/// The keyword alone is kept, NUL-padded in one word, so that a million friendships with a source
/// cost no allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AddSource(NonZeroU64);

impl AddSource {
    const PREFIX: &str = "AddSource_Type_";

    /// `None` when the prefix is missing or the keyword is not 1 to 8 letters.
    pub fn parse(text: &str) -> Option<Self> {
        let keyword = text.strip_prefix(Self::PREFIX)?.as_bytes();
        if keyword.len() > 8 || !keyword.iter().all(u8::is_ascii_alphabetic) {
            return None;
        }
        let mut padded = [0; 8];
        padded[..keyword.len()].copy_from_slice(keyword);
        NonZeroU64::new(u64::from_le_bytes(padded)).map(Self)
    }

    /// The text that was parsed.
    pub fn to_text(self) -> String {
        let keyword = self
            .0
            .get()
            .to_le_bytes()
            .into_iter()
            .take_while(|byte| *byte != 0)
            .map(char::from);
        Self::PREFIX.chars().chain(keyword).collect()
    }
}

macro_rules! bounded_text {
    ($( $( #[$doc:meta] )* $name:ident: $max:literal; )*) => { $(
        $( #[$doc] )*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The longest one, in UTF-8 bytes.
            pub const MAX_BYTES: usize = $max;

            /// `None` when `text` is longer than that.
            pub fn parse(text: &str) -> Option<Self> {
                (text.len() <= Self::MAX_BYTES).then(|| Self(text.into()))
            }

            /// The text that was parsed.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
    )* };
}

bounded_text! {
    /// From_Account's own name for To_Account: at most 96 bytes.
    Remark: 96;
    /// The name of one of an account's groups of friends (the English page calls them "friend
    /// lists"): at most 30 bytes.
    GroupName: 30;
    /// What the request says to To_Account: at most 256 bytes.
    AddWording: 256;
}

/// One account in another's friend list. Most friends have only what is kept in place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Friend {
    /// Whose friendship the list's owner has.
    pub to: UserId,
    /// `Tag_SNS_IM_AddTime`.
    pub add_time: UnixTime,
    /// `Tag_SNS_IM_AddSource`.
    pub add_source: Option<AddSource>,
    /// The texts, where there are any.
    pub texts: Option<Box<FriendTexts>>,
}

/// What only some friends have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FriendTexts {
    /// `Tag_SNS_IM_Remark`.
    pub remark: Option<Remark>,
    /// `Tag_SNS_IM_Group`: the owner's groups that the friend is in.
    pub groups: Vec<GroupName>,
    /// `Tag_SNS_IM_AddWording`.
    pub add_wording: Option<AddWording>,
}

impl FriendTexts {
    /// `None` when there is nothing to keep.
    pub fn boxed(self) -> Option<Box<Self>> {
        (self != Self::default()).then(|| Box::new(self))
    }
}

/// A friend request that waits for the other side: kept by both, as sent and as received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingRequest {
    /// The other side.
    pub with: UserId,
    /// When it was last made.
    pub add_time: UnixTime,
    /// `Tag_SNS_IM_AddSource`.
    pub add_source: Option<AddSource>,
    /// What From_Account will call To_Account, and where it will put it: the sender's side only.
    pub texts: Option<Box<FriendTexts>>,
}

/// How many friend requests an account made in the minute that began at `since`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestMinute {
    /// When the first of them was made.
    pub since: UnixTime,
    /// How many there were.
    pub requests: u32,
}

impl RequestMinute {
    /// The minute that `now` falls in: this one, or a new one.
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

/// The product's ceilings, which the configuration may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnsPolicy {
    /// Friends an account may have.
    pub max_friends: u32,
    /// Items a request may have.
    pub max_items: u32,
    /// Pending requests an account may have, sent and received together.
    pub max_pending: u32,
    /// Groups an account may have.
    pub max_groups: u32,
    /// Friend requests an account may make in a minute; 0 is no limit.
    pub max_requests_per_minute: u32,
    /// What becomes of an account that a call names and nobody imported.
    pub unknown_accounts: UnknownAccounts,
}

/// What becomes of an account that a call names and nobody imported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownAccounts {
    /// `refuse`, the default and Tencent's way: it does not exist.
    #[default]
    Refuse,
    /// `create`: it is imported on the spot.
    Create,
}

wire_spelling!(UnknownAccounts { Refuse = "refuse", Create = "create" });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_add_source_is_the_prefix_and_1_to_8_letters_and_reads_back_as_written() {
        for good in [
            "AddSource_Type_A",
            "AddSource_Type_XXXXXXXX",
            "AddSource_Type_Android",
        ] {
            assert_eq!(AddSource::parse(good).expect(good).to_text(), good);
        }
        for bad in [
            "",
            "AddSource_Type_",
            "AddSource_Type_XXXXXXXXX",
            "AddSource_Type_a1",
            "AddSource_Type_é",
            "Android",
            "addsource_type_Web",
            "AddSource_Type_a\0",
            " AddSource_Type_Web",
            "AddSource_Type_Web ",
        ] {
            assert!(AddSource::parse(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn texts_are_bounded_in_bytes_not_characters() {
        for (length, fits) in [(0, true), (10, true), (11, false)] {
            assert_eq!(
                GroupName::parse(&"组".repeat(length)).is_some(),
                fits,
                "{length} characters of 3 bytes"
            );
        }
        assert!(
            Remark::parse(&"x".repeat(96)).is_some() && Remark::parse(&"x".repeat(97)).is_none()
        );
        assert!(
            AddWording::parse(&"x".repeat(256)).is_some()
                && AddWording::parse(&"x".repeat(257)).is_none()
        );
    }

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
