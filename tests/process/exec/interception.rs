//! `exec --intercept`: unmodified clients that call Tencent's hosts get the emulator's answer. The same clients by
//! HTTPS alone, with the name of the host resolved to this machine.

use super::{exec, printed};
use crate::fixture::{expect_unreadable_file, program, text};
use crate::tools;
use serde_json::Value;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

/// The directory of the clients' scripts. Each calls friend_add of console.tim.qq.com with its default settings.
/// With `RESOLVE_TO` (a port of 127.0.0.1), it resolves the name itself, and calls this port.
const CLIENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/process/exec/clients");

/// The clients: a name, the command that runs it in a shell, and the variables that name the root certificates
/// that it trusts.
const COMMANDS: [(&str, &str, &str); 6] = [
    (
        "curl",
        "sh $CLIENTS/curl.sh",
        "CURL_CA_BUNDLE SSL_CERT_FILE",
    ),
    (
        "requests",
        "python $CLIENTS/requests_client.py",
        "REQUESTS_CA_BUNDLE CURL_CA_BUNDLE",
    ),
    (
        "httpx",
        "python $CLIENTS/httpx_client.py",
        "SSL_CERT_FILE SSL_CERT_DIR",
    ),
    ("fetch", "node $CLIENTS/fetch.js", "NODE_EXTRA_CA_CERTS"),
    ("axios", "node $CLIENTS/axios.js", "NODE_EXTRA_CA_CERTS"),
    (
        "reqwest",
        "\"$TESTS\" --ignored --exact exec::interception::reqwest --nocapture",
        "SSL_CERT_FILE SSL_CERT_DIR",
    ),
];

/// exec of a client's command. The tools that `tests/install` installs are found.
fn client(options: &[&str], script: &str) -> Command {
    let tools = tools::tool("python");
    let path = tools.get_envs().find(|(name, _)| *name == "PATH");
    let path = path
        .and_then(|(_, path)| path)
        .expect("it is set")
        .to_owned();
    let query = r#"QUERY="sdkappid=$TENCENT_CHAT_EMULATOR_SDKAPPID&identifier=$TENCENT_CHAT_EMULATOR_ADMIN&usersig=$TENCENT_CHAT_EMULATOR_USERSIG&random=1&contenttype=json"; export QUERY"#;
    let mut command = exec(options, &format!("{query}\n{script}"));
    command
        .env("PATH", path)
        .env("CLIENTS", CLIENTS)
        .env("TESTS", std::env::current_exe().expect("this program"))
        .env("NODE_PATH", tools::tools().join("node_modules"));
    command
}

/// Asserts that the output is the emulator's answer.
#[track_caller]
fn assert_answered(name: &str, output: &Output) {
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{name}: {stdout}{stderr}");
    let answer = stdout.lines().find(|line| line.starts_with('{'));
    let answer = answer.unwrap_or_else(|| panic!("{name}: {stdout}{stderr}"));
    let answer: Value = serde_json::from_str(answer).expect("JSON");
    assert_eq!(answer["ActionStatus"], "OK", "{name}: {answer}");
    assert_eq!(
        answer["ResultItem"][0]["To_Account"], "id1",
        "{name}: {answer}"
    );
}

#[test]
fn clients_with_their_default_settings_get_the_emulators_answer() {
    for (name, command, _) in COMMANDS {
        let output = client(&["--intercept"], command)
            .output()
            .expect("it starts");
        assert_answered(name, &output);
    }
}

#[test]
fn clients_that_resolve_the_host_to_this_machine_get_the_emulators_answer() {
    for (name, command, variables) in COMMANDS {
        let variable = variables.split(' ').next().expect("a name");
        let script = format!(
            "export {variable}=$TENCENT_CHAT_EMULATOR_CA RESOLVE_TO=${{TENCENT_CHAT_EMULATOR_TLS_URL##*:}}\n{command}"
        );
        let output = client(&[], &script).output().expect("it starts");
        assert_answered(name, &output);
    }
}

