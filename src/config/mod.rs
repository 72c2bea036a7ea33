//! The configuration: what can be set, and how its sources are laid over each other.
//!
//! `config/emulator.toml` has every key with its default and is built in. A value that is wrong or
//! a key that is unknown is named with the place it comes from, all faults at once.

mod document;
mod faults;
mod section;

use crate::protocol::ids::{SdkAppId, UserId};
use crate::protocol::user_sig::SecretKey;
use crate::sns::black_list::Friendship;
use crate::sns::model::{AccountSeed, AdminForbidType, AllowType, SnsPolicy, UnknownAccounts};
use crate::sns::texts::Keyword;
use document::{Document, Leaf};
use faults::Faults;
use schemars::JsonSchema;
use section::Section;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

const DEFAULTS: &str = include_str!("../../config/emulator.toml");

/// Environment variables that start so are configuration; `__` stands between the parts of a key.
const ENV_PREFIX: &str = "EMULATOR__";

const NO_APP: &str = "apps should have one app at least";

/// Everything that can be set. `config/emulator.toml` documents each key and its default.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Whether an odd `random` is refused.
    pub strict_query: bool,
    /// The longest request body, in bytes.
    pub max_body_bytes: usize,
    /// How long a client may take to send its headers, and again its body.
    pub read_timeout: Duration,
    /// What an identifier that is no app admin is told.
    pub non_admin_code: NonAdminCode,
    /// How calls are logged.
    pub log: LogConfig,
    /// The product's ceilings.
    pub sns: SnsPolicy,
    /// The control API.
    pub control: ControlConfig,
    /// How much the journal of the last calls may hold, in bytes; 0 keeps none.
    pub journal_bytes: usize,
    /// The apps, by SDKAppID; at least one.
    pub apps: BTreeMap<SdkAppId, AppConfig>,
    /// Each value as it was given, and where; what was set since by a program is not in it.
    pub settings: Vec<Setting>,
}

/// A configured value and the place it comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Setting {
    /// The key, with dots.
    pub key: String,
    /// The value as TOML; a secret is struck out.
    pub value: String,
    /// A file and line, a variable, a flag, or the built-in defaults.
    pub origin: String,
}

/// The control API.
#[derive(Clone, Debug)]
pub struct ControlConfig {
    /// Whether it is served at all.
    pub enabled: bool,
    /// Who may drive it.
    pub token: ControlToken,
    /// Names with dots that a Host header may have.
    pub hosts: Vec<String>,
}

/// Who may drive the control API.
#[derive(Clone, Debug)]
pub enum ControlToken {
    /// On loopback anybody; off loopback whoever has the token that is made at the start.
    Default,
    /// `"none"`: anybody.
    None,
    /// Whoever has this one.
    Given(SecretKey),
}

/// What an identifier that is no app admin is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NonAdminCode {
    /// `"service"`, the default: the service's own code.
    Service,
    /// `60010`: the gateway's public code.
    Gateway,
}

/// How calls are logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// How a line looks.
    pub format: LogFormat,
    /// From which level on lines are written.
    pub level: tracing::level_filters::LevelFilter,
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs: one JSON object a line.
    Json,
}

/// One app.
#[derive(Clone, Debug)]
pub struct AppConfig {
    /// What UserSigs are signed with.
    pub secret_key: SecretKey,
    /// The UserIDs that may call; at least one.
    pub admins: Vec<UserId>,
    /// The AllowType of an account that does not say.
    pub default_allow_type: AllowType,
    /// Calls per second for every command: `None` as each page documents, 0 for no limit.
    pub calls_per_second: Option<u32>,
    /// What becomes of a friendship when one side blocks the other.
    pub friendship_when_blocked: Friendship,
    /// The custom fields that friends may have, and accounts in their profiles.
    pub custom_fields: CustomFields,
    /// Where to tell what has happened.
    pub webhook: Option<WebhookConfig>,
    /// The accounts that are imported at the start, in the order of their UserIDs.
    pub accounts: Vec<(UserId, AccountSeed)>,
}

/// The keywords of the custom fields that an app declares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomFields {
    /// Of friends: behind `Tag_SNS_Custom_`.
    pub friend: Vec<Keyword>,
    /// Of profiles: behind `Tag_Profile_Custom_`.
    pub profile: Vec<Keyword>,
}

