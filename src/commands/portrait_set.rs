//! `v4/profile/portrait_set`: sets fields of a profile.
//! <https://www.tencentcloud.com/document/product/1047/34916>

use super::Command;
use super::context::{CallContext, profile_error};
use super::recipe::{Names, PROFILE, Recipe};
use crate::faults::Targets;
use crate::profile::ProfileField;
use crate::protocol::code::Code;
use crate::protocol::ids::UserId;
use crate::protocol::lenient::objects;
use crate::protocol::reply::{CallError, NoFields};
use crate::protocol::service::{CommandInfo, Service, Subject};
use crate::protocol::tag::TagItem;
use crate::protocol::webhook::Event;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use smol_str::SmolStr;

/// The maximum number of items in a call (GUESS); a profile has fewer fields.
const MAX_ITEMS: u32 = 100;

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct PortraitSet {
    /// Required: the owner of the profile.
    #[serde(rename = "From_Account")]
    from_account: SmolStr,
    /// Required: standard fields, and custom fields that the app declares. If one is invalid, no field
    /// is set.
    #[serde(rename = "ProfileItem", deserialize_with = "objects")]
    profile_item: Vec<TagItem>,
}

impl Command for PortraitSet {
    const INFO: CommandInfo = Service::Profile.command("portrait_set", 200, Subject::From);

    const RECIPE: Recipe = Recipe {
        account: "/From_Account",
        plain_field: "ProfileItem",
        scripted: [
            PROFILE,
            &[Code::ProfileSensitive, Code::ProfileNoWriteRight],
        ],
        ..Recipe::of(|Names { from, .. }| {
            let field = json!({ "Tag": "Tag_Profile_IM_Nick", "Value": "nick" });
            json!({ "From_Account": from, "ProfileItem": [field] })
        })
    };

    type Response = NoFields;

    fn targets(&self) -> Targets<'_, impl Iterator<Item = &str>> {
        Targets::new(Some(&self.from_account), std::iter::empty())
    }

    async fn handle(self, context: CallContext<'_>) -> Result<NoFields, CallError> {
        let (app, items) = (context.app, self.profile_item);
        context.check_length("ProfileItem", items.len(), MAX_ITEMS)?;
        let declared = &app.config.custom_fields.profile;
        let fields = items.iter().map(|item| ProfileField::parse(item, declared));
        let fields = fields.collect::<Result<_, _>>()?;
        let user = UserId::parse(&self.from_account).ok_or(Code::ProfileAccountNotExist)?;
        let set = app.store.set_profile(user, fields).await;
        set.map_err(profile_error)?;
        context.send(|| Event::PortraitSet {
            from_account: user,
            operator_account: context.admin.to_string(),
            event_time: context.now.wall.as_millis() as u64,
            profile_item: items,
        });
        Ok(NoFields {})
    }
}
