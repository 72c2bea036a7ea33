//! What may be written about a friend: the rule of `v4/sns/friend_update`.

use super::decision::{Change, Decision};
use super::friend_tag::FriendTag;
use super::group;
use super::model::{FriendUpdate, SnsPolicy};
use super::pair::{Asks, Pair};
use super::texts::{GroupName, Keyword, Remark, group_names};
use crate::protocol::code::Code;
use crate::protocol::ids::UserId;
use crate::protocol::tag::{TagItem, TagValue};

/// A friend, and what changes about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdatedFriend {
    /// To_Account.
    pub to: UserId,
    /// What changes.
    pub update: FriendUpdate,
}

impl Asks for UpdatedFriend {
    fn to(&self) -> UserId {
        self.to
    }

    fn groups(&self) -> &[GroupName] {
        self.update.groups.as_deref().unwrap_or_default()
    }
}

impl UpdatedFriend {
    /// What an item of UpdateItem alone shows. Only Remark, Group and the custom fields that the
    /// app declares may be written (documented). Of a Tag that is there twice, the last counts.
    pub fn parse(
        to_account: &str,
        items: &[TagItem],
        declared: &[Keyword],
        policy: &SnsPolicy,
    ) -> Result<Self, Code> {
        let to = UserId::parse(to_account).ok_or(Code::ToAccountIllegal)?;
        let mut update = FriendUpdate::default();
        for TagItem { tag, value } in items {
            match FriendTag::parse(tag, declared) {
                Some(FriendTag::Remark) => {
                    let text = value.as_text().ok_or(Code::ValueIllegal)?;
                    update.remark = Some(Remark::parse(text).ok_or(Code::RemarkTooLong)?);
                }
                Some(FriendTag::Group) => update.groups = Some(groups(value, policy)?),
                Some(FriendTag::Custom(field)) => update.set_custom(field, value)?,
                Some(
                    FriendTag::AddSource
                    | FriendTag::AddWording
                    | FriendTag::AddTime
                    | FriendTag::RemarkTime,
                )
                | None => return Err(Code::TagIllegal),
            }
        }
        Ok(Self { to, update })
    }
}

/// A list of names; or one, from clients that have only strings.
fn groups(value: &TagValue, policy: &SnsPolicy) -> Result<Vec<GroupName>, Code> {
    match value {
        TagValue::Texts(names) => group_names(names.iter().map(AsRef::as_ref), policy.max_groups),
        TagValue::Text(name) => group_names([name.as_ref()].into_iter(), policy.max_groups),
        TagValue::Number(_) => Err(Code::ValueIllegal),
    }
}

/// May From_Account write this about To_Account.
///
/// # Precedence
/// To_Account not imported, then not in From_Account's list, then too many groups.
pub fn judge(pair: &Pair, item: &UpdatedFriend, policy: &SnsPolicy) -> Decision {
    if !pair.to_exists {
        return Decision::refuse(Code::ToAccountNotExist);
    }
    if !pair.from_has_to {
        return Decision::refuse(Code::FriendNotExist);
    }
    let update = Change::Update(item.update.clone());
    group::judge_and(pair, item.groups(), policy, update)
}