/// Where an app is told what has happened.
#[derive(Clone, Debug)]
pub struct WebhookConfig {
    /// An `http://` URL; it may have a query of its own.
    pub url: String,
    /// What the URL is signed with, if it is.
    pub token: Option<SecretKey>,
    /// How often one that was not taken is told again; 0 is Tencent's default.
    pub retries: u32,
}

impl AppConfig {
    /// What an account is made of that says nothing of itself.
    pub fn new_account(&self) -> AccountSeed {
        AccountSeed {
            allow_type: self.default_allow_type,
            ..AccountSeed::default()
        }
    }
}

/// Where configuration comes from, beside the built-in defaults; each wins over the ones before.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// A TOML file.
    pub file: Option<PathBuf>,
    /// Environment variables; those that do not start with `EMULATOR__` are passed over.
    pub env: Vec<(String, String)>,
    /// Flags of the command line: name, key, value.
    pub flags: Vec<(&'static str, &'static str, String)>,
}

/// Why there is no configuration: every fault, with the place it comes from.
#[derive(Debug)]
pub struct ConfigError {
    /// One sentence a fault.
    pub faults: Vec<String>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.faults.join("\n"))
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// Reads and checks all sources.
    pub fn load(sources: &Sources) -> Result<Self, ConfigError> {
        let mut faults = Faults::default();
        let mut document = Document::parse(DEFAULTS, "the built-in defaults", &mut faults);
        if let Some(path) = &sources.file {
            let file = read_file(path, &mut faults);
            if file.has("apps") {
                document.remove("apps");
            }
            document.lay_over(file);
        }
        for (name, value) in &sources.env {
            if let Some(key) = name.strip_prefix(ENV_PREFIX) {
                let path = variable_path(key);
                document.set(
                    &path,
                    value,
                    &format!("environment variable {name}"),
                    &mut faults,
                );
            }
        }
        for (flag, key, value) in &sources.flags {
            document.set(&[(*key).to_owned()], value, flag, &mut faults);
        }
        let settings = document.settings();
        let mut root = Section::root(document, &mut faults);
        let config = Self::read(&mut root, settings);
        drop(root);
        match (config, faults.into_list()) {
            (Some(config), faults) if faults.is_empty() && !config.apps.is_empty() => Ok(config),
            (_, faults) if faults.is_empty() => Err(ConfigError {
                faults: vec![NO_APP.to_owned()],
            }),
            (_, faults) => Err(ConfigError { faults }),
        }
    }

    /// `None` only when there is a fault.
    fn read(root: &mut Section<'_>, settings: Vec<Setting>) -> Option<Self> {
        // Every part is read before any is missed, so that all faults are found.
        let listen = root.required("listen", |leaf| {
            parsed(leaf, "an address such as \"127.0.0.1:8080\"")
        });
        let strict_query = root.required("strict_query", Leaf::boolean);
        let max_body_bytes = root.required("max_body_bytes", |leaf| leaf.integer(1024..=1 << 30));
        let read_timeout = root.required("read_timeout_seconds", |leaf| leaf.integer(1..=86_400));
        let non_admin_code = root.required("non_admin_code", non_admin_code);
        let log = root.section("log", LogConfig::read);
        let sns = root.section("sns", read_policy);
        let control = root.section("control", ControlConfig::read);
        let journal_bytes = root.section("journal", |section| {
            section.required("bytes", |leaf| leaf.integer(0..=1 << 30))
        });
        let mut seen = BTreeSet::new();
        let apps = root.each("apps", |key, section| {
            let sdkappid =
                SdkAppId::parse(key).ok_or("an SDKAppID is a number in 1..4294967295")?;
            if !seen.insert(sdkappid) {
                return Err("this SDKAppID is there already, spelt otherwise");
            }
            Ok(AppConfig::read(section).map(|app| (sdkappid, app)))
        });
        Some(Self {
            listen: listen?,
            strict_query: strict_query?,
            max_body_bytes: max_body_bytes? as usize,
            read_timeout: Duration::from_secs(u64::from(read_timeout?)),
            non_admin_code: non_admin_code?,
            log: log?,
            sns: sns?,
            control: control?,
            journal_bytes: journal_bytes? as usize,
            settings,
            apps: apps?.into_iter().collect(),
        })
    }
}

