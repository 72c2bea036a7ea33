//! The CA: kept, private, and limited to the names of the emulator.

use super::{HTTP1, Https, client, trusting};
use crate::harness::TestApp;
use rcgen::{CertificateParams, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;
use tencent_chat_emulator::Emulator;
use tencent_chat_emulator::config::{Config, Sources, TlsConfig};
use tencent_chat_emulator::tls::Ca;
use webpki::{EndEntityCert, KeyUsage};

fn in_directory(directory: &Path) -> impl FnOnce(&mut Config) {
    let directory = directory.to_owned();
    move |config| config.tls.ca_directory = Some(directory)
}

fn text(directory: &Path, name: &str) -> String {
    std::fs::read_to_string(directory.join(name)).expect(name)
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    let metadata = std::fs::metadata(path).expect("it is there");
    metadata.permissions().mode() & 0o777
}

async fn start_error(change: impl FnOnce(&mut Config)) -> String {
    let mut config = Config::load(&Sources::default()).expect("the defaults are good");
    config.listen = "127.0.0.1:0".parse().expect("an address");
    config.tls.listen = Some(config.listen);
    change(&mut config);
    let error = Emulator::start(config).await.expect_err("it cannot start");
    error.to_string()
}

#[tokio::test]
async fn it_is_made_once_and_only_its_owner_can_read_its_key() {
    let parent = TempDir::new().expect("a directory");
    let directory = parent.path().join("state/ca");
    let first = Https::start_with(in_directory(&directory)).await;
    assert_eq!(mode(&directory), 0o700);
    assert_eq!(mode(&directory.join("ca.key")), 0o600);
    assert_eq!(mode(&directory.join("ca.pem")), 0o644);
    assert_eq!(text(&directory, "ca.pem"), first.ca);

    // A client that trusts the first emulator's CA trusts the second emulator.
    let second = Https::start_with(in_directory(&directory)).await;
    assert_eq!(second.ca, first.ca);
    second.still_serves().await;

    // The certificate of the CA can be made again from its key.
    std::fs::remove_file(directory.join("ca.pem")).expect("it is there");
    let third = Https::start_with(in_directory(&directory)).await;
    let tls = trusting(&first.ca, &[HTTP1], rustls::ALL_VERSIONS);
    let client = client(tls).resolve("localhost", third.addr());
    let client = client.build().expect("a client");
    assert!(third.call(&client, "localhost").await.is_ok());
}

#[tokio::test]
async fn without_tls_nothing_is_made_until_the_proxy_needs_it() {
    let parent = TempDir::new().expect("a directory");
    let directory = parent.path().join("ca");
    let app = TestApp::start_with(in_directory(&directory)).await;
    app.add("id", &["id1"]).await;
    assert!(!directory.exists());
    assert!(app.emulator.ca().expect("a CA").is_some());
    assert!(directory.join("ca.pem").exists());
}

#[test]
fn processes_that_make_it_at_the_same_time_get_the_same() {
    for _ in 0..20 {
        let directory = TempDir::new().expect("a directory");
        let config = TlsConfig {
            ca_directory: Some(directory.path().to_owned()),
            ..TlsConfig::default()
        };
        let names = ["localhost".to_owned()];
        let opened = std::thread::scope(|scope| {
            let open = || Ca::open(&config, &names).map(|ca| ca.pem().to_owned());
            let threads = [(); 4].map(|()| scope.spawn(open));
            threads.map(|thread| thread.join().expect("no panic").expect("a CA"))
        });
        let kept = text(directory.path(), "ca.pem");
        assert!(opened.iter().all(|pem| *pem == kept));
        let files = std::fs::read_dir(directory.path()).expect("a directory");
        assert_eq!(files.count(), 2, "no temporary file is left");
    }
}

#[tokio::test]
async fn a_ca_in_memory_is_another_each_time() {
    let (first, second) = (Https::start().await, Https::start().await);
    assert_ne!(first.ca, second.ca);
    first.still_serves().await;
    let client = first.client("localhost", &[HTTP1]);
    let foreign = second.call(&client, "localhost").await;
    let error = format!("{:?}", foreign.expect_err("another CA"));
    assert!(error.contains("UnknownIssuer"), "{error}");
}

#[tokio::test]
async fn a_name_that_the_kept_ca_does_not_permit_is_an_error_that_says_what_to_do() {
    let directory = TempDir::new().expect("a directory");
    let kept = Https::start_with(in_directory(directory.path())).await;
    let error = start_error(|config| {
        in_directory(directory.path())(config);
        config.tls.names = vec!["other.example.com".to_owned()];
    });
    let error = error.await;
    assert!(error.contains("does not permit all names"), "{error}");
    assert!(error.contains("tls.ca_directory"), "{error}");
    assert_eq!(text(directory.path(), "ca.pem"), kept.ca);
}

#[tokio::test]
async fn files_that_are_no_ca_are_named_and_left_as_they_are() {
    let directory = TempDir::new().expect("a directory");
    let other = Https::start().await.ca;
    for (name, content, expected) in [
        ("ca.key", "not a key", "ca.key: is not a key of a CA"),
        ("ca.pem", "not a certificate", "ca.pem: "),
        (
            "ca.pem",
            "-----BEGIN PRIVATE KEY-----",
            "ca.pem: has a private key",
        ),
        ("ca.pem", &other, "ca.pem and ca.key in"),
    ] {
        let path = directory.path().join(name);
        std::fs::write(&path, content).expect("writable");
        let error = start_error(in_directory(directory.path())).await;
        assert!(error.contains(expected), "{error}");
        assert_eq!(text(directory.path(), name), content);
        std::fs::remove_file(path).expect("it is there");
    }
    let file = directory.path().join("file");
    std::fs::write(&file, "").expect("writable");
    let error = start_error(in_directory(&file.join("ca"))).await;
    assert!(error.contains("file/ca"), "{error}");
}

#[tokio::test]
async fn a_kept_ca_that_has_expired_is_an_error_that_says_what_to_do() {
    let directory = TempDir::new().expect("a directory");
    let key = KeyPair::generate().expect("a key");
    let mut ca = CertificateParams::default();
    ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    ca.not_before = rcgen::date_time_ymd(2010, 1, 1);
    ca.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let old = ca.self_signed(&key).expect("signed").pem();
    std::fs::write(directory.path().join("ca.pem"), &old).expect("writable");
    std::fs::write(directory.path().join("ca.key"), key.serialize_pem()).expect("writable");

    let error = start_error(in_directory(directory.path())).await;

    let place = directory.path().display();
    let expected = format!(
        "the CA in {place} has expired: delete ca.pem and ca.key there, and trust the new CA"
    );
    assert!(error.contains(&expected), "{error}");
    assert_eq!(text(directory.path(), "ca.pem"), old);
    for name in ["ca.pem", "ca.key"] {
        std::fs::remove_file(directory.path().join(name)).expect("it is there");
    }
    let renewed = Https::start_with(in_directory(directory.path())).await;
    renewed.still_serves().await;
}

/// A certificate for this name, signed with the kept key of the CA.
fn forge(directory: &Path, name: &str) -> (CertificateDer<'static>, String) {
    let key = KeyPair::from_pem(&text(directory, "ca.key")).expect("a key");
    let mut ca = CertificateParams::default();
    let openssl = std::process::Command::new("openssl")
        .args(["x509", "-noout", "-subject", "-nameopt", "multiline", "-in"])
        .arg(directory.join("ca.pem"))
        .output();
    let subject = String::from_utf8(openssl.expect("openssl is there").stdout).expect("UTF-8");
    let subject = subject.split("= ").nth(1).expect("a name").trim();
    ca.distinguished_name = rcgen::DistinguishedName::new();
    ca.distinguished_name
        .push(rcgen::DnType::CommonName, subject);
    let issuer = Issuer::new(ca, key);
    let leaf = CertificateParams::new([name.to_owned()]).expect("a name");
    let leaf_key = KeyPair::generate().expect("a key");
    let leaf = leaf.signed_by(&leaf_key, &issuer).expect("signed");
    (leaf.der().clone(), leaf.pem())
}

/// What a client of rustls, and openssl, say of a certificate.
fn is_accepted(directory: &Path, name: &str) -> [bool; 2] {
    let (der, pem) = forge(directory, name);
    let ca = text(directory, "ca.pem");
    let ca = CertificateDer::from_pem_slice(ca.as_bytes()).expect("PEM");
    let anchors = [webpki::anchor_from_trusted_cert(&ca).expect("a CA")];
    let certificate = EndEntityCert::try_from(&der).expect("a certificate");
    let (algorithms, usage) = (webpki::ALL_VERIFICATION_ALGS, KeyUsage::server_auth());
    let now = UnixTime::now();
    let by_rustls = certificate
        .verify_for_usage(algorithms, &anchors, &[], now, usage, None, None)
        .is_ok();
    let leaf = directory.join("leaf.pem");
    std::fs::write(&leaf, pem).expect("writable");
    let openssl = std::process::Command::new("openssl")
        .args(["verify", "-no-CApath", "-no-CAstore", "-CAfile"])
        .args([directory.join("ca.pem"), leaf])
        .output();
    [
        by_rustls,
        openssl.expect("openssl is there").status.success(),
    ]
}

#[test]
fn a_certificate_that_it_signs_for_another_name_is_rejected() {
    let directory = TempDir::new().expect("a directory");
    let config = TlsConfig {
        ca_directory: Some(directory.path().to_owned()),
        ..TlsConfig::default()
    };
    let proxy = Config::load(&Sources::default()).expect("good").proxy;
    let names = tencent_chat_emulator::tls::names(&config, &proxy);
    Ca::open(&config, &names).expect("a CA");

    for name in [
        "console.tim.qq.com",
        "localhost",
        "127.0.0.1",
        "127.9.9.9",
        "::1",
    ] {
        assert_eq!(is_accepted(directory.path(), name), [true; 2], "{name}");
    }
    for name in [
        "example.com",
        "qq.com",
        "tim.qq.com",
        "www.qq.com",
        "im.qcloud.com",
        "evil-console.tim.qq.com.example.com",
        "evilconsole.tim.qq.com",
        "www.localhost",
        "com",
        "8.8.8.8",
        "192.168.0.1",
        "::2",
    ] {
        assert_eq!(is_accepted(directory.path(), name), [false; 2], "{name}");
    }
}

/// Apple's systems accept at most 825 days, browsers 398.
#[tokio::test]
async fn a_certificate_is_valid_for_a_year_and_not_longer_than_clients_accept() {
    let https = Https::start().await;
    let stream = https.connect(HTTP1).await;
    let chain = stream.get_ref().1.peer_certificates().expect("a handshake");
    let ca = CertificateDer::from_pem_slice(https.ca.as_bytes()).expect("PEM");
    let anchors = [webpki::anchor_from_trusted_cert(&ca).expect("a CA")];
    let certificate = EndEntityCert::try_from(&chain[0]).expect("a certificate");
    let is_valid_in = |days: u64| {
        let time = UnixTime::now().as_secs() + days * 24 * 60 * 60;
        let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(time));
        let (algorithms, usage) = (webpki::ALL_VERIFICATION_ALGS, KeyUsage::server_auth());
        certificate
            .verify_for_usage(algorithms, &anchors, &[], time, usage, None, None)
            .is_ok()
    };
    assert!(is_valid_in(0) && is_valid_in(365));
    assert!(!is_valid_in(398));
}

