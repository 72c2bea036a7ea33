//! HTTPS: the listener, its certificate, and HTTP/2.

mod ca;
mod calls;
mod hostile;

use crate::harness::{APP, Reply, TestApp, client_builder};
use reqwest::{Client, ClientBuilder};
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use serde_json::json;
use std::net::SocketAddr;
use std::sync::Arc;
use tencent_chat_emulator::config::Config;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub(crate) const HTTP2: &[u8] = b"h2";
pub(crate) const HTTP1: &[u8] = b"http/1.1";

/// An emulator that serves HTTPS, too.
pub(crate) struct Https {
    pub(crate) app: TestApp,
    /// The CA's certificate as PEM.
    pub(crate) ca: String,
}

impl Https {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let app = TestApp::start_with(|config| {
            config.tls.listen = Some("127.0.0.1:0".parse().expect("an address"));
            change(config);
        });
        let app = app.await;
        let ca = app
            .emulator
            .ca()
            .expect("a CA")
            .expect("no other certificate");
        Self { app, ca }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        let url = self.app.emulator.tls_url().expect("it listens");
        let addr = url.strip_prefix("https://").expect("a URL");
        addr.parse().expect("an address")
    }

    /// A client that trusts the CA and finds `host` at the emulator.
    pub(crate) fn client(&self, host: &str, protocols: &[&[u8]]) -> Client {
        let tls = trusting(&self.ca, protocols, rustls::ALL_VERSIONS);
        client(tls)
            .resolve(host, self.addr())
            .build()
            .expect("a client")
    }

    /// A connection to localhost over which this protocol was agreed, for what no client library does.
    pub(crate) async fn connect(&self, protocol: &[u8]) -> TlsStream<TcpStream> {
        let tls = trusting(&self.ca, &[protocol], rustls::ALL_VERSIONS);
        let stream = TcpStream::connect(self.addr()).await.expect("it listens");
        let name = "localhost".try_into().expect("a name");
        let connected = TlsConnector::from(Arc::new(tls)).connect(name, stream);
        connected.await.expect("a handshake")
    }

    /// Calls friend_add of a host, for an account that is not there.
    pub(crate) async fn call(&self, client: &Client, host: &str) -> reqwest::Result<Reply> {
        let port = self.addr().port();
        let url = format!(
            "https://{host}:{port}/v4/sns/friend_add?{}",
            self.app.query()
        );
        let body = json!({"From_Account": "id", "AddFriendItem": [{"To_Account": "nobody"}]});
        let answer = client.post(url).body(body.to_string()).send().await?;
        Ok(Reply::check(answer).await)
    }

    /// Asserts that a call by a new client succeeds.
    pub(crate) async fn still_serves(&self) {
        let client = self.client("localhost", &[HTTP1]);
        let reply = self.call(&client, "localhost").await.expect("an answer");
        assert_eq!(reply.codes(), [30003]);
    }

    /// The URL of a friend_add call.
    pub(crate) fn url(&self) -> String {
        format!(
            "https://localhost:{}/v4/sns/friend_add?{}",
            self.addr().port(),
            self.app.query()
        )
    }

    /// A control route over HTTPS.
    pub(crate) fn control(&self, path: &str) -> String {
        format!(
            "https://localhost:{}/_emulator/v1/{path}",
            self.addr().port()
        )
    }

    /// An account's friends, as the plain port shows them.
    pub(crate) async fn friends(&self, name: &str) -> serde_json::Value {
        let path = format!("/apps/{APP}/accounts/{name}");
        self.app.control().get(&path).await.ok()["friends"].clone()
    }
}

/// A client's TLS that trusts only this CA.
pub(crate) fn trusting(
    ca: &str,
    protocols: &[&[u8]],
    versions: &[&'static SupportedProtocolVersion],
) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    let ca = CertificateDer::from_pem_slice(ca.as_bytes()).expect("PEM");
    roots.add(ca).expect("a CA");
    let mut tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(versions)
        .expect("ring has them")
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    tls
}

pub(crate) fn client(tls: ClientConfig) -> ClientBuilder {
    client_builder().tls_backend_preconfigured(tls)
}
