//! The checks of addresses and URLs.

use crate::strict::Check;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The check `address` of the schemas.
pub(crate) const ADDRESS: Check = ("address", |value| {
    let is_wrong = value
        .as_str()
        .is_some_and(|text| parse_address(text).is_none());
    problem(is_wrong, NO_ADDRESS)
});

const NO_ADDRESS: &str = "should be an address such as \"127.0.0.1:8080\"";

/// The check `http-url` of the schemas.
pub(crate) const HTTP_URL: Check = ("http-url", |value| {
    let checked = value.as_str().map_or(Ok(()), check_http_url);
    problem(checked.is_err(), checked.err().unwrap_or_default())
});

/// The check `host-names` of the schemas.
pub(crate) const HOST_NAMES: Check = ("host-names", |value| {
    let names = value.as_array().into_iter().flatten().enumerate();
    let is_wrong = |name: &Value| name.as_str().is_some_and(|name| !is_host(name));
    let wrong = names.filter(|(_, name)| is_wrong(name));
    let detail = "should be a host name such as \"chat.example.com\", or an IP address";
    let problem = |(number, _)| (format!("/{number}"), detail.to_owned());
    wrong.map(problem).collect()
});

/// Whether a text is an IP address, or labels of letters, digits, hyphens and underscores.
pub(crate) fn is_host(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let is_label = |label: &str| (1..=63).contains(&label.len()) && label.chars().all(is_part);
    let last = text.rsplit('.').next().unwrap_or_default();
    let is_number = last.chars().all(|c| c.is_ascii_digit());
    let is_name = text.len() <= 253 && text.split('.').all(is_label) && !is_number;
    is_name || text.parse::<IpAddr>().is_ok()
}

/// The result of a check of a value without parts.
fn problem(is_wrong: bool, detail: &str) -> Vec<(String, String)> {
    Vec::from_iter(is_wrong.then(|| (String::new(), detail.to_owned())))
}

/// An address and a port. `localhost` and a port alone stand for 127.0.0.1.
fn parse_address(text: &str) -> Option<SocketAddr> {
    let port = text.strip_prefix("localhost:").unwrap_or(text);
    let local = port
        .parse()
        .map(|port: u16| (Ipv4Addr::LOCALHOST, port).into());
    local.ok().or_else(|| text.parse().ok())
}

fn check_http_url(text: &str) -> Result<(), &'static str> {
    let no_url = "should be an http:// URL";
    let uri = text.parse::<hyper::Uri>().map_err(|_| no_url)?;
    let authority = uri.authority().ok_or(no_url)?;
    let (host, all) = (authority.host(), authority.as_str());
    if uri.scheme_str() != Some("http") || host.is_empty() {
        return Err(no_url);
    }
    if all.contains('@') {
        return Err("should have no user name and no password, because they would not be sent");
    }
    let has_port = all.len() > host.len();
    if has_port && authority.port_u16().is_none_or(|port| port == 0) {
        return Err("should have a port from 1 to 65535");
    }
    if text.contains('#') {
        return Err("should have no fragment (#...)");
    }
    Ok(())
}

pub(super) fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_address(&text).ok_or_else(|| D::Error::custom(NO_ADDRESS))
}

pub(super) fn optional_address<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SocketAddr>, D::Error> {
    address(deserializer).map(Some)
}
