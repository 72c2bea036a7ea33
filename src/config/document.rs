//! A configuration document: a JSON tree with the origin of each value, which is a file and line, an
//! environment variable or a flag. Documents can be merged.

use super::Setting;
use crate::protocol::redact::redact_url;
use crate::strict::{field_schema, join, typed};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use toml::de::{DeTable, DeValue};

/// The name of the built-in defaults in the origin of a value.
pub(super) const DEFAULTS_NAME: &str = "the built-in defaults";

/// The keys whose values are secrets.
const SECRETS: [&str; 2] = ["secret_key", "token"];

/// A source of the configuration, or several merged sources.
#[derive(Debug, Default)]
pub(super) struct Document {
    pub(super) tree: Map<String, Value>,
    /// By JSON pointer. The entries of a list have the list's origin, except tables.
    origins: BTreeMap<String, String>,
    /// Values of the file and of variables that [`Document::set`] has replaced.
    replaced: Vec<Replaced>,
}

/// A value that has no effect, because a later source has replaced it.
#[derive(Debug)]
struct Replaced {
    /// Its JSON pointer.
    pointer: String,
    value: Value,
    origin: String,
}

impl Document {
    /// Reads TOML; `name` is the source's name.
    pub(super) fn parse(text: &str, name: &str, errors: &mut Vec<String>) -> Self {
        let line_ends: Vec<_> = text.match_indices('\n').map(|(at, _)| at).collect();
        let line = |place: usize| {
            let before = line_ends.partition_point(|end| *end < place);
            format!("{name}:{}", 1 + before)
        };
        let mut document = Self::default();
        let (table, mut invalid) = DeTable::parse_recoverable(text);
        document.add_origins("", table.get_ref(), &line);
        match Map::deserialize(toml::Deserializer::from(table)) {
            Ok(tree) => document.tree = tree,
            Err(error) => invalid.push(error),
        }
        for error in invalid {
            let span = error.span();
            let key = span.clone().and_then(|span| text.get(span));
            let mut message = error.message().to_owned();
            if let Some(key) = key.filter(|_| message == "duplicate key") {
                message += &format!(" {key}");
            }
            let place = span.map(|span| line(span.start));
            let place = place.unwrap_or_else(|| name.to_owned());
            errors.push(format!("{place}: {message}"));
        }
        document
    }

    fn add_origins(&mut self, at: &str, table: &DeTable<'_>, line: &impl Fn(usize) -> String) {
        for (key, value) in table {
            let at = join(at, key.get_ref());
            self.origins.insert(at.clone(), line(key.span().start));
            if let DeValue::Table(table) = value.get_ref() {
                self.add_origins(&at, table, line);
            }
            let list = value.get_ref().as_array().into_iter().flatten();
            for (number, entry) in list.enumerate() {
                if let DeValue::Table(table) = entry.get_ref() {
                    let at = join(&at, &number.to_string());
                    self.origins.insert(at.clone(), line(entry.span().start));
                    self.add_origins(&at, table, line);
                }
            }
        }
    }

    /// Merges another document, whose values override this document's. Tables are merged.
    pub(super) fn merge(&mut self, other: Self) {
        merge(&mut self.tree, other.tree);
        self.origins.extend(other.origins);
    }

    /// Sets one value, given as text.
    pub(super) fn set(&mut self, schema: &Value, path: &[String], text: &str, origin: &str) {
        let (mut tree, mut schema, mut at) = (&mut self.tree, Some(schema), String::new());
        let Some((last, parents)) = path.split_last() else {
            return;
        };
        for key in parents {
            at = join(&at, key);
            schema = schema.and_then(|schema| field_schema(schema, key));
            let child = tree.entry(key.clone()).or_insert(Value::Null);
            if !child.is_object() {
                *child = Value::Object(Map::new());
                self.origins.insert(at.clone(), origin.to_owned());
            }
            let Value::Object(child) = child else { return };
            tree = child;
        }
        let schema = schema.and_then(|schema| field_schema(schema, last));
        let value = tree.insert(last.clone(), typed(schema, text));
        let pointer = join(&at, last);
        let inner = format!("{pointer}/");
        self.origins.retain(|at, _| !at.starts_with(&inner));
        let was = self.origins.insert(pointer.clone(), origin.to_owned());
        if let (Some(value), Some(origin)) = (value, was)
            && !origin.starts_with(DEFAULTS_NAME)
        {
            self.replaced.push(Replaced {
                pointer,
                value,
                origin,
            });
        }
    }

    /// The document with each replaced value in place of the value that replaced it: the JSON pointer,
    /// the origin of the replaced value, and the tree.
    pub(super) fn with_replaced(&self) -> impl Iterator<Item = (&str, &str, Value)> {
        self.replaced.iter().map(|replaced| {
            let mut tree = Value::Object(self.tree.clone());
            if let Some(value) = tree.pointer_mut(&replaced.pointer) {
                *value = replaced.value.clone();
            }
            (&*replaced.pointer, &*replaced.origin, tree)
        })
    }

    /// The origin of the value at a JSON pointer, or else of the nearest table around it.
    pub(super) fn origin(&self, pointer: &str) -> &str {
        let mut at = pointer;
        loop {
            match (self.origins.get(at), at.rsplit_once('/')) {
                (Some(origin), _) => return origin,
                (None, Some((parent, _))) => at = parent,
                (None, None) => return "the configuration",
            }
        }
    }

    /// Each value and its origin, without the secrets.
    pub(super) fn settings(&self) -> Vec<Setting> {
        let mut settings = Vec::new();
        self.list("", &self.tree, &mut settings);
        settings
    }

    fn list(&self, at: &str, table: &Map<String, Value>, settings: &mut Vec<Setting>) {
        for (name, value) in table {
            let at = join(at, name);
            let inner = value.as_object().filter(|inner| !inner.is_empty());
            if let Some(inner) = inner {
                self.list(&at, inner, settings);
                continue;
            }
            settings.push(Setting {
                key: key(&at),
                value: match (&**name, value) {
                    (name, _) if SECRETS.contains(&name) => "\"***\"".to_owned(),
                    ("url", Value::String(url)) => Value::from(redact_url(url)).to_string(),
                    _ => value.to_string(),
                },
                origin: self.origin(&at).to_owned(),
            });
        }
    }
}

/// A JSON pointer as a key with dots.
pub(super) fn key(pointer: &str) -> String {
    let parts = pointer.split('/').skip(1);
    let parts: Vec<_> = parts
        .map(|part| part.replace("~1", "/").replace("~0", "~"))
        .collect();
    parts.join(".")
}

fn merge(under: &mut Map<String, Value>, over: Map<String, Value>) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(Value::Object(under)), Value::Object(over)) => merge(under, over),
            (_, value) => {
                under.insert(key, value);
            }
        }
    }
}
