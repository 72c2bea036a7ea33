//! The configuration: what can be set.
//!
//! `config/emulator.toml` has every key with its default and is built in. `read` merges the sources.

mod checks;
mod document;
mod read;
mod variables;

pub(crate) use checks::{ADDRESS, HOST_NAMES, HTTP_URL, is_host};
pub use read::{ConfigError, Sources, os_reason};

use crate::accounts::{AccountDocument, AccountReader, CustomFields};
use crate::protocol::hosts::HOSTS;
use crate::protocol::ids::{SdkAppId, UnixTime, UserId};
use crate::protocol::user_sig::SecretKey;
use crate::sns::black_list::Friendship;
use crate::sns::model::{AllowType, SnsPolicy};
use crate::store::{Account, Accounts, SharedAccount};
use crate::strict::InvalidField;
use crate::stub::Stubs;
use checks::{address, optional_address};
use schemars::JsonSchema;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tracing::level_filters::LevelFilter;

/// The configuration. `config/emulator.toml` documents each key and its default.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The address to listen on; port 0 means a free port. `localhost:8080` and `8080` stand for
    /// `127.0.0.1:8080`.
    #[serde(deserialize_with = "address")]
    #[schemars(with = "String", extend("x-check" = ADDRESS.0))]
    pub listen: SocketAddr,
    /// Whether a `random` that is not a decimal number is rejected.
    pub strict_query: bool,
    /// Whether the answer of a call that failed has the header `X-Emulator-Hint`.
    pub hints: bool,
    /// Whether a field that a command does not have is rejected in a body.
    pub strict_body: bool,
    /// The longest request body, in bytes.
    #[schemars(range(min = 1024, max = 1 << 30))]
    pub max_body_bytes: usize,
    /// The memory for bodies that are received in part or processed, in bytes.
    #[schemars(range(min = 1 << 20, max = 1_u64 << 40))]
    pub max_bodies_bytes: usize,
    /// The time limit for the headers of a request, again for its body, and for an idle connection.
    #[serde(rename = "read_timeout_seconds", deserialize_with = "seconds")]
    #[schemars(with = "u32", range(min = 1, max = 86_400))]
    pub read_timeout: Duration,
    /// The code for an identifier that is not an app admin.
    pub non_admin_code: NonAdminCode,
    /// The log.
    pub log: LogConfig,
    /// The limits and settings of the relationship chain.
    pub sns: SnsPolicy,
    /// The control API.
    pub control: ControlConfig,
    /// The request journal.
    pub journal: JournalConfig,
    /// HTTPS.
    pub tls: TlsConfig,
    /// The proxy for Tencent's hosts.
    pub proxy: ProxyConfig,
    /// The file that keeps the accounts of all configured apps between runs; without it, they are lost at the
    /// end.
    pub state_file: Option<PathBuf>,
    /// The pause between two saves of the state file. Nothing is saved when nothing has changed.
    #[serde(rename = "state_interval_ms", deserialize_with = "milliseconds")]
    #[schemars(with = "u32", range(min = 1, max = 86_400_000))]
    pub state_interval: Duration,
    /// The apps, by SDKAppID; at least one.
    #[schemars(
        with = "BTreeMap<String, AppConfig>",
        extend(
            "minProperties" = 1,
            "propertyNames" = {
                "pattern": "^[1-9][0-9]{0,9}$",
                "x-expected": "an SDKAppID, a number in 1..4294967295",
            },
        )
    )]
    pub apps: BTreeMap<SdkAppId, AppConfig>,
    /// Each value as it was configured, and its origin.
    #[serde(skip)]
    pub settings: Vec<Setting>,
    /// What is probably a mistake, although it is no error: logged at the start.
    #[serde(skip)]
    pub warnings: Vec<String>,
}

/// A configured value and its origin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Setting {
    /// The key, with dots.
    pub key: String,
    /// The value as TOML; a secret is redacted.
    pub value: String,
    /// A file and line, a variable, a flag, or the built-in defaults.
    pub origin: String,
}

/// The request journal.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JournalConfig {
    /// The size limit in bytes; 0 stores no calls.
    #[schemars(range(max = 1 << 30))]
    pub bytes: usize,
}

/// The control API.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ControlConfig {
    /// Whether the control API and `/metrics` are served.
    pub enabled: bool,
    /// The token that callers need.
    #[serde(default)]
    #[schemars(
        with = "SecretKey",
        extend(
            "pattern" = "^[!-~]+$",
            "x-expected" = "1 to 1024 characters of printable ASCII without spaces, so that a header can carry it",
        )
    )]
    pub token: ControlToken,
    /// Names with a dot that are accepted in a Host header.
    #[serde(default)]
    pub hosts: Vec<String>,
}