/// The client's own library refuses it.
#[tokio::test]
async fn a_client_that_trusts_only_other_roots_refuses_the_connection() {
    let https = Https::start().await;
    let roots = rustls_native_certs::load_native_certs().certs;
    let mut store = rustls::RootCertStore::empty();
    store.add_parsable_certificates(roots);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring has them")
        .with_root_certificates(store)
        .with_no_client_auth();
    let client = client(tls).resolve("console.tim.qq.com", https.addr());
    let client = client.build().expect("a client");
    let refused = https.call(&client, "console.tim.qq.com").await;
    let error = format!("{:?}", refused.expect_err("an unknown CA"));
    assert!(error.contains("UnknownIssuer"), "{error}");
    https.still_serves().await;
}

/// Writes a certificate of the user's own for localhost, and its key. Returns the certificate.
fn write_own(directory: &Path) -> String {
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(["localhost".to_owned()]).expect("a name");
    let pem = params.self_signed(&key).expect("signed").pem();
    std::fs::write(directory.join("own.pem"), &pem).expect("writable");
    std::fs::write(directory.join("own.key"), key.serialize_pem()).expect("writable");
    pem
}

fn own(directory: &Path) -> impl Fn(&mut Config) + use<> {
    let directory = directory.to_owned();
    move |config| {
        config.tls.certificate = Some(directory.join("own.pem"));
        config.tls.key = Some(directory.join("own.key"));
    }
}

