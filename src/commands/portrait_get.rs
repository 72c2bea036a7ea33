//! `v4/profile/portrait_get`: fields of profiles.
//! <https://www.tencentcloud.com/document/product/1047/34917>

use super::Command;
use super::context::{CallContext, distinct_tags, profile_error};
use crate::faults::Targets;
use crate::profile::ProfileTag;
use crate::protocol::code::Code;
use crate::protocol::ids::UserId;
use crate::protocol::reply::{CallError, ItemFields, ItemResults};
use crate::protocol::service::{CommandInfo, Service, Subject};
use crate::protocol::tag::TagItem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) struct PortraitGet;

/// Accounts in a call.
const MAX_ACCOUNTS: u32 = 100;

/// The body.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct PortraitGetRequest {
    /// Required: 1 to 100 accounts.
    #[serde(rename = "To_Account")]
    to_account: Vec<String>,
    /// Required: the fields that are asked for.
    #[serde(rename = "TagList")]
    tag_list: Vec<String>,
}

/// What is said of each To_Account.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ProfileFields {
    /// Those of the fields that have a value; absent of an account that is not there.
    #[serde(rename = "ProfileItem", skip_serializing_if = "Option::is_none")]
    items: Option<Vec<TagItem>>,
}

impl ItemFields for ProfileFields {
    const LIST: &'static str = "UserProfileItem";
}

impl Command for PortraitGet {
    const INFO: CommandInfo = CommandInfo {
        service: Service::Profile,
        name: "portrait_get",
        calls_per_second: 200,
        subject: Subject::Items(MAX_ACCOUNTS),
    };

    type Request = PortraitGetRequest;
    type Response = ItemResults<ProfileFields>;

    fn targets(request: &PortraitGetRequest) -> Targets<'_, impl Iterator<Item = &str>> {
        let to_accounts = request.to_account.iter().map(|to| &**to);
        Targets::new(None, to_accounts)
    }

    async fn handle(
        context: CallContext<'_>,
        request: PortraitGetRequest,
    ) -> Result<ItemResults<ProfileFields>, CallError> {
        if request.to_account.is_empty() {
            return Err(Code::ProfileNoAccount.into());
        }
        context.check_length("To_Account", request.to_account.len(), MAX_ACCOUNTS)?;
        let declared = &context.app.config.custom_fields.profile;
        let tags = distinct_tags(&request.tag_list, |text| ProfileTag::parse(text, declared))
            .map_err(|text| {
                let code = Code::ProfileTagNotExist;
                CallError::because(code, context.command.text(code), text)
            })?;
        let user = |to: &String| UserId::parse(to).ok_or(Code::ProfileAccountNotExist);
        let users = context.users(request.to_account.iter().map(user));
        let mut outcomes = Vec::new();
        for (to, user) in request.to_account.into_iter().zip(users) {
            let profile = match user {
                Ok(user) => {
                    let profile = context.app.store.profile(user).await;
                    profile.map_err(profile_error)
                }
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
        Ok(ItemResults::new(context.command, outcomes.into_iter()))
    }
}