/// HTTPS: the listener and its certificate.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// The address to serve HTTPS on, beside `listen`; without it, the emulator listens for no TLS.
    #[serde(default, deserialize_with = "optional_address")]
    #[schemars(with = "Option<String>", extend("x-check" = ADDRESS.0))]
    pub listen: Option<SocketAddr>,
    /// More host names or IP addresses for the certificate.
    #[serde(default)]
    #[schemars(extend("x-check" = HOST_NAMES.0))]
    pub names: Vec<String>,
    /// The directory of the CA's certificate and key, which are made at first use. The default is
    /// `tencent-chat-emulator` in the user's state directory; an empty path means that the CA is made at
    /// each start and kept in memory.
    pub ca_directory: Option<PathBuf>,
    /// A certificate of your own with its chain, PEM, in place of the one that the CA signs.
    pub certificate: Option<PathBuf>,
    /// The certificate's private key, PEM.
    pub key: Option<PathBuf>,
}

/// The proxy for Tencent's hosts.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProxyConfig {
    /// Whether the emulator is a proxy.
    pub enabled: bool,
    /// More host names or IP addresses that the emulator answers for itself.
    #[serde(default)]
    #[schemars(extend("x-check" = HOST_NAMES.0))]
    pub hosts: Vec<String>,
    /// What happens to CONNECT for any other host.
    pub others: OtherHosts,
}

impl ProxyConfig {
    /// The hosts that the emulator answers for, in lower case: Tencent's and the configured ones.
    pub fn served_hosts(&self) -> impl Iterator<Item = String> {
        let tencents = HOSTS.iter().copied();
        let hosts = tencents.chain(self.hosts.iter().map(String::as_str));
        hosts.map(str::to_ascii_lowercase)
    }
}

/// What happens to CONNECT for a host that the emulator does not answer for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OtherHosts {
    /// It is refused.
    Refuse,
    /// Clients on loopback get a tunnel to the host.
    Tunnel,
}

/// The token that callers of the control API need.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(from = "SecretKey")]
pub enum ControlToken {
    /// No token on loopback; elsewhere a random token, made at the start.
    #[default]
    Default,
    /// `"none"`: no token.
    None,
    /// The configured token.
    Given(SecretKey),
}

impl ControlToken {
    /// The configured token in clear text, if there is one.
    pub fn given(&self) -> Option<&str> {
        match self {
            Self::Given(token) => Some(token.as_str()),
            Self::Default | Self::None => None,
        }
    }
}

impl From<SecretKey> for ControlToken {
    fn from(token: SecretKey) -> Self {
        match token.as_str() {
            "none" => Self::None,
            _ => Self::Given(token),
        }
    }
}

/// The code for an identifier that is not an app admin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(from = "Value")]
#[schemars(with = "Value", extend("enum" = ["service", 60010]))]
pub enum NonAdminCode {
    /// `"service"`, the default: the service's own code.
    Service,
    /// `60010`: the gateway's public code.
    Gateway,
}

impl From<Value> for NonAdminCode {
    fn from(value: Value) -> Self {
        match value.is_string() {
            true => Self::Service,
            false => Self::Gateway,
        }
    }
}

/// The log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// The format of a line.
    pub format: LogFormat,
    /// The lowest level that is written.
    #[serde(deserialize_with = "level")]
    #[schemars(with = "String", extend("enum" = ["off", "error", "warn", "info", "debug"]))]
    pub level: LevelFilter,
}

/// The format of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs: one JSON object a line.
    Json,
}

/// An app, in the configuration and in the control API's `POST apps`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = ["secret_key"]))]
pub struct AppConfig {
    /// The key that signs UserSigs. `POST apps` without a key makes a random key.
    #[serde(default = "SecretKey::random")]
    pub secret_key: SecretKey,
    /// The UserIDs that may call the REST API. Their accounts always exist. The default is
    /// "administrator".
    #[serde(default = "administrator")]
    #[schemars(length(min = 1, max = 1000))]
    pub admins: Vec<UserId>,
    /// The AllowType of accounts that set none. The default is AllowAny.
    #[serde(default)]
    pub default_allow_type: AllowType,
    /// The rate limit of each command in calls per second; 0 means no limit. The default is each
    /// command's documented limit.
    #[schemars(range(max = MAX_CALLS_PER_SECOND))]
    pub calls_per_second: Option<u32>,
    /// Whether a friendship stays when one side blocks the other. The default is false.
    #[serde(default, rename = "remain_friends")]
    #[schemars(with = "bool")]
    pub friendship_when_blocked: Friendship,
    /// The custom fields of friends and of profiles.
    #[serde(flatten)]
    pub custom_fields: CustomFields,
    /// Where webhooks are sent.
    pub webhook: Option<WebhookConfig>,
    /// The stubs: commands that answer from a template, by service and command.
    #[serde(default)]
    pub stubs: Stubs,
    /// The accounts that exist at the start and after a reset: a list of UserIDs, or a table of
    /// accounts by UserID, each as in `PUT accounts`. Accounts that their lists name exist, too. `None`
    /// is an account with the defaults.
    #[serde(default, deserialize_with = "accounts")]
    #[schemars(with = "NamesOrAccounts")]
    pub accounts: BTreeMap<UserId, Option<Box<AccountDocument>>>,
}

