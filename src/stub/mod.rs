//! Stubs: commands that check a few fields of the body and answer from a template. They keep nothing.

mod engine;
pub(crate) mod known;
mod template;
mod tree;

pub(crate) use template::{AnswerTemplate, Fields, TEMPLATES, Variables};

use crate::protocol::code::Code;
use crate::protocol::service::CommandInfo;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The maximum number of an app's own stubs.
pub(crate) const MAX_STUBS: usize = 1000;

/// The message when the process has too many stubs.
pub(crate) const TOO_MANY: &str = "the process has had stubs with 1000 different names (service and \
    command), the maximum; removed stubs count, too; use the same names again, or restart it";

/// The names of services and commands of stubs.
pub(crate) const NAME_PATTERN: &str = "^[A-Za-z0-9_]{1,64}$";

/// A stub: a command that answers from a template.
#[derive(Debug)]
pub(crate) struct Stub {
    pub(crate) info: &'static CommandInfo,
    /// The rate limit in the definition, which overrides the app's.
    pub(crate) calls_per_second: Option<u32>,
    /// The fields that a body must have.
    pub(crate) require: Cow<'static, [Field]>,
    /// The fields whose type is checked if a body has them.
    pub(crate) optional: &'static [Field],
    pub(crate) answer: AnswerTemplate,
}

/// A field that a body must have.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) name: Cow<'static, str>,
    /// Another name of the field, which is accepted as well.
    pub(crate) older_name: Option<&'static str>,
    /// The documented type; `None` accepts every type.
    pub(crate) json_type: Option<JsonType>,
    /// The field's own code, if its page has one; else the service's code.
    pub(crate) code: Option<Code>,
}

/// A JSON type that a page documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JsonType {
    String,
    Integer,
    Array,
    Account,
    /// A list of 1 to 500 accounts.
    Accounts,
    /// A list of 1 to 500 objects with a Member_Account.
    Members,
}

/// A stub, as the configuration and the control API define it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StubDefinition {
    /// The fields that a body must have. A call without one of them fails.
    #[serde(default)]
    #[schemars(length(max = 100))]
    require: Vec<String>,
    /// The rate limit in calls per second; 0 means no limit. The default is the app's limit, or else 200.
    #[schemars(range(max = 1_000_000))]
    pub(crate) calls_per_second: Option<u32>,
    /// The fields of a successful answer.
    #[serde(default)]
    answer: AnswerTemplate,
}

/// The stubs of an app by service and command, such as `openim/getroammsg`.
#[derive(Clone, Debug, Default)]
pub struct Stubs {
    pub(crate) accepted: BTreeMap<String, Arc<Stub>>,
    /// Definitions that are not accepted yet.
    defined: BTreeMap<String, StubDefinition>,
}

impl Stubs {
    /// Makes stubs of the definitions. It fails if the process has too many stubs.
    pub(crate) fn accept(&mut self) -> Result<(), &'static str> {
        while let Some((path, definition)) = self.defined.pop_first() {
            let (service, command) = path.split_once('/').unwrap_or_default();
            let stub = Stub::new(service, command, definition).ok_or(TOO_MANY)?;
            self.accepted.insert(path, stub.into());
        }
        Ok(())
    }

    /// The services and commands.
    pub(crate) fn names(&self) -> impl Iterator<Item = (&str, &str)> {
        let paths = self.accepted.keys().chain(self.defined.keys());
        paths.filter_map(|path| path.split_once('/'))
    }

    /// The rate limits in the definitions.
    pub(crate) fn limits(&self) -> Vec<(&'static CommandInfo, Option<u32>)> {
        let stubs = self.accepted.values();
        stubs
            .map(|stub| (stub.info, stub.calls_per_second))
            .collect()
    }
}

impl Stub {
    /// `None` if the process has too many stubs.
    pub(crate) fn new(service: &str, command: &str, definition: StubDefinition) -> Option<Self> {
        let StubDefinition {
            require,
            calls_per_second,
            answer,
        } = definition;
        let field = |name: String| Field {
            name: name.into(),
            older_name: None,
            json_type: None,
            code: None,
        };
        Some(Self {
            info: known::info(service, command)?,
            calls_per_second,
            require: require.into_iter().map(field).collect(),
            optional: &[],
            answer,
        })
    }
}

impl JsonType {
    pub(crate) fn schema(self) -> Schema {
        let list_of = |entry: Schema| json_schema!({ "type": "array", "minItems": 1, "maxItems": 500, "items": entry });
        match self {
            Self::String | Self::Account => json_schema!({ "type": "string" }),
            Self::Integer => json_schema!({ "type": "integer" }),
            Self::Array => json_schema!({ "type": "array", "items": {} }),
            Self::Accounts => list_of(Self::Account.schema()),
            Self::Members => list_of(json_schema!({
                "type": "object",
                "required": ["Member_Account"],
                "properties": { "Member_Account": Self::Account.schema() },
            })),
        }
    }

    /// The type with its article, for messages.
    pub(crate) fn with_article(self) -> &'static str {
        match self {
            Self::String | Self::Account => "a string",
            Self::Integer => "an integer",
            Self::Array => "an array",
            Self::Accounts => "an array of 1 to 500 accounts",
            Self::Members => "an array of 1 to 500 objects with a Member_Account",
        }
    }

    /// The error is the type that the value, or an account in it, does not have.
    pub(crate) fn check(self, value: &serde_json::Value) -> Result<(), Self> {
        let entries = || {
            let list = value.as_array().ok_or(self)?;
            match list.len() {
                1..=500 => Ok(list.iter()),
                _ => Err(self),
            }
        };
        let is_of_type = match self {
            Self::String | Self::Account => value.is_string(),
            Self::Integer => value.is_i64() || value.is_u64(),
            Self::Array => value.is_array(),
            Self::Accounts => return entries()?.try_for_each(|entry| Self::Account.check(entry)),
            Self::Members => {
                let account = |entry: &serde_json::Value| {
                    Self::Account.check(entry.get("Member_Account").ok_or(self)?)
                };
                return entries()?.try_for_each(account);
            }
        };
        is_of_type.then_some(()).ok_or(self)
    }
}

/// Not derived, so that the error for a template has its place.
impl<'de> Deserialize<'de> for Stubs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct StubsVisitor;

        impl<'de> Visitor<'de> for StubsVisitor {
            type Value = Stubs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of stubs")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Stubs, A::Error> {
                let mut stubs = BTreeMap::new();
                while let Some((path, definition)) = map.next_entry::<String, StubDefinition>()? {
                    stubs.insert(path, definition);
                }
                Ok(Stubs {
                    defined: stubs,
                    ..Stubs::default()
                })
            }
        }

        deserializer.deserialize_map(StubsVisitor)
    }
}

impl JsonSchema for Stubs {
    fn schema_name() -> Cow<'static, str> {
        "Stubs".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "maxProperties": MAX_STUBS,
            "propertyNames": {
                "pattern": "^[A-Za-z0-9_]{1,64}/[A-Za-z0-9_]{1,64}$",
                "x-expected": "a service and a command, such as openim/getroammsg",
            },
            "additionalProperties": generator.subschema_for::<StubDefinition>(),
            "x-expected": format!("an object of at most {MAX_STUBS} stubs"),
            "x-check": "stub-names",
        })
    }
}
