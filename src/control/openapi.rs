//! `openapi.json` describes both APIs. It is generated from their tables and from the types of
//! requests and answers. The examples are in `examples.json`.

use super::all_routes;
use super::examples::add_examples;
use super::problem::Problem;
use super::route::parameters;
use super::schemas::Schemas;
use crate::commands::{self, Row, stubs};
use crate::protocol::query::QueryParameters;
use crate::protocol::reply::{NoFields, Reply};
use crate::protocol::service::CommandInfo;
use crate::strict::generator;
use crate::stub::{Field, JsonType, Stub};
use axum::Json;
use axum::http::{HeaderMap, header};
use schemars::generate::SchemaSettings;
use schemars::{Schema, json_schema};
use serde_json::{Map, Value, json};

pub(super) async fn show(headers: HeaderMap) -> Json<Value> {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    // A relative URL is relative to the document's.
    let server = host.map_or_else(|| "/".to_owned(), |host| format!("http://{host}"));
    Json(document(&server))
}

fn document(server: &str) -> Value {
    let (mut paths, mut schemas) = (Map::new(), Schemas::new());
    for route in all_routes() {
        let operations = paths.entry(route.path()).or_insert_with(|| json!({}));
        operations[route.method.as_str().to_lowercase()] = route.operation(&mut schemas);
    }
    for row in commands::table() {
        let Row { info, .. } = row;
        let request = (row.request)(&mut schemas.requests);
        let reply = (row.reply)(&mut schemas.answers);
        let summary = format!("Tencent's {}", info.name);
        let command = command(info, &summary, request, reply, &mut schemas);
        paths.insert(info.path(), json!({ "post": command }));
    }
    for stub in stubs::built_in() {
        let summary = format!("A stub of Tencent's {}", stub.info.name);
        let (request, reply) = (stub_request(stub), stub_reply(stub, &mut schemas));
        let command = command(stub.info, &summary, request, reply, &mut schemas);
        paths.insert(stub.info.path(), json!({ "post": command }));
    }
    let problem = schemas.answer::<Problem>();
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "tencent-chat-emulator",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "An emulation of Tencent Cloud Chat's relationship APIs, and the emulator's own control API.",
            "license": { "name": "MIT", "identifier": "MIT" },
        },
        "servers": [{ "url": server }],
        "tags": tags(),
        "paths": paths,
        "components": {
            "responses": {
                "Problem": {
                    "description": "The call failed and has changed nothing.",
                    "content": { "application/problem+json": { "schema": problem } },
                },
            },
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The control token. Required if a token is configured, or by default if the server does not listen on loopback.",
                },
                "usersig": {
                    "type": "apiKey",
                    "in": "query",
                    "name": "usersig",
                    "description": "The UserSig of an app admin, whom the parameter identifier names.",
                },
            },
        },
    });
    schemas.name(&mut document);
    add_examples(&mut document);
    document
}

/// The control API and each of Tencent's services.
fn tags() -> Vec<Value> {
    let mut services: Vec<_> = commands::built_in()
        .map(|info| info.service.name())
        .collect();
    services.sort_unstable();
    services.dedup();
    let service =
        |name: &&str| json!({ "name": name, "description": format!("Tencent's service {name}.") });
    let control = json!({ "name": "control", "description": "The emulator's own API." });
    [control]
        .into_iter()
        .chain(services.iter().map(service))
        .collect()
}

/// One of Tencent's commands. Its HTTP status is always 200.
fn command(
    info: &CommandInfo,
    summary: &str,
    request: Schema,
    reply: Schema,
    schemas: &mut Schemas,
) -> Value {
    let query =
        generator(SchemaSettings::for_deserialize).into_root_schema_for::<QueryParameters>();
    json!({
        "operationId": info.name,
        "summary": format!("{summary}; at most {} calls per second", info.calls_per_second),
        "tags": [info.service.name()],
        "security": [{ "usersig": [] }],
        "parameters": parameters(&query.to_value(), "query"),
        "requestBody": {
            "required": true,
            "content": { "application/json": { "schema": schemas.command(info.name, "Request", request) } },
        },
        "responses": {
            "200": {
                "description": "The outcome is in the body.",
                "content": { "application/json": { "schema": schemas.command(info.name, "Response", reply) } },
            },
        },
    })
}

/// The schema of a stub's body: the fields that it requires.
fn stub_request(stub: &Stub) -> Schema {
    let field = |field: &Field| {
        let schema = field.json_type.map(JsonType::schema);
        (
            field.name.to_string(),
            schema.unwrap_or_default().to_value(),
        )
    };
    let fields: Map<_, _> = stub.require.iter().map(field).collect();
    let required: Vec<_> = fields.keys().collect();
    json_schema!({ "type": "object", "required": required, "properties": fields })
}

/// The schema of a stub's answer: the envelope and the fields of the template.
fn stub_reply(stub: &Stub, schemas: &mut Schemas) -> Schema {
    let mut reply = Reply::<NoFields>::json_schema(&mut schemas.answers);
    let properties = reply.get_mut("properties").and_then(Value::as_object_mut);
    let properties = properties.expect("an answer has properties");
    for key in stub.answer.keys() {
        properties.insert(key.to_owned(), json!({}));
    }
    reply
}
