//! The template of a stub's answer: JSON whose strings are minijinja templates.
//!
//! A string that is only an expression, such as `{{ request.To_Account }}`, becomes the expression's
//! value with its JSON type; any other string becomes text. An undefined or null value is left out,
//! because an answer never has a null.
//!
//! An expression is compiled when its stub is made. Text is compiled again for each call, which takes
//! microseconds, because a compiled template borrows its text.

use super::engine::{ENGINE, MAX_ANSWER_BYTES, plain, reason};
use super::tree::Tree;
use crate::protocol::ids::UnixTime;
use crate::protocol::reply::Answer;
use crate::strict::{Check, MAX_ERRORS, join};
use minijinja::value::{Enumerator, Object, Serde};
use minijinja::{ErrorKind, Expression, context};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// The maximum length of a template, in bytes. It also bounds the depth of the engine's syntax trees and
/// values, which overflow the stack if they are too deep.
const MAX_TEMPLATE_BYTES: usize = 700;

/// The maximum number of templates in an answer.
const MAX_TEMPLATES: usize = 100;

/// The check `templates` of the schemas: each string of an answer must be a template.
pub(crate) const TEMPLATES: Check = ("templates", |answer| {
    let mut problems = Vec::new();
    check("", answer, &mut problems);
    problems
});

/// The names that templates can use.
const VARIABLES: [&str; 4] = ["request", "now", "uuid", "random"];

/// The keys of the envelope, which the emulator adds to each answer.
const ENVELOPE: [&str; 4] = ["ActionStatus", "ErrorCode", "ErrorInfo", "ErrorDisplay"];

/// The template of an answer's fields.
#[derive(Clone, Debug)]
pub(crate) struct AnswerTemplate(Tree<Leaf>);

/// The fields of a rendered answer.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct Fields(Tree<Value>);

impl Answer for Fields {}

/// The values that a template can use.
#[derive(Debug)]
pub(crate) struct Variables {
    /// The body of the call.
    pub(crate) request: Map<String, Value>,
    /// The app's clock.
    pub(crate) now: UnixTime,
}

/// The body of a call. A field is converted only when a template reads it.
#[derive(Debug)]
struct Body(Map<String, Value>);

impl Object for Body {
    fn get_value(self: &Arc<Self>, key: &minijinja::Value) -> Option<minijinja::Value> {
        let field = self.0.get(key.as_str()?)?;
        Some(Serde(field).into())
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let keys = self.0.keys().map(|key| key.as_str().into());
        Enumerator::Values(keys.collect())
    }
}

/// A value in a template.
#[derive(Clone)]
enum Leaf {
    Value(Value),
    /// A string that is only an expression.
    Expression(String, Arc<Expression<'static, 'static>>),
    Text(String),
}

impl AnswerTemplate {
    /// The template of an answer with these keys and strings. The error is of the first string that is
    /// not a template.
    pub(crate) fn of(fields: &[(&str, &str)]) -> Result<Self, String> {
        let field = |(key, text): &(&str, &str)| {
            let leaf = Leaf::compile(text)?;
            Ok(((*key).to_owned(), Tree::Leaf(leaf)))
        };
        let fields = fields.iter().map(field).collect::<Result<_, String>>()?;
        Ok(Self(Tree::Object(fields)))
    }

    /// Renders the answer. The error is the place of a template that failed, and the reason.
    pub(crate) fn render(&self, variables: Variables) -> Result<Fields, String> {
        let mut left = MAX_ANSWER_BYTES;
        let rendered = self.0.render(&variables.values(), &mut left)?;
        Ok(Fields(rendered.unwrap_or(Tree::Object(Vec::new()))))
    }

    /// The keys of the answer.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        let fields = match &self.0 {
            Tree::Object(fields) => &fields[..],
            Tree::Leaf(_) | Tree::List(_) => &[],
        };
        fields.iter().map(|(key, _)| &**key)
    }
}

impl Variables {
    fn values(self) -> minijinja::Value {
        context! {
            request => minijinja::Value::from_object(Body(self.request)),
            now => self.now.0,
            uuid => uuid(),
            random => fastrand::i32(0..),
        }
    }
}

