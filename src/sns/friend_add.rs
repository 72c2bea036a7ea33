//! The rule of `v4/sns/friend_add`: whether From_Account can add To_Account, and the changes.
//!
//! # Precedence
//! The first check that fails gives the item's result. Tencent documents no order, so this order is a
//! GUESS (neither documented nor seen): first [`NewFriend::parse`] checks the item alone, then
//! [`judge`] checks the accounts, each from top to bottom.

use super::decision::{Change, Changes, Decision, NewRequest, Side};
use super::model::{
    AddType, AdminForbidType, AllowType, ForceAddFlags, Friend, FriendDetails, PendingRequest,
    RequestMinute, SnsPolicy,
};
use super::pair::{ItemTarget, PairFacts};
use super::texts::{AddSource, AddWording, GroupName, Remark, given};
use crate::protocol::code::Code;
use crate::protocol::ids::{UnixTime, UserId};
use crate::protocol::lenient::text;
use schemars::JsonSchema;
use serde::Deserialize;
use smol_str::SmolStr;

/// A valid item of AddFriendItem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFriend {
    /// To_Account.
    pub to: UserId,
    /// From_Account's name for the friend.
    pub remark: Option<Remark>,
    /// The group of From_Account that the friend is added to.
    pub group: Option<GroupName>,
    /// Where the friend was found, such as a search.
    pub add_source: Option<AddSource>,
    /// The text of the friend request.
    pub add_wording: Option<AddWording>,
}

/// An item of AddFriendItem as a request has it. `""` and `null` mean that a field is missing, because
/// published clients send them for missing fields.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
pub struct AddFriendItem {
    /// Required: the account to add.
    #[serde(rename = "To_Account")]
    pub to_account: SmolStr,
    /// Optional: From_Account's name for the friend, at most 96 bytes.
    #[serde(rename = "Remark", default, deserialize_with = "text")]
    pub remark: Option<SmolStr>,
    /// Optional: a group of From_Account, at most 30 bytes; a new group is created.
    #[serde(rename = "GroupName", default, deserialize_with = "text")]
    pub group_name: Option<SmolStr>,
    /// Optional: `AddSource_Type_` and 1 to 8 letters.
    #[serde(rename = "AddSource", default, deserialize_with = "text")]
    pub add_source: Option<SmolStr>,
    /// Optional: the text of the request to the friend, at most 256 bytes.
    #[serde(rename = "AddWording", default, deserialize_with = "text")]
    pub add_wording: Option<SmolStr>,
}

impl NewFriend {
    /// Validates an item without its accounts.
    ///
    /// # Precedence
    /// To_Account, AddSource, Remark, GroupName, AddWording.
    pub fn parse(from: UserId, item: &AddFriendItem) -> Result<Self, Code> {
        let to = UserId::parse(&item.to_account).ok_or(Code::ToAccountIllegal)?;
        if to == from {
            return Err(Code::AddSelf);
        }
        Ok(Self {
            to,
            add_source: given(
                item.add_source.as_deref(),
                AddSource::parse,
                Code::SourceIllegal,
            )?,
            remark: given(item.remark.as_deref(), Remark::parse, Code::RemarkTooLong)?,
            group: given(
                item.group_name.as_deref(),
                GroupName::parse,
                Code::GroupNameTooLong,
            )?,
            add_wording: given(
                item.add_wording.as_deref(),
                AddWording::parse,
                Code::WordingTooLong,
            )?,
        })
    }

    /// The texts that From_Account stores.
    fn details(&self) -> FriendDetails {
        FriendDetails {
            remark: self.remark.clone(),
            groups: self.group.iter().cloned().collect(),
            add_wording: self.add_wording.clone(),
            ..FriendDetails::default()
        }
    }

    /// The texts that To_Account stores: only AddWording.
    fn details_for_to(&self) -> FriendDetails {
        FriendDetails {
            add_wording: self.add_wording.clone(),
            ..FriendDetails::default()
        }
    }
}

