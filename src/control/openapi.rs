//! `openapi.json` describes both APIs. It is generated from their tables and from the types of
//! requests and answers.

use super::all_routes;
use super::problem::Problem;
use super::route::parameters;
use crate::commands::{self, Row};
use crate::protocol::query::QueryParameters;
use crate::strict::generator;
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
        paths.insert(row.info.path(), json!({ "post": command(&row) }));
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
fn command(row: &Row) -> Value {
    let Row { info, .. } = row;
    let query =
        generator(SchemaSettings::for_deserialize).into_root_schema_for::<QueryParameters>();
    let request = (row.request)(&mut generator(SchemaSettings::for_deserialize));
    let reply = (row.reply)(&mut generator(SchemaSettings::for_serialize));
    json!({
        "operationId": info.name,
        "summary": format!("Tencent's {}; at most {} calls per second", info.name, info.calls_per_second),
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
