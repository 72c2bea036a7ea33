//! The answers to calls that reach no route: which routes there are, and which methods they have.

use super::problem::Problem;
use super::{PREFIX, all_routes, reject};
use crate::protocol::redact::redact_beginning;
use crate::state::AppState;
use crate::strict::nearest;
use axum::extract::{OriginalUri, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use std::iter::once;
use std::sync::LazyLock;

/// The longest path that an answer repeats, in bytes.
const MAX_PATH: usize = 100;

/// The methods and paths of all routes. To make the table for each answer would take longer.
static ROUTES: LazyLock<Vec<(Method, String)>> = LazyLock::new(|| {
    let routes = all_routes();
    routes
        .map(|route| (route.method.clone(), route.path()))
        .collect()
});

/// 404, with the nearest route and the names that can follow the part of the path that exists.
pub(super) async fn not_found(
    State(state): State<AppState>,
    OriginalUri(uri): OriginalUri,
    call: Request,
) -> Response {
    let problem = Problem::not_found(describe(uri.path()));
    reject(&state, call, problem).await
}

/// 405, with the methods of the path.
pub(super) async fn wrong_method(
    State(state): State<AppState>,
    OriginalUri(uri): OriginalUri,
    call: Request,
) -> Response {
    let methods = methods(uri.path());
    let (path, method) = (shortened(uri.path()), call.method());
    let detail = format!("{path} does not support {method}; it supports {methods}");
    let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail);
    let mut response = reject(&state, call, problem).await;
    if let Ok(methods) = HeaderValue::from_str(&methods) {
        response.headers_mut().insert(header::ALLOW, methods);
    }
    response
}

fn shortened(path: &str) -> String {
    redact_beginning(path, MAX_PATH)
}

/// The methods of the routes that serve a path. A route for GET serves HEAD, too.
fn methods(path: &str) -> String {
    let parts = parts(path);
    let serves = |pattern: &str| {
        let pattern: Vec<_> = pattern.split('/').skip(1).collect();
        pattern.len() == parts.len() && begins(&pattern, &parts, |known, part| known == part)
    };
    let mut methods = Vec::new();
    for (method, _) in ROUTES.iter().filter(|(_, pattern)| serves(pattern)) {
        methods.push(method.as_str());
        if method == Method::GET {
            methods.push("HEAD");
        }
    }
    methods.join(", ")
}

fn parts(path: &str) -> Vec<&str> {
    path.split('/').skip(1).collect()
}

/// Whether the parts of a path are the first parts of a route. A parameter is every part.
fn begins(pattern: &[&str], parts: &[&str], matches: impl Fn(&str, &str) -> bool) -> bool {
    let pairs = pattern.iter().zip(parts);
    let mut pairs = pairs.map(|(known, part)| known.starts_with('{') || matches(known, part));
    pattern.len() >= parts.len() && pairs.all(|is_same| is_same)
}

/// What there is instead of a path that does not exist.
fn describe(path: &str) -> String {
    let parts = below_prefix(path);
    let routes = ROUTES
        .iter()
        .filter_map(|(_, path)| path.strip_prefix(PREFIX))
        .filter(|path| !path.is_empty());
    let mut patterns: Vec<Vec<_>> = routes
        .map(|path| path.split('/').skip(1).collect())
        .collect();
    patterns.dedup();
    let is_near = |known: &str, part: &str| known == part || nearest(part, once(known)).is_some();
    let near = patterns
        .iter()
        .find(|pattern| pattern.len() == parts.len() && begins(pattern, &parts, is_near));
    let mut detail = format!("there is no route {}; ", shortened(path));
    if let Some(near) = near {
        detail += &format!("did you mean {PREFIX}/{}? ", near.join("/"));
    }
    for depth in (0..=parts.len()).rev() {
        let of_parts = |pattern: &&Vec<&str>| {
            pattern.len() > depth && begins(pattern, &parts[..depth], |known, part| known == part)
        };
        let mut names = Vec::new();
        for pattern in patterns.iter().filter(of_parts) {
            if !names.contains(&pattern[depth]) {
                names.push(pattern[depth]);
            }
        }
        if let Some(first) = patterns.iter().find(of_parts) {
            let parent: String = first[..depth]
                .iter()
                .map(|part| format!("/{part}"))
                .collect();
            detail += &format!("below {PREFIX}{parent} there are {}; ", names.join(", "));
            break;
        }
    }
    detail + &format!("GET {PREFIX} lists the routes")
}

/// The parts of a path after the prefix, or after what may be meant as the prefix.
fn below_prefix(path: &str) -> Vec<&str> {
    let path = path.trim_start_matches("/_emulator").trim_end_matches('/');
    let mut parts = parts(path);
    let is_version = |part: &&str| {
        let digits = part.strip_prefix('v').unwrap_or_default();
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    if parts.first().is_some_and(is_version) && parts.first() != Some(&"v4") {
        parts.remove(0);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_route_is_suggested_and_no_far_one() {
        for (path, near) in [
            ("/fault", "/faults"),
            ("/faults/", "/faults"),
            ("/app/1/reset", "/apps/{sdkappid}/reset"),
            ("/apps/1/acounts/id", "/apps/{sdkappid}/accounts/{user}"),
            ("/apps/1/usersig", "/apps/{sdkappid}/user_sig"),
            ("/clock/advence", "/clock/advance"),
        ] {
            for prefix in ["/_emulator/v1", "/_emulator/v2", "/_emulator"] {
                let detail = describe(&format!("{prefix}{path}"));
                let suggestion = format!("did you mean /_emulator/v1{near}? ");
                assert!(detail.contains(&suggestion), "{prefix}{path}: {detail}");
            }
        }
        for path in [
            "",
            "/",
            "/users",
            "/friends",
            "/apps/1/friends",
            "/v4/sns/friend_add",
        ] {
            let detail = describe(&format!("/_emulator/v1{path}"));
            assert!(!detail.contains("did you mean"), "{path}: {detail}");
        }
    }

    #[test]
    fn the_names_that_can_follow_are_listed() {
        for (path, listed) in [
            (
                "/nothing",
                "below /_emulator/v1 there are healthz, readyz, health, openapi.json,",
            ),
            (
                "/clock/set",
                "below /_emulator/v1/clock there are hold, advance, release, reset",
            ),
            (
                "/apps/1/friends",
                "below /_emulator/v1/apps/{sdkappid} there are reset, user_sig, accounts,",
            ),
            (
                "/apps/1/reset/now",
                "below /_emulator/v1/apps/{sdkappid} there are reset,",
            ),
        ] {
            let detail = describe(&format!("/_emulator/v1{path}"));
            assert!(detail.contains(listed), "{path}: {detail}");
            assert!(detail.len() < 400, "{detail}");
        }
    }
}