#[test]
fn clients_that_trust_only_the_systems_roots_refuse_the_certificate() {
    for (name, command, variables) in COMMANDS {
        let script = format!("unset {variables}\n{command}");
        let output = client(&["--intercept"], &script)
            .output()
            .expect("it starts");

        let printed = text(&output.stdout) + &text(&output.stderr);
        assert!(!output.status.success(), "{name}: {printed}");
        let printed = printed.to_lowercase();
        let is_about_trust = ["certificate", "unknownissuer"];
        let is_about_trust = is_about_trust.iter().any(|word| printed.contains(word));
        assert!(
            is_about_trust && !printed.contains("actionstatus"),
            "{name}: {printed}"
        );
    }
}

/// The command of reqwest's tests: an unmodified client in Rust.
#[test]
#[ignore = "the command of other tests"]
fn reqwest() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let query = std::env::var("QUERY").expect("it is set");
    let (client, port) = match std::env::var("RESOLVE_TO") {
        Ok(port) => {
            let addr = SocketAddr::from(([127, 0, 0, 1], port.parse().expect("a port")));
            let client = reqwest::Client::builder().resolve("console.tim.qq.com", addr);
            (client.build().expect("a client"), format!(":{port}"))
        }
        Err(_) => (reqwest::Client::new(), String::new()),
    };
    let url = format!("https://console.tim.qq.com{port}/v4/sns/friend_add?{query}");
    let call = client.post(url).body(crate::fixture::GOOD_BODY).send();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let answer = runtime
        .expect("a runtime")
        .block_on(async { call.await?.text().await });
    println!("\n{}", answer.expect("an answer"));
}

fn require_java() {
    let version = Command::new("java").arg("-version").output();
    let is_there = version.is_ok_and(|output| output.status.success());
    assert!(is_there, "no Java: run tests/install");
}

