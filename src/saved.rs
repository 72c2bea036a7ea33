//! Saved accounts: the JSON document of an app's accounts, and that of all configured apps. The routes
//! `state` write and read them, and the state file is the document of all configured apps.
//!
//! Documents can be large, so they are written and read one account after the other: a parsed document takes
//! many times its size in memory.

use crate::accounts::{AccountDocument, AccountReader};
use crate::apps::App;
use crate::checks::reader;
use crate::protocol::ids::{SdkAppId, UserId};
use crate::store::Accounts;
use crate::strict::{InvalidField, StrictRead, join, listed, max_errors};
use schemars::JsonSchema;
use serde::de::{DeserializeOwned, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fmt;
use std::iter::once;
use std::sync::Arc;

/// The version of the documents.
const VERSION: u32 = 1;

/// The longest value of a field other than an account that is parsed, in bytes.
const MAX_FIELD_BYTES: usize = 100;

/// The accounts of an app.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "its fields are checked, and its accounts are read one by one"
)]
pub(crate) struct StateDocument {
    #[schemars(range(min = VERSION, max = VERSION))]
    version: u32,
    accounts: BTreeMap<UserId, AccountDocument>,
}

/// The accounts of all configured apps.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "its fields are checked, and its accounts are read one by one"
)]
pub(crate) struct StatesDocument {
    #[schemars(range(min = VERSION, max = VERSION))]
    version: u32,
    /// By SDKAppID.
    #[schemars(extend("propertyNames" = { "pattern": "^[1-9][0-9]{0,9}$" }))]
    apps: BTreeMap<String, AppAccounts>,
}

/// The accounts of one of the apps.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AppAccounts {
    accounts: BTreeMap<UserId, AccountDocument>,
}

/// The reason why a document cannot be read.
#[derive(Debug)]
pub(crate) enum Unreadable {
    /// It is not JSON, for this reason.
    NotJson(String),
    /// These fields are invalid.
    Invalid(Vec<InvalidField>),
}

/// The document of an app's accounts, in pieces.
pub(crate) fn app_pieces(accounts: &Accounts) -> impl Iterator<Item = String> {
    let head = format!("{{\"version\":{VERSION},\"accounts\":{{");
    let accounts = account_pieces(accounts);
    once(head).chain(accounts).chain(once("}}".to_owned()))
}

/// The document of the accounts of these apps, in pieces.
pub(crate) fn apps_pieces(apps: &[(SdkAppId, Accounts)]) -> impl Iterator<Item = String> {
    let head = format!("{{\"version\":{VERSION},\"apps\":{{");
    let apps = apps.iter().enumerate();
    let apps = apps.flat_map(|(number, (app, accounts))| {
        let head = format!("{}\"{app}\":{{\"accounts\":{{", comma(number));
        let accounts = account_pieces(accounts);
        once(head).chain(accounts).chain(once("}}".to_owned()))
    });
    once(head).chain(apps).chain(once("}}".to_owned()))
}

/// The fields of an object of accounts, one piece for each account.
fn account_pieces(accounts: &Accounts) -> impl Iterator<Item = String> {
    let sorted = accounts.sorted().into_iter().enumerate();
    sorted.map(|(number, (user, account))| {
        let document = AccountDocument::of(user, account, accounts);
        format!("{}{}:{}", comma(number), to_json(&user), to_json(&document))
    })
}

/// The comma before the element with this index.
fn comma(number: usize) -> &'static str {
    if number == 0 { "" } else { "," }
}

fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("its keys are texts")
}

/// Reads the document of an app's accounts. An account of more than `max_account_bytes` is invalid.
pub(crate) fn read_app(
    text: &[u8],
    app: &App,
    max_account_bytes: usize,
) -> Result<Accounts, Unreadable> {
    let mut reading = Reading::new(text, max_account_bytes);
    let accounts = reading.split::<StateDocument>("", text, "accounts")?;
    let graph = reading.accounts("", accounts, app)?;
    reading.finish(graph)
}

/// Reads the document of the accounts of some of these apps. Any other app is invalid.
pub(crate) fn read_apps(
    text: &[u8],
    apps: &BTreeMap<SdkAppId, Arc<App>>,
    max_account_bytes: usize,
) -> Result<Vec<(Arc<App>, Accounts)>, Unreadable> {
    let mut reading = Reading::new(text, max_account_bytes);
    let mut graphs = Vec::new();
    let documents = reading.split::<StatesDocument>("", text, "apps")?;
    for (name, document) in documents {
        let at = join("/apps", &name);
        // A number with a leading zero is another spelling of an app that may be there, too.
        let sdkappid = SdkAppId::parse(&name).filter(|id| id.to_string() == name);
        let Some(app) = sdkappid.and_then(|id| apps.get(&id)) else {
            let known = listed(apps.keys(), apps.len());
            let detail = "is not an app of the configuration, so its accounts would be lost";
            reading.add(at, format!("{detail}; {known}"));
            continue;
        };
        let accounts = reading.split::<AppAccounts>(&at, document.get().as_bytes(), "accounts")?;
        graphs.push((Arc::clone(app), reading.accounts(&at, accounts, app)?));
    }
    reading.finish(graphs)
}

/// The fields of an object, not parsed, in their order.
#[derive(Default)]
struct Fields<'a>(Vec<(String, &'a RawValue)>);

/// The reader of a document. It collects the invalid fields, up to a limit.
struct Reading {
    max_account_bytes: usize,
    max_errors: usize,
    invalid: Vec<InvalidField>,
}

