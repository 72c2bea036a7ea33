//! The named schemas of `openapi.json`: those of requests, and those of answers.
//!
//! A type can have two schemas, because a field can be optional in a request and always present in an
//! answer. Then the schema of the request has `Input` after its name.

use crate::strict::generator;
use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::transform::{ReplaceBoolSchemas, Transform, transform_subschemas};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Where the document has its schemas.
const PATH: &str = "#/components/schemas/";

/// Where references to the schemas of requests point until [`Schemas::name`].
const REQUESTS: &str = "#/requests/";

/// Collects the schemas of all types that a document refers to.
pub(super) struct Schemas {
    pub(super) requests: SchemaGenerator,
    pub(super) answers: SchemaGenerator,
    /// The schemas of Tencent's commands, which are named after the commands.
    commands: Map<String, Value>,
}

impl Schemas {
    pub(super) fn new() -> Self {
        Self {
            requests: generator(|settings| named(settings.for_deserialize(), "/requests")),
            answers: generator(|settings| named(settings.for_serialize(), "/components/schemas")),
            commands: Map::new(),
        }
    }

    /// The schema of a request, or a reference to it.
    pub(super) fn request<T: JsonSchema>(&mut self) -> Value {
        tidy(self.requests.subschema_for::<T>())
    }

    /// The schema of an answer, or a reference to it.
    pub(super) fn answer<T: JsonSchema>(&mut self) -> Value {
        tidy(self.answers.subschema_for::<T>())
    }

    /// A reference to a schema of a command, such as `FriendAddRequest`.
    pub(super) fn command(&mut self, name: &str, kind: &str, schema: Schema) -> Value {
        let words = name.split('_').map(capital);
        let name = words.collect::<String>() + kind;
        let reference = json!({ "$ref": format!("{PATH}{name}") });
        self.commands.insert(name, tidy(schema));
        reference
    }

    /// Adds the schemas to the document, and makes its references point to them.
    pub(super) fn name(mut self, document: &mut Value) {
        let tidied = |generator: &mut SchemaGenerator| -> Map<String, Value> {
            let schemas = generator.take_definitions(false).into_iter();
            let schema = |value| Schema::try_from(value).expect("definitions are schemas");
            schemas
                .map(|(name, value)| (name, tidy(schema(value))))
                .collect()
        };
        let answers = tidied(&mut self.answers);
        let requests = tidied(&mut self.requests);
        let two = with_two_schemas(&requests, &answers);
        let name = |name: &str| match two.contains(name) {
            true => format!("{name}Input"),
            false => name.to_owned(),
        };
        let requests = requests.into_iter().map(|(of, schema)| (name(&of), schema));
        let mut schemas: Map<_, _> = requests.chain(answers).collect();
        schemas.append(&mut self.commands);
        document["components"]["schemas"] = schemas.into();
        each_reference(document, &mut |reference| {
            if let Some(of) = reference.strip_prefix(REQUESTS) {
                *reference = format!("{PATH}{}", name(of));
            }
        });
    }
}

/// Settings for named schemas.
fn named(mut settings: SchemaSettings, path: &'static str) -> SchemaSettings {
    settings.inline_subschemas = false;
    settings.definitions_path = path.into();
    settings
}

/// The names of types whose request and answer have different schemas.
fn with_two_schemas(
    requests: &Map<String, Value>,
    answers: &Map<String, Value>,
) -> BTreeSet<String> {
    let mut two = BTreeSet::new();
    loop {
        let differs = |(name, request): &(&String, &Value)| {
            // A type also differs if it refers to a type that does.
            let (mut request, mut refers) = ((*request).clone(), false);
            each_reference(&mut request, &mut |reference| {
                if let Some(of) = reference.strip_prefix(REQUESTS) {
                    refers |= two.contains(of);
                    *reference = format!("{PATH}{of}");
                }
            });
            let answer = answers.get(*name);
            answer.is_some_and(|answer| refers || *answer != request)
        };
        let found = requests.iter().filter(differs);
        let found: BTreeSet<_> = found.map(|(name, _)| name.clone()).collect();
        if found == two {
            return two;
        }
        two = found;
    }
}

fn each_reference(value: &mut Value, change: &mut impl FnMut(&mut String)) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get_mut("$ref") {
                change(reference);
            }
            for field in fields.values_mut() {
                each_reference(field, change);
            }
        }
        Value::Array(list) => {
            for element in list {
                each_reference(element, change);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Simplifies a schema, because many client generators support only a part of JSON Schema.
pub(super) fn tidy(mut schema: Schema) -> Value {
    let mut objects = ReplaceBoolSchemas::default();
    objects.skip_additional_properties = true;
    objects.transform(&mut schema);
    tidy_each(&mut schema);
    schema.to_value()
}

fn tidy_each(schema: &mut Schema) {
    // null as the default means that the field has none.
    if schema.get("default") == Some(&Value::Null) {
        schema.remove("default");
    }
    // A map whose keys have a pattern.
    let patterns = schema.remove("patternProperties");
    if let Some(Value::Object(patterns)) = patterns {
        for (pattern, values) in patterns {
            schema.insert("propertyNames".to_owned(), json!({ "pattern": pattern }));
            schema.insert("additionalProperties".to_owned(), values);
        }
    }
    if let Some(choices) = choices(schema) {
        schema.remove("oneOf");
        schema.ensure_object().extend(choices);
    }
    transform_subschemas(&mut tidy_each, schema);
}

/// Turns a list of constants with descriptions into an enum: client generators make no type of such a list.
fn choices(schema: &Schema) -> Option<Map<String, Value>> {
    let description = schema.get("description").and_then(Value::as_str);
    let mut description = description.unwrap_or_default().to_owned();
    let mut values = Vec::new();
    for alternative in schema.get("oneOf")?.as_array()? {
        match (alternative.get("const"), alternative["enum"].as_array()) {
            (Some(value), _) => {
                values.push(value.clone());
                if let Some(text) = alternative["description"].as_str() {
                    description += &format!("\n\n{value}: {text}");
                }
            }
            (None, Some(others)) => values.extend(others.iter().cloned()),
            (None, None) => return None,
        }
    }
    let mut choices = Map::new();
    choices.insert("type".to_owned(), "string".into());
    choices.insert("enum".to_owned(), values.into());
    if !description.is_empty() {
        choices.insert("description".to_owned(), description.trim_start().into());
    }
    Some(choices)
}

/// `word` with a capital as its first letter.
pub(super) fn capital(word: &str) -> String {
    let (first, rest) = word.split_at(word.len().min(1));
    first.to_ascii_uppercase() + rest
}
