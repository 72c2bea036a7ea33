//! `v4/im_open_login_svc/account_check`: which accounts there are.
//! <https://www.tencentcloud.com/document/product/1047/34956>

use super::Command;
use super::account_delete::AccountItem;
use super::body::objects;
use super::context::CallContext;
use super::multiaccount_import::MAX_ACCOUNTS;
use crate::faults::Targets;
use crate::protocol::ids::UserId;
use crate::protocol::reply::{Answer, CallError, KeyOrder};
use crate::protocol::service::{CommandInfo, Service, Subject};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) struct AccountCheck;

/// The body.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct AccountCheckRequest {
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

/// One account's outcome. That it is not there is no failure.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct ResultItem {
    #[serde(rename = "UserID")]
    user_id: String,
    result_code: u32,
    result_info: &'static str,
    account_status: &'static str,
}

impl Answer for AccountCheckResponse {
    const KEYS: KeyOrder = KeyOrder::EnvelopeFirst;
}

impl Command for AccountCheck {
    const INFO: CommandInfo = CommandInfo {
        service: Service::ImOpenLogin,
        name: "account_check",
        calls_per_second: 100,
        subject: Subject::Accounts(MAX_ACCOUNTS),
    };

    type Request = AccountCheckRequest;
    type Response = AccountCheckResponse;

    fn targets(request: &AccountCheckRequest) -> Targets<'_, impl Iterator<Item = &str>> {
        let to_accounts = request.check_item.iter().map(|item| &*item.user_id);
        Targets::new(None, to_accounts)
    }

    async fn handle(
        context: CallContext<'_>,
        request: AccountCheckRequest,
    ) -> Result<AccountCheckResponse, CallError> {
        context.check_length("CheckItem", request.check_item.len(), MAX_ACCOUNTS)?;
        let items = request.check_item;
        let users: Vec<_> = items
            .iter()
            .map(|item| UserId::parse(&item.user_id))
            .collect();
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
        Ok(AccountCheckResponse {
            result_item: items.into_iter().zip(are_imported).map(result).collect(),
        })
    }
}
