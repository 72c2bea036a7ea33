//! A client of the control API of a running emulator, for the commands that use one.

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::{Method, Request, StatusCode, header};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;
use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tencent_chat_emulator::config::Config;
use tokio::runtime::Builder;

/// The path under which the control API is served.
pub(crate) const PREFIX: &str = "/_emulator/v1";

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
        let mut call = Request::builder()
            .method(method)
            .uri(format!("http://{}{PREFIX}{path}", self.addr))
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(token) = &self.token {
            call = call.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let call = call.body(Full::new(body));
        let call = call.map_err(|error| format!("cannot make the call: {error}"))?;
        let answer = async {
            let client = Client::builder(TokioExecutor::new()).build_http();
            let answer = client
                .request(call)
                .await
                .map_err(|error| innermost(&error))?;
            let status = answer.status();
            let body = answer.into_body().collect().await;
            let body = body.map_err(|error| innermost(&error))?;
            Ok((status, body.to_bytes()))
        };
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| format!("cannot start a runtime: {error}"))?;
        let answer = runtime.block_on(async { tokio::time::timeout(self.timeout, answer).await });
        let seconds = self.timeout.as_secs();
        let answer = answer.unwrap_or_else(|_| Err(format!("no answer within {seconds} s")));
        answer.map_err(|reason| format!("no emulator answers at {}: {reason}; {HINT}", self.addr))
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