impl LogConfig {
    fn read(section: &mut Section<'_>) -> Option<Self> {
        let format = section.required("format", |leaf| {
            one_of(
                leaf,
                &[("text", LogFormat::Text), ("json", LogFormat::Json)],
            )
        });
        let level = section.required("level", |leaf| {
            let levels = ["off", "error", "warn", "info", "debug"];
            one_of(leaf, &levels.map(|level| (level, level)))?
                .parse()
                .map_err(|_| "a level".to_owned())
        });
        Some(Self {
            format: format?,
            level: level?,
        })
    }
}

impl ControlConfig {
    fn read(section: &mut Section<'_>) -> Option<Self> {
        let enabled = section.required("enabled", Leaf::boolean);
        let token = section.optional("token", |leaf| match leaf.text()? {
            "none" => Ok(ControlToken::None),
            text => SecretKey::new(text)
                .map(ControlToken::Given)
                .ok_or_else(|| "a token that is not empty, or \"none\"".to_owned()),
        });
        let hosts = section.optional("hosts", |leaf| {
            Ok(leaf.texts()?.into_iter().map(str::to_owned).collect())
        });
        Some(Self {
            enabled: enabled?,
            token: token.unwrap_or(ControlToken::Default),
            hosts: hosts.unwrap_or_default(),
        })
    }
}

fn read_policy(section: &mut Section<'_>) -> Option<SnsPolicy> {
    let mut number = |key, range| section.required(key, |leaf| leaf.integer(range));
    let max_friends = number("max_friends", 1..=1_000_000);
    let max_items = number("max_items", 1..=100_000);
    let max_pending = number("max_pending", 0..=10_000);
    let max_groups = number("max_groups", 0..=10_000);
    let max_blocklist = number("max_blocklist", 0..=1_000_000);
    let max_requests_per_minute = number("max_requests_per_minute", 0..=1_000_000);
    let unknown_accounts = section.required("unknown_accounts", |leaf| {
        one_of(leaf, UnknownAccounts::WIRE)
    });
    Some(SnsPolicy {
        max_friends: max_friends?,
        max_items: max_items?,
        max_pending: max_pending?,
        max_groups: max_groups?,
        max_blocklist: max_blocklist?,
        max_requests_per_minute: max_requests_per_minute?,
        unknown_accounts: unknown_accounts?,
    })
}

impl AppConfig {
    fn read(section: &mut Section<'_>) -> Option<Self> {
        let secret_key = section.required("secret_key", |leaf| {
            SecretKey::new(leaf.text()?).ok_or_else(|| "a key that is not empty".to_owned())
        });
        let admins = section.required("admins", |leaf| match user_ids(leaf)? {
            admins if admins.is_empty() => Err("one admin at least".to_owned()),
            admins => Ok(admins),
        });
        let default_allow_type =
            section.optional("default_allow_type", |leaf| one_of(leaf, AllowType::WIRE));
        let default_allow_type = default_allow_type.unwrap_or_default();
        let calls_per_second =
            section.optional("calls_per_second", |leaf| leaf.integer(0..=1_000_000));
        let remain_friends = section.optional("remain_friends", Leaf::boolean);
        let custom_fields = CustomFields {
            friend: section
                .optional("custom_friend_fields", keywords)
                .unwrap_or_default(),
            profile: section
                .optional("custom_profile_fields", keywords)
                .unwrap_or_default(),
        };
        let webhook = section.section("webhook", WebhookConfig::read);
        let accounts = section.each("accounts", |key, section| {
            let user = user_id(key)?;
            Ok(Some((user, read_account(section, default_allow_type))))
        });
        Some(Self {
            secret_key: secret_key?,
            admins: admins?,
            default_allow_type,
            calls_per_second,
            friendship_when_blocked: match remain_friends {
                Some(true) => Friendship::Kept,
                Some(false) | None => Friendship::Dissolved,
            },
            custom_fields,
            webhook,
            accounts: accounts.unwrap_or_default(),
        })
    }
}

