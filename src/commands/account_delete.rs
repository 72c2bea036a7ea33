//! `v4/im_open_login_svc/account_delete`: deletes accounts and everything that other accounts store
//! about them.
//! <https://www.tencentcloud.com/document/product/1047/34955>

use super::Command;
use super::context::CallContext;
use super::multiaccount_import::MAX_ACCOUNTS;
use super::recipe::{ACCOUNT, Names, Recipe};
use crate::faults::Targets;
use crate::protocol::code::Code;
use crate::protocol::code_text::CodeText;
use crate::protocol::ids::UserId;
use crate::protocol::lenient::objects;
use crate::protocol::reply::{Answer, CallError, Tally};
use crate::protocol::service::{CommandInfo, Service, Subject};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use smol_str::SmolStr;

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct AccountDelete {
    /// Required: 1 to 100 accounts.
    #[serde(rename = "DeleteItem", deserialize_with = "objects")]
    delete_item: Vec<AccountItem>,
}

/// One account.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct AccountItem {
    /// Required.
    #[serde(rename = "UserID")]
    pub(super) user_id: SmolStr,
}

/// The answer: a result for each item, in the request's order.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct AccountDeleteResponse {
    result_item: Vec<ResultItem>,
}

/// The result of an account.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "AccountDeleteResultItem")]
struct ResultItem {
    result_code: u32,
    #[schemars(with = "String")]
    result_info: CodeText,
    #[serde(rename = "UserID")]
    user_id: SmolStr,
}

impl Answer for AccountDeleteResponse {
    fn tally(&self) -> Option<Tally> {
        let items = &self.result_item;
        let mut refused = (0..).zip(items).filter(|(_, item)| item.result_code != 0);
        let first = refused.next();
        Some(Tally {
            items: items.len(),
            refused: usize::from(first.is_some()) + refused.count(),
            first_refused: first.map(|(at, item)| (at, item.result_info.code())),
        })
    }
}

impl Command for AccountDelete {
    const INFO: CommandInfo =
        Service::ImOpenLogin.command("account_delete", 100, Subject::Items(MAX_ACCOUNTS));

    const RECIPE: Recipe = Recipe {
        account: "/DeleteItem/0/UserID",
        plain_field: "DeleteItem",
        scripted: [
            ACCOUNT,
            &[
                Code::AccountQueryTimeout,
                Code::ProfileInternal,
                Code::Internal,
                Code::NetworkTimeout,
                Code::WriteConflict,
            ],
        ],
        ..Recipe::of(|Names { to, .. }| json!({ "DeleteItem": [{ "UserID": to }] }))
    };

    type Response = AccountDeleteResponse;

    fn targets(&self) -> Targets<'_, impl Iterator<Item = &str>> {
        Targets::new(None, self.delete_item.iter().map(|item| &*item.user_id))
    }

    async fn handle(self, context: CallContext<'_>) -> Result<AccountDeleteResponse, CallError> {
        context.check_length("DeleteItem", self.delete_item.len(), MAX_ACCOUNTS)?;
        let user = |item: &AccountItem| {
            let user = UserId::parse(&item.user_id).ok_or(Code::AccountNotExist)?;
            // Admins always exist.
            let admin = context.app.admin(user.as_str());
            admin.map_or(Ok(user), |_| Err(Code::DeletionRefused))
        };
        let users = context.users(self.delete_item.iter().map(user));
        let valid: Vec<UserId> = users.iter().filter_map(|user| user.ok()).collect();
        let mut deleted = context.app.store.delete_accounts(&valid).await?.into_iter();
        let result = |(item, user): (AccountItem, Result<UserId, Code>)| {
            let code = match user {
                Err(code) => code,
                Ok(_) if deleted.next() == Some(true) => Code::Ok,
                Ok(_) => Code::AccountNotExist,
            };
            ResultItem {
                result_code: code.number(),
                result_info: context.command.text(code),
                user_id: item.user_id,
            }
        };
        let results = self.delete_item.into_iter().zip(users).map(result);
        Ok(AccountDeleteResponse {
            result_item: results.collect(),
        })
    }
}
