//! The rule of `v4/sns/friend_import`, which imports friends from another system.

use super::decision::{Change, Decision, Side};
use super::friend_tag::FriendTag;
use super::group;
use super::model::{FriendUpdate, SnsPolicy};
use super::pair::{ItemTarget, PairFacts};
use super::texts::{AddSource, AddWording, GroupName, Keyword, Remark, given, group_names};
use crate::protocol::code::Code;
use crate::protocol::ids::{UnixTime, UserId};
use crate::protocol::lenient::{names, number, optional_objects, text};
use crate::protocol::tag::TagItem;
use schemars::JsonSchema;
use serde::Deserialize;
use smol_str::SmolStr;

/// A valid item of AddFriendItem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedFriend {
    /// To_Account.
    pub to: UserId,
    /// The given fields of the friend.
    pub fields: FriendUpdate,
}

/// An item of AddFriendItem as a request has it. `null`, an empty text or list, and a time of 0 mean
/// that a field is missing. A friend that is already in the list keeps the fields that are missing.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[schemars(extend("required" = ["To_Account", "AddSource"]))]
pub struct ImportItem {
    /// Required.
    #[serde(rename = "To_Account")]
    pub to_account: SmolStr,
    /// Optional: From_Account's name for the friend, at most 96 bytes.
    #[serde(rename = "Remark", default, deserialize_with = "text")]
    pub remark: Option<SmolStr>,
    /// Optional: when Remark was set, in seconds since 1970.
    #[serde(rename = "RemarkTime", default, deserialize_with = "number")]
    pub remark_time: Option<i64>,
    /// Optional: groups, each of at most 30 bytes; new groups are created.
    #[serde(rename = "GroupName", default, deserialize_with = "names")]
    pub group_name: Vec<SmolStr>,
    /// Required here: `AddSource_Type_` and 1 to 8 letters.
    #[serde(rename = "AddSource", default, deserialize_with = "text")]
    pub add_source: Option<SmolStr>,
    /// Optional: the text of the friend request, at most 256 bytes.
    #[serde(rename = "AddWording", default, deserialize_with = "text")]
    pub add_wording: Option<SmolStr>,
    /// Optional: when the friend was added, in seconds since 1970; the default is now.
    #[serde(rename = "AddTime", default, deserialize_with = "number")]
    pub add_time: Option<i64>,
    /// Optional: custom fields that the app declares.
    #[serde(rename = "CustomItem", default, deserialize_with = "optional_objects")]
    pub custom_item: Vec<TagItem>,
}

impl ImportedFriend {
    /// Validates an item without its accounts. `declared` are the app's custom fields.
    pub fn parse(
        from: UserId,
        item: &ImportItem,
        declared: &[Keyword],
        policy: &SnsPolicy,
    ) -> Result<Self, Code> {
        let to = UserId::parse(&item.to_account).ok_or(Code::ToAccountIllegal)?;
        if to == from {
            return Err(Code::AddSelf);
        }
        let source = given(
            item.add_source.as_deref(),
            AddSource::parse,
            Code::SourceIllegal,
        )?;
        let source = source.ok_or(Code::SourceIllegal)?;
        let groups = item.group_name.iter().map(SmolStr::as_str);
        let time = |time: Option<i64>| time.filter(|time| *time > 0).map(UnixTime);
        let mut fields = FriendUpdate {
            add_source: Some(source),
            remark: given(item.remark.as_deref(), Remark::parse, Code::RemarkTooLong)?,
            groups: Some(group_names(groups, policy.max_groups)?).filter(|all| !all.is_empty()),
            add_wording: given(
                item.add_wording.as_deref(),
                AddWording::parse,
                Code::WordingTooLong,
            )?,
            add_time: time(item.add_time),
            remark_time: time(item.remark_time),
            custom: Vec::new(),
        };
        for TagItem { tag, value } in &item.custom_item {
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

/// Adds To_Account to From_Account's list, or updates the fields of an existing friend.
///
/// AllowType, blocklists and AdminForbidType are ignored (inferred: the page lists none of their
/// codes). A pending request between the two accounts ends, as with friend_add (GUESS).
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
        Change::Update(fields.into())
    } else {
        Change::Befriend(Side::From, fields.into_friend(item.to, now))
    };
    let mut decision = group::judge_with_groups(pair, item.groups(), policy, change);
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

    fn good() -> ImportItem {
        ImportItem {
            to_account: "to".into(),
            add_source: Some("AddSource_Type_Web".into()),
            ..ImportItem::default()
        }
    }

    /// Parses a valid item after a change.
    fn parse(change: impl FnOnce(&mut ImportItem)) -> Result<ImportedFriend, Code> {
        let mut item = good();
        change(&mut item);
        let declared = [Keyword::parse("Test").expect("letters")];
        ImportedFriend::parse(id("from"), &item, &declared, &POLICY)
    }

    #[test]
    fn what_an_item_alone_shows_is_refused_with_a_code_of_its_own() {
        let long = SmolStr::new("x".repeat(257));
        let custom = |tag: &'static str, value: &str| {
            parse(|item| {
                item.custom_item = vec![TagItem {
                    tag: tag.into(),
                    value: value.into(),
                }]
            })
        };
        let groups = |names: &[&str]| {
            parse(|item| item.group_name = names.iter().map(|name| (*name).into()).collect())
        };
        let cases = [
            (
                parse(|item| item.to_account = "".into()),
                Code::ToAccountIllegal,
            ),
            (parse(|item| item.to_account = "from".into()), Code::AddSelf),
            (parse(|item| item.add_source = None), Code::SourceIllegal),
            (
                parse(|item| item.add_source = Some("Web".into())),
                Code::SourceIllegal,
            ),
            (
                parse(|item| item.remark = Some(long.clone())),
                Code::RemarkTooLong,
            ),
            (
                parse(|item| item.add_wording = Some(long.clone())),
                Code::WordingTooLong,
            ),
            (groups(&[&long]), Code::GroupNameTooLong),
            (groups(&["a", "b", "c"]), Code::GroupsFull),
            (custom("Tag_SNS_Custom_Nope", "x"), Code::TagIllegal),
            (custom("Tag_SNS_IM_Remark", "x"), Code::TagIllegal),
            (
                custom("Tag_SNS_Custom_Test", &"x".repeat(501)),
                Code::ValueIllegal,
            ),
        ];
        for (at, (result, code)) in cases.into_iter().enumerate() {
            assert_eq!(result, Err(code), "case {at}");
        }
        assert!(parse(|_| ()).is_ok());
    }

    #[test]
    fn an_empty_field_or_a_time_of_0_is_the_same_as_none() {
        let empty = parse(|item| {
            item.remark = Some("".into());
            item.remark_time = Some(0);
            item.group_name = vec!["".into()];
            item.add_wording = Some("".into());
            item.add_time = Some(0);
        });
        assert_eq!(empty, parse(|_| ()));
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
            let item = parse(|_| ()).expect("good");
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
            let updates = changes.contains(&Change::Update(item.fields.clone().into()));
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