/// A random UUID (version 4).
fn uuid() -> String {
    let bits = fastrand::u128(..) & !(0xf << 76 | 0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let hex = format!("{bits:032x}");
    let parts = [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ];
    parts.join("-")
}

impl Tree<Leaf> {
    /// The number of strings that are templates.
    fn templates(&self) -> usize {
        match self {
            Self::Leaf(Leaf::Value(_)) => 0,
            Self::Leaf(Leaf::Expression(..) | Leaf::Text(_)) => 1,
            Self::List(entries) => entries.iter().map(Self::templates).sum(),
            Self::Object(fields) => fields.iter().map(|(_, value)| value.templates()).sum(),
        }
    }

    /// `None` if the value is left out. `left` is the number of bytes that the answer can still have.
    fn render(
        &self,
        variables: &minijinja::Value,
        left: &mut usize,
    ) -> Result<Option<Tree<Value>>, String> {
        Ok(match self {
            Self::Leaf(leaf) => leaf
                .render(variables, left)
                .map_err(|error| format!(": {error}"))?,
            Self::List(entries) => {
                let mut list = Vec::new();
                for (at, entry) in entries.iter().enumerate() {
                    let entry = entry.render(variables, left);
                    list.extend(entry.map_err(|error| format!("/{at}{error}"))?);
                }
                Some(Tree::List(list))
            }
            Self::Object(fields) => {
                let mut object = Vec::new();
                for (key, value) in fields {
                    let value = value.render(variables, left);
                    let value = value.map_err(|error| format!("{}{error}", join("", key)))?;
                    object.extend(value.map(|value| (key.clone(), value)));
                }
                Some(Tree::Object(object))
            }
        })
    }
}

impl Leaf {
    /// The error is the reason why the text is not a template.
    fn compile(text: &str) -> Result<Self, String> {
        if !["{{", "{%", "{#"].iter().any(|mark| text.contains(mark)) {
            return Ok(Self::Value(text.into()));
        }
        if text.len() > MAX_TEMPLATE_BYTES {
            return Err(format!("it is longer than {MAX_TEMPLATE_BYTES} bytes"));
        }
        if text.contains("{%") {
            return Err("statements are not supported; use {{ expressions }}".to_owned());
        }
        let variables = Variables {
            request: Map::new(),
            now: UnixTime(0),
        }
        .values();
        let expression =
            expression(text).map(|text| ENGINE.compile_expression_owned(text.to_owned()));
        let (leaf, names, trial) = match expression {
            Some(Ok(expression)) => {
                let trial = expression.eval(variables).err();
                let names = expression.undeclared_variables(false);
                let leaf = Self::Expression(text.to_owned(), expression.into());
                (leaf, names, trial)
            }
            // With an error in it, it may be text such as `{{ now }} and {{ uuid }}`.
            Some(Err(_)) | None => {
                let template = ENGINE
                    .template_from_str(text)
                    .map_err(|error| reason(&error))?;
                let trial = template.render(variables).err();
                let names = template.undeclared_variables(false);
                (Self::Text(text.to_owned()), names, trial)
            }
        };
        let is_known = |name: &&String| VARIABLES.contains(&name.as_str());
        if let Some(name) = names.iter().find(|name| !is_known(name)) {
            let known = VARIABLES.join(", ");
            return Err(format!("there is no {name}; a template can use {known}"));
        }
        // Other errors of the trial may not occur with a real request.
        let unknown = [
            ErrorKind::UnknownFilter,
            ErrorKind::UnknownFunction,
            ErrorKind::UnknownTest,
        ];
        match trial.filter(|error| unknown.contains(&error.kind())) {
            Some(error) => Err(reason(&error)),
            None => Ok(leaf),
        }
    }

    fn render(
        &self,
        variables: &minijinja::Value,
        left: &mut usize,
    ) -> Result<Option<Tree<Value>>, String> {
        let value = match self {
            Self::Value(value) => Serde(value).into(),
            Self::Text(text) => {
                let rendered = ENGINE.render_str(text, variables.clone());
                rendered.map_err(|error| reason(&error))?.into()
            }
            Self::Expression(_, expression) => {
                let value = expression.eval(variables.clone());
                value.map_err(|error| reason(&error))?
            }
        };
        plain(&value, left)
    }
}

/// Collects the strings that are not templates: their JSON pointers, and the reasons.
fn check(at: &str, value: &Value, problems: &mut Vec<(String, String)>) {
    if problems.len() >= MAX_ERRORS {
        return;
    }
    match value {
        Value::String(_) => {
            let error = Leaf::try_from(value.clone()).err();
            problems.extend(error.map(|error| (at.to_owned(), error)));
        }
        Value::Array(entries) => {
            for (number, entry) in entries.iter().enumerate() {
                check(&format!("{at}/{number}"), entry, problems);
            }
        }
        Value::Object(fields) => {
            for (key, field) in fields {
                check(&join(at, key), field, problems);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The expression of a string that can be a single `{{ expression }}`.
fn expression(text: &str) -> Option<&str> {
    let inner = text.strip_prefix("{{")?.strip_suffix("}}")?;
    // Marks that trim the text around an expression; here is no such text.
    let inner = inner.strip_prefix(['-', '+']).unwrap_or(inner);
    Some(inner.strip_suffix(['-', '+']).unwrap_or(inner))
}

/// Shows the text, not the compiled expression.
impl fmt::Debug for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(value) => value.fmt(f),
            Self::Expression(text, _) | Self::Text(text) => text.fmt(f),
        }
    }
}

impl Default for AnswerTemplate {
    fn default() -> Self {
        Self(Tree::Object(Vec::new()))
    }
}

/// The error says why a string is not a template.
impl TryFrom<Value> for Leaf {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        match value.as_str() {
            Some(text) => {
                Self::compile(text).map_err(|error| format!("is not a template: {error}"))
            }
            None => Ok(Self::Value(value)),
        }
    }
}

impl Serialize for Leaf {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Value(value) => value.serialize(serializer),
            Self::Expression(text, _) | Self::Text(text) => serializer.serialize_str(text),
        }
    }
}

