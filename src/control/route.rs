//! One control route: how its handler is called, and how the OpenAPI document describes it. Both
//! follow from the handler's types.

use super::problem::{InvalidField, Part, Problem};
use super::request::{
    Fields, Nothing, generator, join, max_bytes, read, read_or_first_fault, read_texts, schema_of,
};
use crate::gateway::body::{self, Received};
use crate::state::AppState;
use axum::body::Body;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, RawQuery, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use bytes::Bytes;
use percent_encoding::percent_decode_str;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::any::TypeId;
use tokio::sync::Semaphore;

/// The longest body, but for those whose schema says otherwise.
const MAX_BODY_BYTES: usize = 4 << 20;

/// A longer body is taken one at a time: what it becomes in memory is many times as long.
static LARGE: Semaphore = Semaphore::const_new(1);

/// Of a longer body, the first fault alone is named: to find all of them takes long, and memory.
const MAX_FAULTY_BYTES: usize = 1 << 20;

/// A row of the table.
pub(super) struct Route {
    pub(super) method: Method,
    /// What its path begins with.
    prefix: &'static str,
    /// What stands behind the prefix, with `{names}`.
    pub(super) path: &'static str,
    /// One line: what it does.
    pub(super) summary: &'static str,
    pub(super) handler: MethodRouter<AppState>,
    describe: fn(&Self) -> Value,
}

impl Route {
    /// The same route, outside the control API's prefix.
    pub(super) fn outside(self) -> Self {
        Self { prefix: "", ..self }
    }

    /// The whole path.
    pub(super) fn path(&self) -> String {
        format!("{}{}", self.prefix, self.path)
    }

    /// The OpenAPI operation.
    pub(super) fn operation(&self) -> Value {
        (self.describe)(self)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Put,
    Post,
    Delete,
}

impl Method {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Put => "PUT",
            Self::Post => "POST",
            Self::Delete => "DELETE",
        }
    }

    fn filter(self) -> MethodFilter {
        match self {
            Self::Get => MethodFilter::GET,
            Self::Put => MethodFilter::PUT,
            Self::Post => MethodFilter::POST,
            Self::Delete => MethodFilter::DELETE,
        }
    }
}

/// What a handler answers.
pub(super) trait Answer: IntoResponse + Send + 'static {
    /// Its status; its media types, and of JSON the schema.
    fn describe() -> (StatusCode, Vec<(&'static str, Option<Value>)>);
}

/// JSON.
pub(super) struct Json<T>(pub(super) T);

/// JSON about what was made.
pub(super) struct Created<T>(pub(super) T);

/// Plain text.
pub(super) struct Text(pub(super) String);

/// What Prometheus reads.
pub(super) struct OpenMetrics(pub(super) String);

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

impl<T: Serialize + JsonSchema + Send + 'static> Answer for Json<T> {
    fn describe() -> (StatusCode, Vec<(&'static str, Option<Value>)>) {
        let json = ("application/json", Some(answer_schema::<T>()));
        (StatusCode::OK, vec![json])
    }
}

impl<T: Serialize + JsonSchema + Send + 'static> Answer for Created<T> {
    fn describe() -> (StatusCode, Vec<(&'static str, Option<Value>)>) {
        let (_, media_types) = Json::<T>::describe();
        (StatusCode::CREATED, media_types)
    }
}

impl Answer for Text {
    fn describe() -> (StatusCode, Vec<(&'static str, Option<Value>)>) {
        (StatusCode::OK, vec![("text/plain", None)])
    }
}

impl Answer for OpenMetrics {
    fn describe() -> (StatusCode, Vec<(&'static str, Option<Value>)>) {
        (StatusCode::OK, vec![(OPEN_METRICS, None)])
    }
}

fn answer_schema<T: JsonSchema>() -> Value {
    let generator = generator(SchemaSettings::for_serialize);
    generator.into_root_schema_for::<T>().to_value()
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self.0).expect("our answers serialise");
        typed("application/json", body)
    }
}

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        (StatusCode::CREATED, Json(self.0)).into_response()
    }
}

