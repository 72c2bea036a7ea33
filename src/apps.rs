//! An app: its secret key and admins, its accounts, its clock, limits and webhook. Apps share nothing.

use crate::clock::{Clock, EmulatorClock};
use crate::config::AppConfig;
use crate::deliveries::Deliveries;
use crate::limiter::{Limiter, NewLimit};
use crate::protocol::ids::{SdkAppId, UnixTime, UserId};
use crate::protocol::reply::CallError;
use crate::protocol::service::CommandInfo;
use crate::protocol::user_sig::{self, Verified};
use crate::sns::model::UnknownAccounts;
use crate::store::{Accounts, SharedAccount, Store};
use crate::stub::Stubs;
use crate::webhooks::Webhook;
use dashmap::DashMap;
use foldhash::fast::RandomState;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio_util::sync::CancellationToken;

/// The maximum number of cached UserSigs. When it is reached, the cache is emptied.
const MAX_CACHED: usize = 1024;

/// The longest UserSig that is cached, in bytes. Tencent's UserSigs have 350 bytes at most.
const MAX_CACHED_BYTES: usize = 1024;

/// Snapshots of accounts by name.
type Snapshots = BTreeMap<String, Accounts>;

pub(crate) struct App {
    pub(crate) sdkappid: SdkAppId,
    /// A reset rebuilds the app from this configuration.
    pub(crate) config: Arc<AppConfig>,
    /// Whether it is an app of the emulator's configuration, whose accounts the state file keeps. `POST apps`
    /// makes other apps.
    pub(crate) is_configured: bool,
    pub(crate) store: Store,
    pub(crate) clock: Arc<Clock>,
    /// An account with the default settings.
    pub(crate) new_account: SharedAccount,
    unknown: UnknownAccounts,
    /// If the app has a webhook, each call holds this lock until its events are queued.
    changes: tokio::sync::Mutex<()>,
    snapshots: Mutex<Snapshots>,
    stubs: Mutex<Stubs>,
    pub(crate) limiter: Limiter,
    /// Cancelled when the app is reset or removed.
    pub(crate) ended: CancellationToken,
    pub(crate) webhook: Option<Webhook>,
    admins: HashSet<UserId, RandomState>,
    /// The cache of verified UserSigs, each with its identifier: clients use one UserSig for many
    /// calls, so its HMAC is computed once. A hit needs the same text and the same identifier.
    verified: DashMap<Box<str>, (Box<str>, Verified), RandomState>,
}

impl App {
    /// Imports the configured accounts, which the caller has checked. Admins always exist. The app's clock
    /// is a copy of `clock`.
    pub(crate) fn new(
        sdkappid: SdkAppId,
        config: Arc<AppConfig>,
        unknown: UnknownAccounts,
        clock: &EmulatorClock,
        deliveries: &Arc<Deliveries>,
    ) -> Self {
        let clock = clock.new_app_clock();
        let (accounts, _) = config.seeds("", clock.now().unix_time());
        let store = Store::new(accounts, unknown, config.default_allow_type);
        let webhook = config.webhook.as_ref();
        let limiter = Limiter::new(config.calls_per_second);
        let of_stubs = config.stubs.limits().into_iter();
        limiter.set(of_stubs.map(|(stub, limit)| (stub, NewLimit::Full(limit))));
        Self {
            sdkappid,
            store,
            snapshots: Mutex::default(),
            stubs: Mutex::new(config.stubs.clone()),
            limiter,
            ended: CancellationToken::new(),
            new_account: config.new_account(),
            unknown,
            changes: tokio::sync::Mutex::default(),
            webhook: webhook.map(|webhook| {
                Webhook::start(
                    sdkappid,
                    webhook,
                    Arc::clone(&clock),
                    Arc::clone(deliveries),
                )
            }),
            admins: config.admins.iter().copied().collect(),
            verified: DashMap::default(),
            clock,
            config,
            is_configured: false,
        }
    }

    /// Checks a call's UserSig: its app, its identifier, its signature and its expiry.
    pub(crate) fn verify(
        &self,
        usersig: &str,
        identifier: &str,
        now: UnixTime,
    ) -> Result<(), CallError> {
        let cached = self.verified.get(usersig);
        let cached = cached.filter(|entry| *entry.0 == *identifier);
        if let Some(verified) = cached.map(|entry| entry.1) {
            return verified.check_expiry(now);
        }
        let key = &self.config.secret_key;
        let verified = user_sig::verify(usersig, key, self.sdkappid, identifier)?;
        if usersig.len() <= MAX_CACHED_BYTES {
            if self.verified.len() >= MAX_CACHED {
                self.verified.clear();
            }
            let value = (identifier.into(), verified);
            self.verified.insert(usersig.into(), value);
        }
        verified.check_expiry(now)
    }

    /// The app admin that `identifier` names; `None` if it is not an app admin.
    pub(crate) fn admin(&self, identifier: &str) -> Option<UserId> {
        UserId::parse(identifier).filter(|user| self.admins.contains(user))
    }

    /// Cancels the app's webhook and its delays. Calls in flight still complete. The webhook comes first:
    /// a call whose delay is cancelled may change accounts at once, and must send no event.
    pub(crate) fn end(&self) {
        if let Some(webhook) = &self.webhook {
            webhook.end();
        }
        self.ended.cancel();
    }

