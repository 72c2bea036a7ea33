//! Reads the configuration: merges its sources, and reports all unknown keys and invalid values at once, each
//! with its origin.

use super::document::{self, DEFAULTS_NAME, Document};
use super::{AppConfig, Config, MAX_CALLS_PER_SECOND, variables};
use crate::protocol::ids::{SdkAppId, UnixTime};
use crate::strict::{Check, InvalidField, MAX_ERRORS, Reader};
use serde_json::Value;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

pub(super) const DEFAULTS: &str = include_str!("../../config/emulator.toml");

/// The origin of the values of [`Sources::defaults`].
const COMMAND_DEFAULTS: &str = "the defaults of the command";

/// The sources of the configuration besides the built-in defaults. A later source overrides an earlier
/// one.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Values in place of built-in defaults: key with dots, value. Every other source overrides them.
    pub defaults: Vec<(&'static str, &'static str)>,
    /// A TOML file.
    pub file: Option<PathBuf>,
    /// Environment variables; only names that start with `EMULATOR__` are used. Other names that start
    /// with `EMULATOR_` give a warning.
    pub env: Vec<(OsString, OsString)>,
    /// Flags of the command line: name, key with dots, value.
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
        for (key, value) in &sources.defaults {
            let path: Vec<_> = key.split('.').map(str::to_owned).collect();
            document.set(&reader.schema, &path, value, COMMAND_DEFAULTS);
        }
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
            let path: Vec<_> = key.split('.').map(str::to_owned).collect();
            document.set(&reader.schema, &path, value, flag);
        }
        let message = |origin: &str, field: &InvalidField| {
            let key = document::key(&field.pointer);
            let mut flags = sources.flags.iter();
            match flags.any(|(flag, of_flag, _)| (*flag, *of_flag) == (origin, &key)) {
                true => format!("{origin} {}", field.detail),
                false => format!("{origin}: {key} {}", field.detail),
            }
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
    /// Checks the apps and their accounts, which a caller in process can change after [`Config::load`].
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let message = |field: InvalidField| {
            let key = document::key(&field.pointer);
            format!("{key} {}", field.detail)
        };
        let no_app = self.apps.is_empty().then(|| empty("/apps"));
        let of_apps = self.apps.iter();
        let of_apps = of_apps.flat_map(|(id, app)| app.invalid_fields(&format!("/apps/{id}")));
        let invalid = no_app.into_iter().chain(of_apps);
        let invalid = invalid.chain(self.invalid_accounts());
        let errors: Vec<_> = invalid.map(message).collect();
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

impl AppConfig {
    /// The fields whose values the schema rejects in a file, but a caller in process can have set. `at` is the
    /// app's JSON pointer.
    pub(crate) fn invalid_fields(&self, at: &str) -> Vec<InvalidField> {
        let no_admin = self
            .admins
            .is_empty()
            .then(|| empty(&format!("{at}/admins")));
        let too_many = |limit: &u32| *limit > MAX_CALLS_PER_SECOND;
        let limit = self.calls_per_second.filter(too_many).map(|_| {
            let detail = format!("should be at most {MAX_CALLS_PER_SECOND}");
            InvalidField::new(None, format!("{at}/calls_per_second"), detail)
        });
        no_admin.into_iter().chain(limit).collect()
    }
}

fn empty(pointer: &str) -> InvalidField {
    InvalidField::new(None, pointer, "should not be empty")
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
