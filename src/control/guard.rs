//! Protects the control API: rejects calls from web pages that the developer visits, and calls
//! without the token, if a token is required.

use super::problem::Problem;
use super::reject;
use crate::state::AppState;
use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::Response;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Rejects calls from web pages of another origin, which it detects by the headers Host, Origin and
/// Sec-Fetch-Site.
pub(super) async fn check_origin(
    State(state): State<AppState>,
    call: Request,
    next: Next,
) -> Response {
    match cross_origin(call.uri(), call.headers(), &state.config.control.hosts) {
        None => next.run(call).await,
        Some(detail) => {
            let problem = Problem::new(StatusCode::FORBIDDEN, detail);
            reject(&state, call, problem).await
        }
    }
}

/// Rejects calls without the control token, if one is required.
pub(super) async fn check_token(
    State(state): State<AppState>,
    call: Request,
    next: Next,
) -> Response {
    let given = call.headers().get(header::AUTHORIZATION);
    let given = given.and_then(|value| value.to_str().ok()?.split_once(' '));
    let given = given.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let is_valid = state
        .control_token
        .as_ref()
        .is_none_or(|token| given.is_some_and(|(_, given)| token.matches(given.trim_start())));
    if is_valid {
        return next.run(call).await;
    }
    let problem = Problem::new(
        StatusCode::UNAUTHORIZED,
        "the control API requires `Authorization: Bearer` with the control token, which is configured (control.token) or was printed at the start",
    );
    reject(&state, call, problem).await
}

/// The sign that a call may come from a web page of another origin; `None` if there is none.
fn cross_origin(uri: &Uri, headers: &HeaderMap, allowed: &[String]) -> Option<&'static str> {
    if headers.get_all(header::HOST).iter().count() > 1 {
        return Some("the request has more than one Host header");
    }
    let host = headers.get(header::HOST).map(|host| host.to_str());
    let host = match (uri.authority(), host) {
        (Some(authority), _) => Some(authority.as_str()),
        (None, Some(Ok(host))) => Some(host),
        (None, Some(Err(_))) => return Some("the Host header is not ASCII"),
        (None, None) => None, // HTTP/1.0: no browser sends it.
    };
    if host.is_some_and(|host| !is_allowed_host(host, allowed)) {
        return Some(
            "the Host header must be an IP address, localhost, a name without a dot, or in control.hosts",
        );
    }
    let own = host.map(|host| ["http", "https"].map(|scheme| format!("{scheme}://{host}")));
    let is_own = |origin: &HeaderValue| own.iter().flatten().any(|own| origin == own);
    if !headers.get_all(header::ORIGIN).iter().all(is_own) {
        return Some("a web page of another origin must not use the control API");
    }
    let is_own = |site: &HeaderValue| site == "same-origin" || site == "none";
    if !headers.get_all("sec-fetch-site").iter().all(is_own) {
        return Some("a web page of another site must not use the control API");
    }
    None
}

fn is_allowed_host(host: &str, allowed: &[String]) -> bool {
    let authority = host.parse::<Authority>().ok();
    let Some(authority) = authority.filter(|_| !host.contains('@')) else {
        return false;
    };
    let host = authority.host();
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let bracketed = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    bracketed.is_some_and(|host| host.parse::<Ipv6Addr>().is_ok())
        || host.parse::<Ipv4Addr>().is_ok()
        || (!host.is_empty() && host.chars().all(is_name))
        || allowed.iter().any(|name| name.eq_ignore_ascii_case(host))
}
