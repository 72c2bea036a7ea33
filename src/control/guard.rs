//! Who may drive the control API: not the web pages that a developer visits, and off loopback only
//! who has the token. What is refused here has changed nothing, whatever the route.

use super::problem::Problem;
use crate::gateway::body;
use crate::state::AppState;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::{Ipv4Addr, Ipv6Addr};

pub(super) async fn guard(State(state): State<AppState>, call: Request, next: Next) -> Response {
    match check(&state, call.uri(), call.headers()) {
        Ok(()) => next.run(call).await,
        Err(problem) => {
            body::discard(call.into_body(), &state.config).await;
            problem.into_response()
        }
    }
}

/// # Precedence
/// Host, Origin, Sec-Fetch-Site, then the token: a page that the developer visits learns nothing of
/// whether there is one.
fn check(state: &AppState, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
    let forbidden = |detail: &str| Err(Problem::new(StatusCode::FORBIDDEN, detail));
    if headers.get_all(header::HOST).iter().count() > 1 {
        return forbidden("there is more than one Host");
    }
    let host = headers.get(header::HOST).map(|host| host.to_str());
    let host = match (uri.authority(), host) {
        (Some(authority), _) => Some(authority.as_str()),
        (None, Some(Ok(host))) => Some(host),
        (None, Some(Err(_))) => return forbidden("the Host is not ASCII"),
        (None, None) => None, // HTTP/1.0: no browser.
    };
    let allowed = &state.config.control.hosts;
    if host.is_some_and(|host| !is_ours(without_port(host), allowed)) {
        return forbidden(
            "the Host has to be an IP address, localhost, a name without a dot, or one of control.hosts",
        );
    }
    for origin in headers.get_all(header::ORIGIN) {
        let is_own =
            host.is_some_and(|host| origin.as_bytes() == format!("http://{host}").as_bytes());
        if !is_own {
            return forbidden("no web page of another origin may drive the control API");
        }
    }
    let is_own = |site: &HeaderValue| site == "same-origin" || site == "none";
    if !headers.get_all("sec-fetch-site").iter().all(is_own) {
        return forbidden("no web page of another site may drive the control API");
    }
    let Some(token) = &state.control_token else {
        return Ok(());
    };
    let given = headers.get(header::AUTHORIZATION);
    let given = given.and_then(|value| value.to_str().ok()?.split_once(' '));
    if given.is_some_and(|(scheme, given)| {
        scheme.eq_ignore_ascii_case("bearer") && token.is(given.trim_start())
    }) {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::UNAUTHORIZED,
        "the control API needs `Authorization: Bearer` and the control token, which is configured (control.token) or was printed at the start",
    ))
}

fn without_port(host: &str) -> &str {
    let end_of_v6 = host.rfind(']').map_or(0, |end| end + 1);
    match host[end_of_v6..].split_once(':') {
        Some((_, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => {
            &host[..host.len() - port.len() - 1]
        }
        _ => host,
    }
}

fn is_ours(host: &str, allowed: &[String]) -> bool {
    let bracketed = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    bracketed.is_some_and(|host| host.parse::<Ipv6Addr>().is_ok())
        || host.parse::<Ipv4Addr>().is_ok()
        || (!host.is_empty() && host.chars().all(is_name))
        || allowed.iter().any(|name| name.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_ours_without_a_dot_as_addresses_or_by_name() {
        let allowed = ["chat.example.com".to_owned()];
        for (host, ours) in [
            ("localhost", true),
            ("localhost:8080", true),
            ("emulator:8080", true),
            ("127.0.0.1:8080", true),
            ("[::1]:8080", true),
            ("[::1]", true),
            ("chat.example.com:80", true),
            ("CHAT.example.com", true),
            ("example.com", false),
            ("127.0.0.1.evil.example:80", false),
            ("evil.localhost", false),
            ("localhost.", false),
            ("localhost:80@evil.example", false),
            ("localhost@evil", false),
            ("[127.0.0.1", false),
            ("", false),
        ] {
            assert_eq!(is_ours(without_port(host), &allowed), ours, "{host}");
        }
    }
}
