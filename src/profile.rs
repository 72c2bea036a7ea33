//! The profile fields of accounts, by Tag (profile model, doc 1047/33520). Pure functions.

use crate::protocol::code::Code;
use crate::protocol::tag::{TagItem, TagValue};
use crate::sns::model::{AdminForbidType, AllowType};
use crate::sns::texts::Keyword;
use std::borrow::Cow;

/// The longest value of any field, in bytes.
const MAX_BYTES: usize = 500;

const CUSTOM_PREFIX: &str = "Tag_Profile_Custom_";

/// One field of a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProfileTag {
    /// `Tag_Profile_IM_Nick`: at most 500 bytes.
    Nick,
    /// `Tag_Profile_IM_Gender`: `Gender_Type_Unknown`, `_Female` or `_Male`.
    Gender,
    /// `Tag_Profile_IM_BirthDay`: an integer, such as 19490101.
    BirthDay,
    /// `Tag_Profile_IM_Location`: at most 16 bytes.
    Location,
    /// `Tag_Profile_IM_SelfSignature`: at most 500 bytes.
    SelfSignature,
    /// `Tag_Profile_IM_AllowType`, which friend_add obeys.
    AllowType,
    /// `Tag_Profile_IM_Language`: an integer.
    Language,
    /// `Tag_Profile_IM_Image`: a URL of at most 500 bytes.
    Image,
    /// `Tag_Profile_IM_MsgSettings`: an integer.
    MsgSettings,
    /// `Tag_Profile_IM_AdminForbidType`, which friend_add obeys.
    AdminForbidType,
    /// `Tag_Profile_IM_Level`: an integer.
    Level,
    /// `Tag_Profile_IM_Role`: an integer.
    Role,
    /// `Tag_Profile_Custom_` and a keyword that the app declares: a string of at most 500 bytes,
    /// or an integer.
    Custom(Keyword),
}

/// The values that a field accepts. `Integer` is unsigned, with 32 bits.
#[derive(Clone, Copy, Debug)]
enum Takes {
    Text { max_bytes: usize },
    OneOf(fn(&str) -> bool),
    Integer,
    TextOrInteger,
}

const LONG_TEXT: Takes = Takes::Text {
    max_bytes: MAX_BYTES,
};

const STANDARD: [(&str, ProfileTag, Takes); 12] = [
    ("Tag_Profile_IM_Nick", ProfileTag::Nick, LONG_TEXT),
    (
        "Tag_Profile_IM_Gender",
        ProfileTag::Gender,
        Takes::OneOf(is_gender),
    ),
    (
        "Tag_Profile_IM_BirthDay",
        ProfileTag::BirthDay,
        Takes::Integer,
    ),
    (
        "Tag_Profile_IM_Location",
        ProfileTag::Location,
        Takes::Text { max_bytes: 16 },
    ),
    (
        "Tag_Profile_IM_SelfSignature",
        ProfileTag::SelfSignature,
        LONG_TEXT,
    ),
    (
        "Tag_Profile_IM_AllowType",
        ProfileTag::AllowType,
        Takes::OneOf(|text| AllowType::parse(text).is_some()),
    ),
    (
        "Tag_Profile_IM_Language",
        ProfileTag::Language,
        Takes::Integer,
    ),
    ("Tag_Profile_IM_Image", ProfileTag::Image, LONG_TEXT),
    (
        "Tag_Profile_IM_MsgSettings",
        ProfileTag::MsgSettings,
        Takes::Integer,
    ),
    (
        "Tag_Profile_IM_AdminForbidType",
        ProfileTag::AdminForbidType,
        Takes::OneOf(|text| AdminForbidType::parse(text).is_some()),
    ),
    ("Tag_Profile_IM_Level", ProfileTag::Level, Takes::Integer),
    ("Tag_Profile_IM_Role", ProfileTag::Role, Takes::Integer),
];

fn is_gender(text: &str) -> bool {
    [
        "Gender_Type_Unknown",
        "Gender_Type_Female",
        "Gender_Type_Male",
    ]
    .contains(&text)
}

impl ProfileTag {
    /// Reads a Tag. `declared` are the app's custom fields. `None` if there is no such Tag.
    pub fn parse(text: &str, declared: &[Keyword]) -> Option<Self> {
        if let Some(keyword) = text.strip_prefix(CUSTOM_PREFIX) {
            let keyword = Keyword::parse(keyword).filter(|keyword| declared.contains(keyword));
            return keyword.map(Self::Custom);
        }
        let found = STANDARD.iter().find(|(name, ..)| *name == text);
        found.map(|(_, tag, _)| *tag)
    }

