//! Friends as another system knew them: the rule of `v4/sns/friend_import`.

use super::decision::{Change, Decision, Side};
use super::friend_tag::FriendTag;
use super::group;
use super::model::{FriendUpdate, SnsPolicy};
use super::pair::{ItemTarget, PairFacts};
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

impl ItemTarget for ImportedFriend {
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
pub fn judge(
    pair: &PairFacts,
    item: &ImportedFriend,
    now: UnixTime,
    policy: &SnsPolicy,
) -> Decision {
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

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime(1_700_000_000);

    const POLICY: SnsPolicy = SnsPolicy {
        max_groups: 2,
        ..SnsPolicy::PRODUCT
    };

    fn id(text: &str) -> UserId {
        UserId::parse(text).expect("a legal UserID")
    }

    fn parse(item: RawImport<'_>) -> Result<ImportedFriend, Code> {
        let declared = [Keyword::parse("Test").expect("letters")];
        ImportedFriend::parse(id("from"), item, &declared, &POLICY)
    }

    const GOOD: RawImport<'_> = RawImport {
        to_account: "to",
        remark: None,
        remark_time: None,
        group_name: &[],
        add_source: Some("AddSource_Type_Web"),
        add_wording: None,
        add_time: None,
        custom_item: &[],
    };

    #[test]
    fn what_an_item_alone_shows_is_refused_with_a_code_of_its_own() {
        let long = "x".repeat(257);
        let groups = ["a", "b", "c"].map(str::to_owned);
        let custom = |tag: &'static str, value| TagItem {
            tag: tag.into(),
            value,
        };
        let undeclared = [custom("Tag_SNS_Custom_Nope", "x".into())];
        let standard = [custom("Tag_SNS_IM_Remark", "x".into())];
        let too_long = [custom("Tag_SNS_Custom_Test", (&*"x".repeat(501)).into())];
        let cases = [
            (
                RawImport {
                    to_account: "",
                    ..GOOD
                },
                Code::ToAccountIllegal,
            ),
            (
                RawImport {
                    to_account: "from",
                    ..GOOD
                },
                Code::AddSelf,
            ),
            (
                RawImport {
                    add_source: None,
                    ..GOOD
                },
                Code::SourceIllegal,
            ),
            (
                RawImport {
                    add_source: Some("Web"),
                    ..GOOD
                },
                Code::SourceIllegal,
            ),
            (
                RawImport {
                    remark: Some(&long),
                    ..GOOD
                },
                Code::RemarkTooLong,
            ),
            (
                RawImport {
                    add_wording: Some(&long),
                    ..GOOD
                },
                Code::WordingTooLong,
            ),
            (
                RawImport {
                    group_name: std::slice::from_ref(&long),
                    ..GOOD
                },
                Code::GroupNameTooLong,
            ),
            (
                RawImport {
                    group_name: &groups,
                    ..GOOD
                },
                Code::GroupsFull,
            ),
            (
                RawImport {
                    custom_item: &undeclared,
                    ..GOOD
                },
                Code::TagIllegal,
            ),
            (
                RawImport {
                    custom_item: &standard,
                    ..GOOD
                },
                Code::TagIllegal,
            ),
            (
                RawImport {
                    custom_item: &too_long,
                    ..GOOD
                },
                Code::ValueIllegal,
            ),
        ];
        for (item, code) in cases {
            assert_eq!(parse(item), Err(code), "{item:?}");
        }
        assert!(parse(GOOD).is_ok());
    }

    #[test]
    fn an_empty_field_or_a_time_of_0_is_the_same_as_none() {
        let empty = RawImport {
            remark: Some(""),
            remark_time: Some(0),
            group_name: &[String::new()],
            add_wording: Some(""),
            add_time: Some(0),
            ..GOOD
        };
        assert_eq!(parse(empty), parse(GOOD));
    }

    #[test]
    fn in_every_case_only_existence_and_the_caps_count() {
        for bits in 0..64_u8 {
            let pair = PairFacts {
                to_exists: bits & 1 != 0,
                from_has_to: bits & 2 != 0,
                from_friends: if bits & 4 != 0 { 3000 } else { 2999 },
                new_groups: u32::from(bits & 8 != 0),
                from_groups: 2,
                to_blocks_from: bits & 16 != 0,
                from_asked_to: bits & 32 != 0,
                ..PairFacts::default()
            };
            let item = parse(GOOD).expect("good");
            let Decision { code, changes } = judge(&pair, &item, NOW, &POLICY);
            let full = pair.from_friends == 3000 && !pair.from_has_to;
            let expected = if !pair.to_exists {
                Code::ToAccountNotExist
            } else if full {
                Code::MyFriendsFull
            } else if pair.new_groups > 0 {
                Code::GroupsFull
            } else {
                Code::Ok
            };
            assert_eq!(code, expected, "{pair:?}");
            let done = code == Code::Ok;
            let updates = changes.contains(&Change::Update(item.fields.clone()));
            let befriends = changes
                .iter()
                .any(|change| matches!(change, Change::Befriend(..)));
            assert_eq!(updates, done && pair.from_has_to, "{pair:?}");
            assert_eq!(befriends, done && !pair.from_has_to, "{pair:?}");
            assert_eq!(
                changes.contains(&Change::Settle),
                done && pair.from_asked_to
            );
        }
    }
}
