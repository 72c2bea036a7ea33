//! `v4/im_open_login_svc/account_import`: creates an account, or sets Nick or FaceUrl of an existing
//! account.
//! <https://www.tencentcloud.com/document/product/1047/34953>

use super::Command;
use super::context::CallContext;
use super::recipe::{ACCOUNT, Names, Recipe};
use crate::faults::Targets;
use crate::profile::{ProfileField, ProfileTag};
use crate::protocol::code::Code;
use crate::protocol::ids::UserId;
use crate::protocol::lenient::text;
use crate::protocol::reply::{CallError, NoFields};
use crate::protocol::service::{CommandInfo, KeyOrder, Service, Subject};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use smol_str::SmolStr;

/// The body; also an item of multiaccount_import's AccountList.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(extend("required" = ["UserID"]))]
pub(crate) struct AccountImport {
    /// Required, except if there is an Identifier: 1 to 32 bytes of printable ASCII.
    #[serde(rename = "UserID", default, deserialize_with = "text")]
    user_id: Option<SmolStr>,
    /// The name of UserID on older pages and in many clients.
    #[serde(rename = "Identifier", default, deserialize_with = "text")]
    identifier: Option<SmolStr>,
    /// Optional: Tag_Profile_IM_Nick, at most 500 bytes.
    #[serde(rename = "Nick", default, deserialize_with = "text")]
    nick: Option<SmolStr>,
    /// Optional: Tag_Profile_IM_Image, at most 500 bytes.
    #[serde(rename = "FaceUrl", default, deserialize_with = "text")]
    face_url: Option<SmolStr>,
}

impl AccountImport {
    /// A request with a UserID only.
    pub(super) fn named(user_id: SmolStr) -> Self {
        Self {
            user_id: Some(user_id),
            ..Self::default()
        }
    }

    /// The UserID as the request has it; empty if it is missing.
    pub(super) fn name(&self) -> &str {
        let name = self.user_id.as_ref().or(self.identifier.as_ref());
        name.map(SmolStr::as_str).unwrap_or_default()
    }

    pub(super) fn user(&self) -> Result<UserId, Code> {
        UserId::parse(self.name()).ok_or(Code::AccountParameter)
    }

    /// The profile fields that the request gives.
    pub(super) fn fields(&self) -> Result<Vec<ProfileField>, Code> {
        let fields = [
            (ProfileTag::Nick, &self.nick),
            (ProfileTag::Image, &self.face_url),
        ];
        let given = fields.into_iter().filter_map(|(tag, text)| {
            let text = text.as_deref()?;
            Some(ProfileField::new(tag, &text.into()))
        });
        given.collect()
    }
}

impl Command for AccountImport {
    const INFO: CommandInfo = CommandInfo {
        keys: KeyOrder::InfoFirst,
        ..Service::ImOpenLogin.command("account_import", 200, Subject::Accounts(1))
    };

    const RECIPE: Recipe = Recipe {
        account: "/UserID",
        plain_field: "Nick",
        scripted: [
            ACCOUNT,
            &[
                Code::AccountsFull,
                Code::AccountDeleted,
                Code::ProfileSensitive,
                Code::ProfileInternal,
            ],
        ],
        ..Recipe::of(|Names { to, .. }| json!({ "UserID": to, "Nick": "nick" }))
    };

    type Response = NoFields;

    fn targets(&self) -> Targets<'_, impl Iterator<Item = &str>> {
        Targets::new(None, std::iter::once(self.name()))
    }

    async fn handle(self, context: CallContext<'_>) -> Result<NoFields, CallError> {
        let invalid = |_| match self.name() {
            "" => context.bad("UserID is missing or empty"),
            _ => context.bad("UserID is not 1 to 32 bytes of printable ASCII"),
        };
        let (user, fields) = (self.user().map_err(invalid)?, self.fields()?);
        context.app.store.import_account(user, fields).await?;
        Ok(NoFields {})
    }
}
