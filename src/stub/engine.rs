//! The template engine, and its limits.

use super::tree::Tree;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::ValueKind;
use minijinja::{Environment, ErrorKind, UndefinedBehavior, escape_formatter, filters};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The work that one template can do, in minijinja's units: about an instruction, or 64 bytes of new
/// data. Fuel does not count text made from a list with `~`.
const FUEL: u64 = 100_000;

/// The maximum size of an answer, in bytes.
pub(super) const MAX_ANSWER_BYTES: usize = 4 << 20;

/// The maximum depth of an answer's value.
const MAX_DEPTH: usize = 128;

/// The bytes that each value counts, in addition to its text.
const VALUE_BYTES: usize = 16;

/// The most fields that the filter `item` adds. It makes an object for each entry of a list.
const MAX_ITEM_FIELDS: usize = 32;

/// The template engine, made at the first use, so that an emulator without stubs does not pay for it.
///
/// It has a few filters and no functions: with all of minijinja's, a short template can make a value that
/// contains itself, that is deeper than the stack, or whose text is endless.
pub(super) static ENGINE: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut engine = Environment::empty();
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
    engine.add_filter("default", filters::default);
    engine.add_filter("first", filters::first);
    engine.add_filter("int", filters::int);
    engine.add_filter("item", item);
    engine.add_filter("last", filters::last);
    engine.add_filter("length", filters::length);
    engine.add_filter("list", filters::list);
    engine.add_filter("lower", filters::lower);
    engine.add_filter("map", filters::map);
    engine.add_filter("replace", filters::replace);
    engine.add_filter("string", filters::string);
    engine.add_filter("upper", filters::upper);
    engine
});

/// The message of an error, without the name of the template, which has none.
pub(super) fn reason(error: &minijinja::Error) -> String {
    let kind = error.kind();
    match error.detail() {
        // The detail is "filter itm is unknown".
        Some(detail) if detail.ends_with(" is unknown") => {
            format!("unknown {}", detail.trim_end_matches(" is unknown"))
        }
        Some(detail) => format!("{kind}: {detail}"),
        None => kind.to_string(),
    }
}

/// Copies a value of the engine, without undefined and null values. It fails if the value is not JSON, is
/// deeper than [`MAX_DEPTH`], or has more bytes than are `left`.
pub(super) fn plain(
    value: &minijinja::Value,
    left: &mut usize,
) -> Result<Option<Tree<Value>>, String> {
    plain_within(value, left, MAX_DEPTH)
}

fn plain_within(
    value: &minijinja::Value,
    left: &mut usize,
    depth: usize,
) -> Result<Option<Tree<Value>>, String> {
    let too_deep = || format!("the value has more than {MAX_DEPTH} levels");
    let depth = depth.checked_sub(1).ok_or_else(too_deep)?;
    let length = value.as_str().map_or(0, str::len);
    let rest = left.checked_sub(VALUE_BYTES + length);
    *left = rest.ok_or_else(|| format!("the answer is longer than {MAX_ANSWER_BYTES} bytes"))?;
    let kind = value.kind();
    let entries = || value.try_iter().map_err(|error| reason(&error));
    if matches!(kind, ValueKind::Seq | ValueKind::Iterable) {
        let mut list = Vec::new();
        for entry in entries()? {
            list.extend(plain_within(&entry, left, depth)?);
        }
        return Ok(Some(Tree::List(list)));
    }
    if kind == ValueKind::Map {
        let mut object = Vec::new();
        for key in entries()? {
            // Counts the bytes of the key.
            plain_within(&key, left, depth)?;
            let field = value.get_item(&key).map_err(|error| reason(&error))?;
            let field = plain_within(&field, left, depth)?;
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
) -> Result<minijinja::Value, minijinja::Error> {
    let key = minijinja::Value::from(key);
    let mut item = BTreeMap::from([(key.clone(), value)]);
    if let Some(fields) = fields
        && let Ok(names) = fields.try_iter()
    {
        if fields.len().is_some_and(|count| count > MAX_ITEM_FIELDS) {
            let detail = format!("item adds at most {MAX_ITEM_FIELDS} fields");
            return Err(minijinja::Error::new(ErrorKind::InvalidOperation, detail));
        }
        let field = |name| {
            let value = fields.get_item(&name).ok()?;
            Some((name, value))
        };
        item.extend(names.filter(|name| *name != key).filter_map(field));
    }
    Ok(item.into())
}
