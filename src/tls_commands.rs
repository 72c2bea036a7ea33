//! `tencent-chat-emulator tls`: prints the CA, and host names for clients that ignore proxy settings.

use crate::cli::{TlsCommand, load_config};
use crate::control_client::reachable;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use tencent_chat_emulator::config::{Config, os_reason};
use tencent_chat_emulator::tls::{self, Ca};

/// The port of HTTPS in a URL without a port.
const HTTPS: u16 = 443;

pub(crate) fn run(command: &TlsCommand, file: Option<PathBuf>) -> Result<(), String> {
    let config = load_config(file)?;
    let text = match command {
        TlsCommand::Ca => ca(&config)?,
        TlsCommand::Hosts(arguments) if arguments.compose => compose_aliases(&config),
        TlsCommand::Hosts(_) => hosts_lines(&config),
    };
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(|error| format!("cannot write: {}", os_reason(&error)))
}

fn ca(config: &Config) -> Result<String, String> {
    let Config { tls, proxy, .. } = config;
    if tls.certificate.is_some() {
        let problem = "with tls.certificate, there is no CA: clients must trust your own";
        return Err(problem.to_owned());
    }
    if tls.ca_directory.as_deref() == Some(Path::new("")) {
        let problem = "with tls.ca_directory = \"\", each emulator makes its own CA: GET /_emulator/v1/tls/ca \
                       prints that of a running one";
        return Err(problem.to_owned());
    }
    let ca = Ca::open(tls, &tls::names(tls, proxy)).map_err(|error| error.to_string())?;
    Ok(ca.pem().to_owned())
}

/// The names of the hosts that the emulator answers for.
fn host_names(config: &Config) -> Vec<String> {
    let mut hosts: Vec<_> = config.proxy.served_hosts().collect();
    hosts.retain(|host| host.parse::<IpAddr>().is_err());
    hosts
}

/// The lines of a hosts file, with the address of HTTPS.
fn hosts_lines(config: &Config) -> String {
    let default = SocketAddr::from((Ipv4Addr::LOCALHOST, HTTPS));
    let addr = config.tls.listen.unwrap_or(default);
    let ip = reachable(addr).ip();
    let mut text = format!(
        "# Clients connect to port {HTTPS}: start the emulator with --tls-listen {}.\n",
        SocketAddr::new(addr.ip(), HTTPS)
    );
    for host in host_names(config) {
        text += &format!("{ip} {host}\n");
    }
    text
}

/// The networks of a service in a compose file. Other services of the network then find the emulator under the
/// names of the hosts.
fn compose_aliases(config: &Config) -> String {
    let mut text = format!(
        "# For `networks` of the emulator's service. Clients connect to port {HTTPS}: EMULATOR__TLS__LISTEN=0.0.0.0:{HTTPS}\n\
         default:\n  aliases:\n"
    );
    for host in host_names(config) {
        text += &format!("    - {host}\n");
    }
    text
}
