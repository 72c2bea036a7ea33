//! `v4/im_open_login_svc/multiaccount_import`: creates up to 100 accounts.
//! <https://www.tencentcloud.com/document/product/1047/34954>

use super::Command;
use super::account_import::AccountImport;
use super::context::CallContext;
use super::recipe::{ACCOUNT, Names, Recipe};
use crate::faults::Targets;
use crate::protocol::code::Code;
use crate::protocol::lenient::{names, optional_objects};
use crate::protocol::reply::{Answer, CallError, Tally};
use crate::protocol::service::{CommandInfo, Service, Subject};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use smol_str::SmolStr;

/// The maximum number of accounts in a call.
pub(super) const MAX_ACCOUNTS: u32 = 100;

/// The body. It has one of the two lists, with 1 to 100 accounts; if it has both, both are imported.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(extend("required" = ["AccountList"]))]
pub(crate) struct MultiaccountImport {
    /// The list of the newer page: accounts, which may have a Nick and a FaceUrl.
    #[serde(rename = "AccountList", default, deserialize_with = "optional_objects")]
    account_list: Vec<AccountImport>,
    /// The list of the older page: only UserIDs.
    #[serde(rename = "Accounts", default, deserialize_with = "names")]
    accounts: Vec<SmolStr>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct MultiaccountImportResponse {
    /// The accounts that were not imported. It is always there, because a published client panics
    /// without it.
    #[serde(rename = "FailAccounts")]
    fail_accounts: Vec<SmolStr>,
    #[serde(skip)]
    items: usize,
}

impl Answer for MultiaccountImportResponse {
    fn tally(&self) -> Option<Tally> {
        Some(Tally {
            items: self.items,
            refused: self.fail_accounts.len(),
            // The answer has only the names of the accounts.
            first_refused: None,
        })
    }
}

impl Command for MultiaccountImport {
    const INFO: CommandInfo =
        Service::ImOpenLogin.command("multiaccount_import", 100, Subject::Accounts(MAX_ACCOUNTS));

    const RECIPE: Recipe = Recipe {
        account: "/AccountList/0/UserID",
        plain_field: "AccountList",
        scripted: [ACCOUNT, &[Code::AccountQueryTimeout, Code::AccountsFull]],
        ..Recipe::of(|Names { to, .. }| json!({ "AccountList": [{ "UserID": to }] }))
    };

    type Response = MultiaccountImportResponse;

    fn targets(&self) -> Targets<'_, impl Iterator<Item = &str>> {
        let listed = self.account_list.iter().map(AccountImport::name);
        Targets::new(
            None,
            listed.chain(self.accounts.iter().map(SmolStr::as_str)),
        )
    }

    async fn handle(
        self,
        context: CallContext<'_>,
    ) -> Result<MultiaccountImportResponse, CallError> {
        let mut accounts = self.account_list;
        accounts.extend(self.accounts.into_iter().map(AccountImport::named));
        if accounts.is_empty() {
            return Err(context.bad("AccountList is missing or empty"));
        }
        context.check_length("AccountList", accounts.len(), MAX_ACCOUNTS)?;
        let users = context.users(accounts.iter().map(AccountImport::user));
        let mut fail_accounts = Vec::new();
        for (account, user) in accounts.iter().zip(users) {
            match (user, account.fields()) {
                (Ok(user), Ok(fields)) => {
                    context.app.store.import_account(user, fields).await?;
                }
                (Err(_), _) | (_, Err(_)) => fail_accounts.push(account.name().into()),
            }
        }
        Ok(MultiaccountImportResponse {
            fail_accounts,
            items: accounts.len(),
        })
    }
}
