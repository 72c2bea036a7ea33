//! A tunnel to another host, for clients on loopback.
//!
//! A tunnel leads neither to this machine nor to its link. A forwarded port (ssh, kubectl) makes a remote client look
//! like a client on loopback, and such a client must not reach local services.

use super::idle::until_idle;
use crate::config::os_reason;
use axum::http::StatusCode;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_util::io::InspectReader;

/// The deadline for finding a host's addresses, and again for connecting to it.
const CONNECT_DEADLINE: Duration = Duration::from_secs(10);

/// Connects to another host. The error is the status and the reason for the client.
pub(super) async fn connect(host: &str, port: u16) -> Result<TcpStream, (StatusCode, String)> {
    let failed = |reason: &str| (StatusCode::BAD_GATEWAY, format!("{host}: {reason}"));
    let late = |_| failed("no answer in time");
    let found = timeout(CONNECT_DEADLINE, lookup_host((host, port))).await;
    let found = found
        .map_err(late)?
        .map_err(|error| failed(&os_reason(&error)))?;
    let (allowed, forbidden): (Vec<_>, Vec<_>) = found.partition(|addr| is_remote(*addr));
    if allowed.is_empty() && !forbidden.is_empty() {
        let reason = format!("{host} is this machine, or on its link: no tunnel leads there");
        return Err((StatusCode::FORBIDDEN, reason));
    }
    let connected = timeout(CONNECT_DEADLINE, TcpStream::connect(&*allowed)).await;
    connected
        .map_err(late)?
        .map_err(|error| failed(&os_reason(&error)))
}

/// Copies bytes in both directions until both sides have ended, or neither has sent anything for
/// `idle_timeout`.
pub(super) async fn copy(
    client: Upgraded,
    other: TcpStream,
    idle_timeout: Duration,
) -> io::Result<()> {
    let pieces = AtomicU64::new(0);
    let count = |_: &[u8]| {
        pieces.fetch_add(1, Ordering::Relaxed);
    };
    let mut client = InspectReader::new(TokioIo::new(client), count);
    let mut other = InspectReader::new(other, count);
    tokio::select! {
        copied = copy_bidirectional(&mut client, &mut other) => copied.map(drop),
        () = until_idle(idle_timeout, || Some(pieces.load(Ordering::Relaxed))) => Ok(()),
    }
}

/// Whether an address is neither of this machine nor of its link.
fn is_remote(addr: SocketAddr) -> bool {
    let is_near = match addr.ip().to_canonical() {
        IpAddr::V4(ip) => is_near(ip),
        IpAddr::V6(ip) => is_near_v6(ip) || embedded(ip).is_some_and(is_near),
    };
    !is_near && !is_of_this_machine(addr)
}

fn is_near(ip: Ipv4Addr) -> bool {
    let is_of_link = ip.is_link_local() || ip.is_broadcast() || ip.is_multicast();
    ip.is_loopback() || ip.octets()[0] == 0 || is_of_link
}

fn is_near_v6(ip: Ipv6Addr) -> bool {
    let is_site_local = ip.segments()[0] & 0xffc0 == 0xfec0;
    let is_of_link = ip.is_unicast_link_local() || ip.is_multicast();
    ip.is_loopback() || ip.is_unspecified() || is_of_link || is_site_local
}

/// The IPv4 address in an IPv6 address that leads to one: compatible, translated (NAT64) or 6to4.
fn embedded(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let v4 = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    match ip.segments() {
        [0, 0, 0, 0, 0, 0, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => Some(v4(high, low)),
        _ => None,
    }
}

/// Whether an address is one of this machine's own: the system would send from the same address. Nothing is sent.
fn is_of_this_machine(addr: SocketAddr) -> bool {
    let any: IpAddr = match addr {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let source = UdpSocket::bind((any, 0)).and_then(|socket| {
        socket.connect(addr)?;
        socket.local_addr()
    });
    source.is_ok_and(|source| source.ip() == addr.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_this_machine_and_its_link_are_not_remote_in_any_form() {
        for near in [
            "127.0.0.1",
            "127.255.255.254",
            "0.0.0.0",
            "0.1.2.3",
            "169.254.169.254",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "::ffff:0:127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::169.254.169.254",
            "2002:7f00:1::",
            "2002:a9fe:a9fe::1",
        ] {
            let ip: IpAddr = near.parse().expect("an address");
            assert!(!is_remote(SocketAddr::new(ip, 443)), "{near}");
        }
        for remote in [
            "203.0.113.1",
            "10.0.0.1",
            "2001:db8::1",
            "64:ff9b::203.0.113.1",
        ] {
            let ip: IpAddr = remote.parse().expect("an address");
            assert!(is_remote(SocketAddr::new(ip, 443)), "{remote}");
        }
    }
}
