//! A configuration document: a tree of values, each with the place it comes from, over which other
//! sources can be laid.

use super::Setting;
use super::faults::Faults;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A table at the top of a source, or of several laid over each other.
#[derive(Debug, Default)]
pub(super) struct Document(pub(super) Table);

pub(super) type Table = BTreeMap<String, Node>;

/// What stands at a key.
#[derive(Debug)]
pub(super) struct Node {
    /// Where it stands: a file and line, a variable, a flag.
    pub(super) origin: String,
    pub(super) value: Value,
}

#[derive(Debug)]
pub(super) enum Value {
    Table(Table),
    Leaf(Leaf),
}

/// A value that is no table.
#[derive(Debug)]
pub(super) enum Leaf {
    Text(String),
    Integer(i64),
    Boolean(bool),
    List(Vec<Leaf>),
    /// From the environment or a flag: whatever the reader makes of it.
    Raw(String),
    /// A kind that no key takes: a fraction, a date.
    Other,
}

impl Document {
    /// Reads TOML; `name` is the source's, for origins.
    pub(super) fn parse(text: &str, name: &str, faults: &mut Faults) -> Self {
        let (table, errors) = DeTable::parse_recoverable(text);
        let origin = |place: usize| {
            format!(
                "{name}:{}",
                1 + text[..place.min(text.len())].matches('\n').count()
            )
        };
        for error in errors {
            let place = error
                .span()
                .map_or_else(|| name.to_owned(), |span| origin(span.start));
            faults.add(&place, error.message());
        }
        Self(convert(table.into_inner(), &origin))
    }

    /// Each value and where it comes from, without the secrets.
    pub(super) fn settings(&self) -> Vec<Setting> {
        let mut settings = Vec::new();
        list("", &self.0, &mut settings);
        settings
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    pub(super) fn remove(&mut self, key: &str) {
        self.0.remove(key);
    }

    /// Lets the other's values win; tables are merged.
    pub(super) fn lay_over(&mut self, other: Self) {
        merge(&mut self.0, other.0);
    }

    /// Sets one value, given as text.
    pub(super) fn set(&mut self, path: &[String], text: &str, origin: &str, faults: &mut Faults) {
        let mut table = &mut self.0;
        let Some((last, parents)) = path.split_last() else {
            return;
        };
        for key in parents {
            let new = || Node {
                origin: origin.to_owned(),
                value: Value::Table(Table::new()),
            };
            match &mut table.entry(key.clone()).or_insert_with(new).value {
                Value::Table(inner) => table = inner,
                Value::Leaf(_) => {
                    return faults.add(origin, &format!("{key} has no keys of its own"));
                }
            }
        }
        let value = Value::Leaf(Leaf::Raw(text.to_owned()));
        table.insert(
            last.clone(),
            Node {
                origin: origin.to_owned(),
                value,
            },
        );
    }
}

/// The keys whose values nobody may see.
const SECRETS: [&str; 2] = ["secret_key", "token"];

fn list(path: &str, table: &Table, settings: &mut Vec<Setting>) {
    for (name, Node { origin, value }) in table {
        let key = match path {
            "" => name.clone(),
            path => format!("{path}.{name}"),
        };
        match value {
            Value::Table(inner) if !inner.is_empty() => list(&key, inner, settings),
            Value::Table(_) => settings.push(Setting {
                key,
                value: "{}".to_owned(),
                origin: origin.clone(),
            }),
            Value::Leaf(leaf) => settings.push(Setting {
                value: match SECRETS.contains(&name.as_str()) {
                    true => "\"***\"".to_owned(),
                    false => leaf.to_toml(),
                },
                key,
                origin: origin.clone(),
            }),
        }
    }
}

fn convert(table: DeTable<'_>, origin: &impl Fn(usize) -> String) -> Table {
    let node = |(key, value): (Spanned<Cow<'_, str>>, Spanned<DeValue<'_>>)| {
        let node = Node {
            origin: origin(key.span().start),
            value: convert_value(value.into_inner(), origin),
        };
        (key.into_inner().into_owned(), node)
    };
    table.into_iter().map(node).collect()
}

fn convert_value(value: DeValue<'_>, origin: &impl Fn(usize) -> String) -> Value {
    let leaf = |value: Spanned<DeValue<'_>>| match convert_value(value.into_inner(), origin) {
        Value::Leaf(leaf) => leaf,
        Value::Table(_) => Leaf::Other,
    };
    Value::Leaf(match value {
        DeValue::Table(inner) => return Value::Table(convert(inner, origin)),
        DeValue::String(text) => Leaf::Text(text.into_owned()),
        DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
            .map_or(Leaf::Other, Leaf::Integer),
        DeValue::Boolean(boolean) => Leaf::Boolean(boolean),
        DeValue::Array(array) => Leaf::List(array.into_iter().map(leaf).collect()),
        DeValue::Float(_) | DeValue::Datetime(_) => Leaf::Other,
    })
}

fn merge(under: &mut Table, over: Table) {
    for (key, node) in over {
        match (under.get_mut(&key).map(|node| &mut node.value), node.value) {
            (Some(Value::Table(under)), Value::Table(over)) => merge(under, over),
            (_, value) => {
                under.insert(
                    key,
                    Node {
                        origin: node.origin,
                        value,
                    },
                );
            }
        }
    }
}

impl Leaf {
    fn to_toml(&self) -> String {
        match self {
            Self::Text(text) => format!("{text:?}"),
            Self::Raw(text) => text.clone(),
            Self::Integer(integer) => integer.to_string(),
            Self::Boolean(boolean) => boolean.to_string(),
            Self::List(list) => {
                let list: Vec<_> = list.iter().map(Self::to_toml).collect();
                format!("[{}]", list.join(", "))
            }
            Self::Other => String::new(),
        }
    }

    pub(super) fn text(&self) -> Result<&str, String> {
        match self {
            Self::Text(text) | Self::Raw(text) => Ok(text),
            Self::Integer(_) | Self::Boolean(_) | Self::List(_) | Self::Other => {
                Err("a string".to_owned())
            }
        }
    }

    pub(super) fn boolean(&self) -> Result<bool, String> {
        let boolean = match self {
            Self::Boolean(boolean) => Some(*boolean),
            Self::Raw(text) => text.parse().ok(),
            Self::Text(_) | Self::Integer(_) | Self::List(_) | Self::Other => None,
        };
        boolean.ok_or_else(|| "true or false".to_owned())
    }

    pub(super) fn integer(&self, range: RangeInclusive<u32>) -> Result<u32, String> {
        let integer = match self {
            Self::Integer(integer) => u32::try_from(*integer).ok(),
            Self::Raw(text) => text.parse().ok(),
            Self::Text(_) | Self::Boolean(_) | Self::List(_) | Self::Other => None,
        };
        let expected = || format!("an integer from {} to {}", range.start(), range.end());
        integer
            .filter(|integer| range.contains(integer))
            .ok_or_else(expected)
    }

    /// A list of strings; in the environment, with commas between them.
    pub(super) fn texts(&self) -> Result<Vec<&str>, String> {
        match self {
            Self::List(list) => list.iter().map(Self::text).collect::<Result<_, _>>(),
            Self::Raw(text) => Ok(text
                .split(',')
                .map(str::trim)
                .filter(|text| !text.is_empty())
                .collect()),
            Self::Text(_) | Self::Integer(_) | Self::Boolean(_) | Self::Other => Err(String::new()),
        }
        .map_err(|_| "a list of strings".to_owned())
    }
}
