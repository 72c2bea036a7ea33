//! The proxy: the emulator answers for Tencent's hosts itself. It refuses all other hosts, or connects clients
//! on loopback to them.
//!
//! A client that uses a proxy sends `CONNECT host:443` for an https:// URL. For other URLs, and some clients
//! for all, it sends the whole URL in place of the path (absolute form, RFC 9112).

use super::tunnel;
use crate::client_ip::ClientIp;
use crate::config::{Config, OtherHosts};
use crate::state::AppState;
use crate::token::Token;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::Request;
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use rustls::ServerConfig;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::net::TcpStream;
use tracing::{info, warn};

/// The port of https, the only one that the emulator answers for.
const HTTPS_PORT: u16 = 443;

/// What a request to the plain port asks for.
pub(super) enum Asked {
    /// A call of the emulator.
    Call,
    /// What the proxy does not do.
    Refused(Response),
    /// A connection to a host.
    Connected(Destination),
}

/// Where a connection leads to after the answer to CONNECT.
pub(super) enum Destination {
    /// To the emulator, by TLS with this certificate.
    Emulator(OnUpgrade, Arc<ServerConfig>),
    /// To another host.
    Other(OnUpgrade, TcpStream),
}

/// Decides what a request asks for. Removes the proxy's credentials from it.
pub(super) async fn ask(
    state: &AppState,
    client: ClientIp,
    request: &mut Request<Incoming>,
) -> Asked {
    let proxy = &state.config.proxy;
    let Some(authority) = request.uri().authority().filter(|_| proxy.enabled).cloned() else {
        return Asked::Call;
    };
    let host = host(&authority);
    let is_connect = request.method() == Method::CONNECT;
    let port = authority.port_u16();
    if is_connect && (port.is_none() || authority.as_str().contains('@')) {
        let reason = "CONNECT needs a host and a port, such as console.tim.qq.com:443";
        return refuse(client, &host, StatusCode::BAD_REQUEST, reason);
    }
    if !is_connect && is_own(&state.config, &host) {
        return Asked::Call;
    }
    let token = state.control_token.as_ref();
    if token.is_some_and(|token| !is_authorized(token, request.headers())) {
        return Asked::Refused(wants_token());
    }
    request.headers_mut().remove(header::PROXY_AUTHORIZATION);
    let is_served = proxy.served_hosts().any(|served| served == host);
    let tunnels = proxy.others == OtherHosts::Tunnel && client.0.to_canonical().is_loopback();
    match (is_served, port) {
        (true, _) if !is_connect => Asked::Call,
        (true, Some(HTTPS_PORT)) => match state.tls.server_config().await {
            Ok(tls) => Asked::Connected(Destination::Emulator(hyper::upgrade::on(request), tls)),
            Err(error) => refuse(client, &host, StatusCode::BAD_GATEWAY, &error.to_string()),
        },
        (false, Some(port)) if is_connect && tunnels => match tunnel::connect(&host, port).await {
            Ok(stream) => Asked::Connected(Destination::Other(hyper::upgrade::on(request), stream)),
            Err((status, reason)) => refuse(client, &host, status, &reason),
        },
        _ => {
            let served: Vec<_> = proxy.served_hosts().collect();
            let reason = format!(
                "this proxy serves only CONNECT to port {HTTPS_PORT}, and http:// URLs, of the hosts {}; \
                 proxy.hosts adds others, and proxy.others = \"tunnel\" opens tunnels to all others for \
                 clients on loopback",
                served.join(", ")
            );
            refuse(client, &host, StatusCode::FORBIDDEN, &reason)
        }
    }
}

/// The host of an authority: in lower case, without the brackets of an IPv6 address and without a final dot.
fn host(authority: &Authority) -> String {
    let host = authority.host().trim_start_matches('[');
    let host = host.trim_end_matches(']').trim_end_matches('.');
    host.to_ascii_lowercase()
}

/// Whether a host can be a name of this server in a URL in absolute form, which a client may send to any server.
/// Nothing is sent anywhere for it.
fn is_own(config: &Config, host: &str) -> bool {
    let mut named = config.control.hosts.iter().chain(&config.tls.names);
    let is_named = named.any(|name| name.eq_ignore_ascii_case(host));
    is_named || !host.contains('.') || host.parse::<IpAddr>().is_ok()
}

/// Whether a request has the token: as `Bearer`, or as the password of `Basic`, which clients send for a proxy
/// URL such as `http://user:TOKEN@127.0.0.1:8080`.
fn is_authorized(token: &Token, headers: &HeaderMap) -> bool {
    let given = headers.get(header::PROXY_AUTHORIZATION);
    let given = given.and_then(|value| value.to_str().ok()?.split_once(' '));
    let Some((scheme, given)) = given else {
        return false;
    };
    if scheme.eq_ignore_ascii_case("bearer") {
        return token.matches(given.trim());
    }
    let password = STANDARD.decode(given.trim()).ok();
    let password = password.and_then(|bytes| String::from_utf8(bytes).ok());
    let password = password.as_deref().and_then(|text| text.split_once(':'));
    scheme.eq_ignore_ascii_case("basic")
        && password.is_some_and(|(_, password)| token.matches(password))
}

fn wants_token() -> Response {
    let text = "the proxy requires the control token as password: http://any:TOKEN@host:port\n";
    let mut answer = (StatusCode::PROXY_AUTHENTICATION_REQUIRED, text).into_response();
    let scheme = HeaderValue::from_static("Basic realm=\"tencent-chat-emulator\"");
    let headers = answer.headers_mut();
    headers.insert(header::PROXY_AUTHENTICATE, scheme);
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    answer
}

fn refuse(client: ClientIp, host: &str, status: StatusCode, reason: &str) -> Asked {
    let host: String = host.chars().take(100).collect();
    let code = status.as_u16();
    // A host that cannot be reached is probably not what the user wants.
    match status == StatusCode::BAD_GATEWAY {
        true => warn!(client = %client.0, host, status = code, "proxy: refused {host}: {reason}"),
        false => info!(client = %client.0, host, status = code, "proxy: refused {host}"),
    }
    // Some clients wait until the connection is closed.
    let headers = [(header::CONNECTION, "close")];
    Asked::Refused((status, headers, format!("{reason}\n")).into_response())
}
