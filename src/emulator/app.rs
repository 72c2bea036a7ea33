//! One app, from Rust: its key, its accounts, its clock, its limits.

use super::error::Error;
use super::faults::Faults;
use super::requests::Requests;
use super::seed::AccountSeed;
use crate::apps::App;
use crate::clock::AppClock;
use crate::commands;
use crate::control::accounts::{answer_request, delete_account, find, put_account};
use crate::control::apps::{find_app, remove_app, reset_app};
use crate::control::clock::find_clock;
use crate::control::extract::Draft;
use crate::control::limits::set_limits;
use crate::control::problem::Problem;
use crate::protocol::ids::{SdkAppId, UserId};
use crate::protocol::service::CommandInfo;
use crate::protocol::user_sig::EXPIRE_SECONDS;
use crate::sns::friend_response::Response;
use crate::state::AppState;
use crate::store::{Account, Accounts};
use serde_json::{Map, Value};
use std::fmt;
use std::sync::Arc;

/// An app of an emulator. Clones are handles to the same app.
///
/// A handle finds its app by the SDKAppID at each use. So it stays valid when the app or the emulator is reset.
/// When the app is removed, methods that read or change it fail with [`NotFound`](super::ErrorKind::NotFound);
/// [`Self::secret_key`], [`Self::admin`], [`Self::user_sig`], [`Self::query`] and [`Self::url`] go on with what
/// was last known, so that a test can call an app that no longer exists.
///
/// UserIDs are texts, of 1 to 32 bytes of printable ASCII; any other text is an `Invalid` error. A method that
/// fails has changed nothing.
#[derive(Clone)]
pub struct AppHandle {
    state: AppState,
    /// The app when the handle was made.
    app: Arc<App>,
}

/// The accounts of an app at one moment. It shares the memory of accounts that do not change.
#[derive(Clone)]
pub struct Snapshot {
    sdkappid: SdkAppId,
    accounts: Accounts,
}

impl AppHandle {
    pub(super) fn new(state: &AppState, app: Arc<App>) -> Self {
        let state = state.clone();
        Self { state, app }
    }

    /// The app's SDKAppID.
    pub fn sdkappid(&self) -> SdkAppId {
        self.app.sdkappid
    }

    /// The key that signs the app's UserSigs.
    pub fn secret_key(&self) -> String {
        self.last_known().config.secret_key.as_str().to_owned()
    }

    /// The first admin of the app.
    pub fn admin(&self) -> UserId {
        self.last_known().first_admin()
    }

    /// A UserSig of `identifier`, valid for 180 days from now on, by the app's clock. Only the identifier of an
    /// admin may call the REST API.
    pub fn user_sig(&self, identifier: &str) -> String {
        self.user_sig_for(identifier, EXPIRE_SECONDS)
    }

    /// A UserSig of `identifier`, valid for this number of seconds from now on, by the app's clock. If the number
    /// is negative, the UserSig has expired.
    pub fn user_sig_for(&self, identifier: &str, expire_seconds: i64) -> String {
        let app = self.last_known();
        app.sign(identifier, app.clock.now().unix_time(), expire_seconds)
    }

    /// The query of a call by the first admin, with a UserSig that is valid for 180 days:
    /// `sdkappid=...&identifier=...&usersig=...&random=...&contenttype=json`.
    pub fn query(&self) -> String {
        let app = self.last_known();
        app.query(app.first_admin(), app.clock.now().unix_time())
    }

    /// The URL of a call by the first admin, with its query. `command` is the name of a command, such as
    /// `friend_add`, or service and command, such as `sns/friend_add`. A name that does not exist gives the URL
    /// `/v4/` and the name.
    pub fn url(&self, command: &str) -> String {
        let named = commands::named(command).map(CommandInfo::path);
        let path = named.unwrap_or_else(|| format!("/v4/{command}"));
        let addr = self.state.addr.get().copied();
        let addr = addr.unwrap_or(self.state.config.listen);
        format!("http://{addr}{path}?{}", self.query())
    }

    /// Creates or changes an account, as `PUT accounts` does, and returns it. Takes an [`AccountSeed`] or an
    /// [`AccountDocument`](crate::accounts::AccountDocument).
    ///
    /// # Errors
    /// `Invalid`, with one message for each invalid field; `NotFound` if the app does not exist.
    pub async fn put_account(
        &self,
        user: &str,
        account: impl Into<AccountSeed>,
    ) -> Result<Account, Error> {
        let (app, user) = (self.find()?, user_id(user)?);
        let accounts = put_account(&app, user, account.into().draft()).await?;
        account_of(&accounts, user)
    }

    /// A copy of an account's present state.
    ///
    /// # Errors
    /// `NotFound` if the account or the app does not exist.
    pub async fn account(&self, user: &str) -> Result<Account, Error> {
        account_of(&self.all_accounts().await?, user_id(user)?)
    }

    /// The UserIDs of all accounts, in ascending order.
    ///
    /// # Errors
    /// `NotFound` if the app does not exist.
    pub async fn accounts(&self) -> Result<Vec<UserId>, Error> {
        let accounts = self.all_accounts().await?;
        let sorted = accounts.sorted().into_iter();
        Ok(sorted.map(|(user, _)| user).collect())
    }