    /// The Tag as the protocol spells it.
    pub fn name(self) -> Cow<'static, str> {
        if let Self::Custom(keyword) = self {
            return Cow::Owned(format!("{CUSTOM_PREFIX}{keyword}"));
        }
        let row = STANDARD.iter().find(|(_, tag, _)| *tag == self);
        Cow::Borrowed(row.expect("the table has every standard Tag").0)
    }

    fn takes(self) -> Takes {
        let row = STANDARD.iter().find(|(_, tag, _)| *tag == self);
        row.map_or(Takes::TextOrInteger, |(.., takes)| *takes)
    }
}

/// A field and a valid value for it. An empty text removes the field's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileField {
    tag: ProfileTag,
    value: TagValue,
}

impl ProfileField {
    /// Reads an item of ProfileItem. The error is the code that portrait_set answers.
    pub fn parse(item: &TagItem, declared: &[Keyword]) -> Result<Self, Code> {
        let tag = ProfileTag::parse(&item.tag, declared).ok_or(Code::ProfileTagNotExist)?;
        Self::new(tag, &item.value)
    }

    /// Checks that a value is valid for the field.
    pub fn new(tag: ProfileTag, value: &TagValue) -> Result<Self, Code> {
        if value.as_text().is_some_and(|text| text.len() > MAX_BYTES) {
            return Err(Code::ProfileTooLong);
        }
        let value = match (tag.takes(), value) {
            (Takes::Integer, TagValue::Text(_) | TagValue::Number(_)) => {
                let number = value.as_number().ok_or(Code::ProfileTypeIllegal)?;
                let fits = u32::try_from(number).is_ok();
                fits.then_some(TagValue::Number(number))
            }
            (Takes::Text { max_bytes }, TagValue::Text(text)) => {
                (text.len() <= max_bytes).then(|| value.clone())
            }
            (Takes::OneOf(is_one), TagValue::Text(text)) => is_one(text).then(|| value.clone()),
            (Takes::TextOrInteger, TagValue::Text(_) | TagValue::Number(_)) => Some(value.clone()),
            (_, TagValue::Texts(_)) | (Takes::Text { .. } | Takes::OneOf(_), _) => {
                return Err(Code::ProfileTypeIllegal);
            }
        };
        let value = value.ok_or(Code::ProfileValueIllegal)?;
        Ok(Self { tag, value })
    }
}

/// A profile. A field has no value until it is set, except AllowType and AdminForbidType.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// How the account treats friend requests: accept, confirm first, or refuse.
    pub allow_type: AllowType,
    /// Whether the account may send friend requests.
    pub admin_forbid_type: AdminForbidType,
    /// In the order of their Tags, so that equal fields are equal however they were set.
    fields: Vec<ProfileField>,
}

impl Profile {
    /// Sets a field's value, or removes it.
    pub fn set(&mut self, field: ProfileField) {
        let text = field.value.as_text().unwrap_or_default();
        if field.tag == ProfileTag::AllowType {
            self.allow_type = AllowType::parse(text).unwrap_or(self.allow_type);
        } else if field.tag == ProfileTag::AdminForbidType {
            let parsed = AdminForbidType::parse(text);
            self.admin_forbid_type = parsed.unwrap_or(self.admin_forbid_type);
        } else {
            self.fields.retain(|other| other.tag != field.tag);
            if field.value != TagValue::from("") {
                self.fields.push(field);
                self.fields.sort_unstable_by_key(|field| field.tag);
            }
        }
    }

    /// The fields that have been set, except AllowType and AdminForbidType.
    pub fn items(&self) -> impl Iterator<Item = TagItem> {
        let fields = self.fields.iter();
        fields.map(|field| TagItem {
            tag: field.tag.name(),
            value: field.value.clone(),
        })
    }

    /// A field's value, if it has one.
    pub fn value(&self, tag: ProfileTag) -> Option<TagValue> {
        if tag == ProfileTag::AllowType {
            return Some(self.allow_type.wire().into());
        }
        if tag == ProfileTag::AdminForbidType {
            return Some(self.admin_forbid_type.wire().into());
        }
        let field = self.fields.iter().find(|field| field.tag == tag)?;
        Some(field.value.clone())
    }