impl ItemTarget for NewFriend {
    fn to(&self) -> UserId {
        self.to
    }

    fn groups(&self) -> &[GroupName] {
        self.group.as_slice()
    }
}

/// The options of the whole request.
#[derive(Clone, Copy, Debug)]
pub struct AddOptions {
    /// AddType.
    pub add_type: AddType,
    /// ForceAddFlags.
    pub force: ForceAddFlags,
    /// The value of AddTime.
    pub now: UnixTime,
}

/// Decides whether the friend is added, and the changes to both accounts.
///
/// `ForceAddFlags: 1` overrides AllowType (documented) and nothing else (GUESS). AllowType
/// applies to both AddTypes, because the page's table does not distinguish them.
pub fn judge(
    from: UserId,
    pair: &PairFacts,
    item: &NewFriend,
    options: AddOptions,
    policy: &SnsPolicy,
) -> Decision {
    let refuse = Decision::refuse;
    let normal = options.force == ForceAddFlags::Normal;
    let to_gains = options.add_type == AddType::Both && !pair.to_has_from;
    let minute = pair.from_minute.at(options.now);

    if pair.from_forbidden == AdminForbidType::SendOut {
        return refuse(Code::ForbidByAdmin);
    }
    if !pair.to_exists {
        return refuse(Code::ToAccountNotExist);
    }
    if pair.from_has_to {
        return refuse(Code::FriendExist);
    }
    if pair.from_blocks_to {
        return refuse(Code::InMyBlocklist);
    }
    if pair.to_blocks_from {
        return refuse(Code::InPeerBlocklist);
    }
    if pair.to_allows == AllowType::DenyAny && normal {
        return refuse(Code::DenyAny);
    }
    if pair.from_friends >= policy.max_friends {
        return refuse(Code::MyFriendsFull);
    }
    if to_gains && pair.to_friends >= policy.max_friends {
        return refuse(Code::PeerFriendsFull);
    }
    if pair.new_groups > 0 && pair.from_groups + pair.new_groups > policy.max_groups {
        return refuse(Code::GroupsFull);
    }
    // GUESS: only requests that succeed or become pending count.
    let counts_requests = policy.max_requests_per_minute > 0;
    if counts_requests && minute.requests >= policy.max_requests_per_minute {
        return refuse(Code::TooManyRequests);
    }

    let mut changes = Changes::new();
    let needs_confirmation = pair.to_allows == AllowType::NeedConfirm && normal;
    if needs_confirmation {
        if !pair.from_asked_to && pair.from_pending.max(pair.to_pending) >= policy.max_pending {
            return refuse(Code::PendingFull);
        }
        let request = |with, details: FriendDetails| PendingRequest {
            with,
            add_time: options.now,
            add_source: item.add_source,
            details: details.boxed(),
        };
        let (sent, received) = (
            request(item.to, item.details()),
            request(from, item.details_for_to()),
        );
        changes.push(Change::Ask(Box::new(NewRequest { sent, received })));
    } else {
        let friend = |to, details: FriendDetails| Friend {
            to,
            add_time: options.now,
            add_source: item.add_source,
            details: details.boxed(),
        };
        if pair.new_groups > 0 {
            changes.push(Change::CreateGroups(item.groups().to_vec()));
        }
        changes.push(Change::Befriend(
            Side::From,
            friend(item.to, item.details()),
        ));
        if to_gains {
            changes.push(Change::Befriend(
                Side::To,
                friend(from, item.details_for_to()),
            ));
        }
        if pair.from_asked_to || pair.to_asked_from {
            changes.push(Change::Settle);
        }
    }
    if counts_requests {
        let requests = minute.requests + 1;
        changes.push(Change::CountRequest(RequestMinute { requests, ..minute }));
    }
    Decision {
        code: if needs_confirmation {
            Code::NeedConfirm
        } else {
            Code::Ok
        },
        changes,
    }
}

#[cfg(test)]
#[path = "friend_add_tests.rs"]
mod tests;
