//! The rule of `v4/sns/friend_update`, which changes the fields of a friend.

use super::decision::{Change, Decision};
use super::friend_tag::FriendTag;
use super::group;
use super::model::{FriendUpdate, SnsPolicy};
use super::pair::{ItemTarget, PairFacts};
use super::texts::{GroupName, Keyword, Remark, group_names};
use crate::protocol::code::Code;
use crate::protocol::ids::UserId;
use crate::protocol::tag::{TagItem, TagValue};

/// A valid item of UpdateItem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdatedFriend {
    /// To_Account.
    pub to: UserId,
    /// The new values.
    pub update: FriendUpdate,
}

impl ItemTarget for UpdatedFriend {
    fn to(&self) -> UserId {
        self.to
    }

    fn groups(&self) -> &[GroupName] {
        self.update.groups.as_deref().unwrap_or_default()
    }
}

impl UpdatedFriend {
    /// Validates an item without its accounts. Only Remark, Group and the custom fields that the
    /// app declares can be changed (documented). If a Tag occurs twice, the last value counts.
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

/// The groups of a value: a list of names, or one name from clients that only send strings.
fn groups(value: &TagValue, policy: &SnsPolicy) -> Result<Vec<GroupName>, Code> {
    match value {
        TagValue::Texts(names) => group_names(names.iter().map(AsRef::as_ref), policy.max_groups),
        TagValue::Text(name) => group_names([name.as_ref()].into_iter(), policy.max_groups),
        TagValue::Number(_) => Err(Code::ValueIllegal),
    }
}

/// Decides whether From_Account can change these fields of To_Account.
///
/// # Precedence
/// To_Account not imported, then not in From_Account's list, then too many groups.
pub fn judge(pair: &PairFacts, item: &UpdatedFriend, policy: &SnsPolicy) -> Decision {
    if !pair.to_exists {
        return Decision::refuse(Code::ToAccountNotExist);
    }
    if !pair.from_has_to {
        return Decision::refuse(Code::FriendNotExist);
    }
    let update = Change::Update(item.update.clone().into());
    group::judge_with_groups(pair, item.groups(), policy, update)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: SnsPolicy = SnsPolicy {
        max_groups: 2,
        ..SnsPolicy::PRODUCT
    };

    fn parse(tag: &'static str, value: TagValue) -> Result<FriendUpdate, Code> {
        let declared = [Keyword::parse("Test").expect("letters")];
        let tag = tag.into();
        UpdatedFriend::parse("to", &[TagItem { tag, value }], &declared, &POLICY)
            .map(|item| item.update)
    }

    #[test]
    fn only_remark_group_and_declared_custom_fields_may_be_written() {
        for (tag, may) in [
            ("Tag_SNS_IM_Remark", true),
            ("Tag_SNS_IM_Group", true),
            ("Tag_SNS_Custom_Test", true),
            ("Tag_SNS_Custom_Nope", false),
            ("Tag_SNS_IM_AddSource", false),
            ("Tag_SNS_IM_AddWording", false),
            ("Tag_SNS_IM_AddTime", false),
            ("Tag_SNS_IM_RemarkTime", false),
            ("Tag_Profile_IM_Nick", false),
        ] {
            let code = if may { Ok(()) } else { Err(Code::TagIllegal) };
            assert_eq!(parse(tag, "x".into()).map(drop), code, "{tag}");
        }
    }

    #[test]
    fn a_value_is_refused_that_its_tag_does_not_take() {
        let list =
            |names: &[&str]| TagValue::Texts(names.iter().map(|name| (*name).into()).collect());
        let long = "x".repeat(97);
        for (tag, value, code) in [
            ("Tag_SNS_IM_Remark", TagValue::Number(1), Code::ValueIllegal),
            ("Tag_SNS_IM_Remark", list(&["x"]), Code::ValueIllegal),
            ("Tag_SNS_IM_Remark", (&*long).into(), Code::RemarkTooLong),
            ("Tag_SNS_IM_Group", TagValue::Number(1), Code::ValueIllegal),
            ("Tag_SNS_IM_Group", list(&[&long]), Code::GroupNameTooLong),
            ("Tag_SNS_IM_Group", list(&["a", "b", "c"]), Code::GroupsFull),
            ("Tag_SNS_Custom_Test", list(&["x"]), Code::ValueIllegal),
        ] {
            assert_eq!(parse(tag, value), Err(code), "{tag}");
        }
    }

    #[test]
    fn a_group_that_comes_alone_is_a_list_of_one_and_an_empty_value_takes_away() {
        let groups = |value| parse("Tag_SNS_IM_Group", value).expect("good").groups;
        let one = GroupName::parse("a").expect("short");
        assert_eq!(groups("a".into()), Some(vec![one]));
        assert_eq!(groups("".into()), Some(Vec::new()));
        assert_eq!(groups(TagValue::Texts(Vec::new())), Some(Vec::new()));
        let mut friend = FriendUpdate {
            remark: Remark::parse("pal"),
            ..FriendUpdate::default()
        }
        .into_friend(UserId::parse("to").expect("legal"), Default::default());
        friend.update(parse("Tag_SNS_IM_Remark", "".into()).expect("good"));
        assert_eq!(friend.details, None);
    }

    #[test]
    fn only_a_friend_can_be_written_about() {
        let to = UserId::parse("to").expect("legal");
        let item = UpdatedFriend {
            to,
            update: parse("Tag_SNS_IM_Remark", "pal".into()).expect("good"),
        };
        for (to_exists, from_has_to, code) in [
            (false, false, Code::ToAccountNotExist),
            (true, false, Code::FriendNotExist),
            (true, true, Code::Ok),
        ] {
            let pair = PairFacts {
                to_exists,
                from_has_to,
                ..PairFacts::default()
            };
            let decision = judge(&pair, &item, &POLICY);
            assert_eq!(decision.code, code);
            assert_eq!(decision.changes.is_empty(), code != Code::Ok);
        }
    }
}
