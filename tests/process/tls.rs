//! HTTPS and the proxy as flags, signals and log lines, called with curl.

use crate::fixture::{GOOD_BODY, Server, program, run, text, wait_for};
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

/// A server with HTTPS on a free port, whose CA is in a directory.
fn start(directory: &Path, arguments: &[&str]) -> Server {
    let directory = directory.to_str().expect("UTF-8");
    let ca = ("EMULATOR__TLS__CA_DIRECTORY", directory);
    let arguments = [&["--tls-listen", "127.0.0.1:0"], arguments].concat();
    Server::start_with(&arguments, &[ca])
}

/// The port that the server has printed for HTTPS.
fn port(server: &Server) -> String {
    let printed = server.stdout();
    let url = printed
        .lines()
        .find_map(|line| line.strip_prefix("HTTPS: "));
    let url = url.expect("a line with the URL");
    url.strip_prefix("https://127.0.0.1:")
        .expect("a URL")
        .to_owned()
}

/// A friend_add call by curl to a host, with its default settings and these arguments.
fn curl(host: &str, arguments: &[&str]) -> Output {
    let url = format!("https://{host}/v4/sns/friend_add?{}", Server::query());
    let mut curl = Command::new("curl");
    curl.args(["-sS", "--max-time", "10", "-d", GOOD_BODY]);
    for name in [
        "https_proxy",
        "HTTPS_PROXY",
        "SSL_CERT_FILE",
        "CURL_CA_BUNDLE",
    ] {
        curl.env_remove(name);
    }
    curl.args(arguments)
        .arg(url)
        .output()
        .expect("curl is there")
}

#[track_caller]
fn expect_answer(output: &Output) {
    let answer = text(&output.stdout);
    assert!(
        answer.contains(r#""ErrorCode":0"#),
        "{answer} {}",
        text(&output.stderr)
    );
}

#[test]
fn a_host_of_tencent_that_leads_to_the_port_is_answered() {
    let directory = TempDir::new().expect("a directory");
    let server = start(directory.path(), &[]);
    let ca = directory.path().join("ca.pem");
    let ca = ca.to_str().expect("UTF-8");
    let to = format!("::127.0.0.1:{}", port(&server));
    for host in ["console.tim.qq.com", "adminapiger.im.qcloud.com"] {
        for version in ["--http1.1", "--http2", "--tlsv1.3"] {
            expect_answer(&curl(host, &["--cacert", ca, "--connect-to", &to, version]));
        }
    }
    // curl trusts only the roots of the system.
    let refused = curl("console.tim.qq.com", &["--connect-to", &to]);
    assert_eq!(refused.status.code(), Some(60), "{}", text(&refused.stderr));
    wait_for("a warning", || {
        let warning = "a client refused the certificate: it must trust the CA";
        server.stderr().contains(warning).then_some(())
    });
}

#[test]
fn a_client_that_uses_the_proxy_is_answered() {
    let directory = TempDir::new().expect("a directory");
    let server = start(directory.path(), &[]);
    let ca = directory.path().join("ca.pem");
    let ca = ca.to_str().expect("UTF-8");
    expect_answer(&curl(
        "console.tim.qq.com",
        &["--cacert", ca, "-x", &server.url],
    ));
    let refused = curl("example.com", &["-x", &server.url]);
    assert!(text(&refused.stderr).contains("response 403"));
    let log = server.stop();
    assert!(log.contains("proxy: refused example.com"), "{log}");
}

#[test]
fn sighup_reads_the_users_own_certificate_again() {
    let directory = TempDir::new().expect("a directory");
    let at = |name: &str| directory.path().join(name);
    let write = || {
        let key = rcgen::KeyPair::generate().expect("a key");
        let params = rcgen::CertificateParams::new(["localhost".to_owned()]);
        let certificate = params.expect("a name").self_signed(&key).expect("signed");
        std::fs::write(at("own.pem"), certificate.pem()).expect("writable");
        std::fs::write(at("own.key"), key.serialize_pem()).expect("writable");
    };
    write();
    let config = "[tls]\ncertificate = \"own.pem\"\nkey = \"own.key\"\n";
    std::fs::write(at("config.toml"), config).expect("writable");
    let mut command = program(&["--config", "config.toml", "--listen", "127.0.0.1:0"]);
    command
        .args(["--tls-listen", "127.0.0.1:0"])
        .current_dir(directory.path());
    let server = Server::spawn(command);
    let to = format!("::127.0.0.1:{}", port(&server));
    let own = at("own.pem");
    let call = || {
        curl(
            "localhost",
            &[
                "--cacert",
                own.to_str().expect("UTF-8"),
                "--connect-to",
                &to,
            ],
        )
    };
    expect_answer(&call());

    write();
    assert_ne!(call().status.code(), Some(0), "it was read again too early");
    server.signal("HUP");
    wait_for("the new certificate", || {
        call().status.success().then_some(())
    });

    std::fs::write(&own, "nonsense").expect("writable");
    server.signal("HUP");
    wait_for("a warning", || {
        server
            .stderr()
            .contains("the old one stays in use")
            .then_some(())
    });
    server.still_serves();
}

#[test]
fn a_key_that_other_users_can_read_is_a_warning() {
    use std::os::unix::fs::PermissionsExt;
    let directory = TempDir::new().expect("a directory");
    let log = start(directory.path(), &[]).stop();
    assert!(!log.contains("WARN"), "{log}");
    let key = directory.path().join("ca.key");
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o644)).expect("it is ours");
    let log = start(directory.path(), &[]).stop();
    let warning = format!("other users can read {}", key.display());
    assert!(log.contains(&warning), "{log}");
}

