//! A row of the table of control routes. The types of its handler decide which parts of a call are
//! read, and describe the route in `openapi.json`.

use super::extract::{Body, Draft, Path, Query};
use super::problem::{Part, Problem};
use super::receive::{Input, MAX_BODY_BYTES, RouteOptions, SHORT_BODY_BYTES, receive};
use super::schemas::{Schemas, capital, tidy};
use crate::state::AppState;
use crate::strict::{StrictRead, schema_of};
use axum::Json;
use axum::extract::{RawQuery, State};
use axum::handler::Handler;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use schemars::{JsonSchema, Schema};
use serde::Serialize;
use serde_json::{Map, Value, json};

pub(super) struct Route {
    pub(super) method: Method,
    /// The beginning of the path, which the nested router strips.
    prefix: &'static str,
    /// The path after the prefix, with `{parameters}`.
    pub(super) path: &'static str,
    /// One line that describes the route.
    pub(super) summary: &'static str,
    handler: MethodRouter<AppState>,
    options: RouteOptions,
    describe: fn(&mut Operation),
}

impl Route {
    /// The same route, without the control API's prefix.
    pub(super) fn without_prefix(self) -> Self {
        Self { prefix: "", ..self }
    }

    /// Marks a route whose handler may take long: it runs on the control API's own runtime.
    pub(super) fn long(mut self) -> Self {
        self.options.is_slow = true;
        self
    }

    /// Marks a route that waits for something: the call is cancelled when its client hangs up.
    pub(super) fn waits(mut self) -> Self {
        self.options.waits = true;
        self
    }

    /// Sets the size limit of the body. `max_bodies_bytes` of the configuration limits it, too.
    pub(super) fn max_body_bytes(mut self, bytes: usize) -> Self {
        self.options.max_body_bytes = bytes;
        self
    }

    /// The path with the prefix.
    pub(super) fn path(&self) -> String {
        format!("{}{}", self.prefix, self.path)
    }

    /// The handler with its middleware.
    pub(super) fn service(self, state: &AppState) -> MethodRouter<AppState> {
        let state = (state.clone(), self.options);
        self.handler.route_layer(from_fn_with_state(state, receive))
    }

    pub(super) fn operation(&self, schemas: &mut Schemas) -> Value {
        let mut operation = Operation {
            schemas,
            parameters: Vec::new(),
            body: None,
            status: StatusCode::OK,
            content: Map::new(),
        };
        (self.describe)(&mut operation);
        let Operation {
            parameters,
            body,
            status,
            content,
            ..
        } = operation;
        let mut operation = json!({
            "operationId": self.operation_id(),
            "summary": self.summary,
            "tags": ["control"],
            "parameters": parameters,
            "security": [{}, { "token": [] }],
            "responses": {
                status.as_str(): { "description": self.summary, "content": content },
                "4XX": { "$ref": "#/components/responses/Problem" },
                "5XX": { "$ref": "#/components/responses/Problem" },
            },
        });
        if let Some(body) = body {
            operation["requestBody"] = body;
        }
        operation
    }

    /// `postAppsSdkappidReset` for POST /apps/{sdkappid}/reset; `getHealthzOutside` for a route
    /// without the prefix; `getRoutes` for the list of routes.
    fn operation_id(&self) -> String {
        let words = self.path.split(|c: char| !c.is_ascii_alphanumeric());
        let outside = match self.prefix {
            "" => "Outside",
            _ => "",
        };
        let words: String = words.map(capital).collect();
        let words = if words.is_empty() { "Routes" } else { &words };
        format!("{}{words}{outside}", self.method.as_str().to_lowercase())
    }
}

/// A route whose handler is an async function of extractors.
pub(super) fn route<H, T, I>(
    method: Method,
    path: &'static str,
    summary: &'static str,
    handler: H,
) -> Route
where
    H: Handler<T, AppState> + DescribedHandler<I>,
    T: 'static,
{
    let filter = MethodFilter::try_from(method.clone()).expect("a standard method");
    let has_body = H::INPUTS
        .iter()
        .flatten()
        .any(|input| input.part == Part::Body);
    Route {
        method,
        prefix: super::PREFIX,
        path,
        summary,
        handler: on(filter, handler),
        options: RouteOptions {
            inputs: H::INPUTS,
            max_body_bytes: match has_body {
                true => MAX_BODY_BYTES,
                false => SHORT_BODY_BYTES,
            },
            is_slow: false,
            waits: false,
        },
        describe: H::describe,
    }
}

/// The parts of an OpenAPI operation that follow from the handler's types.
pub(super) struct Operation<'a> {
    schemas: &'a mut Schemas,
    parameters: Vec<Value>,
    body: Option<Value>,
    status: StatusCode,
    content: Map<String, Value>,
}

