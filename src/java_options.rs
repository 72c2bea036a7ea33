//! The options in `JAVA_TOOL_OPTIONS`: Java reads neither the variables that name a proxy nor PEM files.

use crate::trust::Bundles;
use std::env::var_os;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::Path;

const PROXY_HOST: &str = "-Dhttps.proxyHost=";
const PROXY_PORT: &str = "-Dhttps.proxyPort=";
const TRUST_STORE: &str = "-Djavax.net.ssl.trustStore=";
const TRUST_STORE_TYPE: &str = "-Djavax.net.ssl.trustStoreType=";
const TRUST_STORE_PASSWORD: &str = "-Djavax.net.ssl.trustStorePassword=";

/// The hosts that Java calls without the proxy.
const NON_PROXY_HOSTS: &str = "-Dhttp.nonProxyHosts=";
const THIS_MACHINE: &str = "localhost|127.*|[::1]";

/// The options of the user's own, then those that lead calls to `hosts` to the proxy. Earlier options with the
/// same names are left out: they have no effect.
pub(crate) fn java_options(
    proxy: SocketAddr,
    bundles: Option<&Bundles>,
    hosts: &[String],
) -> OsString {
    let mut ours = vec![
        (PROXY_HOST, OsString::from(proxy.ip().to_string())),
        (PROXY_PORT, OsString::from(proxy.port().to_string())),
    ];
    if let Some(bundles) = bundles {
        ours.extend([
            (TRUST_STORE, quoted(&bundles.java)),
            (TRUST_STORE_TYPE, "PKCS12".into()),
            (TRUST_STORE_PASSWORD, bundles.java_password.into()),
        ]);
    }
    let own = var_os("JAVA_TOOL_OPTIONS").unwrap_or_default();
    let text = own.to_string_lossy();
    let mut options = split(&text);
    let is_replaced = |patterns: &str| patterns == THIS_MACHINE || covers(patterns, hosts);
    if non_proxy_hosts(&options).is_some_and(|patterns| is_replaced(&patterns)) {
        ours.push((NON_PROXY_HOSTS, THIS_MACHINE.into()));
    }
    options.retain(|option| !ours.iter().any(|(name, _)| option.starts_with(name)));
    let mut options: Vec<_> = options.into_iter().map(OsString::from).collect();
    for (name, value) in ours {
        let mut option = OsString::from(name);
        option.push(value);
        options.push(option);
    }
    options.join(" ".as_ref())
}

/// The options as Java splits them: at white space outside of quotes. There are no escapes.
fn split(options: &str) -> Vec<&str> {
    let mut quote = None;
    let is_separator = |c: char| match quote {
        Some(open) => {
            quote = quote.filter(|_| c != open);
            false
        }
        None if c == '"' || c == '\'' => {
            quote = Some(c);
            false
        }
        None => c.is_ascii_whitespace(),
    };
    let options = options.split(is_separator);
    options.filter(|option| !option.is_empty()).collect()
}

/// The patterns that are in effect: the last ones.
fn non_proxy_hosts(options: &[&str]) -> Option<String> {
    let options = options.iter().rev();
    let mut options = options.map(|option| option.replace(['"', '\''], ""));
    options.find_map(|option| Some(option.strip_prefix(NON_PROXY_HOSTS)?.to_owned()))
}

fn quoted(path: &Path) -> OsString {
    let has = |c: u8| path.as_os_str().as_encoded_bytes().contains(&c);
    let quote = if has(b'"') { "'" } else { "\"" };
    let quote = if b" \t\n\"'".iter().any(|c| has(*c)) {
        quote
    } else {
        ""
    };
    let mut text = OsString::from(quote);
    text.push(path);
    text.push(quote);
    text
}

fn covers(patterns: &str, hosts: &[String]) -> bool {
    let patterns = patterns.to_ascii_lowercase();
    patterns
        .split('|')
        .any(|pattern| hosts.iter().any(|host| matches(pattern, host)))
}

/// Whether Java takes the host for one that the pattern names. A `*` is at the start, at the end, or at both.
fn matches(pattern: &str, host: &str) -> bool {
    let text = pattern.trim_matches('*');
    match (pattern.starts_with('*'), pattern.ends_with('*')) {
        (true, true) => host.contains(text),
        (true, false) => host.ends_with(text),
        (false, true) => host.starts_with(text),
        (false, false) => host == text,
    }
}
