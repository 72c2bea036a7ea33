//! The configuration: what can be set, and how its sources are merged.
//!
//! `config/emulator.toml` has every key with its default and is built in. All unknown keys and
//! invalid values are reported at once, each with its origin.

mod document;
mod variables;

use crate::accounts::{AccountDocument, AccountReader, CustomFields};
use crate::protocol::ids::{SdkAppId, UnixTime, UserId};
use crate::protocol::user_sig::SecretKey;
use crate::sns::black_list::Friendship;
use crate::sns::model::{AllowType, SnsPolicy};
use crate::store::{Account, Accounts, SharedAccount};
use crate::strict::{Check, InvalidField, MAX_ERRORS, Reader};
use crate::stub::Stubs;
use document::{DEFAULTS_NAME, Document};
use schemars::JsonSchema;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tracing::level_filters::LevelFilter;

const DEFAULTS: &str = include_str!("../../config/emulator.toml");

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
    #[schemars(range(max = 1_000_000))]
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

/// The sources of the configuration besides the built-in defaults. A later source overrides an earlier
/// one.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// A TOML file.
    pub file: Option<PathBuf>,
    /// Environment variables; only names that start with `EMULATOR__` are used. Other names that start
    /// with `EMULATOR_` give a warning.
    pub env: Vec<(OsString, OsString)>,
    /// Flags of the command line: name, key, value.
    pub flags: Vec<(&'static str, &'static str, String)>,
}

/// All errors of the configuration.
#[derive(Debug)]
pub struct ConfigError {
    /// One message for each error, with its origin: the errors of the file in the order of its lines, then
    /// the errors of variables and flags.
    pub errors: Vec<String>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.errors.join("\n"))
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// Merges and checks all sources. The schema names only `checks`.
    pub(crate) fn read(sources: &Sources, checks: &'static [Check]) -> Result<Self, ConfigError> {
        let (mut errors, reader) = (Vec::new(), Reader::<Self>::new(checks));
        let mut document = Document::parse(DEFAULTS, DEFAULTS_NAME, &mut errors);
        if let Some(path) = &sources.file {
            let file = read_file(path, &mut errors);
            if file.tree.contains_key("apps") {
                document.tree.remove("apps");
            }
            document.merge(file);
        }
        for (name, value) in &sources.env {
            // A name that is not UTF-8 is not a name of ours.
            let Some(key) = name
                .to_str()
                .and_then(|name| name.strip_prefix(variables::PREFIX))
            else {
                continue;
            };
            let origin = format!("environment variable {}", name.display());
            match value.to_str() {
                Some(value) => {
                    document.set(&reader.schema, &variables::path(key), value, &origin);
                }
                None => errors.push(format!("{origin}: is not UTF-8")),
            }
        }
        for (flag, key, value) in &sources.flags {
            document.set(&reader.schema, &[(*key).to_owned()], value, flag);
        }
        let message = |origin: &str, field: &InvalidField| {
            let key = document::key(&field.pointer);
            let detail = field.detail.replace("; send ", "; write ");
            format!("{origin}: {key} {detail}")
        };
        // An invalid value is an error even if a later source replaces it.
        for (pointer, origin, tree) in document.with_replaced() {
            let invalid = reader.read(tree, MAX_ERRORS).err().into_iter().flatten();
            let invalid = invalid.filter(|field| field.pointer.starts_with(pointer));
            errors.extend(invalid.map(|field| message(origin, &field)));
        }
        let read = reader.read(Value::Object(document.tree.clone()), MAX_ERRORS);
        let (config, invalid) = match read {
            Ok(config) => {
                let invalid = config.invalid_accounts();
                (Some(config), invalid)
            }
            Err(invalid) => (None, invalid),
        };
        let invalid = invalid.iter();
        errors.extend(invalid.map(|field| message(document.origin(&field.pointer), field)));
        let mut config = match config {
            Some(config) if errors.is_empty() => config,
            _ => {
                let file = sources.file.as_deref().map(Path::display);
                let file = file.map(|file| format!("{file}:")).unwrap_or_default();
                errors.sort_by_key(|error| line(error, &file));
                return Err(ConfigError { errors });
            }
        };
        let mut apps = config.apps.values_mut();
        let accepted = apps.try_for_each(|app| app.stubs.accept());
        accepted.map_err(|error| ConfigError {
            errors: vec![error.to_owned()],
        })?;
        let names = sources.env.iter().filter_map(|(name, _)| name.to_str());
        config.warnings = variables::unused(names, &reader.schema, config.apps.keys());
        config.settings = document.settings();
        Ok(config)
    }
}

