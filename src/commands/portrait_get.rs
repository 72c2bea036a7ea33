//! `v4/profile/portrait_get`: requested fields of profiles.
//! <https://www.tencentcloud.com/document/product/1047/34917>

use super::Command;
use super::context::{CallContext, distinct_tags, profile_error};
use super::multiaccount_import::MAX_ACCOUNTS;
use super::recipe::{Names, PROFILE, Recipe};
use crate::faults::Targets;
use crate::profile::ProfileTag;
use crate::protocol::code::Code;
use crate::protocol::ids::UserId;
use crate::protocol::reply::{CallError, ItemFields, ItemResults};
use crate::protocol::service::{CommandInfo, Service, Subject};
use crate::protocol::tag::TagItem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use smol_str::SmolStr;

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct PortraitGet {
    /// Required: 1 to 100 accounts.
    #[serde(rename = "To_Account")]
    to_account: Vec<SmolStr>,
    /// Required: the requested fields.
    #[serde(rename = "TagList")]
    tag_list: Vec<SmolStr>,
}

/// The profile of a To_Account.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ProfileFields {
    /// The requested fields that have a value; absent if the account is not imported.
    #[serde(rename = "ProfileItem", skip_serializing_if = "Option::is_none")]
    items: Option<Vec<TagItem>>,
}

impl ItemFields for ProfileFields {
    const LIST: &'static str = "UserProfileItem";
}

impl Command for PortraitGet {
    const INFO: CommandInfo =
        Service::Profile.command("portrait_get", 200, Subject::Items(MAX_ACCOUNTS));

    const RECIPE: Recipe = Recipe {
        scripted: [PROFILE, &[Code::ProfileNoReadRight]],
        ..Recipe::of(
            |Names { to, .. }| json!({ "To_Account": [to], "TagList": ["Tag_Profile_IM_Nick"] }),
        )
    };

    type Response = ItemResults<ProfileFields>;

    fn targets(&self) -> Targets<'_, impl Iterator<Item = &str>> {
        Targets::new(None, self.to_account.iter().map(SmolStr::as_str))
    }

    async fn handle(self, context: CallContext<'_>) -> Result<Self::Response, CallError> {
        if self.to_account.is_empty() {
            return Err(Code::ProfileNoAccount.into());
        }
        context.check_length("To_Account", self.to_account.len(), MAX_ACCOUNTS)?;
        let declared = &context.app.config.custom_fields.profile;
        let tags = distinct_tags(&self.tag_list, |text| ProfileTag::parse(text, declared))
            .map_err(|text| {
                let code = Code::ProfileTagNotExist;
                CallError::because(code, context.command.text(code), &text)
            })?;
        let user = |to: &SmolStr| UserId::parse(to).ok_or(Code::ProfileAccountNotExist);
        let users = context.users(self.to_account.iter().map(user));
        let mut outcomes = Vec::new();
        for (to, user) in self.to_account.into_iter().zip(users) {
            let profile = match user {
                Ok(user) => context.app.store.profile(user).await.map_err(profile_error),
                Err(code) => Err(code),
            };
            let (code, items) = match profile {
                Ok(profile) => {
                    let items = tags.iter().filter_map(|tag| profile.item(*tag));
                    (Code::Ok, Some(items.collect()))
                }
                Err(code) => (code, None),
            };
            outcomes.push((to, code, ProfileFields { items }));
        }
        Ok(context.item_results(outcomes.into_iter()))
    }
}
