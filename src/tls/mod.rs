//! TLS: the certificate that HTTPS is served with. It is made or read when it is first needed, so that an
//! emulator that is never called by HTTPS pays nothing for it.

mod ca;

use crate::config::{Config, ProxyConfig, TlsConfig};
pub use ca::{Ca, state_directory};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::fmt::{self, Display};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The certificate of an emulator.
pub(crate) struct Tls {
    config: TlsConfig,
    /// The names for which the CA signs.
    names: Vec<String>,
    /// `None` until it is first needed. Locked only to read or replace it.
    current: Mutex<Option<Current>>,
    /// Held while the first certificate is made, which reads and writes files.
    loading: Mutex<()>,
}

/// A certificate in use.
#[derive(Clone)]
struct Current {
    server: Arc<ServerConfig>,
    /// The CA's certificate as PEM; `None` with a certificate of the user's own.
    ca: Option<Arc<str>>,
}

/// A certificate with its chain, and its key.
type Certified = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

impl Tls {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            names: names(&config.tls, &config.proxy),
            config: config.tls.clone(),
            current: Mutex::default(),
            loading: Mutex::default(),
        }
    }

    /// The configuration for the next handshake. Other tasks of the runtime go on while it is made.
    ///
    /// # Errors
    /// When the certificate cannot be read, made or used. The next call tries again.
    pub(crate) async fn server_config(self: &Arc<Self>) -> io::Result<Arc<ServerConfig>> {
        if let Some(current) = &*self.lock() {
            return Ok(Arc::clone(&current.server));
        }
        let tls = Arc::clone(self);
        let prepared = tokio::task::spawn_blocking(move || tls.prepare());
        Ok(prepared.await??.server)
    }

    /// The CA's certificate as PEM; `None` with a certificate of the user's own. May read and write files.
    ///
    /// # Errors
    /// As [`Tls::server_config`].
    pub(crate) fn ca(&self) -> io::Result<Option<Arc<str>>> {
        Ok(self.prepare()?.ca)
    }

    /// Reads the certificate again. Connections keep the certificate that they began with.
    ///
    /// # Errors
    /// As [`Tls::server_config`]. Then the old certificate stays in use.
    pub(crate) fn reload(&self) -> io::Result<()> {
        let loaded = self.load()?;
        *self.lock() = Some(loaded);
        Ok(())
    }

    /// The certificate, which is made or read if it was not needed before.
    fn prepare(&self) -> io::Result<Current> {
        let _one_at_a_time = self.loading.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(current) = &*self.lock() {
            return Ok(current.clone());
        }
        let loaded = self.load()?;
        *self.lock() = Some(loaded.clone());
        Ok(loaded)
    }

    fn load(&self) -> io::Result<Current> {
        let (certified, ca) = match (&self.config.certificate, &self.config.key) {
            (Some(certificate), Some(key)) => (read(certificate, key)?, None),
            (None, None) => {
                let ca = Ca::open(&self.config, &self.names)?;
                (ca.sign(&self.names)?, Some(ca.pem().into()))
            }
            _ => return Err(problem("tls.certificate and tls.key need each other")),
        };
        let server = server_config(certified).map_err(|error| match &self.config.certificate {
            Some(path) => problem(format!("{}: {error}", path.display())),
            None => problem(error),
        })?;
        Ok(Current { server, ca })
    }

    fn lock(&self) -> MutexGuard<'_, Option<Current>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Does not show the key.
impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// The names and IP addresses that the CA signs for, besides those of this machine.
pub fn names(tls: &TlsConfig, proxy: &ProxyConfig) -> Vec<String> {
    let mut names = ["localhost", "127.0.0.1", "::1"]
        .map(str::to_owned)
        .to_vec();
    names.extend(proxy.served_hosts());
    names.extend(tls.names.iter().map(|name| name.to_ascii_lowercase()));
    names.sort_unstable();
    names.dedup();
    names
}

/// Reads a certificate with its chain, and its key.
fn read(certificate: &Path, key: &Path) -> io::Result<Certified> {
    let chain: Vec<_> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(|error| problem(format!("{}: {error}", certificate.display())))?;
    if chain.is_empty() {
        let path = certificate.display();
        return Err(problem(format!("{path}: has no certificate as PEM")));
    }
    let key = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| problem(format!("{}: {error}", key.display())))?;
    Ok((chain, key))
}

/// TLS 1.2 and 1.3, with HTTP/2 and HTTP/1.1.
fn server_config((chain, key): Certified) -> Result<Arc<ServerConfig>, rustls::Error> {
    let provider = Arc::new(ring::default_provider());
    let mut server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(server.into())
}

/// An error of the certificate.
fn problem(reason: impl Display) -> io::Error {
    io::Error::other(format!("the certificate for HTTPS: {reason}"))
}
