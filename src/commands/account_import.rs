//! `v4/im_open_login_svc/account_import`: makes an account, or gives one that is there a new Nick
//! or FaceUrl.
//! <https://www.tencentcloud.com/document/product/1047/34953>

use super::Command;
use super::body::text;
use super::context::CallContext;
use crate::faults::Targets;
use crate::profile::{ProfileField, ProfileTag};
use crate::protocol::code::Code;
use crate::protocol::ids::UserId;
use crate::protocol::reply::{Answer, CallError, KeyOrder};
use crate::protocol::service::{CommandInfo, Service, Subject};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) struct AccountImport;

/// The body; also an item of multiaccount_import's AccountList.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub(crate) struct NewAccount {
    /// Required: 1 to 32 bytes of printable ASCII.
    #[serde(rename = "UserID", default, deserialize_with = "text")]
    pub(super) user_id: Option<String>,
    /// What older pages, and many clients, call it.
    #[serde(rename = "Identifier", default, deserialize_with = "text")]
    identifier: Option<String>,
    /// Optional: Tag_Profile_IM_Nick, at most 500 bytes.
    #[serde(rename = "Nick", default, deserialize_with = "text")]
    nick: Option<String>,
    /// Optional: Tag_Profile_IM_Image, at most 500 bytes.
    #[serde(rename = "FaceUrl", default, deserialize_with = "text")]
    face_url: Option<String>,
}

/// The answer: the envelope alone.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct AccountImportResponse {}

impl Answer for AccountImportResponse {
    const KEYS: KeyOrder = KeyOrder::InfoFirst;
}

impl NewAccount {
    /// One that is named and no more.
    pub(super) fn named(user_id: String) -> Self {
        Self {
            user_id: Some(user_id),
            ..Self::default()
        }
    }

    /// The UserID as it was sent.
    pub(super) fn name(&self) -> &str {
        let name = self.user_id.as_ref().or(self.identifier.as_ref());
        name.map(String::as_str).unwrap_or_default()
    }

    /// Whom to import.
    pub(super) fn user(&self) -> Result<UserId, Code> {
        UserId::parse(self.name()).ok_or(Code::AccountParameter)
    }

    /// The fields of its profile that are given.
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
        service: Service::ImOpenLogin,
        name: "account_import",
        calls_per_second: 200,
        subject: Subject::Accounts(1),
    };

    type Request = NewAccount;
    type Response = AccountImportResponse;

    fn targets(request: &NewAccount) -> Targets<'_, impl Iterator<Item = &str>> {
        Targets::new(None, std::iter::once(request.name()))
    }

    async fn handle(
        context: CallContext<'_>,
        request: NewAccount,
    ) -> Result<AccountImportResponse, CallError> {
        let user = request
            .user()
            .map_err(|_| context.bad("UserID has not 1 to 32 bytes of printable ASCII"))?;
        let fields = request.fields()?;
        context.app.store.import_account(user, fields).await?;
        Ok(AccountImportResponse {})
    }
}
