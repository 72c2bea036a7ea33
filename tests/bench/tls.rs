//! One-item friend_add over HTTPS against plain HTTP, to the same emulator.

use crate::load::{self, Connection, Place};
use crate::process::Server;
use crate::throughput::{ACCOUNTS, ROUNDS, config, pair};
use crate::{Table, median};
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The key that turns HTTPS on, with a CA in memory.
pub(crate) const TLS: &str = "[tls]\nlisten = \"127.0.0.1:0\"\nca_directory = \"\"\n";

pub(crate) fn measure(table: &mut Table) {
    const CONNECTIONS: usize = 32;
    const ROUND: Duration = Duration::from_millis(1000);
    let server = Server::emulator(&format!("{TLS}{}", config(ACCOUNTS)));
    let https = https(&server);
    let path = load::friend_add(1);
    let numbers = AtomicU64::new(0);
    let request = |number: u64| {
        let (from, to) = pair(usize::try_from(number).expect("small"));
        load::request(&path, &load::body(from, std::iter::once(to)))
    };
    // Calls per second, and the server's processor time for each call.
    let round = |place: Place| {
        let (before, first) = (server.processor_time(), numbers.load(Ordering::Relaxed));
        let rate = load::calls_per_second(place, CONNECTIONS, ROUND, &numbers, request);
        let calls = numbers.load(Ordering::Relaxed) - first;
        let spent = server.processor_time() - before;
        (rate, spent.as_secs_f64() * 1e6 / calls as f64)
    };
    let (mut rates, mut times) = (Vec::new(), Vec::new());
    for number in 0..=ROUNDS {
        let (plain, plain_us) = round(server.addr.into());
        let (tls, tls_us) = round(https.clone());
        let (rate, time) = (tls / plain, plain_us / tls_us);
        println!(
            "  https {tls:.0} calls/s, {tls_us:.1} us each; http {plain:.0} calls/s, {plain_us:.1} us each"
        );
        if number > 0 {
            rates.push(rate);
            times.push(time);
        }
    }
    table.row(
        "one-item friend_add over HTTPS, calls/s against HTTP (the client encrypts, too)",
        format!("{:.2}", median(&mut rates)),
        ">= 0.85",
    );
    table.row(
        "the same, the server's processor time for a call over HTTP against HTTPS",
        format!("{:.2}", median(&mut times)),
        ">= 0.85",
    );
}

/// Where a server listens for HTTPS, with its CA.
fn https(server: &Server) -> Place {
    let get = |path: &str| {
        let request = format!("GET /_emulator/v1/{path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let answer = async {
            let mut connection = Connection::open(server.addr).await;
            connection.call(request.as_bytes()).await.to_vec()
        };
        load::block_on(answer)
    };
    let health: Value = serde_json::from_slice(&get("health")).expect("JSON");
    let addr = health["tls_listen"].as_str().expect("it listens");
    let ca = CertificateDer::from_pem_slice(&get("tls/ca")).expect("PEM");
    let mut roots = RootCertStore::empty();
    roots.add(ca).expect("a CA");
    let client = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has them")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Place::Tls(addr.parse().expect("an address"), Arc::new(client).into())
}
