//! The emulator's own certification authority (CA), whose certificate clients trust.
//!
//! Its key and its certificate are made at first use and kept, so that a developer has to trust it only
//! once. The certificate permits only the names that the emulator answers for (RFC 5280 name constraints), so
//! that the key is of no use for any other site.

use super::{Certified, problem};
use crate::atomic_file;
use crate::clock::SystemMoment;
use crate::config::{TlsConfig, is_host};
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints,
    PKCS_ECDSA_P256_SHA256, SanType,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use sha2::{Digest, Sha256};
use std::env;
use std::fs::{self, DirBuilder};
use std::io::{self, ErrorKind};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use time::{Duration, OffsetDateTime};
use tracing::warn;
use x509_cert::Certificate;
use x509_cert::der::Decode;

/// The names of the files in the CA's directory.
const CERTIFICATE: &str = "ca.pem";
const KEY: &str = "ca.key";

/// How long the CA's certificate is valid.
const CA_DAYS: i64 = 3650;

/// How long before its end a warning says that the CA expires.
const WARNING_DAYS: u64 = 30;

/// What to do when a kept CA cannot be used any longer.
const RENEW: &str = "delete ca.pem and ca.key there, and trust the new CA";

/// How long a certificate of the CA is valid. Apple's systems accept at most 825 days.
const DAYS: i64 = 397;

/// A CA: its certificate and its key.
pub struct Ca {
    pem: String,
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
    /// The directory that it is kept in; `None` for a CA in memory.
    directory: Option<PathBuf>,
    /// The names and addresses of this machine, which can change: a certificate has those that the CA permits.
    machine: Vec<String>,
}

impl Ca {
    /// Reads the CA from its directory, and makes what is missing: a CA for `names`, which are host names and
    /// IP addresses. When several processes do so at the same time, all get the same CA.
    ///
    /// # Errors
    /// When the directory or a file cannot be read or written, a file has no valid certificate or key, or the CA has
    /// expired.
    pub fn open(config: &TlsConfig, names: &[String]) -> io::Result<Self> {
        let directory = match &config.ca_directory {
            Some(path) if path.as_os_str().is_empty() => None,
            Some(path) => Some(path.clone()),
            None => Some(state_directory().map_err(|error| {
                problem(format!(
                    "{error}; name a directory for the CA (tls.ca_directory)"
                ))
            })?),
        };
        let machine = machine_names(config);
        let permitted: Vec<_> = names.iter().chain(&machine).cloned().collect();
        let Some(directory) = directory else {
            let key = KeyPair::generate().map_err(problem)?;
            let pem = new_certificate(&key, &permitted)?;
            return Self::new(pem, key, None, machine);
        };
        let in_directory = |error: io::Error| problem(format!("{}: {error}", directory.display()));
        make_private(&directory).map_err(in_directory)?;
        // The key is first: all processes make the certificate for the same key.
        let key_file = directory.join(KEY);
        let key = read_or_make(&key_file, 0o600, || {
            Ok(KeyPair::generate().map_err(problem)?.serialize_pem())
        })?;
        warn_if_others_can_read(&key_file);
        let key = KeyPair::from_pem_and_sign_algo(&key, &PKCS_ECDSA_P256_SHA256);
        let key = key.map_err(|error| {
            let path = key_file.display();
            problem(format!("{path}: is not a key of a CA: {error}"))
        })?;
        let make = || new_certificate(&key, &permitted);
        let pem = read_or_make(&directory.join(CERTIFICATE), 0o644, make)?;
        if pem.contains("PRIVATE KEY") {
            let path = directory.join(CERTIFICATE);
            return Err(problem(format!(
                "{}: has a private key; it is for clients",
                path.display()
            )));
        }
        let ca = Self::new(pem, key, Some(directory), machine)?;
        ca.check_expiry()?;
        Ok(ca)
    }

