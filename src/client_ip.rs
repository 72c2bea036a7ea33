//! The IP address of the client that made a call.

use std::net::IpAddr;

#[derive(Clone, Copy, Debug)]
pub(crate) struct ClientIp(pub(crate) IpAddr);

/// `0.0.0.0`, for events that the control API causes.
impl Default for ClientIp {
    fn default() -> Self {
        Self(IpAddr::from([0, 0, 0, 0]))
    }
}