#[test]
fn a_kept_ca_that_expires_within_thirty_days_is_a_warning() {
    let directory = TempDir::new().expect("a directory");
    start(directory.path(), &[]).stop();
    for (days, is_warned) in [("29", true), ("31", false)] {
        // Signs the same certificate again, with other dates.
        let openssl = Command::new("openssl")
            .args(["x509", "-in", "ca.pem", "-key", "ca.key", "-out", "ca.pem"])
            .args(["-days", days])
            .current_dir(&directory)
            .output();
        let openssl = openssl.expect("openssl is there");
        assert!(openssl.status.success(), "{}", text(&openssl.stderr));

        let log = start(directory.path(), &[]).stop();

        let place = directory.path().display();
        let warning = format!("the CA in {place} expires in 2");
        assert_eq!(log.contains(&warning), is_warned, "{log}");
        let remedy = " days: delete ca.pem and ca.key there, and trust the new CA";
        assert_eq!(log.contains(remedy), is_warned, "{log}");
    }
}

/// rustls does not renegotiate. Clients of TLS 1.2 could otherwise make the server compute again and again.
#[test]
fn a_renegotiation_is_refused() {
    let directory = TempDir::new().expect("a directory");
    let server = start(directory.path(), &[]);
    let script = format!(
        "(sleep 0.3; echo R; sleep 0.5) | timeout 5 openssl s_client -tls1_2 -connect 127.0.0.1:{} 2>&1",
        port(&server)
    );
    let output = Command::new("sh").args(["-c", &script]).output();
    let printed = text(&output.expect("a shell").stdout);
    assert!(printed.contains("RENEGOTIATING"), "{printed}");
    assert!(printed.contains("no renegotiation"), "{printed}");
    server.still_serves();
}

/// As by default, when a terminal goes.
#[test]
fn without_an_own_certificate_sighup_ends_the_process() {
    let directory = TempDir::new().expect("a directory");
    let mut server = start(directory.path(), &[]);
    server.signal("HUP");
    assert_eq!(server.wait().code(), None);
}

#[test]
fn a_port_in_use_and_a_wrong_certificate_are_errors_that_say_so() {
    let directory = TempDir::new().expect("a directory");
    let server = start(directory.path(), &[]);
    let taken = format!("127.0.0.1:{}", port(&server));
    let error = |arguments: &[&str]| {
        let output = run(&[&["--listen", "127.0.0.1:0"], arguments].concat());
        assert_eq!(output.status.code(), Some(1));
        text(&output.stderr)
    };
    let expected = format!(
        "cannot serve on {taken}: Address already in use; stop the other process, or choose another \
         address (--listen, --tls-listen): port 0 means a free port"
    );
    let mut command = program(&["--listen", "127.0.0.1:0", "--tls-listen", &taken]);
    command.env("EMULATOR__TLS__CA_DIRECTORY", "");
    let in_use = command.output().expect("the program starts");
    let in_use = text(&in_use.stderr);
    assert!(in_use.starts_with(&expected), "{in_use}");
    let wrong = error(&["--tls-listen", "somewhere"]);
    assert!(
        wrong.starts_with("--tls-listen should be an address"),
        "{wrong}"
    );
    // Of the same process.
    drop(server);
    for (listen, ip) in [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),
        ("127.0.0.1", "0.0.0.0"),
    ] {
        let (listen, tls_listen) = (
            taken.replace("127.0.0.1", listen),
            taken.replace("127.0.0.1", ip),
        );
        let mut command = program(&["--listen", &listen, "--tls-listen", &tls_listen]);
        command.env("EMULATOR__TLS__CA_DIRECTORY", "");
        let output = command.output().expect("the program starts");
        let message = format!(
            "listen (--listen) {listen} and tls.listen (--tls-listen) {tls_listen} have the same port; give one of \
             them another\n"
        );
        assert_eq!(
            (output.status.code(), text(&output.stderr)),
            (Some(1), message)
        );
    }
    let misplaced = run(&["--tls-listen", "1", "health"]);
    assert!(text(&misplaced.stderr).contains("--tls-listen must be after the command"));
}

