//! `v4/im_open_login_svc/account_check`: says which accounts are imported.
//! <https://www.tencentcloud.com/document/product/1047/34956>

use super::Command;
use super::account_delete::AccountItem;
use super::context::CallContext;
use super::multiaccount_import::MAX_ACCOUNTS;
use super::recipe::{ACCOUNT, Names, Recipe};
use crate::faults::Targets;
use crate::protocol::code::Code;
use crate::protocol::ids::UserId;
use crate::protocol::lenient::objects;
use crate::protocol::reply::{Answer, CallError};
use crate::protocol::service::{CommandInfo, Service, Subject};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use smol_str::SmolStr;

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct AccountCheck {
    /// Required: 1 to 100 accounts.
    #[serde(rename = "CheckItem", deserialize_with = "objects")]
    check_item: Vec<AccountItem>,
}

/// The answer: a result for each item, in the request's order.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct AccountCheckResponse {
    result_item: Vec<ResultItem>,
}

/// The result of an account. An account that is not imported is not an error.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "AccountCheckResultItem")]
struct ResultItem {
    #[serde(rename = "UserID")]
    user_id: SmolStr,
    result_code: u32,
    result_info: &'static str,
    account_status: &'static str,
}

impl Answer for AccountCheckResponse {}

impl Command for AccountCheck {
    const INFO: CommandInfo =
        Service::ImOpenLogin.command("account_check", 100, Subject::Accounts(MAX_ACCOUNTS));

    const RECIPE: Recipe = Recipe {
        account: "/CheckItem/0/UserID",
        plain_field: "CheckItem",
        scripted: [ACCOUNT, &[Code::AccountQueryTimeout]],
        ..Recipe::of(|Names { to, .. }| json!({ "CheckItem": [{ "UserID": to }] }))
    };

    type Response = AccountCheckResponse;

    fn targets(&self) -> Targets<'_, impl Iterator<Item = &str>> {
        Targets::new(None, self.check_item.iter().map(|item| &*item.user_id))
    }

    async fn handle(self, context: CallContext<'_>) -> Result<AccountCheckResponse, CallError> {
        context.check_length("CheckItem", self.check_item.len(), MAX_ACCOUNTS)?;
        let user = |item: &AccountItem| UserId::parse(&item.user_id);
        let users: Vec<_> = self.check_item.iter().map(user).collect();
        let are_imported = context.app.store.are_imported(&users).await?;
        let result = |(item, is_imported): (AccountItem, bool)| ResultItem {
            user_id: item.user_id,
            result_code: 0,
            result_info: "",
            account_status: if is_imported {
                "Imported"
            } else {
                "NotImported"
            },
        };
        let results = self.check_item.into_iter().zip(are_imported).map(result);
        Ok(AccountCheckResponse {
            result_item: results.collect(),
        })
    }
}