impl Reading {
    fn new(text: &[u8], max_account_bytes: usize) -> Self {
        Self {
            max_account_bytes,
            max_errors: max_errors(text.len()),
            invalid: Vec::new(),
        }
    }

    fn finish<T>(self, read: T) -> Result<T, Unreadable> {
        match self.invalid.is_empty() {
            true => Ok(read),
            false => Err(Unreadable::Invalid(self.invalid)),
        }
    }

    fn add(&mut self, pointer: String, detail: impl Into<String>) {
        self.add_all("", vec![InvalidField::new(None, pointer, detail)]);
    }

    /// Adds the invalid fields of the value that `at` points to.
    fn add_all(&mut self, at: &str, mut invalid: Vec<InvalidField>) {
        for field in &mut invalid {
            field.pointer.insert_str(0, at);
        }
        self.invalid.extend(invalid);
        self.invalid.truncate(self.max_errors);
    }

    fn is_full(&self) -> bool {
        self.invalid.len() >= self.max_errors
    }

    /// Checks a `T` without its field `large`, an object, and returns the fields of `large`. `at` points to
    /// the `T`.
    fn split<'a, T: StrictRead>(
        &mut self,
        at: &str,
        text: &'a [u8],
        large: &str,
    ) -> Result<Vec<(String, &'a RawValue)>, Unreadable> {
        let Ok(Fields(fields)) = serde_json::from_slice(text) else {
            let _: IgnoredAny = parse(at, text)?;
            self.check::<T>(at, Value::Null);
            return Ok(Vec::new());
        };
        let (mut head, mut inner) = (Map::new(), Fields::default());
        self.check_names(at, &fields);
        for (name, field) in fields {
            let text = field.get();
            // A value that is invalid and may be large is replaced with null, which is invalid as well.
            let value = match serde_json::from_str(text) {
                Ok(fields) if name == large => {
                    inner = fields;
                    json!({})
                }
                _ if text.len() <= MAX_FIELD_BYTES => parse(at, text.as_bytes())?,
                _ => Value::Null,
            };
            head.insert(name, value);
        }
        self.check_names(&join(at, large), &inner.0);
        self.check::<T>(at, head.into());
        Ok(inner.0)
    }

    fn check<T: StrictRead>(&mut self, at: &str, head: Value) {
        let version = head["version"].as_u64().unwrap_or_default();
        if version > u64::from(VERSION) {
            let detail = format!(
                "is {version}: a newer version of tencent-chat-emulator has written this; this one reads {VERSION}"
            );
            // Its other fields may be right for the newer version.
            self.invalid = vec![InvalidField::new(None, join(at, "version"), detail)];
            self.max_errors = 1;
        } else if let Err(invalid) = reader::<T>().read(head, self.max_errors) {
            self.add_all(at, invalid);
        }
    }

    /// Of two fields with one name, one would be lost.
    fn check_names(&mut self, at: &str, fields: &[(String, &RawValue)]) {
        let mut names: Vec<&str> = fields.iter().map(|(name, _)| &**name).collect();
        names.sort_unstable();
        for pair in names.windows(2).filter(|pair| pair[0] == pair[1]) {
            self.add(join(at, pair[0]), "occurs twice");
        }
    }

    /// Reads the accounts of an app, and adds its admins, which always exist. `at` points to the app.
    fn accounts(
        &mut self,
        at: &str,
        accounts: Vec<(String, &RawValue)>,
        app: &App,
    ) -> Result<Accounts, Unreadable> {
        let now = app.clock.now().unix_time();
        let mut reader_of_accounts =
            AccountReader::new(&app.config.custom_fields, &app.new_account, now);
        let admins = app.config.admins.iter();
        let mut graph: Accounts = admins
            .map(|admin| (*admin, app.new_account.clone()))
            .collect();
        let (strict, at_all) = (reader::<AppAccounts>(), join(at, "accounts"));
        let mut users = Vec::new();
        for (name, account) in accounts {
            if self.is_full() {
                break;
            }
            if account.get().len() > self.max_account_bytes {
                let detail = format!("is larger than {} bytes", self.max_account_bytes);
                self.add(join(&at_all, &name), detail);
                continue;
            }
            // Each account is a document of its own, so that the pointers of its errors are right.
            let account: Value = parse(&join(&at_all, &name), account.get().as_bytes())?;
            match strict.read(json!({ "accounts": { name: account } }), self.max_errors) {
                Ok(AppAccounts { accounts }) => {
                    for (user, document) in accounts {
                        reader_of_accounts.add(&at_all, user, document, &mut graph);
                        users.push(user);
                    }
                }
                Err(invalid) => self.add_all(at, invalid),
            }
        }
        if self.invalid.is_empty() {
            for (missing, user) in reader_of_accounts.complete(&users, &mut graph) {
                let detail = format!("names {missing}, which is not in `accounts`");
                reader_of_accounts.add_invalid(join(&at_all, user.as_str()), detail);
            }
        }
        self.add_all("", reader_of_accounts.finish().err().unwrap_or_default());
        Ok(graph)
    }
}

/// Parses a value; `at` points to it.
fn parse<T: DeserializeOwned>(at: &str, text: &[u8]) -> Result<T, Unreadable> {
    serde_json::from_slice(text).map_err(|error| {
        Unreadable::NotJson(match at {
            "" => error.to_string(),
            at => format!("{at}: {error}"),
        })
    })
}

/// Not a map, so that a name that occurs twice can be found.
impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;

        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }

        deserializer.deserialize_map(FieldsVisitor)
    }
}