/// The largest rate limit.
const MAX_CALLS_PER_SECOND: u32 = 1_000_000;

/// The largest number of accounts in a list of UserIDs.
const MAX_ACCOUNTS: usize = 100_000;

#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum NamesOrAccounts {
    Names(#[schemars(length(max = MAX_ACCOUNTS))] Vec<UserId>),
    Accounts(
        #[schemars(
            with = "BTreeMap<String, AccountDocument>",
            extend("propertyNames" = {
                "pattern": UserId::PATTERN,
                "x-expected": UserId::EXPECTED,
            })
        )]
        BTreeMap<UserId, AccountDocument>,
    ),
}

/// Where an app's webhooks are sent.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookConfig {
    /// An http:// URL without a user name; it may have a query of its own.
    #[schemars(extend("x-check" = HTTP_URL.0))]
    pub url: String,
    /// The key that signs the URL. Without it, the URL is not signed.
    pub token: Option<SecretKey>,
    /// The number of retries of a webhook. The default is 0, as at Tencent.
    #[serde(default)]
    #[schemars(range(max = 10))]
    pub retries: u32,
}

/// An app with a random secret key, the admin "administrator" and the default settings.
impl Default for AppConfig {
    fn default() -> Self {
        Self {
            secret_key: SecretKey::random(),
            admins: administrator(),
            default_allow_type: AllowType::default(),
            calls_per_second: None,
            friendship_when_blocked: Friendship::default(),
            custom_fields: CustomFields::default(),
            webhook: None,
            stubs: Stubs::default(),
            accounts: BTreeMap::new(),
        }
    }
}

impl AppConfig {
    /// A new account with the app's defaults.
    pub(crate) fn new_account(&self) -> SharedAccount {
        let mut account = Account::default();
        account.profile.allow_type = self.default_allow_type;
        SharedAccount::new(account)
    }

    /// The accounts that exist at the start: the admins, the configured accounts, and the accounts that
    /// these name. Also returns the invalid fields of `accounts`; `at` is the app's JSON pointer.
    pub(crate) fn seeds(&self, at: &str, now: UnixTime) -> (Accounts, Vec<InvalidField>) {
        let new_account = self.new_account();
        let names = self.admins.iter().chain(self.accounts.keys());
        let mut accounts: Accounts = names.map(|name| (*name, new_account.clone())).collect();
        let documents = self.accounts.iter();
        let documents = documents.filter_map(|(user, document)| Some((*user, document.as_ref()?)));
        let documents = documents.map(|(user, document)| (user, AccountDocument::clone(document)));
        let mut reader = AccountReader::new(&self.custom_fields, &new_account, now);
        reader.add_all(&format!("{at}/accounts"), documents, &mut accounts);
        let has_changed = |account: &SharedAccount| !SharedAccount::ptr_eq(account, &new_account);
        let changed = accounts.iter().filter(|(_, account)| has_changed(account));
        let changed: Vec<_> = changed.map(|(user, _)| user).collect();
        accounts.advance_sequences(&changed, &Accounts::default());
        (accounts, reader.finish().err().unwrap_or_default())
    }
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_secs)
}

fn milliseconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_millis)
}

fn level<'de, D: Deserializer<'de>>(deserializer: D) -> Result<LevelFilter, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(D::Error::custom)
}

fn accounts<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<UserId, Option<Box<AccountDocument>>>, D::Error> {
    /// A derived untagged enum would not name the invalid field within an account.
    struct AccountsVisitor;

    impl<'de> Visitor<'de> for AccountsVisitor {
        type Value = BTreeMap<UserId, Option<Box<AccountDocument>>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of UserIDs or a table of accounts")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
            let names = Vec::<UserId>::deserialize(SeqAccessDeserializer::new(list))?;
            Ok(names.into_iter().map(|name| (name, None)).collect())
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut accounts = BTreeMap::new();
            while let Some((user, document)) = map.next_entry::<UserId, AccountDocument>()? {
                let has_fields = document != AccountDocument::default();
                accounts.insert(user, has_fields.then(|| Box::new(document)));
            }
            Ok(accounts)
        }
    }

    deserializer.deserialize_any(AccountsVisitor)
}

fn administrator() -> Vec<UserId> {
    vec![UserId::parse("administrator").expect("a legal UserID")]
}

#[cfg(test)]
mod tests;
