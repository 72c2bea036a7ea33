//! An app: its secret key and admins, its accounts, and the UserSigs it has verified already.

use super::snapshots::Snapshots;
use crate::clock::Clock;
use crate::config::AppConfig;
use crate::limiter::Limiter;
use crate::protocol::ids::{SdkAppId, UnixTime, UserId};
use crate::protocol::reply::CallError;
use crate::protocol::user_sig::{self, Verified};
use crate::sns::model::{AccountSeed, UnknownAccounts};
use crate::store::{Account, Accounts, Store};
use crate::webhooks::Webhook;
use dashmap::DashMap;
use foldhash::fast::RandomState;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{Mutex, MutexGuard};
use tokio_util::sync::CancellationToken;

/// UserSigs that are remembered; when there are more, all are forgotten and verified anew.
const REMEMBERED: usize = 1024;

/// A longer one is never remembered. Tencent's own have 350 bytes at most.
const REMEMBERED_BYTES: usize = 1024;

static LAST_GENERATION: AtomicU64 = AtomicU64::new(1);

/// An app.
pub(crate) struct App {
    pub(crate) sdkappid: SdkAppId,
    /// No two apps have the same, not even one before and after its reset.
    pub(crate) generation: u64,
    /// What it was made of, and is made of anew by a reset.
    pub(crate) config: Arc<AppConfig>,
    /// Its accounts.
    pub(crate) store: Store,
    /// An account of which nothing is said.
    pub(crate) new_account: Arc<Account>,
    unknown: UnknownAccounts,
    /// Locked by each call of an app with a webhook, until its events are queued.
    changes: Mutex<()>,
    /// Its accounts at earlier times, by name.
    pub(crate) snapshots: Snapshots,
    /// How often its commands may be called.
    pub(crate) limiter: Limiter,
    /// Cancelled when it is reset or removed.
    pub(crate) ended: CancellationToken,
    /// Where it is told what has happened.
    pub(crate) webhook: Option<Webhook>,
    admins: HashSet<UserId, RandomState>,
    /// Clients use one UserSig for many calls, so its HMAC is computed once. By UserSig, with the
    /// identifier it is good for; both are kept whole, so nothing else can pass for them.
    verified: DashMap<Box<str>, (Box<str>, Verified), RandomState>,
}

impl App {
    /// Imports the configured accounts. Admins always exist.
    pub(crate) fn new(
        sdkappid: SdkAppId,
        config: Arc<AppConfig>,
        unknown: UnknownAccounts,
        clock: &Arc<Clock>,
    ) -> Self {
        let now = clock.now().unix_time();
        let account = |seed: &AccountSeed| {
            let mut account = Account::default();
            account.set(seed, now);
            Arc::new(account)
        };
        let new_account = account(&config.new_account());
        let accounts = config.seeds().map(|(user, seed)| (user, account(&seed)));
        let accounts: Accounts = accounts.collect();
        let store = Store::new(accounts, unknown, config.default_allow_type);
        let webhook = config.webhook.as_ref();
        Self {
            sdkappid,
            generation: LAST_GENERATION.fetch_add(1, Ordering::Relaxed),
            store,
            snapshots: Snapshots::default(),
            limiter: Limiter::new(config.calls_per_second),
            ended: CancellationToken::new(),
            new_account,
            unknown,
            changes: Mutex::default(),
            webhook: webhook.map(|webhook| Webhook::start(sdkappid, webhook, Arc::clone(clock))),
            admins: config.admins.iter().copied().collect(),
            verified: DashMap::default(),
            config,
        }
    }

    /// Checks a call's UserSig: who made it, with which key, and whether its time is over.
    pub(crate) fn verify(
        &self,
        usersig: &str,
        identifier: &str,
        now: UnixTime,
    ) -> Result<(), CallError> {
        let verified = match self.remembered(usersig, identifier) {
            Some(verified) => verified,
            None => {
                let verified =
                    user_sig::verify(usersig, &self.config.secret_key, self.sdkappid, identifier)?;
                self.remember(usersig, identifier, verified);
                verified
            }
        };
        verified.check_expiry(now)
    }

    /// The admin that `identifier` names, who may call the REST API.
    pub(crate) fn admin(&self, identifier: &str) -> Option<UserId> {
        UserId::parse(identifier).filter(|user| self.admins.contains(user))
    }

    /// Tells nothing more; calls that are under way still have it.
    pub(crate) fn end(&self) {
        self.ended.cancel();
        if let Some(webhook) = &self.webhook {
            webhook.end();
        }
    }

    /// Waits until no other call changes the app's accounts, where it has a webhook: so its events
    /// are queued in the order of the changes. Without a webhook, calls run side by side.
    pub(crate) async fn lock_changes(&self) -> Option<MutexGuard<'_, ()>> {
        match self.webhook {
            Some(_) => Some(self.changes.lock().await),
            None => None,
        }
    }

    /// A store of its own that begins with these accounts: to try out a call without an effect.
    pub(crate) fn trial_store(&self, accounts: &Accounts) -> Store {
        Store::new(
            accounts.clone(),
            self.unknown,
            self.config.default_allow_type,
        )
    }

    /// The admin that is named first.
    pub(crate) fn first_admin(&self) -> UserId {
        *self.config.admins.first().expect("an app has an admin")
    }

    /// The query of a call by `identifier`, with a UserSig of its own.
    pub(crate) fn query(&self, identifier: UserId, now: UnixTime, expire: i64) -> String {
        let usersig = self.sign(identifier.as_str(), now, expire);
        let (sdkappid, identifier) = (self.sdkappid, identifier.as_str());
        let identifier = utf8_percent_encode(identifier, NON_ALPHANUMERIC);
        format!(
            "sdkappid={sdkappid}&identifier={identifier}&usersig={usersig}&random=99999999&contenttype=json"
        )
    }

    /// A UserSig for any identifier, valid from `now` on for `expire` seconds.
    pub(crate) fn sign(&self, identifier: &str, now: UnixTime, expire: i64) -> String {
        user_sig::sign(
            &self.config.secret_key,
            self.sdkappid,
            identifier,
            now,
            expire,
        )
    }

    fn remembered(&self, usersig: &str, identifier: &str) -> Option<Verified> {
        let entry = self.verified.get(usersig)?;
        let (of, verified) = entry.value();
        (**of == *identifier).then_some(*verified)
    }

    fn remember(&self, usersig: &str, identifier: &str, verified: Verified) {
        if usersig.len() > REMEMBERED_BYTES {
            return;
        }
        if self.verified.len() >= REMEMBERED {
            self.verified.clear();
        }
        self.verified
            .insert(usersig.into(), (identifier.into(), verified));
    }
}

/// Neither the key nor a UserSig is ever printed.
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
            accounts: Default::default(),
        };
        let app = SdkAppId::parse("88888888").expect("legal");
        App::new(app, config.into(), UnknownAccounts::Refuse, &Arc::default())
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

        for expire in 0..2 * i64::try_from(REMEMBERED).expect("small") {
            let usersig = app.sign("admin", NOW, expire);
            assert!(app.verify(&usersig, "admin", NOW).is_ok());
            assert!(app.verified.len() <= REMEMBERED);
        }
    }

    #[test]
    fn a_usersig_padded_beyond_reason_is_not_remembered() {
        let app = app();
        // Bytes behind the end of the zlib data are not looked at.
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
