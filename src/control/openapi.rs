//! `openapi.json` describes both APIs. It is generated from their tables and from the types of
//! requests and answers.

use super::all_routes;
use super::problem::Problem;
use super::route::parameters;
use crate::commands::{self, Row, stubs};
use crate::protocol::query::QueryParameters;
use crate::protocol::reply::{NoFields, Reply};
use crate::protocol::service::CommandInfo;
use crate::strict::generator;
use crate::stub::{Field, Stub};
use axum::Json;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

pub(super) async fn show() -> Json<Value> {
    Json(document())
}

fn document() -> Value {
    let mut paths = Map::new();
    for route in all_routes() {
        let operations = paths.entry(route.path()).or_insert_with(|| json!({}));
        operations[route.method.as_str().to_lowercase()] = route.operation();
    }
    for row in commands::table() {
        let Row { info, .. } = row;
        let request = (row.request)(&mut generator(SchemaSettings::for_deserialize));
        let reply = (row.reply)(&mut generator(SchemaSettings::for_serialize));
        let summary = format!("Tencent's {}", info.name);
        let command = command(info, &summary, &request.to_value(), &reply.to_value());
        paths.insert(info.path(), json!({ "post": command }));
    }
    for stub in stubs::built_in() {
        let summary = format!("A stub of Tencent's {}", stub.info.name);
        let (request, reply) = (stub_request(stub), stub_reply(stub));
        let command = command(stub.info, &summary, &request, &reply);
        paths.insert(stub.info.path(), json!({ "post": command }));
    }
    let problem = generator(SchemaSettings::for_serialize).into_root_schema_for::<Problem>();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "tencent-chat-emulator",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "An emulation of Tencent Cloud Chat's relationship APIs, and the emulator's own control API.",
        },
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
            },
        },
    })
}

/// One of Tencent's commands. Its HTTP status is always 200.
fn command(info: &CommandInfo, summary: &str, request: &Value, reply: &Value) -> Value {
    let query =
        generator(SchemaSettings::for_deserialize).into_root_schema_for::<QueryParameters>();
    json!({
        "operationId": info.name,
        "summary": format!("{summary}; at most {} calls per second", info.calls_per_second),
        "tags": [info.service.name()],
        "parameters": parameters(&query.to_value(), "query"),
        "requestBody": {
            "required": true,
            "content": { "application/json": { "schema": request } },
        },
        "responses": {
            "200": {
                "description": "The outcome is in the body.",
                "content": { "application/json": { "schema": reply } },
            },
        },
    })
}

/// The schema of a stub's body: the fields that it requires.
fn stub_request(stub: &Stub) -> Value {
    let field = |field: &Field| {
        let json_type = field.json_type.map(|json_type| json_type.name());
        let schema = json_type.map_or_else(|| json!({}), |name| json!({ "type": name }));
        (field.name.to_string(), schema)
    };
    let fields: Map<_, _> = stub.require.iter().map(field).collect();
    let required: Vec<_> = fields.keys().collect();
    json!({ "type": "object", "required": required, "properties": fields })
}

/// The schema of a stub's answer: the envelope and the fields of the template.
fn stub_reply(stub: &Stub) -> Value {
    let mut reply =
        Reply::<NoFields>::json_schema(&mut generator(SchemaSettings::for_serialize)).to_value();
    for key in stub.answer.keys() {
        reply["properties"][key] = json!({});
    }
    reply
}