    fn new(
        pem: String,
        key: KeyPair,
        directory: Option<PathBuf>,
        machine: Vec<String>,
    ) -> io::Result<Self> {
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes());
        Ok(Self {
            certificate: certificate.map_err(|error| {
                let at = directory
                    .as_deref()
                    .unwrap_or(Path::new(""))
                    .join(CERTIFICATE);
                problem(format!("{}: {error}", at.display()))
            })?,
            issuer: Issuer::new(ca_params(&key, &[]), key),
            pem,
            directory,
            machine,
        })
    }

    /// Rejects a CA that has expired, and logs a warning if it expires soon: webpki does not check the dates of a
    /// CA.
    fn check_expiry(&self) -> io::Result<()> {
        let place = self.place();
        let certificate = Certificate::from_der(&self.certificate)
            .map_err(|error| problem(format!("{}: {error}", place.join(CERTIFICATE).display())))?;
        let end = certificate.tbs_certificate().validity().not_after;
        let now = UnixTime::now().as_secs();
        let Some(left) = end.to_unix_duration().as_secs().checked_sub(now) else {
            return Err(problem(format!(
                "the CA in {} has expired: {RENEW}",
                place.display()
            )));
        };
        let days = left / (24 * 60 * 60);
        if days < WARNING_DAYS {
            let place = place.display();
            warn!("the CA in {place} expires in {days} days: {RENEW}");
        }
        Ok(())
    }

    /// The directory, for messages.
    fn place(&self) -> &Path {
        self.directory.as_deref().unwrap_or(Path::new(""))
    }

    /// The CA's certificate as PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Signs a new certificate for `names`, and for those of this machine if the CA permits them.
    ///
    /// # Errors
    /// When the CA does not permit the names: its certificate was made for others.
    pub(super) fn sign(&self, names: &[String]) -> io::Result<Certified> {
        let all: Vec<_> = names.iter().chain(&self.machine).cloned().collect();
        let certified = self.sign_exactly(&all)?;
        if self.check(&certified.0[0]).is_ok() {
            return Ok(certified);
        }
        let certified = self.sign_exactly(names)?;
        self.check(&certified.0[0]).map_err(|error| {
            let place = self.place().display();
            problem(match error == webpki::Error::NameConstraintViolation {
                true => format!(
                    "the CA in {place} does not permit all names of this configuration: give it another \
                     directory (tls.ca_directory), or {RENEW}"
                ),
                false => format!("{CERTIFICATE} and {KEY} in {place} do not belong together: {error}"),
            })
        })?;
        Ok(certified)
    }

    fn sign_exactly(&self, names: &[String]) -> io::Result<Certified> {
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, "tencent-chat-emulator");
        params.subject_alt_names = names
            .iter()
            .map(|name| alternative_name(name))
            .collect::<io::Result<_>>()?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        (params.not_before, params.not_after) = validity(DAYS);
        let key = KeyPair::generate().map_err(problem)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(problem)?;
        let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(problem)?;
        Ok((vec![certificate.der().clone()], key))
    }

    /// Checks a certificate as a client does that trusts the CA.
    fn check(&self, certificate: &CertificateDer<'_>) -> Result<(), webpki::Error> {
        let anchors = [webpki::anchor_from_trusted_cert(&self.certificate)?];
        let certificate = webpki::EndEntityCert::try_from(certificate)?;
        let (algorithms, usage) = (
            webpki::ALL_VERIFICATION_ALGS,
            webpki::KeyUsage::server_auth(),
        );
        let now = UnixTime::now();
        certificate
            .verify_for_usage(algorithms, &anchors, &[], now, usage, None, None)
            .map(drop)
    }
}

/// `tencent-chat-emulator` in the user's state directory (XDG base directory specification).
///
/// # Errors
/// When there is neither `XDG_STATE_HOME` nor a home directory.
pub fn state_directory() -> io::Result<PathBuf> {
    let state = env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    let state = state.filter(|path| path.is_absolute());
    let home = || Some(env::home_dir()?.join(".local/state"));
    let state = state.or_else(home);
    let state = state.ok_or_else(|| io::Error::other("there is no home directory"))?;
    Ok(state.join("tencent-chat-emulator"))
}

