//! Makes a situation for the accounts of a call: chooses the code, arms its fault and writes the accounts.

use super::situation::{Carrier, Circumstances, Situation, Source};
use super::{Arranged, default_group, has_from_account, no_outcome};
use crate::accounts::AccountDocument;
use crate::apps::App;
use crate::commands::recipe::{Names, Recipe};
use crate::control::code_name::CodeName;
use crate::control::edits::{Edits, Written};
use crate::control::problem::Problem;
use crate::control::unused_name;
use crate::faults::{Fault, Kind, Plan, Scope};
use crate::gateway;
use crate::protocol::code::Code;
use crate::protocol::ids::UserId;
use crate::protocol::service::{CommandInfo, Subject};
use crate::state::AppState;
use crate::store::{Account, Accounts, StoreError};
use serde_json::Value;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// A command, and the accounts of a request to it.
pub(super) struct Arrangement<'a> {
    pub(super) state: &'a AppState,
    pub(super) app: &'a App,
    pub(super) command: &'static CommandInfo,
    pub(super) recipe: &'static Recipe,
    /// The accounts of the app before the call.
    pub(super) accounts: Accounts,
    pub(super) from: UserId,
    pub(super) to: UserId,
}

impl Arrangement<'_> {
    /// The code with this number or name. Outcomes can share a number: an outcome that a state gives is
    /// preferred, then one of an item.
    pub(super) fn code(&self, name: &CodeName) -> Result<Code, Problem> {
        let ranked = name.all(|code| self.number(code)).filter_map(|code| {
            let situation = self.situation(code)?;
            Some((code, (situation.source, situation.carrier)))
        });
        let best = ranked.min_by_key(|(_, rank)| *rank);
        let (code, _) = best.ok_or_else(|| no_outcome(name, self.command, &self.state.config))?;
        Ok(code)
    }

    /// The number that the command answers, which is the recorded one if the configuration says so.
    fn number(&self, code: Code) -> u32 {
        let text = self.command.item_text(code, self.state.config.sns.answers);
        text.number()
    }

    /// The situation in which the command answers a code; `None` if it never does.
    pub(super) fn situation(&self, code: Code) -> Option<Situation> {
        let account = |user| {
            let account = self
                .accounts
                .get(user)
                .map(|account| Account::clone(account));
            account.unwrap_or_default()
        };
        let from = account(self.from);
        let group = from.groups.first().cloned();
        let facts = Circumstances {
            recipe: self.recipe,
            command: self.command,
            names: Names {
                from: self.from,
                to: self.to,
                filler: unused_name(&self.accounts, "f"),
                group: group.unwrap_or_else(default_group),
            },
            from,
            to: account(self.to),
            admin: self.app.first_admin(),
            not_admin: gateway::not_admin(&self.state.config, self.command),
            declared: &self.app.config.custom_fields.friend,
            now: self.app.clock.now().unix_time(),
            policy: &self.state.config.sns,
        };
        Situation::of(code, facts)
    }

    /// Makes a situation: arms its fault, and changes the accounts. A call that fails changes nothing.
    pub(super) async fn make(&self, code: Code, situation: Situation) -> Result<Arranged, Problem> {
        let Situation {
            source,
            carrier,
            from,
            to,
            missing,
            request,
            caller,
        } = situation;
        let admins = &self.app.config.admins;
        if let Some(missing) = missing.filter(|missing| admins.contains(missing)) {
            let detail = format!("{missing} is an app admin, and app admins always exist");
            return Err(Problem::conflict(detail));
        }
        let mut sides = vec![(self.to, to)];
        if has_from_account(self.command) {
            sides.push((self.from, from));
        }
        sides.retain(|(user, _)| Some(*user) != missing);
        let fault = match source {
            Source::State | Source::Request => None,
            Source::Fault => {
                let plan = self.fault(code, carrier);
                Some(self.state.change(|world| world.arm(plan))?.id)
            }
        };
        let written = write(self.app, &self.accounts, &sides, missing).await;
        if written.is_err() {
            let is_new = |armed: &Fault| Some(armed.id) == fault;
            self.state.change(|world| world.faults.disarm(is_new));
        }
        let Written { created, accounts } = written?;
        let is_new = |(user, _): &&(UserId, Account)| self.accounts.get(*user).is_none();
        let fillers = created - sides.iter().filter(is_new).count();
        let (url, curl) = call_line(self.state, self.app, self.command, caller, &request);
        let document = |(user, _): &(UserId, Account)| {
            let account = accounts.get(*user)?;
            Some((*user, AccountDocument::of(*user, account, &accounts)))
        };
        Ok(Arranged {
            code: self.number(code),
            outcome: code.name(),
            command: format!("{}/{}", self.command.service.name(), self.command.name),
            carried_by: carrier,
            given_by: source,
            fault,
            accounts: sides.iter().filter_map(document).collect(),
            fillers,
            url,
            request,
            curl,
        })
    }

    /// A fault that fails the request once.
    fn fault(&self, code: Code, carrier: Carrier) -> Plan {
        let has_from = has_from_account(self.command);
        let scope = Scope {
            sdkappid: Some(self.app.sdkappid),
            command: Some(self.command.name),
            from_account: has_from.then_some(self.from),
            to_account: (self.command.subject != Subject::From).then_some(self.to),
            item: None,
        };
        let kind = match carrier {
            Carrier::ResultCode => Kind::ResultCode(code),
            Carrier::ErrorCode => Kind::ErrorCode(code),
        };
        Plan {
            times: Some(1),
            ..Plan::always(scope, kind)
        }
    }
}

