//! The codes that an invalid field of a request gives.

use super::situation::Circumstances;
use crate::protocol::code::Code;
use crate::protocol::ids::UserId;
use crate::protocol::service::Service;
use crate::sns::friend_tag::FriendTag;
use crate::sns::texts::{AddWording, GroupName, Remark};
use serde_json::{Value, json};

/// The longest value of a field of a profile or of a custom field, in bytes.
const MAX_VALUE_BYTES: usize = 500;

/// A JSON pointer into the command's request, and a value there that gets the code; `None` if no field gets
/// it. The pointer can name a field that the request lacks.
pub(super) fn wrong_value(code: Code, facts: &Circumstances<'_>) -> Option<(String, Value)> {
    let Circumstances {
        recipe,
        command,
        names,
        admin,
        declared,
        ..
    } = facts;
    let (service, account) = (command.service, recipe.account.to_owned());
    let has_to = service == Service::Sns && account != "/From_Account";
    let tag = |tag: &str, value: Value| json!([{ "Tag": tag, "Value": value }]);
    let of_item = |(field, value): (&str, Value)| {
        let item = account.rsplit_once('/').map_or("", |(item, _)| item);
        (format!("{item}/{field}"), value)
    };
    Some(match (command.name, code) {
        _ if code == service.bad_body() => (format!("/{}", recipe.plain_field), json!({})),
        (_, Code::AccountNotAString) => (account, 1.into()),
        (_, Code::ToAccountIllegal) if has_to => (account, "".into()),
        ("friend_add" | "friend_import" | "black_list_add", Code::AddSelf) => {
            (account, names.from.as_str().into())
        }
        ("friend_add" | "friend_import", _) if wrong_field(code, names.from).is_some() => {
            of_item(wrong_field(code, names.from)?)
        }
        ("friend_import", Code::TagIllegal) => {
            of_item(("CustomItem", tag("Tag_SNS_IM_Remark", "x".into())))
        }
        ("friend_import", Code::ValueIllegal) => {
            let field = FriendTag::Custom(*declared.first()?).name();
            of_item(("CustomItem", tag(&field, too_long(MAX_VALUE_BYTES))))
        }
        ("friend_update", Code::RemarkTooLong) => of_item((
            "SnsItem",
            tag("Tag_SNS_IM_Remark", too_long(Remark::MAX_BYTES)),
        )),
        ("friend_update", Code::GroupNameTooLong) => of_item((
            "SnsItem",
            tag("Tag_SNS_IM_Group", json!([too_long(GroupName::MAX_BYTES)])),
        )),
        ("friend_update", Code::TagIllegal) => {
            of_item(("SnsItem", tag("Tag_SNS_IM_AddSource", "x".into())))
        }
        ("friend_update", Code::ValueIllegal) => {
            of_item(("SnsItem", tag("Tag_SNS_IM_Remark", 1.into())))
        }
        ("group_add" | "group_delete" | "group_get", Code::GroupNameTooLong) => {
            ("/GroupName".into(), json!([too_long(GroupName::MAX_BYTES)]))
        }
        ("account_import", Code::ProfileTooLong) => ("/Nick".into(), too_long(MAX_VALUE_BYTES)),
        ("account_delete", Code::DeletionRefused) => (account, admin.as_str().into()),
        ("portrait_set", Code::ProfileTagNotExist) => (
            "/ProfileItem".into(),
            tag("Tag_Profile_IM_Name", "x".into()),
        ),
        ("portrait_set", Code::ProfileTooLong) => (
            "/ProfileItem".into(),
            tag("Tag_Profile_IM_Nick", too_long(MAX_VALUE_BYTES)),
        ),
        ("portrait_set", Code::ProfileValueIllegal) => (
            "/ProfileItem".into(),
            tag("Tag_Profile_IM_Gender", "x".into()),
        ),
        ("portrait_set", Code::ProfileTypeIllegal) => {
            ("/ProfileItem".into(), tag("Tag_Profile_IM_Nick", 1.into()))
        }
        ("portrait_get", Code::ProfileNoAccount) => ("/To_Account".into(), json!([])),
        ("portrait_get", Code::ProfileTagNotExist) => {
            ("/TagList".into(), json!(["Tag_Profile_IM_Name"]))
        }
        _ => return None,
    })
}

/// The field of an item of friend_add that this code is about, and an invalid value that gets the code.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the other codes are not about one field of an item"
)]
pub(in super::super) fn wrong_field(code: Code, from: UserId) -> Option<(&'static str, Value)> {
    Some(match code {
        Code::ToAccountIllegal => ("To_Account", "".into()),
        Code::AccountNotAString => ("To_Account", 1.into()),
        Code::AddSelf => ("To_Account", from.as_str().into()),
        Code::SourceIllegal => ("AddSource", "Web".into()),
        Code::RemarkTooLong => ("Remark", too_long(Remark::MAX_BYTES)),
        Code::GroupNameTooLong => ("GroupName", too_long(GroupName::MAX_BYTES)),
        Code::WordingTooLong => ("AddWording", too_long(AddWording::MAX_BYTES)),
        _ => return None,
    })
}

/// A text that is longer than a limit.
fn too_long(max_bytes: usize) -> Value {
    "x".repeat(max_bytes + 1).into()
}

/// Sets the value at a pointer whose parent exists.
pub(super) fn set(request: &mut Value, pointer: &str, value: Value) {
    let (parent, field) = pointer.rsplit_once('/').unwrap_or_default();
    match request.pointer_mut(parent) {
        Some(Value::Object(object)) => drop(object.insert(field.to_owned(), value)),
        Some(Value::Array(list)) => *list = vec![value],
        _ => {}
    }
}