impl IntoResponse for Text {
    fn into_response(self) -> Response {
        typed("text/plain", self.0)
    }
}

impl IntoResponse for OpenMetrics {
    fn into_response(self) -> Response {
        typed(OPEN_METRICS, self.0)
    }
}

/// An answer of a media type.
pub(super) fn typed(content_type: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    let content_type = HeaderValue::from_static(content_type);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, content_type);
    response
}

/// A route whose handler takes the state and the parts of the request: its path, query and body.
pub(super) fn route<P, Q, B, A, F, Fut>(
    method: Method,
    path: &'static str,
    summary: &'static str,
    handler: F,
) -> Route
where
    P: Fields,
    Q: Fields,
    B: Fields,
    A: Answer,
    F: Fn(AppState, P, Q, B) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<A, Problem>> + Send,
{
    let answer = async move |State(state): State<AppState>,
                             params: Result<RawPathParams, RawPathParamsRejection>,
                             RawQuery(query): RawQuery,
                             call: Request| {
        let background = state.clone();
        let answered = async move {
            let resumed = call.headers().get("last-event-id").cloned();
            let body = receive(&state, call, max_bytes::<B>(MAX_BODY_BYTES)).await?;
            let _alone = match body.len() > MAX_BODY_BYTES {
                true => LARGE.acquire().await.ok(),
                false => None,
            };
            let params = params.map_err(|error| {
                Problem::new(StatusCode::BAD_REQUEST, format!("the path: {error}"))
            })?;
            let query = query.as_deref().unwrap_or_default();
            let (path, query, body) = understand(&params, query, resumed.as_ref(), &body)?;
            handler(state, path, query, body).await
        };
        let work = async move {
            answered
                .await
                .map_or_else(Problem::into_response, A::into_response)
        };
        background.background.run(Box::pin(work)).await
    };
    Route {
        method,
        prefix: super::PREFIX,
        path,
        summary,
        handler: on(method.filter(), answer),
        describe: describe::<P, Q, B, A>,
    }
}

/// The body, which has to be JSON where there is one.
async fn receive(state: &AppState, call: Request, max_bytes: usize) -> Result<Bytes, Problem> {
    let (call, sent) = call.into_parts();
    let bytes = match body::receive_up_to(sent, max_bytes, state.config.read_timeout).await {
        Received::Whole(bytes) => bytes,
        Received::TooLong => {
            let detail = format!("this body has at most {max_bytes} bytes");
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail));
        }
        Received::Cut => {
            let detail = "the body broke off, or did not come in time";
            return Err(Problem::new(StatusCode::BAD_REQUEST, detail));
        }
    };
    if !bytes.is_empty() && !is_json(&call.headers) {
        let detail = "a body has to be application/json";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    Ok(bytes)
}

/// No body is an empty object.
fn to_json(bytes: &[u8]) -> Result<Value, Problem> {
    if bytes.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        let detail = format!("the body is not JSON: {error}");
        Problem::new(StatusCode::BAD_REQUEST, detail)
    })
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE);
    let text = value
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let media_type = text.split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/json")
}