/// Makes a directory that only its owner can read, if it does not exist.
fn make_private(directory: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

/// The text of a file. If it does not exist, makes it with a new text, atomically: another process that does the
/// same at the same time gets the text of the first.
fn read_or_make(
    path: &Path,
    mode: u32,
    make: impl FnOnce() -> io::Result<String>,
) -> io::Result<String> {
    let at = |error: io::Error| problem(format!("{}: {error}", path.display()));
    match fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        read => return read.map_err(at),
    }
    let text = make()?;
    match atomic_file::create(path, mode, text.as_bytes()) {
        Ok(()) => Ok(text),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            fs::read_to_string(path).map_err(at)
        }
        Err(error) => Err(at(error)),
    }
}

/// The name of this machine, if it is a host name, and the address that it listens on for HTTPS.
fn machine_names(config: &TlsConfig) -> Vec<String> {
    let name = gethostname::gethostname().into_string().ok();
    let name = name.filter(|name| is_host(name));
    let address = config.listen.map(|listen| listen.ip());
    let address = address.filter(|address| !address.is_unspecified());
    let address = address.map(|address| address.to_string());
    name.into_iter().chain(address).collect()
}

/// Logs a warning if other users can read the key.
#[cfg(unix)]
fn warn_if_others_can_read(key: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(key).map(|metadata| metadata.permissions().mode());
    if mode.is_ok_and(|mode| mode & 0o077 != 0) {
        let path = key.display();
        warn!("other users can read {path}, and sign for each name of the CA: chmod 600 {path}");
    }
}

#[cfg(not(unix))]
fn warn_if_others_can_read(_: &Path) {}

/// A certificate of the CA itself, as PEM.
fn new_certificate(key: &KeyPair, names: &[String]) -> io::Result<String> {
    let certificate = ca_params(key, names).self_signed(key).map_err(problem)?;
    Ok(certificate.pem())
}

/// What the CA's certificate says. It follows from the key, except the names that it permits.
fn ca_params(key: &KeyPair, names: &[String]) -> CertificateParams {
    let mut params = CertificateParams::default();
    // Each CA has a name of its own: clients can trust several.
    let digest = Sha256::digest(key.public_key_raw());
    let name = format!(
        "tencent-chat-emulator CA {:02x}{:02x}{:02x}{:02x}",
        digest[0], digest[1], digest[2], digest[3]
    );
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: names.iter().map(|name| permitted(name)).collect(),
        excluded_subtrees: names.iter().filter_map(|name| excluded(name)).collect(),
    });
    (params.not_before, params.not_after) = validity(CA_DAYS);
    params
}

/// The names that a CA for this name permits: the same and names below it, or the IP address, and with an address
/// of loopback all of 127.0.0.0/8.
fn permitted(name: &str) -> GeneralSubtree {
    let subnet = match name.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) if ip.is_loopback() => CidrSubnet::from_v4_prefix([127, 0, 0, 0], 8),
        Ok(IpAddr::V4(ip)) => CidrSubnet::from_v4_prefix(ip.octets(), 32),
        Ok(IpAddr::V6(ip)) => CidrSubnet::from_v6_prefix(ip.octets(), 128),
        Err(_) => return GeneralSubtree::DnsName(name.to_owned()),
    };
    GeneralSubtree::IpAddress(subnet)
}

/// The names below a name without a dot, such as `dev`, which can be a top-level domain.
fn excluded(name: &str) -> Option<GeneralSubtree> {
    let has_dot = name.contains(['.', ':']);
    (!has_dot).then(|| GeneralSubtree::DnsName(format!(".{name}")))
}

fn alternative_name(name: &str) -> io::Result<SanType> {
    Ok(match name.parse() {
        Ok(ip) => SanType::IpAddress(ip),
        Err(_) => SanType::DnsName(name.try_into().map_err(problem)?),
    })
}

/// From yesterday, because clocks differ, for a number of days.
fn validity(days: i64) -> (OffsetDateTime, OffsetDateTime) {
    let now = SystemMoment::now().unix_time().0;
    let now = OffsetDateTime::from_unix_timestamp(now).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    (now - Duration::days(1), now + Duration::days(days))
}
