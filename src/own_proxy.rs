//! A proxy of the user's own: the variables that name it, and NO_PROXY, which keeps the calls to the emulator off
//! it.

use std::env::var_os;
use std::ffi::OsStr;
use std::net::IpAddr;

/// The variables that `--intercept` replaces.
const HTTPS_PROXY: [&str; 2] = ["HTTPS_PROXY", "https_proxy"];
/// The variables that stay.
const OTHER_PROXY: [&str; 4] = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];

/// Whether a variable names a proxy.
pub(crate) fn is_set() -> bool {
    let mut names = HTTPS_PROXY.into_iter().chain(OTHER_PROXY);
    names.any(|name| var_os(name).is_some_and(|proxy| !proxy.is_empty()))
}

/// The entries of the user's NO_PROXY lists, except those that cover one of the intercepted hosts; then the names
/// of this machine, and the addresses of the emulator.
///
/// Clients read the entries in different ways. An entry is left out if any client would match it: some take
/// the end of a name without regard to its dots.
pub(crate) fn no_proxy(intercepted: &[String], emulator: &[IpAddr]) -> String {
    let covers = |entry: &str| {
        let name = entry.to_ascii_lowercase();
        let name = name.split(':').next().unwrap_or_default();
        let name = name.trim_start_matches(['*', '.']).trim_end_matches('.');
        intercepted.iter().any(|host| host.ends_with(name))
    };
    let is_separator = |c: char| c == ',' || c.is_whitespace();
    let lists = ["NO_PROXY", "no_proxy"].map(|name| var_os(name).unwrap_or_default());
    let lists = lists.map(|list| list.to_string_lossy().into_owned());
    let own = lists.iter().flat_map(|list| list.split(is_separator));
    let own = own.filter(|entry| !entry.is_empty());
    // An IPv6 address covers no name.
    let own: Vec<_> = own
        .filter(|entry| entry.contains("::") || !covers(entry))
        .collect();
    // Some clients know this entry only if it is alone.
    if own.contains(&"*") {
        return "*".to_owned();
    }
    let emulator: Vec<_> = emulator.iter().map(IpAddr::to_string).collect();
    let ours = ["localhost", "127.0.0.1", "::1"].into_iter();
    let ours = ours.chain(emulator.iter().map(String::as_str));
    let mut entries = Vec::new();
    for entry in own.into_iter().chain(ours) {
        if !entries.contains(&entry) {
            entries.push(entry);
        }
    }
    entries.join(",")
}

/// The warning that `--intercept` replaces a proxy of the user's own. It does not show the proxy, whose URL can
/// have a password.
pub(crate) fn replaced() -> Option<String> {
    let is_own = |name: &&str| {
        let proxy = var_os(name).filter(|proxy| !proxy.is_empty());
        proxy.is_some_and(|proxy| !is_emulator(&proxy))
    };
    let name = HTTPS_PROXY.into_iter().find(is_own)?;
    Some(format!(
        "--intercept replaces your {name}: calls to other hosts will not use that proxy."
    ))
}

/// Whether HTTPS_PROXY is the emulator that TENCENT_CHAT_EMULATOR_URL names, since an earlier `env` or inside
/// `exec`.
pub(crate) fn is_intercepted() -> bool {
    var_os(HTTPS_PROXY[0]).is_some_and(|proxy| is_emulator(&proxy))
}

fn is_emulator(proxy: &OsStr) -> bool {
    let address = |url: &OsStr| {
        let url = url.to_string_lossy();
        let parts = url.trim_end_matches('/').rsplit(['/', '@']);
        parts.take(1).collect::<String>()
    };
    var_os("TENCENT_CHAT_EMULATOR_URL").is_some_and(|url| address(&url) == address(proxy))
}
