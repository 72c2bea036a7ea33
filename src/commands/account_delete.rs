//! `v4/im_open_login_svc/account_delete`: deletes accounts, with all that anybody keeps of them.
//! <https://www.tencentcloud.com/document/product/1047/34955>

use super::Command;
use super::body::objects;
use super::context::CallContext;
use super::multiaccount_import::MAX_ACCOUNTS;
use crate::faults::Targets;
use crate::protocol::code::Code;
use crate::protocol::code_text::CodeText;
use crate::protocol::ids::UserId;
use crate::protocol::reply::{Answer, CallError, KeyOrder, Tally};
use crate::protocol::service::{CommandInfo, Service, Subject};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) struct AccountDelete;

/// The body.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct AccountDeleteRequest {
    /// Required: 1 to 100 accounts.
    #[serde(rename = "DeleteItem", deserialize_with = "objects")]
    delete_item: Vec<AccountItem>,
}

/// One account.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct AccountItem {
    /// Required.
    #[serde(rename = "UserID")]
    pub(super) user_id: String,
}

/// The answer: a result for each item, in the request's order.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct AccountDeleteResponse {
    result_item: Vec<ResultItem>,
}

/// One account's outcome.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct ResultItem {
    result_code: u32,
    #[schemars(with = "String")]
    result_info: CodeText,
    #[serde(rename = "UserID")]
    user_id: String,
}

impl Answer for AccountDeleteResponse {
    const KEYS: KeyOrder = KeyOrder::EnvelopeFirst;

    fn tally(&self) -> Option<Tally> {
        let items = &self.result_item;
        let refused = items.iter().filter(|item| item.result_code != 0).count();
        Some(Tally {
            items: items.len(),
            refused,
        })
    }
}

impl Command for AccountDelete {
    const INFO: CommandInfo = CommandInfo {
        service: Service::ImOpenLogin,
        name: "account_delete",
        calls_per_second: 100,
        subject: Subject::Items(MAX_ACCOUNTS),
    };

    type Request = AccountDeleteRequest;
    type Response = AccountDeleteResponse;

    fn targets(request: &AccountDeleteRequest) -> Targets<'_, impl Iterator<Item = &str>> {
        let to_accounts = request.delete_item.iter().map(|item| &*item.user_id);
        Targets::new(None, to_accounts)
    }

    async fn handle(
        context: CallContext<'_>,
        request: AccountDeleteRequest,
    ) -> Result<AccountDeleteResponse, CallError> {
        context.check_length("DeleteItem", request.delete_item.len(), MAX_ACCOUNTS)?;
        // Admins always exist.
        let candidate = |item: &AccountItem| {
            let user = UserId::parse(&item.user_id).ok_or(Code::AccountNotExist)?;
            let is_admin = context.app.admin(user.as_str()).is_some();
            if is_admin {
                Err(Code::DeletionRefused)
            } else {
                Ok(user)
            }
        };
        let items = context.users(request.delete_item.iter().map(candidate));
        let users: Vec<UserId> = items.iter().filter_map(|item| item.ok()).collect();
        let deleted = context.app.store.delete_accounts(&users).await?;
        let mut deleted = deleted.into_iter();
        let code = |item: Result<UserId, Code>| match item {
            Err(code) => code,
            Ok(_) if deleted.next() == Some(true) => Code::Ok,
            Ok(_) => Code::AccountNotExist,
        };
        let codes: Vec<_> = items.into_iter().map(code).collect();
        let result = |(item, code): (AccountItem, Code)| ResultItem {
            result_code: code.number(),
            result_info: context.command.text(code),
            user_id: item.user_id,
        };
        let results = request.delete_item.into_iter().zip(codes);
        Ok(AccountDeleteResponse {
            result_item: results.map(result).collect(),
        })
    }
}
