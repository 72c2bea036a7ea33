//! Friends as another system knew them: the rule of `v4/sns/friend_import`.

use super::decision::{Change, Decision, Side};
use super::friend_tag::FriendTag;
use super::group;
use super::model::{FriendUpdate, SnsPolicy};
use super::pair::{Asks, Pair};
use super::texts::{AddSource, AddWording, GroupName, Keyword, Remark, given, group_names};
use crate::protocol::code::Code;
use crate::protocol::ids::{UnixTime, UserId};
use crate::protocol::tag::TagItem;

/// An item of AddFriendItem, well-formed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedFriend {
    /// To_Account.
    pub to: UserId,
    /// All that is said of it.
    pub fields: FriendUpdate,
}

/// An item of AddFriendItem as it was sent. An empty text, list or time is the same as none.
#[derive(Clone, Copy, Debug, Default)]
pub struct RawImport<'a> {
    /// To_Account.
    pub to_account: &'a str,
    /// Remark.
    pub remark: Option<&'a str>,
    /// RemarkTime.
    pub remark_time: Option<i64>,
    /// GroupName.
    pub group_name: &'a [String],
    /// AddSource.
    pub add_source: Option<&'a str>,
    /// AddWording.
    pub add_wording: Option<&'a str>,
    /// AddTime.
    pub add_time: Option<i64>,
    /// CustomItem.
    pub custom_item: &'a [TagItem],
}

impl ImportedFriend {
    /// What the item alone shows. Unlike friend_add's, an import's AddSource is required.
    pub fn parse(
        from: UserId,
        item: RawImport<'_>,
        declared: &[Keyword],
        policy: &SnsPolicy,
    ) -> Result<Self, Code> {
        let to = UserId::parse(item.to_account).ok_or(Code::ToAccountIllegal)?;
        if to == from {
            return Err(Code::AddSelf);
        }
        let source = given(item.add_source, AddSource::parse, Code::SourceIllegal)?;
        let source = source.ok_or(Code::SourceIllegal)?;
        let groups = item.group_name.iter().map(String::as_str);
        let time = |time: Option<i64>| time.filter(|time| *time > 0).map(UnixTime);
        let mut fields = FriendUpdate {
            add_source: Some(source),
            remark: given(item.remark, Remark::parse, Code::RemarkTooLong)?,
            groups: Some(group_names(groups, policy.max_groups)?).filter(|all| !all.is_empty()),
            add_wording: given(item.add_wording, AddWording::parse, Code::WordingTooLong)?,
            add_time: time(item.add_time),
            remark_time: time(item.remark_time),
            custom: Vec::new(),
        };
        for TagItem { tag, value } in item.custom_item {
            match FriendTag::parse(tag, declared) {
                Some(FriendTag::Custom(field)) => fields.set_custom(field, value)?,
                _ => return Err(Code::TagIllegal),
            }
        }
        Ok(Self { to, fields })
    }
}

impl Asks for ImportedFriend {
    fn to(&self) -> UserId {
        self.to
    }

    fn groups(&self) -> &[GroupName] {
        self.fields.groups.as_deref().unwrap_or_default()
    }
}

/// From_Account's list gains To_Account, one way, or has it with these fields from now on.
///
/// AllowType, blocklists and AdminForbidType do not count (inferred: the page lists none of their
/// codes). A request that waits between the two is settled, as by friend_add (GUESS).
///
/// # Precedence
/// To_Account not imported, the friend list full, too many groups.
pub fn judge(pair: &Pair, item: &ImportedFriend, now: UnixTime, policy: &SnsPolicy) -> Decision {
    if !pair.to_exists {
        return Decision::refuse(Code::ToAccountNotExist);
    }
    if !pair.from_has_to && pair.from_friends >= policy.max_friends {
        return Decision::refuse(Code::MyFriendsFull);
    }
    let fields = item.fields.clone();
    let change = if pair.from_has_to {
        Change::Update(fields)
    } else {
        Change::Befriend(Side::From, fields.into_friend(item.to, now))
    };
    let mut decision = group::judge_and(pair, item.groups(), policy, change);
    if decision.code == Code::Ok && (pair.from_asked_to || pair.to_asked_from) {
        decision.changes.push(Change::Settle);
    }
    decision
}