#[test]
fn java_gets_the_emulators_answer_by_both_of_its_clients() {
    require_java();
    // Java splits its options at white space.
    for place in ["plain", "with a space", "it's"] {
        let dir = TempDir::new().expect("a place for files");
        let place = dir.path().join(place);
        std::fs::create_dir(&place).expect("a new directory");
        let mut command = client(&["--intercept"], "java $CLIENTS/Client.java");
        command.env("TMPDIR", &place).env(
            "JAVA_TOOL_OPTIONS",
            "-Dexample=kept \"-Dhttp.nonProxyHosts=*.qq.com\"",
        );
        let output = command.output().expect("it starts");

        let stdout = text(&output.stdout);
        let lines: Vec<_> = stdout.lines().collect();
        assert_eq!(lines.len(), 3, "{stdout}{}", text(&output.stderr));
        assert_eq!(lines[0], "kept");
        for line in &lines[1..] {
            assert!(line.contains(r#""ActionStatus":"OK""#), "{stdout}");
        }
    }
}

#[test]
fn options_of_java_that_have_no_effect_are_left_out_and_the_rest_is_kept() {
    let this_machine = "-Dhttp.nonProxyHosts=localhost|127.*|[::1]";
    for (own, kept, has_this_machine) in [
        ("", "", false),
        ("-Xmx64m", "-Xmx64m ", false),
        (
            "  -Da='b  c'\t-Dd=\"e 'f\" ",
            "-Da='b  c' -Dd=\"e 'f\" ",
            false,
        ),
        (
            "-Dhttps.proxyPort=1 -Da=b -Djavax.net.ssl.trustStore='a b' -Dhttps.proxyHost=x",
            "-Da=b ",
            false,
        ),
        (
            "-Dhttp.nonProxyHosts=*.example.net|localhost",
            "-Dhttp.nonProxyHosts=*.example.net|localhost ",
            false,
        ),
        ("-Dhttp.nonProxyHosts=localhost|*.QQ.com", "", true),
        ("-Dhttp.nonProxyHosts=console.tim.qq.com", "", true),
        ("-Dhttp.nonProxyHosts=console.*", "", true),
        ("-Dhttp.nonProxyHosts=*.tim.*", "", true),
        ("-Dhttp.nonProxyHosts=*", "", true),
        ("-Dhttp.nonProxyHosts='*.qcloud.com|a'", "", true),
        (
            "'-Dhttp.nonProxyHosts=*'",
            "'-Dhttp.nonProxyHosts=*' ",
            true,
        ),
        (
            "-Dhttp.nonProxyHosts=* -Dhttp.nonProxyHosts=a",
            "-Dhttp.nonProxyHosts=* -Dhttp.nonProxyHosts=a ",
            false,
        ),
    ] {
        let mut command = exec(&["--intercept"], "printf %s \"$JAVA_TOOL_OPTIONS\"");
        let options = printed(command.env("JAVA_TOOL_OPTIONS", own));

        let (before, ours) = options.split_at(options.find("-Dhttps.proxyHost=127.").expect("it"));
        assert_eq!(before, kept, "{own}");
        assert_eq!(ours.ends_with(this_machine), has_this_machine, "{options}");
    }
}

#[test]
fn java_reads_every_certificate_of_its_bundle_as_trusted() {
    require_java();
    let script = r#"
        directory=$(dirname $TENCENT_CHAT_EMULATOR_CA)
        grep -c BEGIN $SSL_CERT_FILE
        unset JAVA_TOOL_OPTIONS
        keytool -list -keystore $directory/roots.p12 -storetype PKCS12 -storepass changeit | grep -c trustedCertEntry"#;

    let printed = printed(&mut exec(&["--intercept"], script));

    let counts: Vec<usize> = printed
        .lines()
        .map(|line| line.parse().expect("a number"))
        .collect();
    assert_eq!(counts[0], counts[1]);
    assert!(counts[0] > 1, "the system's and ours");
}

/// The certificates of a PEM file, without white space.
fn certificates(pem: &str) -> BTreeSet<String> {
    let parts = pem.split("-----BEGIN CERTIFICATE-----").skip(1);
    let parts = parts.map(|part| part.split("-----END").next().unwrap_or_default());
    parts
        .map(|part| part.split_whitespace().collect())
        .collect()
}

/// The CA of another emulator, as an example of a certificate of the user's own.
fn own_certificate(directory: &Path, name: &str) -> String {
    let mut command = program(&["tls", "ca"]);
    command.env(
        "EMULATOR__TLS__CA_DIRECTORY",
        directory.join(format!("ca of {name}")),
    );
    let pem = text(&command.output().expect("it starts").stdout);
    std::fs::write(directory.join(name), &pem).expect("it can be written");
    assert_eq!(certificates(&pem).len(), 1, "{pem}");
    pem
}

#[test]
fn what_the_users_own_variables_name_stays_trusted() {
    let dir = TempDir::new().expect("a place for files");
    let variables = [
        "SSL_CERT_FILE",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
        "NODE_EXTRA_CA_CERTS",
    ];
    let own = variables.map(|name| own_certificate(dir.path(), name));
    let script = variables
        .map(|name| format!("cat ${name}; echo @"))
        .join("\n");
    let script = format!("cat $TENCENT_CHAT_EMULATOR_CA; echo @\n{script}");
    let bundles = |command: &mut Command| -> Vec<BTreeSet<String>> {
        let printed = printed(command);
        printed.split("@\n").map(certificates).collect()
    };

    let plain = bundles(&mut exec(&["--intercept"], &script));
    let mut command = exec(&["--intercept"], &script);
    command.envs(variables.map(|name| (name, dir.path().join(name))));
    let with_own = bundles(&mut command);

    let own = own.map(|pem| certificates(&pem));
    for (at, name) in variables.iter().enumerate() {
        for (bundles, expected) in [(&plain, false), (&with_own, true)] {
            let (ca, bundle) = (&bundles[0], &bundles[at + 1]);
            assert!(ca.len() == 1 && ca.is_subset(bundle), "{name}");
            assert_eq!(own[at].is_subset(bundle), expected, "{name}");
        }
        // Node.js has roots of its own.
        assert_eq!(
            plain[at + 1].len() > 1,
            *name != "NODE_EXTRA_CA_CERTS",
            "{name}"
        );
    }
}

#[test]
fn a_file_of_the_users_that_cannot_be_read_is_named_and_the_rest_works() {
    let mut command = client(&["--intercept"], "sh $CLIENTS/curl.sh");
    let output = command
        .env("REQUESTS_CA_BUNDLE", "/no/such/file")
        .output()
        .expect("it starts");

    assert_answered("curl", &output);
    expect_unreadable_file(&output);
}

#[test]
fn entries_of_no_proxy_that_cover_tencents_hosts_are_left_out() {
    let local = "localhost,127.0.0.1,::1";
    for (upper, lower, expected) in [
        ("", "", local.to_owned()),
        ("*", "", local.to_owned()),
        ("qq.com", ".qcloud.com", local.to_owned()),
        (
            "tim.qq.com:443, *.qq.com  console.TIM.qq.com.",
            "*qq.com,.com",
            local.to_owned(),
        ),
        ("chat.example.com,example.com", "", local.to_owned()),
        (
            "a.example.net,qq.com",
            "b.example.net",
            format!("a.example.net,b.example.net,{local}"),
        ),
        (
            "10.0.0.0/8,[fd00::1]:80,fd00::/8",
            "10.0.0.0/8",
            format!("10.0.0.0/8,[fd00::1]:80,fd00::/8,{local}"),
        ),
        (
            "notqq.com,qq.com.example.net",
            "",
            format!("notqq.com,qq.com.example.net,{local}"),
        ),
        ("::1,localhost", "", "::1,localhost,127.0.0.1".to_owned()),
    ] {
        let mut command = exec(&["--intercept"], "echo $NO_PROXY; echo $no_proxy");
        command.env("EMULATOR__PROXY__HOSTS", "Chat.Example.com,192.0.2.1");
        command.env("NO_PROXY", upper).env("no_proxy", lower);

        assert_eq!(
            printed(&mut command),
            format!("{expected}\n{expected}\n"),
            "{upper} {lower}"
        );
    }
}

#[test]
fn with_a_certificate_of_the_users_own_the_variables_of_trust_stay_the_users() {
    let dir = TempDir::new().expect("a place for files");
    let files = [dir.path().join("own.pem"), dir.path().join("own.key")];
    let openssl = Command::new("openssl")
        .args([
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=own",
        ])
        .args(["-addext", "subjectAltName=DNS:console.tim.qq.com", "-out"])
        .arg(&files[0])
        .arg("-keyout")
        .arg(&files[1])
        .output();
    assert!(openssl.expect("openssl is there").status.success());
    let script = "echo ${TENCENT_CHAT_EMULATOR_CA-none} ${SSL_CERT_FILE-none} $CURL_CA_BUNDLE; sh $CLIENTS/curl.sh";
    let mut command = client(&["--intercept"], script);
    command
        .env("EMULATOR__TLS__CERTIFICATE", &files[0])
        .env("EMULATOR__TLS__KEY", &files[1]);

    let output = command
        .env("CURL_CA_BUNDLE", &files[0])
        .output()
        .expect("it starts");

    assert_answered("curl", &output);
    let expected = format!("none none {}\n", files[0].display());
    assert!(
        text(&output.stdout).starts_with(&expected),
        "{}",
        text(&output.stdout)
    );
}

#[test]
fn without_the_proxy_there_is_no_interception() {
    let mut command = exec(&["--intercept"], "echo started");
    let output = command
        .env("EMULATOR__PROXY__ENABLED", "false")
        .output()
        .expect("it starts");

    assert_eq!(output.status.code(), Some(125));
    assert_eq!(
        text(&output.stderr),
        "--intercept needs the proxy, but proxy.enabled is false\n"
    );
    assert_eq!(text(&output.stdout), "");
}

#[test]
fn the_files_are_the_users_alone() {
    let script = "cd $(dirname $TENCENT_CHAT_EMULATOR_CA); umask; stat -c '%a %n' . *";

    let printed = printed(&mut exec(&["--intercept"], script));

    let expected = "700 .\n600 ca.pem\n600 node.pem\n600 roots.p12\n600 roots.pem\n";
    assert!(printed.ends_with(expected), "{printed}");
}