impl Operation<'_> {
    /// Adds a media type of the answer; a JSON answer has a schema.
    pub(super) fn add_media_type(&mut self, media_type: &str, schema: Option<Value>) {
        let content = schema.map_or_else(|| json!({}), |schema| json!({ "schema": schema }));
        self.content.insert(media_type.to_owned(), content);
    }

    /// Adds JSON with the schema of `T`.
    pub(super) fn add_json<T: JsonSchema>(&mut self) {
        let schema = self.schemas.answer::<T>();
        self.add_media_type("application/json", Some(schema));
    }
}

/// A handler, described by the types of its extractors and of its answer.
pub(super) trait DescribedHandler<I> {
    /// The part of the call that each extractor reads.
    const INPUTS: &[Option<Input>];

    fn describe(operation: &mut Operation);
}

/// An extractor of a handler.
pub(super) trait OperationInput {
    /// The part of the call that it reads.
    const INPUT: Option<Input> = None;

    fn describe(_: &mut Operation) {}
}

/// The answer of a handler.
pub(super) trait OperationOutput: IntoResponse {
    fn describe(operation: &mut Operation);
}

macro_rules! described_handler {
    ($( $input:ident ),*) => {
        impl<F, Fut, $( $input, )*> DescribedHandler<($( $input, )*)> for F
        where
            F: Fn($( $input ),*) -> Fut,
            Fut: Future<Output: OperationOutput>,
            $( $input: OperationInput, )*
        {
            const INPUTS: &[Option<Input>] = &[$( $input::INPUT ),*];

            fn describe(operation: &mut Operation) {
                $( $input::describe(operation); )*
                Fut::Output::describe(operation);
            }
        }
    };
}

described_handler!();
described_handler!(I1);
described_handler!(I1, I2);
described_handler!(I1, I2, I3);
described_handler!(I1, I2, I3, I4);

impl OperationInput for State<AppState> {}

impl OperationInput for HeaderMap {}

/// For probes, which ignore their query.
impl OperationInput for RawQuery {
    const INPUT: Option<Input> = Some(Input::any_query());
}

impl<T: StrictRead> OperationInput for Path<T> {
    const INPUT: Option<Input> = Some(Input::path::<T>());

    fn describe(operation: &mut Operation) {
        let parameters = parameters(&schema_of::<T>(), "path");
        operation.parameters.extend(parameters);
    }
}

impl<T: StrictRead> OperationInput for Query<T> {
    const INPUT: Option<Input> = Some(Input::query::<T>());

    fn describe(operation: &mut Operation) {
        let parameters = parameters(&schema_of::<T>(), "query");
        operation.parameters.extend(parameters);
    }
}

impl<T: StrictRead> OperationInput for Body<T> {
    const INPUT: Option<Input> = Some(Input::body::<T>());

    fn describe(operation: &mut Operation) {
        let schema = schema_of::<T>();
        let names = schema["required"].as_array();
        // An empty body is an empty object.
        let is_required =
            schema["type"] != "object" || names.is_some_and(|names| !names.is_empty());
        let schema = operation.schemas.request::<T>();
        operation.body = Some(json!({
            "required": is_required,
            "content": { "application/json": { "schema": schema } },
        }));
    }
}

impl<T: StrictRead> OperationInput for Draft<T> {
    const INPUT: Option<Input> = Body::<T>::INPUT;

    fn describe(operation: &mut Operation) {
        Body::<T>::describe(operation);
    }
}

impl<T: Serialize + JsonSchema> OperationOutput for Json<T> {
    fn describe(operation: &mut Operation) {
        operation.add_json::<T>();
    }
}

/// Describes only the success: `openapi.json` describes `Problem` once for all operations.
impl<T: OperationOutput> OperationOutput for Result<T, Problem> {
    fn describe(operation: &mut Operation) {
        T::describe(operation);
    }
}

/// 201, with the JSON of the created resource.
pub(super) struct Created<T>(pub(super) T);

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        (StatusCode::CREATED, Json(self.0)).into_response()
    }
}

impl<T: Serialize + JsonSchema> OperationOutput for Created<T> {
    fn describe(operation: &mut Operation) {
        Json::<T>::describe(operation);
        operation.status = StatusCode::CREATED;
    }
}

impl OperationOutput for &'static str {
    fn describe(operation: &mut Operation) {
        operation.add_media_type("text/plain; charset=utf-8", None);
    }
}

/// The fields of an object's schema as OpenAPI parameters.
pub(super) fn parameters(schema: &Value, place: &str) -> Vec<Value> {
    let required = |name: &str| {
        let names = schema["required"].as_array();
        names.is_some_and(|names| names.iter().any(|other| other == name))
    };
    let fields = schema["properties"].as_object();
    let parameter = |(name, field): (&String, &Value)| {
        json!({
            "name": name,
            "in": place,
            "required": required(name),
            "description": field["description"].as_str().unwrap_or_default(),
            "schema": tidy(Schema::try_from(field.clone()).expect("a field has a schema")),
        })
    };
    fields.into_iter().flatten().map(parameter).collect()
}
