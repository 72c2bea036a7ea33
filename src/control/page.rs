//! The debugging page at `/_emulator/`. Its files are in `src/page`; they call the control API and Tencent's
//! API, as any other client does. The files need no token.

use super::unknown_route::not_found;
use crate::state::AppState;
use axum::extract::{OriginalUri, Path, Request, State};
use axum::http::{HeaderMap, HeaderName, Method, header};
use axum::response::{IntoResponse, Redirect, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;

/// The path of the page. The page's own links use it, too.
const PATH: &str = "/_emulator/";

/// Everything on the page is from this server, and no script makes HTML from a text.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
    trusted-types 'none'";

const HEADERS: [(HeaderName, &str); 5] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    // A browser must ask again for a file that it has kept: the emulator may have another version.
    (header::CACHE_CONTROL, "no-cache"),
    (header::VARY, "Accept, Accept-Encoding"),
];

macro_rules! page_files {
    ($( $name:literal ),* $(,)?) => {
        [$( ($name, include_str!(concat!("../page/", $name))) ),*]
    };
}

/// The files of the page, by name. The first file is the page itself.
#[rustfmt::skip]
const FILES: &[(&str, &str)] = &page_files![
    "index.html", "style.css", "main.js", "address.js", "api.js", "dom.js",
    "call.js", "relationships.js", "traffic.js", "trouble.js", "doctor.js", "codes.js",
    "account.js", "answer.js", "calls.js", "explain.js", "faults.js", "form.js", "graph.js", "json.js", "parts.js",
    "snapshots.js", "snippets.js", "time.js",
];

/// A file, compressed if the client accepts gzip.
fn response(name: &str, text: &'static str, call: &HeaderMap) -> Response {
    let media_type = match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        _ => "text/javascript; charset=utf-8",
    };
    let media_type = [(header::CONTENT_TYPE, media_type)];
    if accepts(call, &header::ACCEPT_ENCODING, "gzip") {
        let encoding = [(header::CONTENT_ENCODING, "gzip")];
        return (HEADERS, media_type, encoding, compress(text)).into_response();
    }
    (HEADERS, media_type, text).into_response()
}

fn compress(text: &str) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    let bytes = gzip.write_all(text.as_bytes()).and_then(|()| gzip.finish());
    bytes.expect("writing to a Vec cannot fail")
}

/// Whether a header such as `Accept` has this value, with a weight above 0.
fn accepts(call: &HeaderMap, name: &HeaderName, wanted: &str) -> bool {
    let values = call.get_all(name).iter();
    let mut values = values.filter_map(|value| value.to_str().ok());
    let is_wanted = |range: &str| {
        let range = range.to_ascii_lowercase();
        let mut parts = range.split(';').map(str::trim);
        let value = parts.next().unwrap_or_default();
        let weight = parts.find_map(|part| part.strip_prefix("q="));
        value == wanted && weight.map(str::parse::<f32>) != Some(Ok(0.0))
    };
    values.any(|ranges| ranges.split(',').any(is_wanted))
}

fn is_read(call: &Request) -> bool {
    [Method::GET, Method::HEAD].contains(call.method())
}

fn is_of_browser(call: &Request) -> bool {
    is_read(call) && accepts(call.headers(), &header::ACCEPT, "text/html")
}

/// Redirects a browser from `/` to the page, unless the control API is off.
pub(crate) fn redirect(state: &AppState, call: &Request) -> Option<Response> {
    let is_wanted = state.config.control.enabled && call.uri().path() == "/" && is_of_browser(call);
    let vary = [(header::VARY, "Accept")];
    is_wanted.then(|| (vary, Redirect::temporary(PATH)).into_response())
}

/// The page, for a browser; 404 for others.
pub(super) async fn show(state: State<AppState>, uri: OriginalUri, call: Request) -> Response {
    if !is_of_browser(&call) {
        return not_found(state, uri, call).await;
    }
    let (name, text) = FILES[0];
    response(name, text, call.headers())
}

/// A file of the page.
pub(super) async fn file(
    state: State<AppState>,
    Path(name): Path<String>,
    uri: OriginalUri,
    call: Request,
) -> Response {
    match FILES.iter().find(|file| is_read(&call) && file.0 == name) {
        Some((name, text)) => response(name, text, call.headers()),
        None => not_found(state, uri, call).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All files together, compressed.
    #[test]
    fn a_browser_receives_little() {
        let bytes: usize = FILES.iter().map(|(_, text)| compress(text).len()).sum();

        assert!(bytes <= 50_000, "{bytes}");
    }
}
