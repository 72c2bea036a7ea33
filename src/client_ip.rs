//! The IP address of the client that made a call.

use std::net::IpAddr;

/// The IP address of the client that made a call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClientIp(pub(crate) IpAddr);

/// The address of a call that came over no connection: `0.0.0.0`.
impl Default for ClientIp {
    fn default() -> Self {
        Self(IpAddr::from([0, 0, 0, 0]))
    }
}
