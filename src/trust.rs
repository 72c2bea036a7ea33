//! Files with root certificates: the system's and the emulator's CA, in the forms that clients read.

use p12_keystore::{Certificate, KeyStore, KeyStoreEntry};
use pem::{EncodeConfig, LineEnding, Pem};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls_native_certs::{CertificateResult, load_certs_from_paths, load_native_certs};
use std::env::var_os;
use std::path::{Path, PathBuf};
use tencent_chat_emulator::atomic_file;

/// The variables that name a file or a directory of root certificates, besides those that
/// rustls-native-certs reads.
const BUNDLE_VARIABLES: [&str; 3] = [
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
];

/// The variable that names certificates that Node.js trusts besides its own.
const NODE_VARIABLE: &str = "NODE_EXTRA_CA_CERTS";

/// The password of the PKCS#12 file. It is Java's default, and protects nothing: certificates are public.
const PASSWORD: &str = "changeit";

/// The rounds of the key derivation. More rounds would only take time.
const ROUNDS: u32 = 1000;

/// The files with the system's root certificates and the CA.
pub(crate) struct Bundles {
    /// PEM.
    pub(crate) roots: PathBuf,
    /// PEM, without the system's: Node.js adds it to its own.
    pub(crate) node: PathBuf,
    /// PKCS#12.
    pub(crate) java: PathBuf,
    pub(crate) java_password: &'static str,
}

/// Writes the CA's certificate into a directory.
pub(crate) fn write_ca(directory: &Path, ca: &str) -> Result<PathBuf, String> {
    write(directory, "ca.pem", ca.as_bytes())
}

/// Writes the bundles into a directory, and adds what is wrong with the user's certificates to `warnings`.
///
/// What the user's own variables name stays trusted. When they name earlier bundles of ours, these are read, too:
/// only there are the certificates that the user's own variables have named before.
pub(crate) fn write_bundles(
    directory: &Path,
    ca: &str,
    warnings: &mut Vec<String>,
) -> Result<Bundles, String> {
    let ca = CertificateDer::from_pem_slice(ca.as_bytes())
        .map_err(|error| format!("the CA of the emulator is damaged: {error}"))?;
    let system = load_native_certs();
    let mut roots = certificates(system, "the system's root certificates", warnings);
    if roots.is_empty() {
        let warning = "This system has no root certificates: only the emulator's certificate will be trusted.";
        warnings.push(warning.to_owned());
    }
    for variable in BUNDLE_VARIABLES {
        roots.extend(read(variable, warnings));
    }
    let mut node = read(NODE_VARIABLE, warnings);
    for bundle in [&mut roots, &mut node] {
        bundle.push(ca.clone());
        bundle.sort_unstable_by(|one, other| one.as_ref().cmp(other.as_ref()));
        bundle.dedup();
    }
    let java = pkcs12(&roots).map_err(|error| format!("cannot make a trust store: {error}"))?;
    Ok(Bundles {
        roots: write(directory, "roots.pem", pem(&roots).as_bytes())?,
        node: write(directory, "node.pem", pem(&node).as_bytes())?,
        java: write(directory, "roots.p12", &java)?,
        java_password: PASSWORD,
    })
}

/// The certificates of the file or the directory that a variable names.
fn read(variable: &str, warnings: &mut Vec<String>) -> Vec<CertificateDer<'static>> {
    let Some(path) = var_os(variable).filter(|path| !path.is_empty()) else {
        return Vec::new();
    };
    let path = Path::new(&path);
    let loaded = match path.is_dir() {
        true => load_certs_from_paths(None, Some(path)),
        false => load_certs_from_paths(Some(path), None),
    };
    certificates(loaded, variable, warnings)
}

fn certificates(
    loaded: CertificateResult,
    source: &str,
    warnings: &mut Vec<String>,
) -> Vec<CertificateDer<'static>> {
    if let Some(error) = loaded.errors.first() {
        let count = loaded.errors.len();
        warnings.push(format!(
            "Not all of {source} can be read ({count} errors). The first error: {error}"
        ));
    }
    loaded.certs
}

fn pem(certificates: &[CertificateDer<'_>]) -> String {
    let certificates = certificates.iter();
    let certificates: Vec<_> = certificates
        .map(|certificate| Pem::new("CERTIFICATE", certificate.to_vec()))
        .collect();
    let config = EncodeConfig::new().set_line_ending(LineEnding::LF);
    pem::encode_many_config(&certificates, config)
}

/// A PKCS#12 file with the certificates as trusted entries.
fn pkcs12(certificates: &[CertificateDer<'_>]) -> p12_keystore::Result<Vec<u8>> {
    let mut store = KeyStore::new();
    for (number, certificate) in certificates.iter().enumerate() {
        // A system can have a root that is not well-formed.
        if let Ok(certificate) = Certificate::from_der(certificate) {
            let entry = KeyStoreEntry::Certificate(certificate);
            store.add_entry(&format!("root-{number:03}"), entry);
        }
    }
    let writer = store.writer(PASSWORD);
    let writer = writer.encryption_iterations(ROUNDS);
    writer.mac_iterations(ROUNDS).write()
}

fn write(directory: &Path, name: &str, content: &[u8]) -> Result<PathBuf, String> {
    let path = directory.join(name);
    let written = atomic_file::replace_private(&path, content);
    written.map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    Ok(path)
}