/// All faults of all parts, at once.
fn understand<P: Fields, Q: Fields, B: Fields>(
    params: &RawPathParams,
    query: &str,
    resumed: Option<&HeaderValue>,
    body: &[u8],
) -> Result<(P, Q, B), Problem> {
    let json = to_json(body)?;
    let mut faults = Vec::new();
    let params = params.iter();
    let path = read_texts(
        Part::Path,
        params.map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    let query = pairs(query).and_then(|mut pairs| {
        resume::<Q>(&mut pairs, resumed);
        read_texts(Part::Query, pairs.into_iter())
    });
    let body = match body.len() <= MAX_FAULTY_BYTES {
        true => read(Part::Body, json),
        false => read_or_first_fault(Part::Body, json),
    };
    let mut keep = |found: Vec<InvalidField>| faults.extend(found);
    match (path, query, body) {
        (Ok(path), Ok(query), Ok(body)) => Ok((path, query, body)),
        (path, query, body) => {
            path.err().map(&mut keep);
            query.err().map(&mut keep);
            body.err().map(&mut keep);
            Err(Problem::invalid(faults))
        }
    }
}

/// A stream of events that was cut goes on behind the last one that arrived, as browsers ask for it.
fn resume<Q: Fields>(pairs: &mut Vec<(String, String)>, last: Option<&HeaderValue>) {
    let last = last.and_then(|last| last.to_str().ok());
    if let Some(last) = last.filter(|_| schema_of::<Q>()["properties"].get("since").is_some()) {
        pairs.retain(|(name, _)| name != "since");
        pairs.push(("since".to_owned(), last.to_owned()));
    }
}

/// The names and values of a query. A name stands there once.
fn pairs(query: &str) -> Result<Vec<(String, String)>, Vec<InvalidField>> {
    let decode = |text: &str| {
        let decoded = percent_decode_str(&text.replace('+', " "))
            .decode_utf8()
            .map(|text| text.into_owned());
        decoded.map_err(|_| {
            vec![InvalidField {
                part: Some(Part::Query),
                pointer: String::new(),
                detail: "is not UTF-8".to_owned(),
            }]
        })
    };
    let mut pairs = Vec::<(String, String)>::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decode(name)?, decode(value)?);
        if pairs.iter().any(|(other, _)| *other == name) {
            return Err(vec![InvalidField {
                part: Some(Part::Query),
                pointer: join("", &name),
                detail: "is there twice".to_owned(),
            }]);
        }
        pairs.push((name, value));
    }
    Ok(pairs)
}

fn describe<P: Fields, Q: Fields, B: Fields, A: Answer>(route: &Route) -> Value {
    let (path, query) = (schema_of::<P>(), schema_of::<Q>());
    let parameters = [parameters(&path, "path"), parameters(&query, "query")].concat();
    let (status, media_types) = A::describe();
    let content = media_types.into_iter().map(|(media_type, schema)| {
        let schema = schema.map_or_else(|| json!({}), |schema| json!({ "schema": schema }));
        (media_type.to_owned(), schema)
    });
    let content: Map<String, Value> = content.collect();
    let mut operation = json!({
        "operationId": operation_id(route),
        "summary": route.summary,
        "tags": ["control"],
        "parameters": parameters,
        "security": [{}, { "token": [] }],
        "responses": {
            status.as_str(): { "description": route.summary, "content": content },
            "default": { "$ref": "#/components/responses/Problem" },
        },
    });
    if TypeId::of::<B>() != TypeId::of::<Nothing>() {
        let body = schema_of::<B>();
        let names = body["required"].as_array();
        // No body is an empty object.
        let is_required = body["type"] != "object" || names.is_some_and(|names| !names.is_empty());
        operation["requestBody"] = json!({
            "required": is_required,
            "content": { "application/json": { "schema": body } },
        });
    }
    operation
}

/// The fields of an object as parameters.
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
            "schema": field,
        })
    };
    fields.into_iter().flatten().map(parameter).collect()
}

/// `postAppsSdkappidReset` for POST /apps/{sdkappid}/reset; outside the prefix, `getHealthzOutside`.
fn operation_id(route: &Route) -> String {
    let words = route.path.split(|c: char| !c.is_ascii_alphanumeric());
    let capital = |word: &str| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_ascii_uppercase() + rest
    };
    let outside = if route.prefix.is_empty() {
        "Outside"
    } else {
        ""
    };
    let words: String = words.map(capital).collect();
    format!("{}{words}{outside}", route.method.name().to_lowercase())
}