/// In a network of its own, with another host.
#[cfg(target_os = "linux")]
#[test]
fn a_tunnel_leads_clients_on_loopback_to_other_hosts() {
    const SCRIPT: &str = r#"
        unshare --net sleep 60 & other=$!
        ip link set lo up && ip link add here type veth peer name there || exit 9
        until ip link set there netns $other; do sleep 0.01; done
        ip address add 192.0.2.1/24 dev here && ip link set here up || exit 9
        there() { nsenter --net=/proc/$other/ns/net "$@"; }
        there ip address add 192.0.2.2/24 dev there && there ip link set there up || exit 9
        echo inside >page
        there python3 -m http.server --bind 192.0.2.2 8000 >/dev/null 2>&1 & server=$!
        "$1" --listen 0.0.0.0:8080 --ready-file ready >out 2>log & emulator=$!
        trap 'kill $emulator $server $other' EXIT
        for i in $(seq 500); do [ -e ready ] && curl -s 192.0.2.2:8000 >/dev/null && break; sleep 0.02; done
        get() { curl -s -p --max-time 10 -o answer -w '%{http_connect} ' "$@"; cat answer 2>/dev/null; rm -f answer; }
        echo "without token: $(get -x 127.0.0.1:8080 http://192.0.2.2:8000/page)"
        echo "with token: $(get -x user:secret@127.0.0.1:8080 http://192.0.2.2:8000/page)"
        echo "not on loopback: $(get -x user:secret@192.0.2.1:8080 http://192.0.2.2:8000/page)"
        echo "to loopback: $(get -x user:secret@127.0.0.1:8080 http://127.0.0.1:8080/healthz)"
        echo "to itself: $(get -x user:secret@127.0.0.1:8080 http://192.0.2.1:8080/healthz)"
        timeout 25 python3 -c '
import socket
s = socket.create_connection(("127.0.0.1", 8080))
s.sendall(b"CONNECT 192.0.2.2:8000 HTTP/1.1\r\nProxy-Authorization: Bearer secret\r\n\r\n")
answer = s.makefile("rb").read()
print("idle:", answer[:12].decode(), "then closed")'
    "#;
    let own_network = || {
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--net"]);
        command
    };
    let is_possible = own_network().arg("true").status();
    if !is_possible.is_ok_and(|status| status.success()) {
        let variable = "EMULATOR_TESTS_WITHOUT_NAMESPACES";
        let is_known = std::env::var_os(variable).is_some();
        assert!(
            is_known,
            "this machine allows no network namespaces; {variable}=1 leaves this test out"
        );
        return;
    }
    let directory = TempDir::new().expect("a directory");
    let mut command = own_network();
    command.args(["sh", "-c", SCRIPT, "sh"]);
    command.arg(env!("CARGO_BIN_EXE_tencent-chat-emulator"));
    let command = command
        .current_dir(&directory)
        .env("EMULATOR__READ_TIMEOUT_SECONDS", "1")
        .env("EMULATOR__PROXY__OTHERS", "tunnel")
        .env("EMULATOR__CONTROL__TOKEN", "secret");
    let output = command.output().expect("util-linux is there");
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    let expected = "without token: 407 \nwith token: 200 inside\nnot on loopback: 403 \n\
        to loopback: 403 \nto itself: 403 \nidle: HTTP/1.1 200 then closed\n";
    assert_eq!(out, expected, "{err}");
}
