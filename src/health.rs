//! `tencent-chat-emulator health`: a health check for images without curl.

use crate::cli::HealthArgs;
use crate::control_client::{HINT, reachable};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;
use tencent_chat_emulator::config::os_reason;

/// The timeout for connecting, for sending and for each read.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Gets `/healthz` from the configured address.
pub(crate) fn check(arguments: &HealthArgs, file: Option<PathBuf>) -> Result<(), String> {
    let config = arguments.listen.load(file)?;
    probe(config.listen, "/healthz")
}

/// Gets the path of a probe from the server that listens at an address.
pub(crate) fn probe(listen: SocketAddr, path: &str) -> Result<(), String> {
    let addr = reachable(listen);
    let answer = get(addr, path).map_err(|error| {
        let reason = os_reason(&error);
        format!("no emulator answers at {addr}: {reason}; {HINT}")
    })?;
    if answer.starts_with("HTTP/1.1 200 ") {
        return Ok(());
    }
    Err(format!(
        "the server at {addr} is not a healthy emulator; {HINT}"
    ))
}

fn get(addr: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&addr, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.take(4096).read_to_string(&mut answer)?;
    Ok(answer)
}