    /// The field as answers contain it. A field without a value is left out, except Nick, whose value
    /// is then empty (seen 2020).
    pub fn item(&self, tag: ProfileTag) -> Option<TagItem> {
        let empty_nick = (tag == ProfileTag::Nick).then(|| "".into());
        let value = self.value(tag).or(empty_nick)?;
        let tag = tag.name();
        Some(TagItem { tag, value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn declared() -> [Keyword; 1] {
        [Keyword::parse("Test").expect("letters")]
    }

    fn field(tag: &str, value: TagValue) -> Result<ProfileField, Code> {
        let tag = Cow::Owned(tag.to_owned());
        ProfileField::parse(&TagItem { tag, value }, &declared())
    }

    #[test]
    fn every_standard_tag_has_one_row_and_reads_back_as_written() {
        let names: HashSet<_> = STANDARD.iter().map(|(name, ..)| *name).collect();
        assert_eq!(names.len(), STANDARD.len());
        for (name, tag, _) in STANDARD {
            assert_eq!(ProfileTag::parse(name, &[]), Some(tag));
            assert_eq!(tag.name(), name);
        }
        let custom = ProfileTag::parse("Tag_Profile_Custom_Test", &declared());
        assert_eq!(custom.expect("declared").name(), "Tag_Profile_Custom_Test");
    }

    #[test]
    fn only_tags_that_there_are_can_be_set() {
        for tag in [
            "",
            "Nick",
            "tag_profile_im_nick",
            "Tag_Profile_IM_Nope",
            "Tag_Profile_Custom_",
            "Tag_Profile_Custom_Nope",
            "Tag_Profile_Custom_test",
            "Tag_SNS_IM_Remark",
        ] {
            assert_eq!(
                field(tag, "x".into()),
                Err(Code::ProfileTagNotExist),
                "{tag}"
            );
        }
    }

    /// Each kind of field with each kind of value, at its limit and over it.
    #[test]
    fn a_field_takes_its_own_kind_of_value_and_no_more_of_it_than_it_may() {
        let text = |length: usize| TagValue::from(&*"x".repeat(length));
        let list = TagValue::Texts(vec!["x".into()]);
        let cases = [
            ("IM_Nick", text(500), Ok(())),
            ("IM_Nick", text(501), Err(Code::ProfileTooLong)),
            (
                "IM_Nick",
                TagValue::Number(1),
                Err(Code::ProfileTypeIllegal),
            ),
            ("IM_Nick", list.clone(), Err(Code::ProfileTypeIllegal)),
            ("IM_Location", text(16), Ok(())),
            ("IM_Location", text(17), Err(Code::ProfileValueIllegal)),
            ("IM_Location", text(501), Err(Code::ProfileTooLong)),
            ("IM_Gender", "Gender_Type_Male".into(), Ok(())),
            ("IM_Gender", "male".into(), Err(Code::ProfileValueIllegal)),
            (
                "IM_Gender",
                TagValue::Number(1),
                Err(Code::ProfileTypeIllegal),
            ),
            ("IM_AllowType", "AllowType_Type_DenyAny".into(), Ok(())),
            ("IM_AllowType", "".into(), Err(Code::ProfileValueIllegal)),
            (
                "IM_AdminForbidType",
                "AdminForbid_Type_SendOut".into(),
                Ok(()),
            ),
            (
                "IM_AdminForbidType",
                "SendOut".into(),
                Err(Code::ProfileValueIllegal),
            ),
            ("IM_BirthDay", TagValue::Number(19_490_101), Ok(())),
            ("IM_BirthDay", "19490101".into(), Ok(())),
            ("IM_Level", TagValue::Number(4_294_967_295), Ok(())),
            (
                "IM_Level",
                TagValue::Number(4_294_967_296),
                Err(Code::ProfileValueIllegal),
            ),
            ("IM_Level", "four".into(), Err(Code::ProfileTypeIllegal)),
            ("IM_Level", list.clone(), Err(Code::ProfileTypeIllegal)),
            ("Custom_Test", text(500), Ok(())),
            ("Custom_Test", text(501), Err(Code::ProfileTooLong)),
            ("Custom_Test", TagValue::Number(u64::MAX), Ok(())),
            ("Custom_Test", list, Err(Code::ProfileTypeIllegal)),
        ];
        for (tag, value, expected) in cases {
            let set = field(&format!("Tag_Profile_{tag}"), value.clone());
            assert_eq!(set.map(drop), expected, "{tag} {value:?}");
        }
    }

    #[test]
    fn what_is_set_is_read_and_an_empty_text_takes_it_away() {
        let mut profile = Profile::default();
        let mut set = |tag, value: TagValue| profile.set(field(tag, value).expect("fits"));
        set("Tag_Profile_IM_Nick", "a".into());
        set("Tag_Profile_IM_Nick", "b".into());
        set("Tag_Profile_IM_BirthDay", "19490101".into());
        set(
            "Tag_Profile_IM_AllowType",
            "AllowType_Type_NeedConfirm".into(),
        );
        set("Tag_Profile_IM_Image", "c".into());
        set("Tag_Profile_IM_Image", "".into());

        assert_eq!(profile.value(ProfileTag::Nick), Some("b".into()));
        assert_eq!(profile.value(ProfileTag::Image), None);
        let birthday = Some(TagValue::Number(19_490_101));
        assert_eq!(profile.value(ProfileTag::BirthDay), birthday);
        assert_eq!(profile.allow_type, AllowType::NeedConfirm);
        let forbid = profile.value(ProfileTag::AdminForbidType);
        assert_eq!(forbid, Some("AdminForbid_Type_None".into()));
    }
}
