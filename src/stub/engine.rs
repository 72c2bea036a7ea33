//! The template engine, and its limits.

use super::tree::Tree;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Enumerator, Object, ValueKind};
use minijinja::{Environment, ErrorKind, UndefinedBehavior, escape_formatter};
use serde_json::Value;
use std::sync::{Arc, LazyLock};

/// The work that one template can do, in minijinja's units: about an instruction, or 64 bytes of new
/// data. It stops an endless loop after some milliseconds. It does not limit text that a template makes of
/// a list with `~`: the author of a template is trusted.
const FUEL: u64 = 100_000;

/// The maximum size of an answer, in bytes.
pub(super) const MAX_ANSWER_BYTES: usize = 4 << 20;

/// The size of a value besides its text, in bytes.
const VALUE_BYTES: usize = 16;

/// The template engine, made at the first use, so that an emulator without stubs does not pay for it.
pub(super) static ENGINE: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut engine = Environment::new();
    // `request.A.B` is undefined, not an error, if the request has no A.
    engine.set_undefined_behavior(UndefinedBehavior::Chainable);
    engine.set_fuel(Some(FUEL));
    engine.set_formatter(|out, state, value| match value.as_str() {
        Some(_) => escape_formatter(out, state, value),
        None => out.write_str(&json_text(value)?).map_err(Into::into),
    });
    let mut syntax = SyntaxConfig::builder();
    let syntax = syntax.keep_trailing_newline(true).build();
    engine.set_syntax(syntax.expect("the delimiters are the default ones"));
    engine.add_filter("item", item);
    engine
});

/// The message of an error, without the name of the template, which has none.
pub(super) fn reason(error: &minijinja::Error) -> String {
    let kind = error.kind();
    match error.detail() {
        Some(detail) => format!("{kind}: {detail}"),
        None => kind.to_string(),
    }
}

/// Copies a value of the engine, without what is undefined or null. It fails if the value is not JSON,
/// or has more bytes than are `left`.
pub(super) fn plain(
    value: &minijinja::Value,
    left: &mut usize,
) -> Result<Option<Tree<Value>>, String> {
    let length = value.as_str().map_or(0, str::len);
    let rest = left.checked_sub(VALUE_BYTES + length);
    *left = rest.ok_or_else(|| format!("the answer is longer than {MAX_ANSWER_BYTES} bytes"))?;
    let kind = value.kind();
    let entries = || value.try_iter().map_err(|error| reason(&error));
    if matches!(kind, ValueKind::Seq | ValueKind::Iterable) {
        let mut list = Vec::new();
        for entry in entries()? {
            list.extend(plain(&entry, left)?);
        }
        return Ok(Some(Tree::List(list)));
    }
    if kind == ValueKind::Map {
        let mut object = Vec::new();
        for key in entries()? {
            // Counts the bytes of the key.
            plain(&key, left)?;
            let field = value.get_item(&key).map_err(|error| reason(&error))?;
            let field = plain(&field, left)?;
            object.extend(field.map(|field| (key.to_string(), field)));
        }
        return Ok(Some(Tree::Object(object)));
    }
    // What is undefined becomes null, and so do numbers that are not finite.
    let value = serde_json::to_value(value).map_err(|error| error.to_string())?;
    Ok(Some(value).filter(|value| !value.is_null()).map(Tree::Leaf))
}

/// A value in the text of a template, if it is no string: its JSON, or nothing for what is left out.
fn json_text(value: &minijinja::Value) -> Result<String, minijinja::Error> {
    let failed = |reason| minijinja::Error::new(ErrorKind::BadSerialization, reason);
    let plain = plain(value, &mut { MAX_ANSWER_BYTES }).map_err(failed)?;
    let text = plain.map(|plain| serde_json::to_string(&plain)).transpose();
    Ok(text
        .map_err(|error| failed(error.to_string()))?
        .unwrap_or_default())
}

/// The filter `item`: an object with the value under a key, and further fields. With `map`, it makes
/// the entries of a list: `request.To_Account | map("item", "To_Account", {"Status": "Offline"})`.
fn item(
    value: minijinja::Value,
    key: String,
    fields: Option<minijinja::Value>,
) -> minijinja::Value {
    let key = minijinja::Value::from(key);
    let mut item = vec![(key.clone(), value)];
    if let Some(fields) = fields
        && let Ok(names) = fields.try_iter()
    {
        let field = |name| {
            let value = fields.get_item(&name).ok()?;
            Some((name, value))
        };
        let names = names.filter(|name| *name != key);
        item.extend(names.filter_map(field));
    }
    minijinja::Value::from_object(Item(item))
}

/// An object of the engine that keeps the order of its keys.
#[derive(Debug)]
struct Item(Vec<(minijinja::Value, minijinja::Value)>);

impl Object for Item {
    fn get_value(self: &Arc<Self>, key: &minijinja::Value) -> Option<minijinja::Value> {
        let mut fields = self.0.iter();
        fields.find_map(|(name, value)| (name == key).then(|| value.clone()))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.0.iter().map(|(name, _)| name.clone()).collect())
    }
}