impl Serialize for AnswerTemplate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for AnswerTemplate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let tree = Tree::<Leaf>::deserialize(deserializer)?;
        if tree.templates() > MAX_TEMPLATES {
            let error = format!("should have at most {MAX_TEMPLATES} templates");
            return Err(D::Error::custom(error));
        }
        match tree {
            Tree::Object(_) => Ok(Self(tree)),
            Tree::Leaf(_) | Tree::List(_) => Err(D::Error::custom("should be an object")),
        }
    }
}

impl JsonSchema for AnswerTemplate {
    fn schema_name() -> Cow<'static, str> {
        "AnswerTemplate".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "propertyNames": {
                "not": { "enum": ENVELOPE },
                "x-expected": "a field of the command; the emulator adds ActionStatus, ErrorCode, ErrorInfo and ErrorDisplay, and faults make errors",
            },
            "x-check": TEMPLATES.0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(template: &str, request: Value) -> Result<String, String> {
        let answer = AnswerTemplate::of(&[("Key", template)]).expect("it compiles");
        let request = request.as_object().expect("an object").clone();
        let now = UnixTime(0);
        let fields = answer.render(Variables { request, now })?;
        Ok(serde_json::to_string(&fields).expect("it is JSON"))
    }

    /// If the whole body were converted, the value would be a map of the engine.
    #[test]
    fn a_body_is_not_converted_as_a_whole() {
        let request = Map::from_iter([("A".to_owned(), Value::from(1))]);
        let now = UnixTime(0);
        let values = Variables { request, now }.values();
        let body = values.get_attr("request").expect("it is there");
        assert!(body.downcast_object_ref::<Body>().is_some());

        let request = serde_json::json!({"A": [1], "B": 2});
        let rendered = render("{{ request }}", request.clone());
        assert_eq!(rendered.as_deref(), Ok(r#"{"Key":{"A":[1],"B":2}}"#));
        let rendered = render("{{ request | length }}{{ request.A[0] }}", request);
        assert_eq!(rendered.as_deref(), Ok(r#"{"Key":"21"}"#));
    }

    #[test]
    fn a_value_with_too_many_levels_is_named() {
        let list = (0..100).fold(Value::from(1), |value, _| vec![value].into());
        let request = serde_json::json!({ "D": list });
        // The field has 101 levels, and each item one more.
        let wrap = |levels: usize| {
            let items = "|item('K')".repeat(levels - 101);
            format!("{{{{ request.D{items} }}}}")
        };
        assert!(render(&wrap(128), request.clone()).is_ok());
        let error = render(&wrap(129), request).expect_err("129 levels");
        assert!(error.starts_with("/Key: "), "{error}");
        assert!(
            error.contains("the value has more than 128 levels"),
            "{error}"
        );
    }

    /// The values and the syntax trees are as deep as the longest template can make them.
    #[test]
    fn a_deep_template_does_not_overflow_half_of_a_stack() {
        let chain = |head: &str, part: &str| {
            let (open, close) = ("{{ ", " }}");
            let rest = MAX_TEMPLATE_BYTES - open.len() - head.len() - close.len();
            format!("{open}{head}{}{close}", part.repeat(rest / part.len()))
        };
        let expressions = [
            chain("1", "+1"),
            chain("request", ".a"),
            chain("request", "[0]"),
            chain("request", "[:]"),
            chain("request", "()"),
            chain("", "not "),
            chain("", "-"),
            chain("1", "|item('K')"),
            chain("1", "|string"),
            chain("[]", "|list"),
            chain("1", "~1"),
            chain("1", " and 1"),
            chain("1", "**1"),
            chain("1", " if 1 else 1"),
        ];
        let texts = expressions
            .iter()
            .map(|template| format!("a{}", &template[..template.len() - 1]));
        let templates: Vec<_> = expressions.iter().cloned().chain(texts).collect();
        let render_all = move || {
            for template in templates {
                if let Ok(answer) = AnswerTemplate::of(&[("Key", &template)]) {
                    let request = Map::from_iter([("a".to_owned(), Value::from(1))]);
                    let now = UnixTime(0);
                    drop(answer.render(Variables { request, now }));
                }
            }
        };
        let thread = std::thread::Builder::new().stack_size(1 << 20);
        let thread = thread.spawn(render_all).expect("a thread");
        thread.join().expect("no template panics");
    }
}
