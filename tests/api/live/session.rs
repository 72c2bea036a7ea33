//! A run of the cases against a server: the accounts that it makes, and the guesses that it settles.

use super::server::{Answer, Server};
use super::table::Settled;
use serde_json::{Value, json};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tencent_chat_emulator::clock::SystemMoment;

/// The most accounts in one account_delete or multiaccount_import.
const ACCOUNTS_A_CALL: usize = 100;

pub(super) struct Session {
    pub(super) server: Server,
    /// The beginning of the UserIDs of this run.
    prefix: String,
    imported: Mutex<Vec<String>>,
    pub(super) table: Mutex<Vec<Settled>>,
}

/// The error of a step without which a case cannot go on.
pub(super) type Step<T> = Result<T, String>;

impl Session {
    pub(super) fn new(server: Server) -> Self {
        let now = SystemMoment::now().wall.as_millis();
        Self {
            server,
            prefix: format!("emu{now:x}"),
            imported: Mutex::default(),
            table: Mutex::default(),
        }
    }

    /// A UserID of this run. The account may not exist.
    pub(super) fn name(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Calls a command as the admin.
    pub(super) async fn call(&self, command: &str, body: Value) -> Answer {
        self.server.call(command, &body).await
    }

    /// Makes a call without which the case cannot go on: it and all its items have to succeed.
    pub(super) async fn must(&self, command: &str, body: Value) -> Step<Answer> {
        let answer = self.call(command, body).await;
        let codes = answer.codes();
        if codes.split(", ").all(|code| code == "0") {
            return Ok(answer);
        }
        Err(format!("{command} answered {}", answer.text()))
    }

    /// Imports accounts.
    pub(super) async fn import(&self, names: &[String]) -> Step<()> {
        for names in names.chunks(ACCOUNTS_A_CALL) {
            // Before the call: a failed call can have imported some of them.
            self.to_delete(names);
            let body = json!({"Accounts": names});
            let answer = self
                .must("im_open_login_svc/multiaccount_import", body)
                .await?;
            if answer.0["FailAccounts"]
                .as_array()
                .is_some_and(|list| !list.is_empty())
            {
                return Err(format!("multiaccount_import answered {}", answer.0));
            }
        }
        Ok(())
    }

    /// Imports accounts that anybody may add.
    pub(super) async fn people<const N: usize>(&self, names: [&str; N]) -> Step<[String; N]> {
        let names = names.map(|name| self.name(name));
        self.import(&names).await?;
        for name in &names {
            self.allow(name, "AllowType_Type_AllowAny").await?;
        }
        Ok(names)
    }

    /// Sets an account's AllowType.
    pub(super) async fn allow(&self, name: &str, allow_type: &str) -> Step<()> {
        self.set(name, "Tag_Profile_IM_AllowType", allow_type).await
    }

    pub(super) async fn set(&self, name: &str, tag: &str, value: &str) -> Step<()> {
        let item = json!([{"Tag": tag, "Value": value}]);
        let body = json!({"From_Account": name, "ProfileItem": item});
        self.must("profile/portrait_set", body).await.map(drop)
    }

    /// Deletes all accounts of this run. Returns the accounts whose deletion failed.
    pub(super) async fn delete_accounts(&self) -> Vec<String> {
        let names = std::mem::take(&mut *self.imported());
        let mut left = Vec::new();
        for names in names.chunks(ACCOUNTS_A_CALL) {
            let items: Vec<_> = names.iter().map(|name| json!({"UserID": name})).collect();
            let body = json!({"DeleteItem": items});
            let answer = self.call("im_open_login_svc/account_delete", body).await;
            let items = answer.0["ResultItem"].as_array();
            let is_gone = |name: &&String| {
                items.into_iter().flatten().any(|item| {
                    // 70107: the account was never imported.
                    let gone = item["ResultCode"] == 0 || item["ResultCode"] == 70107;
                    gone && item["UserID"] == **name
                })
            };
            left.extend(names.iter().filter(|name| !is_gone(name)).cloned());
        }
        left
    }

    /// Notes accounts to delete at the end.
    pub(super) fn to_delete(&self, names: &[String]) {
        self.imported().extend_from_slice(names);
    }

    /// The imported accounts, also after a panic.
    fn imported(&self) -> MutexGuard<'_, Vec<String>> {
        self.imported.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
