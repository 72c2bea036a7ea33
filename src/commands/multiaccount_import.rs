//! `v4/im_open_login_svc/multiaccount_import`: makes up to 100 accounts.
//! <https://www.tencentcloud.com/document/product/1047/34954>

use super::Command;
use super::account_import::NewAccount;
use super::body::{names, optional_objects};
use super::context::CallContext;
use crate::faults::Targets;
use crate::protocol::reply::{Answer, CallError, KeyOrder, Tally};
use crate::protocol::service::{CommandInfo, Service, Subject};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) struct MultiaccountImport;

/// Accounts in one call.
pub(super) const MAX_ACCOUNTS: u32 = 100;

/// The body, of either age: one of the two lists, with 1 to 100 accounts. Both are taken together.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct MultiaccountImportRequest {
    /// The newer page's: accounts, which may have a Nick and a FaceUrl.
    #[serde(rename = "AccountList", default, deserialize_with = "optional_objects")]
    account_list: Vec<NewAccount>,
    /// The older page's: UserIDs alone.
    #[serde(rename = "Accounts", default, deserialize_with = "names")]
    accounts: Vec<String>,
}

/// The answer.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct MultiaccountImportResponse {
    /// Those that were not imported; always there, because a published client panics without it.
    #[serde(rename = "FailAccounts")]
    fail_accounts: Vec<String>,
    #[serde(skip)]
    items: usize,
}

impl Answer for MultiaccountImportResponse {
    const KEYS: KeyOrder = KeyOrder::EnvelopeFirst;

    fn tally(&self) -> Option<Tally> {
        Some(Tally {
            items: self.items,
            refused: self.fail_accounts.len(),
        })
    }
}

impl Command for MultiaccountImport {
    const INFO: CommandInfo = CommandInfo {
        service: Service::ImOpenLogin,
        name: "multiaccount_import",
        calls_per_second: 100,
        subject: Subject::Accounts(MAX_ACCOUNTS),
    };

    type Request = MultiaccountImportRequest;
    type Response = MultiaccountImportResponse;

    fn targets(request: &MultiaccountImportRequest) -> Targets<'_, impl Iterator<Item = &str>> {
        let listed = request.account_list.iter().map(NewAccount::name);
        let named = request.accounts.iter().map(|name| &**name);
        Targets::new(None, listed.chain(named))
    }

    async fn handle(
        context: CallContext<'_>,
        request: MultiaccountImportRequest,
    ) -> Result<MultiaccountImportResponse, CallError> {
        let named = request.accounts.into_iter().map(NewAccount::named);
        let accounts: Vec<_> = request.account_list.into_iter().chain(named).collect();
        context.check_length("AccountList", accounts.len(), MAX_ACCOUNTS)?;
        let users = context.users(accounts.iter().map(NewAccount::user));
        let mut fail_accounts = Vec::new();
        for (account, user) in accounts.iter().zip(users) {
            match (user, account.fields()) {
                (Ok(user), Ok(fields)) => {
                    context.app.store.import_account(user, fields).await?;
                }
                (Err(_), _) | (_, Err(_)) => fail_accounts.push(account.name().to_owned()),
            }
        }
        Ok(MultiaccountImportResponse {
            fail_accounts,
            items: accounts.len(),
        })
    }
}