/// Writes accounts, then deletes the account that must not exist, so that a call that fails deletes none.
async fn write(
    app: &App,
    before: &Accounts,
    sides: &[(UserId, Account)],
    missing: Option<UserId>,
) -> Result<Written, StoreError> {
    let mut edits = Edits::new(app, before);
    for (user, account) in sides {
        let was = before.get(*user).map(|was| Account::clone(was));
        edits.put(*user, &was.unwrap_or_default(), account.clone());
    }
    let mut written = edits.commit().await?;
    if let Some(missing) = missing.filter(|missing| before.get(*missing).is_some()) {
        app.store.delete_accounts(&[missing]).await?;
        written.accounts = app.store.accounts().await?;
    }
    Ok(written)
}

/// The URL and the curl line of a call by `caller`, or else by an app admin, for a client on the same
/// machine.
fn call_line(
    state: &AppState,
    app: &App,
    command: &CommandInfo,
    caller: Option<UserId>,
    request: &Value,
) -> (String, String) {
    let mut addr: SocketAddr = state.addr.get().copied().unwrap_or(state.config.listen);
    if addr.ip().is_unspecified() {
        addr.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    let caller = caller.unwrap_or_else(|| app.first_admin());
    let now = app.clock.now().unix_time();
    app.call_line(addr, command, caller, request, now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Sources};
    use crate::state::Shared;

    #[tokio::test]
    async fn a_conflict_deletes_no_account() {
        let config = Config::load(&Sources::default()).expect("the defaults are valid");
        let state = Shared::new(config);
        let app = state.world().apps.values().next().cloned().expect("an app");
        let [other, missing] = ["other", "missing"].map(|name| UserId::parse(name).expect("short"));
        for user in [other, missing] {
            app.store
                .import_account(user, Vec::new())
                .await
                .expect("there is room");
        }
        let before = app.store.accounts().await.expect("it answers");
        // Another call deletes an account meanwhile.
        app.store
            .delete_accounts(&[other])
            .await
            .expect("it answers");

        let sides = [(other, Account::default())];
        let written = write(&app, &before, &sides, Some(missing)).await;

        assert!(matches!(written, Err(StoreError::Conflict)));
        let accounts = app.store.accounts().await.expect("it answers");
        assert!(accounts.get(missing).is_some());
    }
}