#[tokio::test]
async fn a_certificate_of_the_users_own_is_served_and_read_again_on_demand() {
    let directory = TempDir::new().expect("a directory");
    let first = write_own(directory.path());
    let app = TestApp::start_with(|config| {
        config.tls.listen = Some("127.0.0.1:0".parse().expect("an address"));
        own(directory.path())(config);
    });
    let app = app.await;
    assert_eq!(app.emulator.ca().expect("no error"), None);
    let pem = app.control().get("/tls/ca").await;
    pem.faults(404);
    let https = Https {
        app,
        ca: first.clone(),
    };
    https.still_serves().await;

    // A file that cannot be used changes nothing.
    std::fs::write(directory.path().join("own.pem"), "nonsense").expect("writable");
    let error = https
        .app
        .emulator
        .reload_certificate()
        .expect_err("no certificate");
    assert!(error.to_string().contains("own.pem"), "{error}");
    https.still_serves().await;

    let second = write_own(directory.path());
    https
        .app
        .emulator
        .reload_certificate()
        .expect("a certificate");
    let old = https.client("localhost", &[HTTP1]);
    assert!(https.call(&old, "localhost").await.is_err());
    let https = Https {
        ca: second,
        ..https
    };
    https.still_serves().await;
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_is_an_error_of_the_start() {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path();
    write_own(path);
    let other = KeyPair::generate().expect("a key").serialize_pem();

    let error = start_error(|config| {
        own(path)(config);
        config.tls.key = None;
    });
    assert!(
        error
            .await
            .ends_with("tls.certificate and tls.key need each other")
    );
    std::fs::write(path.join("own.key"), other).expect("writable");
    let error = start_error(own(path)).await;
    assert!(
        error.contains("own.pem: ") && error.contains("Mismatch"),
        "{error}"
    );
    std::fs::write(path.join("own.key"), "nonsense").expect("writable");
    let error = start_error(own(path)).await;
    assert!(error.contains("own.key: "), "{error}");
    std::fs::remove_file(path.join("own.pem")).expect("it is there");
    let error = start_error(own(path)).await;
    assert!(
        error.contains("own.pem: ") && error.contains("No such file"),
        "{error}"
    );
    std::fs::write(path.join("own.pem"), "").expect("writable");
    let error = start_error(own(path)).await;
    assert!(error.contains("own.pem: has no certificate"), "{error}");
}
