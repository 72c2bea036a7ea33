//! A client of the control API of a running emulator, for the commands that use one.

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;
use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tencent_chat_emulator::CONTROL_PREFIX;
use tencent_chat_emulator::config::Config;
use tokio::runtime::Builder;

/// What helps when an emulator does not answer.
pub(crate) const HINT: &str = "if the emulator listens elsewhere, name its address with --listen";

/// The client of the emulator that a configuration describes.
pub(crate) struct ControlClient {
    addr: SocketAddr,
    token: Option<String>,
    /// The deadline of a call, from its start to the end of the answer.
    timeout: Duration,
}

impl ControlClient {
    pub(crate) fn new(config: &Config, timeout: Duration) -> Self {
        Self {
            addr: reachable(config.listen),
            token: config.control.token.given().map(str::to_owned),
            timeout,
        }
    }

    /// Calls a route without a body.
    pub(crate) fn get(&self, path: &str) -> Result<(StatusCode, Bytes), String> {
        self.send(Method::GET, path, Bytes::new())
    }

    /// Calls a route. `path` is without the prefix; `body` is JSON, or empty. The error says that no complete
    /// answer came.
    pub(crate) fn send(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes), String> {
        let path = format!("{CONTROL_PREFIX}{path}");
        self.call(method, &path, body, async |answer| {
            let status = answer.status();
            let body = answer.into_body().collect().await;
            let body = body.map_err(|error| self.failed(&innermost(&error)))?;
            Ok((status, body.to_bytes()))
        })
    }

    /// Gets a path that is outside of the control API, and returns the status without reading the body.
    pub(crate) fn status(&self, path: &str) -> Result<StatusCode, String> {
        let status = async |answer: Response<Incoming>| Ok(answer.status());
        self.call(Method::GET, path, Bytes::new(), status)
    }

    /// Sends a call, and reads the answer with `read`, until the deadline.
    fn call<T>(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
        read: impl AsyncFnOnce(Response<Incoming>) -> Result<T, String>,
    ) -> Result<T, String> {
        let mut call = Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.addr))
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(token) = &self.token {
            call = call.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let call = call.body(Full::new(body));
        let call = call.map_err(|error| format!("cannot make the call: {error}"))?;
        let answer = async {
            let client = Client::builder(TokioExecutor::new()).build_http();
            match client.request(call).await {
                Ok(answer) => read(answer).await,
                Err(error) if error.is_connect() => {
                    let (addr, reason) = (self.addr, innermost(&error));
                    Err(format!("no emulator answers at {addr}: {reason}; {HINT}"))
                }
                Err(error) => Err(self.failed(&innermost(&error))),
            }
        };
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| format!("cannot start a runtime: {error}"))?;
        let answer = runtime.block_on(async { tokio::time::timeout(self.timeout, answer).await });
        let seconds = self.timeout.as_secs_f32();
        answer.unwrap_or_else(|_| Err(self.failed(&format!("no answer within {seconds:.1} s"))))
    }

    fn failed(&self, reason: &str) -> String {
        format!("the call to the emulator at {} failed: {reason}", self.addr)
    }
}

/// The message of the error that caused this one.
fn innermost(error: &dyn Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let text = innermost.to_string();
    text.split(" (os error ")
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// The answer to a call that failed.
#[derive(Deserialize)]
struct Problem {
    detail: String,
    #[serde(default)]
    errors: Vec<InvalidField>,
}

#[derive(Deserialize)]
struct InvalidField {
    pointer: String,
    detail: String,
}

/// The body of a successful answer; or the message of a problem, with a line for each invalid field.
pub(crate) fn successful((status, body): (StatusCode, Bytes)) -> Result<Bytes, String> {
    if status.is_success() {
        return Ok(body);
    }
    let Ok(Problem { detail, errors }) = serde_json::from_slice(&body) else {
        return Err(format!("the server answered {status}; is it an emulator?"));
    };
    if errors.is_empty() {
        return Err(detail);
    }
    let errors = errors.iter();
    let lines = errors.map(|field| format!("{} {}", field.pointer, field.detail));
    Err(lines.collect::<Vec<_>>().join("\n").trim_start().to_owned())
}

/// The address to connect to: loopback for a server that listens on all addresses.
pub(crate) fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, listen.port())
}
