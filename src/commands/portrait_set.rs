//! `v4/profile/portrait_set`: sets fields of a profile.
//! <https://www.tencentcloud.com/document/product/1047/34916>

use super::Command;
use super::body::objects;
use super::context::{CallContext, profile_error};
use crate::faults::Targets;
use crate::profile::ProfileField;
use crate::protocol::code::Code;
use crate::protocol::ids::UserId;
use crate::protocol::reply::{CallError, NoFields};
use crate::protocol::service::{CommandInfo, Service, Subject};
use crate::protocol::tag::TagItem;
use crate::protocol::webhook::Event;
use schemars::JsonSchema;
use serde::Deserialize;

pub(crate) struct PortraitSet;

/// Items in a call; a profile has fewer fields.
const MAX_ITEMS: u32 = 100;

/// The body.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct PortraitSetRequest {
    /// Required. Whose profile.
    #[serde(rename = "From_Account")]
    from_account: String,
    /// Required: the fields, standard ones and custom ones that the app declares. All are set, or
    /// none.
    #[serde(rename = "ProfileItem", deserialize_with = "objects")]
    profile_item: Vec<TagItem>,
}

impl Command for PortraitSet {
    const INFO: CommandInfo = CommandInfo {
        service: Service::Profile,
        name: "portrait_set",
        calls_per_second: 200,
        subject: Subject::From,
    };

    type Request = PortraitSetRequest;
    type Response = NoFields;

    fn targets(request: &PortraitSetRequest) -> Targets<'_, impl Iterator<Item = &str>> {
        Targets::new(Some(&request.from_account), std::iter::empty())
    }

    async fn handle(
        context: CallContext<'_>,
        request: PortraitSetRequest,
    ) -> Result<NoFields, CallError> {
        context.check_length("ProfileItem", request.profile_item.len(), MAX_ITEMS)?;
        let declared = &context.app.config.custom_fields.profile;
        let fields = request.profile_item.iter();
        let fields: Vec<_> = fields
            .map(|item| ProfileField::parse(item, declared))
            .collect::<Result<_, _>>()?;
        let user = UserId::parse(&request.from_account).ok_or(Code::ProfileAccountNotExist)?;
        context
            .app
            .store
            .set_profile(user, fields)
            .await
            .map_err(profile_error)?;
        context.tell(|| Event::PortraitSet {
            from_account: user,
            operator_account: context.admin.to_string(),
            event_time: context.now.wall.as_millis() as u64,
            profile_item: request.profile_item,
        });
        Ok(NoFields {})
    }
}