    /// Deletes an account, and removes it from all other accounts' lists. Returns the account as it was.
    ///
    /// # Errors
    /// `NotFound` if the account or the app does not exist; `Conflict` for an app admin.
    pub async fn delete_account(&self, user: &str) -> Result<Account, Error> {
        let deleted = self.account(user).await?;
        delete_account(&*self.find()?, user_id(user)?).await?;
        Ok(deleted)
    }

    /// Answers the pending request of `from` to `to`, as the client of `to` would.
    ///
    /// # Errors
    /// `NotFound` if no such request is pending; `Conflict` if a rule forbids the answer, as when a friend list
    /// is full.
    pub async fn respond(&self, from: &str, to: &str, response: Response) -> Result<(), Error> {
        let (app, from, to) = (self.find()?, user_id(from)?, user_id(to)?);
        answer_request(&app, &self.state.config.sns, from, to, response).await?;
        Ok(())
    }

    /// The accounts at this moment, to [`restore`](Self::restore) them later.
    ///
    /// # Errors
    /// `NotFound` if the app does not exist.
    pub async fn snapshot(&self) -> Result<Snapshot, Error> {
        Ok(Snapshot {
            sdkappid: self.sdkappid(),
            accounts: self.all_accounts().await?,
        })
    }

    /// Replaces all accounts with those of a snapshot of this app.
    ///
    /// # Errors
    /// `Invalid` if the snapshot is of another app; `NotFound` if the app does not exist.
    pub async fn restore(&self, snapshot: &Snapshot) -> Result<(), Error> {
        if snapshot.sdkappid != self.sdkappid() {
            let (of, app) = (snapshot.sdkappid, self.sdkappid());
            let message = format!("the snapshot is of app {of}, not of app {app}");
            return Err(Error::invalid(message));
        }
        let replaced = self.find()?.store.replace(snapshot.accounts.clone()).await;
        Ok(replaced.map_err(Problem::from)?)
    }

    /// Sets the rate limit of a command, in calls per second. 0 means no limit; `None` restores the app's limit
    /// for all commands or else the documented limit.
    ///
    /// # Errors
    /// `Invalid` if the command is unknown, or the limit is above 1,000,000; `NotFound` if the app does not
    /// exist.
    pub fn set_limit(
        &self,
        command: &str,
        calls_per_second: impl Into<Option<u32>>,
    ) -> Result<(), Error> {
        let app = self.find()?;
        let limit = (command.to_owned(), calls_per_second.into().into());
        let limits = Draft::of(Value::Object(Map::from_iter([limit])));
        Ok(set_limits(&app, limits)?)
    }

    /// The app's clock. After a reset, call this again: the clock that it returned before is no longer in use.
    ///
    /// # Errors
    /// `NotFound` if the app does not exist.
    pub fn clock(&self) -> Result<AppClock, Error> {
        Ok(find_clock(&self.state, self.sdkappid())?)
    }

    /// The faults that are limited to this app. Tests that share an emulator use these and not
    /// [`Emulator::faults`](super::Emulator::faults).
    pub fn faults(&self) -> Faults {
        Faults::new(&self.state, Some(self.sdkappid()))
    }

    /// The recent calls to this app.
    pub fn requests(&self) -> Requests {
        Requests::new(&self.state, Some(self.sdkappid()))
    }

    /// Resets the app to its start: accounts, clock, limits and stubs. Its faults, recorded calls and deliveries
    /// are removed.
    ///
    /// # Errors
    /// `NotFound` if the app does not exist.
    pub async fn reset(&self) -> Result<(), Error> {
        reset_app(&self.state, self.sdkappid())?;
        Ok(())
    }

    /// Removes the app and all that belongs to it. A configured app exists again after
    /// [`Emulator::reset`](super::Emulator::reset).
    ///
    /// # Errors
    /// `NotFound` if the app does not exist.
    pub async fn remove(&self) -> Result<(), Error> {
        remove_app(&self.state, self.sdkappid())?;
        Ok(())
    }

    fn find(&self) -> Result<Arc<App>, Error> {
        Ok(find_app(&self.state, self.sdkappid())?)
    }

    /// The present app, or the app when the handle was made.
    fn last_known(&self) -> Arc<App> {
        let present = self.state.world().apps.get(&self.sdkappid()).cloned();
        present.unwrap_or_else(|| Arc::clone(&self.app))
    }

    async fn all_accounts(&self) -> Result<Accounts, Error> {
        let accounts = self.find()?.store.accounts().await;
        Ok(accounts.map_err(Problem::from)?)
    }
}

fn account_of(accounts: &Accounts, user: UserId) -> Result<Account, Error> {
    Ok(Account::clone(find(accounts, user)?))
}

pub(super) fn user_id(text: &str) -> Result<UserId, Error> {
    let invalid = || Error::invalid(format!("{text:?} should be {}", UserId::EXPECTED));
    UserId::parse(text).ok_or_else(invalid)
}

impl fmt::Debug for AppHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AppHandle").field(&self.sdkappid()).finish()
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("sdkappid", &self.sdkappid)
            .field("accounts", &self.accounts.len())
            .finish()
    }
}