/// The line in a message that begins with the file's name and a line; the last line for others.
fn line(message: &str, file: &str) -> usize {
    let rest = message.strip_prefix(file);
    let line = rest.and_then(|rest| rest.split(':').next()?.parse().ok());
    line.unwrap_or(usize::MAX)
}

impl Config {
    /// Checks the accounts of all apps, which a caller in process can change after [`Config::load`].
    pub(crate) fn check_accounts(&self) -> Result<(), ConfigError> {
        let message = |field: InvalidField| {
            let key = document::key(&field.pointer);
            format!("{key} {}", field.detail)
        };
        let errors: Vec<_> = self.invalid_accounts().into_iter().map(message).collect();
        match errors.is_empty() {
            true => Ok(()),
            false => Err(ConfigError { errors }),
        }
    }

    /// The fields of accounts that are invalid only for their app or beside others, such as an account
    /// that is its own friend.
    fn invalid_accounts(&self) -> Vec<InvalidField> {
        let invalid = |(id, app): (&SdkAppId, &AppConfig)| {
            app.seeds(&format!("/apps/{id}"), UnixTime::default()).1
        };
        self.apps.iter().flat_map(invalid).collect()
    }
}

fn read_file(path: &Path, errors: &mut Vec<String>) -> Document {
    let name = path.display().to_string();
    match std::fs::read_to_string(path) {
        Ok(text) => Document::parse(&text, &name, errors),
        Err(error) => {
            errors.push(format!("{name}: cannot be read: {}", os_reason(&error)));
            Document::default()
        }
    }
}

/// The system's reason for an error, without the number of the error.
pub fn os_reason(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error ")
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// The check `address` of the schemas.
pub(crate) const ADDRESS: Check = ("address", |value| {
    let is_wrong = value
        .as_str()
        .is_some_and(|text| parse_address(text).is_none());
    problem(is_wrong, NO_ADDRESS)
});

const NO_ADDRESS: &str = "should be an address such as \"127.0.0.1:8080\"";

/// The check `http-url` of the schemas.
pub(crate) const HTTP_URL: Check = ("http-url", |value| {
    let checked = value.as_str().map_or(Ok(()), check_http_url);
    problem(checked.is_err(), checked.err().unwrap_or_default())
});

/// The result of a check of a value without parts.
fn problem(is_wrong: bool, detail: &str) -> Vec<(String, String)> {
    Vec::from_iter(is_wrong.then(|| (String::new(), detail.to_owned())))
}

/// An address and a port. `localhost` and a port alone stand for 127.0.0.1.
fn parse_address(text: &str) -> Option<SocketAddr> {
    let port = text.strip_prefix("localhost:").unwrap_or(text);
    let local = port
        .parse()
        .map(|port: u16| (Ipv4Addr::LOCALHOST, port).into());
    local.ok().or_else(|| text.parse().ok())
}

fn check_http_url(text: &str) -> Result<(), &'static str> {
    let no_url = "should be an http:// URL";
    let uri = text.parse::<hyper::Uri>().map_err(|_| no_url)?;
    let authority = uri.authority().ok_or(no_url)?;
    let (host, all) = (authority.host(), authority.as_str());
    if uri.scheme_str() != Some("http") || host.is_empty() {
        return Err(no_url);
    }
    if all.contains('@') {
        return Err("should have no user name and no password, because they would not be sent");
    }
    let has_port = all.len() > host.len();
    if has_port && authority.port_u16().is_none_or(|port| port == 0) {
        return Err("should have a port from 1 to 65535");
    }
    if text.contains('#') {
        return Err("should have no fragment (#...)");
    }
    Ok(())
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_address(&text).ok_or_else(|| D::Error::custom(NO_ADDRESS))
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_secs)
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