impl WebhookConfig {
    /// The URL as it is given, or what it should be.
    pub(crate) fn check_url(text: &str) -> Result<String, String> {
        let uri: Option<hyper::Uri> = text.parse().ok();
        let is_url =
            uri.is_some_and(|uri| uri.scheme_str() == Some("http") && uri.host().is_some());
        is_url
            .then(|| text.to_owned())
            .ok_or_else(|| "an http:// URL".to_owned())
    }

    fn read(section: &mut Section<'_>) -> Option<Self> {
        let url = section.required("url", |leaf| Self::check_url(leaf.text()?));
        let token = section.optional("token", |leaf| {
            SecretKey::new(leaf.text()?).ok_or_else(|| "a token that is not empty".to_owned())
        });
        let retries = section.optional("retries", |leaf| leaf.integer(0..=10));
        Some(Self {
            url: url?,
            token,
            retries: retries.unwrap_or_default(),
        })
    }
}

fn read_account(section: &mut Section<'_>, default_allow_type: AllowType) -> AccountSeed {
    let allow_type = section.optional("allow_type", |leaf| one_of(leaf, AllowType::WIRE));
    let admin_forbid_type = section.optional("admin_forbid_type", |leaf| {
        one_of(leaf, AdminForbidType::WIRE)
    });
    AccountSeed {
        allow_type: allow_type.unwrap_or(default_allow_type),
        admin_forbid_type: admin_forbid_type.unwrap_or_default(),
        blocklist: section.optional("blocklist", user_ids).unwrap_or_default(),
    }
}

/// The parts of a variable's name: keys in lower case, but a UserID as it is written.
fn variable_path(key: &str) -> Vec<String> {
    let parts: Vec<&str> = key.split("__").collect();
    let is_user = |place: usize| place > 0 && parts[place - 1].eq_ignore_ascii_case("accounts");
    let part = |(place, part): (usize, &&str)| {
        if is_user(place) {
            (*part).to_owned()
        } else {
            part.to_lowercase()
        }
    };
    parts.iter().enumerate().map(part).collect()
}

fn read_file(path: &Path, faults: &mut Faults) -> Document {
    let name = path.display().to_string();
    match std::fs::read_to_string(path) {
        Ok(text) => Document::parse(&text, &name, faults),
        Err(error) => {
            faults.add(&name, &format!("cannot be read: {error}"));
            Document::default()
        }
    }
}

// What a value has to be. The error says what was expected.

fn parsed<T: std::str::FromStr>(leaf: &Leaf, expected: &str) -> Result<T, String> {
    leaf.text()?.parse().map_err(|_| expected.to_owned())
}

fn one_of<T: Copy>(leaf: &Leaf, choices: &[(&str, T)]) -> Result<T, String> {
    let text = leaf.text()?;
    let found = choices.iter().find(|(name, _)| *name == text);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<_> = choices
            .iter()
            .map(|(name, _)| format!("{name:?}"))
            .collect();
        format!("one of {}", names.join(", "))
    })
}

fn non_admin_code(leaf: &Leaf) -> Result<NonAdminCode, String> {
    let is = |text: &str| leaf.text().is_ok_and(|value| value == text);
    if is("service") {
        Ok(NonAdminCode::Service)
    } else if is("60010") || leaf.integer(60010..=60010).is_ok() {
        Ok(NonAdminCode::Gateway)
    } else {
        Err("\"service\" or 60010".to_owned())
    }
}

fn keywords(leaf: &Leaf) -> Result<Vec<Keyword>, String> {
    const EXPECTED: &str = "at most 20 keywords of 1 to 8 letters, without their prefix";
    let texts = leaf.texts()?;
    let keywords: Option<Vec<_>> = texts.iter().map(|text| Keyword::parse(text)).collect();
    keywords
        .filter(|keywords| keywords.len() <= 20)
        .ok_or_else(|| EXPECTED.to_owned())
}

fn user_ids(leaf: &Leaf) -> Result<Vec<UserId>, String> {
    leaf.texts()?
        .iter()
        .map(|text| user_id(text).map_err(str::to_owned))
        .collect()
}

fn user_id(text: &str) -> Result<UserId, &'static str> {
    UserId::parse(text).ok_or("a UserID is 1 to 32 bytes of printable ASCII")
}

#[cfg(test)]
mod tests;
