//! The fields of a friend and their Tags (contacts model, doc 1047/33521).

use super::model::{Friend, FriendUpdate};
use super::texts::Keyword;
use crate::protocol::code::Code;
use crate::protocol::tag::{TagItem, TagValue};
use std::borrow::Cow;

/// The longest text of a custom field, in bytes.
const MAX_CUSTOM_BYTES: usize = 500;

/// A field of a friend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FriendTag {
    /// `Tag_SNS_IM_AddSource`: a string.
    AddSource,
    /// `Tag_SNS_IM_Remark`: a string of at most 96 bytes.
    Remark,
    /// `Tag_SNS_IM_Group`: a list of strings.
    Group,
    /// `Tag_SNS_IM_AddWording`: a string of at most 256 bytes.
    AddWording,
    /// `Tag_SNS_IM_AddTime`: seconds since 1970.
    AddTime,
    /// `Tag_SNS_IM_RemarkTime`: seconds since 1970. Seen in a client, not documented.
    RemarkTime,
    /// `Tag_SNS_Custom_` and a keyword that the app declares: a string of at most 500 bytes, or an
    /// integer (the page's samples have integers, although its text excludes them).
    Custom(Keyword),
}

const CUSTOM_PREFIX: &str = "Tag_SNS_Custom_";

/// The standard fields, in the page's order, in which friend_get answers them.
const STANDARD: [(&str, FriendTag); 6] = [
    ("Tag_SNS_IM_AddSource", FriendTag::AddSource),
    ("Tag_SNS_IM_Remark", FriendTag::Remark),
    ("Tag_SNS_IM_Group", FriendTag::Group),
    ("Tag_SNS_IM_AddWording", FriendTag::AddWording),
    ("Tag_SNS_IM_AddTime", FriendTag::AddTime),
    ("Tag_SNS_IM_RemarkTime", FriendTag::RemarkTime),
];

impl FriendTag {
    /// Parses a Tag; `declared` are the app's custom fields.
    pub fn parse(text: &str, declared: &[Keyword]) -> Option<Self> {
        if let Some(keyword) = text.strip_prefix(CUSTOM_PREFIX) {
            let keyword = Keyword::parse(keyword).filter(|keyword| declared.contains(keyword));
            return keyword.map(Self::Custom);
        }
        let found = STANDARD.iter().find(|(name, _)| *name == text);
        found.map(|(_, tag)| *tag)
    }

    /// Whether this is a valid value of a custom field.
    pub fn check_custom(value: &TagValue) -> bool {
        match value {
            TagValue::Text(text) => text.len() <= MAX_CUSTOM_BYTES,
            TagValue::Number(_) => true,
            TagValue::Texts(_) => false,
        }
    }

    /// The Tag's spelling in requests and answers.
    pub fn name(self) -> Cow<'static, str> {
        if let Self::Custom(keyword) = self {
            return Cow::Owned(format!("{CUSTOM_PREFIX}{keyword}"));
        }
        let row = STANDARD.iter().find(|(_, tag)| *tag == self);
        Cow::Borrowed(row.expect("the table has every other tag").0)
    }
}

impl FriendUpdate {
    /// Sets a custom field, and replaces an earlier value.
    pub(super) fn set_custom(&mut self, field: Keyword, value: &TagValue) -> Result<(), Code> {
        if !FriendTag::check_custom(value) {
            return Err(Code::ValueIllegal);
        }
        self.custom.retain(|(other, _)| *other != field);
        self.custom.push((field, value.clone()));
        Ok(())
    }
}

impl Friend {
    /// The field's value, if it has one.
    pub fn value(&self, tag: FriendTag) -> Option<TagValue> {
        let details = self.details.as_deref();
        match tag {
            FriendTag::AddSource => Some(TagValue::Text(self.add_source?.to_text().into())),
            FriendTag::Remark => Some(TagValue::Text(details?.remark.as_ref()?.to_shared())),
            FriendTag::Group => match self.groups() {
                [] => None,
                groups => Some(TagValue::Texts(
                    groups.iter().map(|group| group.to_shared()).collect(),
                )),
            },
            FriendTag::AddWording => {
                Some(TagValue::Text(details?.add_wording.as_ref()?.to_shared()))
            }
            FriendTag::AddTime => Some(TagValue::Number(self.add_time.seconds())),
            FriendTag::RemarkTime => Some(TagValue::Number(details?.remark_time?.seconds())),
            FriendTag::Custom(keyword) => {
                let mut fields = details?.custom.iter();
                let (_, value) = fields.find(|(field, _)| *field == keyword)?;
                Some(value.clone())
            }
        }
    }

    /// The Tag and the value, if the field has one.
    pub fn item(&self, tag: FriendTag) -> Option<TagItem> {
        let value = self.value(tag)?;
        let tag = tag.name();
        Some(TagItem { tag, value })
    }

    /// All standard fields that have a value.
    pub fn standard_items(&self) -> impl Iterator<Item = TagItem> {
        STANDARD.iter().filter_map(|(_, tag)| self.item(*tag))
    }

    /// All custom fields that have a value.
    pub fn custom_items(&self) -> impl Iterator<Item = TagItem> {
        let details = self.details.iter();
        let fields = details.flat_map(|details| &details.custom);
        fields.map(|(keyword, value)| TagItem {
            tag: FriendTag::Custom(*keyword).name(),
            value: value.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tag_reads_back_as_written_and_custom_ones_have_to_be_declared() {
        let declared = [Keyword::parse("Test").expect("letters")];
        for (name, tag) in STANDARD {
            assert_eq!(FriendTag::parse(name, &[]), Some(tag));
            assert_eq!(tag.name(), name);
        }
        let custom = FriendTag::parse("Tag_SNS_Custom_Test", &declared).expect("declared");
        assert_eq!(custom.name(), "Tag_SNS_Custom_Test");
        for tag in [
            "",
            "Tag_SNS_Custom_",
            "Tag_SNS_Custom_test",
            "Tag_SNS_Custom_Tests",
            "Tag_SNS_IM_remark",
            "Tag_Profile_IM_Nick",
        ] {
            assert_eq!(FriendTag::parse(tag, &declared), None, "{tag}");
        }
    }

    #[test]
    fn a_custom_field_takes_500_bytes_or_an_integer_and_no_list() {
        let field = Keyword::parse("Test").expect("letters");
        for (value, fits) in [
            (TagValue::from(&*"x".repeat(500)), true),
            (TagValue::from(&*"\u{5b57}".repeat(167)), false), // 501 bytes
            (TagValue::from(&*"x".repeat(501)), false),
            (TagValue::Number(u64::MAX), true),
            (TagValue::Texts(Vec::new()), false),
        ] {
            let set = FriendUpdate::default().set_custom(field, &value);
            assert_eq!(set.is_ok(), fits, "{value:?}");
        }
    }
}