    /// If the app has a webhook, waits for the lock that lets one call at a time change accounts,
    /// so that events are queued in the order of the changes. Without a webhook, calls run in
    /// parallel.
    pub(crate) async fn lock_changes(&self) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        match self.webhook {
            Some(_) => Some(self.changes.lock().await),
            None => None,
        }
    }

    /// The snapshots of the accounts.
    pub(crate) fn snapshots(&self) -> MutexGuard<'_, Snapshots> {
        let snapshots = self.snapshots.lock();
        snapshots.unwrap_or_else(PoisonError::into_inner)
    }

    /// The app's own stubs.
    pub(crate) fn stubs(&self) -> MutexGuard<'_, Stubs> {
        self.stubs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A separate store with these accounts, for dry runs.
    pub(crate) fn trial_store(&self, accounts: &Accounts) -> Store {
        let allow_type = self.config.default_allow_type;
        Store::new(accounts.clone(), self.unknown, allow_type)
    }

    /// The first app admin of the configuration.
    pub(crate) fn first_admin(&self) -> UserId {
        *self.config.admins.first().expect("an app has an admin")
    }

    /// The query of a call by `identifier`, with a UserSig that is valid for 180 days.
    pub(crate) fn query(&self, identifier: UserId, now: UnixTime) -> String {
        let usersig = self.sign(identifier.as_str(), now, user_sig::EXPIRE_SECONDS);
        let (sdkappid, identifier) = (self.sdkappid, identifier.as_str());
        let identifier = utf8_percent_encode(identifier, NON_ALPHANUMERIC);
        format!(
            "sdkappid={sdkappid}&identifier={identifier}&usersig={usersig}&random=99999999&contenttype=json"
        )
    }

    /// The URL of a call by `identifier` at this server, and the call as a curl command.
    pub(crate) fn call_line(
        &self,
        server: SocketAddr,
        command: &CommandInfo,
        identifier: UserId,
        request: &serde_json::Value,
        now: UnixTime,
    ) -> (String, String) {
        let query = self.query(identifier, now);
        let url = format!("http://{server}{}?{query}", command.path());
        let body = request.to_string().replace('\'', r"\u0027");
        let curl = format!("curl '{url}' -d '{body}'");
        (url, curl)
    }

    /// A UserSig for any identifier, valid from `now` on for `expire` seconds.
    pub(crate) fn sign(&self, identifier: &str, now: UnixTime, expire: i64) -> String {
        let key = &self.config.secret_key;
        user_sig::sign(key, self.sdkappid, identifier, now, expire)
    }
}

/// Prints neither the key nor a UserSig.
impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App")
            .field("sdkappid", &self.sdkappid)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::code::Code;
    use crate::protocol::user_sig::SecretKey;

    const NOW: UnixTime = UnixTime(1_700_000_000);

    fn app() -> App {
        let config = AppConfig {
            secret_key: SecretKey::new("a key").expect("not empty"),
            admins: vec![UserId::parse("admin").expect("legal")],
            calls_per_second: None,
            default_allow_type: Default::default(),
            friendship_when_blocked: Default::default(),
            custom_fields: Default::default(),
            webhook: None,
            stubs: Default::default(),
            accounts: Default::default(),
        };
        let app = SdkAppId::parse("88888888").expect("legal");
        let (clock, deliveries) = (EmulatorClock::default(), Arc::new(Deliveries::new(0)));
        let unknown = UnknownAccounts::Refuse;
        App::new(app, config.into(), unknown, &clock, &deliveries)
    }

    #[test]
    fn a_remembered_usersig_still_expires_and_is_still_one_identifiers_own() {
        let app = app();
        let usersig = app.sign("admin", NOW, 10);
        for _ in 0..2 {
            assert!(app.verify(&usersig, "admin", UnixTime(NOW.0 + 10)).is_ok());
            let late = app
                .verify(&usersig, "admin", UnixTime(NOW.0 + 11))
                .expect_err("its time is over");
            assert_eq!(late.code, Code::SigExpired);
            let other = app.verify(&usersig, "id", NOW).expect_err("another's");
            assert_eq!(other.code, Code::SigIdentifier);
        }
        assert_eq!(app.verified.len(), 1);
    }

    #[test]
    fn only_good_usersigs_are_remembered_and_only_so_many() {
        let app = app();
        assert!(app.verify("xxx", "admin", NOW).is_err());
        assert!(app.verified.is_empty());

        for expire in 0..2 * i64::try_from(MAX_CACHED).expect("small") {
            let usersig = app.sign("admin", NOW, expire);
            assert!(app.verify(&usersig, "admin", NOW).is_ok());
            assert!(app.verified.len() <= MAX_CACHED);
        }
    }

    #[test]
    fn a_usersig_padded_beyond_reason_is_not_remembered() {
        let app = app();
        // Bytes after the end of the zlib data are ignored.
        let padded =
            app.sign("admin", NOW, 10).trim_end_matches('_').to_owned() + &"AAAA".repeat(1000);
        let _ = app.verify(&padded, "admin", NOW);
        assert!(app.verified.is_empty());
    }

    #[test]
    fn debug_shows_neither_key_nor_usersig() {
        let app = app();
        let usersig = app.sign("admin", NOW, 10);
        app.verify(&usersig, "admin", NOW).expect("good");
        assert_eq!(format!("{app:?}"), "App { sdkappid: 88888888, .. }");
    }
}
