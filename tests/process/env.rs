//! The commands env and tls.

mod own_proxy;
mod unset;

use crate::fixture::{Server, expect_unreadable_file, program, program_without_proxy, text};
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

/// A user's own state directory.
struct State(TempDir);

impl State {
    fn new() -> Self {
        Self(TempDir::new().expect("a place for files"))
    }

    fn program(&self, arguments: &[&str]) -> Command {
        let mut command = program_without_proxy(arguments);
        command.env("XDG_STATE_HOME", self.0.path());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.program(arguments)
            .output()
            .expect("the program starts")
    }

    /// The standard output of a command that succeeds.
    #[track_caller]
    fn printed(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let stderr = text(&output.stderr);
        assert_eq!((output.status.code(), &*stderr), (Some(0), ""));
        text(&output.stdout)
    }

    /// A server with this configuration.
    fn server(&self, config: &str, arguments: &[&str]) -> Server {
        let path = self.0.path().join("emulator.toml");
        std::fs::write(&path, config).expect("it can be written");
        let mut command = self.program(&["--listen", "127.0.0.1:0", "--config"]);
        command.arg(path).args(arguments);
        Server::spawn(command)
    }
}

/// What a shell prints after it has evaluated what `env` prints.
#[track_caller]
fn evaluated(exports: &str, script: &str) -> String {
    let output = Command::new("sh")
        .args(["-c", &format!("eval \"$EXPORTS\"\n{script}")])
        .env("EXPORTS", exports)
        .output()
        .expect("a shell is there");
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn a_shell_gets_the_values_exactly_whatever_is_in_them() {
    let state = State::new();
    for key in [
        "plain",
        "it's",
        "''''",
        "$(touch made) `touch made` $HOME \\ \\' \" # ; & | > made * ? ~ !",
        " leading and trailing ",
        "two\nlines\n",
        "-e \t'; touch made; '",
        "中文 🎉",
    ] {
        let json = serde_json::to_string(key).expect("a string");
        let server = state.server(&format!("[apps.1400000001]\nsecret_key = {json}\n"), &[]);
        let exports = state.printed(&["env", "--listen", &server.addr.to_string()]);

        let script =
            "printf '%s|' \"$TENCENT_CHAT_EMULATOR_SECRET_KEY\"; ls made 2>/dev/null; true";
        assert_eq!(evaluated(&exports, script), format!("{key}|"));
    }
}

#[test]
fn a_shell_can_call_with_the_variables_and_a_child_inherits_them() {
    let state = State::new();
    let server = state.server("", &["--tls-listen", "127.0.0.1:0"]);
    let exports = state.printed(&["env", "--listen", &server.addr.to_string()]);

    let call = |base: &str| {
        format!(
            r#"sh -c 'curl -sS --cacert "$TENCENT_CHAT_EMULATOR_CA" -d "{{}}" "${base}/v4/sns/friend_add?sdkappid=$TENCENT_CHAT_EMULATOR_SDKAPPID&identifier=$TENCENT_CHAT_EMULATOR_ADMIN&usersig=$TENCENT_CHAT_EMULATOR_USERSIG&random=1&contenttype=json"'"#
        )
    };
    for base in ["TENCENT_CHAT_EMULATOR_URL", "TENCENT_CHAT_EMULATOR_TLS_URL"] {
        let answer = evaluated(&exports, &call(base));
        assert!(answer.contains(r#""ErrorCode":30001"#), "{base}: {answer}");
    }
    let script = r#"curl -sS "$TENCENT_CHAT_EMULATOR_CONTROL_URL/healthz""#;
    assert_eq!(evaluated(&exports, script), "ok\n");
    let unset =
        "TENCENT_CHAT_EMULATOR_CONTROL_TOKEN=old; export TENCENT_CHAT_EMULATOR_CONTROL_TOKEN";
    let script = "sh -c 'echo ${TENCENT_CHAT_EMULATOR_CONTROL_TOKEN-unset}'";
    assert_eq!(evaluated(&format!("{unset}\n{exports}"), script), "unset\n");
}

#[test]
fn the_app_can_be_chosen_also_one_that_was_made_later() {
    let state = State::new();
    let server = state.server(
        "[apps.1400000001]\nsecret_key = \"one\"\n[apps.1400000002]\nsecret_key = \"two\"\nadmins = [\"root\"]\n",
        &[],
    );
    let addr = server.addr.to_string();
    let post = "HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 67\r\n\r\n";
    let body = r#"{"sdkappid":1400000003,"secret_key":"three","admins":["a","b","c"]}"#;
    let mut client = server.connect();
    client.send(format!("POST /_emulator/v1/apps {post}{body}").as_bytes());
    let script = r#"echo "$TENCENT_CHAT_EMULATOR_SDKAPPID $TENCENT_CHAT_EMULATOR_SECRET_KEY $TENCENT_CHAT_EMULATOR_ADMIN""#;
    for (app, expected) in [
        (None, "1400000001 one administrator\n"),
        (Some("1400000002"), "1400000002 two root\n"),
        (Some("1400000003"), "1400000003 three a\n"),
    ] {
        let app = app.map_or_else(Vec::new, |app| vec!["--app", app]);
        let exports = state.printed(&[&["env", "--listen", &addr][..], &app].concat());
        assert_eq!(evaluated(&exports, script), expected);
    }

    let output = state.run(&["env", "--listen", &addr, "--app", "1400000009"]);

    assert_eq!(output.status.code(), Some(1));
    let message = "there is no app 1400000009; there are 1400000001, 1400000002, 1400000003\n";
    assert_eq!(text(&output.stderr), message);
    assert_eq!(text(&output.stdout), "false\n");
}

#[test]
fn the_token_comes_from_the_configuration() {
    let state = State::new();
    let server = state.server("[control]\ntoken = \"a/b@c'd\"\n", &[]);
    let addr = server.addr.to_string();

    let without = state.run(&["env", "--listen", &addr]);
    let mut with = state.program(&["env", "--intercept", "--listen", &addr]);
    let with = with
        .env("EMULATOR__CONTROL__TOKEN", "a/b@c'd")
        .output()
        .expect("it starts");

    assert_eq!(without.status.code(), Some(1));
    let message = "the emulator requires the token of its control API: set EMULATOR__CONTROL__TOKEN
";
    assert_eq!(text(&without.stderr), message);
    assert_eq!(with.status.code(), Some(0), "{}", text(&with.stderr));
    let script = r#"echo "$TENCENT_CHAT_EMULATOR_CONTROL_TOKEN $HTTPS_PROXY""#;
    let expected = format!("a/b@c'd http://emulator:a%2Fb%40c%27d@{addr}\n");
    assert_eq!(evaluated(&text(&with.stdout), script), expected);
    let script = r#"curl -sS https://console.tim.qq.com/healthz"#;
    assert_eq!(evaluated(&text(&with.stdout), script), "ok\n");
}

#[test]
fn interception_outlives_the_command_in_a_directory_of_the_users() {
    let state = State::new();
    let server = state.server("", &[]);
    let addr = server.addr.to_string();

    let output = state.run(&["env", "--intercept", "--listen", &addr]);

    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stderr).starts_with("Calls to other hosts will be refused"));
    let exports = text(&output.stdout);
    let script = "curl -sS https://console.tim.qq.com/healthz; echo $SSL_CERT_FILE";
    let printed = evaluated(&exports, script);
    let (answer, file) = printed.split_once('\n').expect("two lines");
    assert_eq!(answer, "ok");
    let directory = Path::new(file.trim_end()).parent().expect("a directory");
    assert!(directory.starts_with(state.0.path().join("tencent-chat-emulator")));
    let mode = std::fs::metadata(directory)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);

    // The next emulator at the address has the same files, and no others are left.
    let names = || {
        let entries = std::fs::read_dir(directory).expect("it is there");
        let name = |entry: std::io::Result<std::fs::DirEntry>| entry.expect("an entry").file_name();
        entries.map(name).collect::<BTreeSet<_>>()
    };
    let before = names();
    assert_eq!(before.len(), 4, "{before:?}");
    assert!(
        state
            .run(&["env", "--intercept", "--listen", &addr])
            .status
            .success()
    );
    assert_eq!(names(), before);
}

#[test]
fn evaluating_the_variables_again_changes_neither_them_nor_their_files() {
    let state = State::new();
    let server = state.server("[proxy]\nothers = \"tunnel\"\n", &[]);
    let own = state.0.path().join("own.pem");
    let ca = state.program(&["tls", "ca"]);
    let ca = { ca }
        .env("EMULATOR__TLS__CA_DIRECTORY", state.0.path().join("own"))
        .output();
    std::fs::write(&own, ca.expect("it starts").stdout).expect("it can be written");
    let script = r#"
        evaluate() {
            exports=$("$PROGRAM" env --intercept --listen "$ADDR")
            echo "$exports"; eval "$exports"; cat "$SSL_CERT_FILE" "$NODE_EXTRA_CA_CERTS"
        }
        evaluate; echo @; evaluate; echo @; echo "$JAVA_TOOL_OPTIONS""#;
    let mut command = Command::new("sh");
    command
        .args(["-c", script])
        .env("XDG_STATE_HOME", state.0.path())
        .env("PROGRAM", program(&[]).get_program())
        .env("ADDR", server.addr.to_string())
        .env(
            "JAVA_TOOL_OPTIONS",
            "-Dexample='with a space'  -Dhttp.nonProxyHosts=*.qq.com",
        )
        .env("REQUESTS_CA_BUNDLE", &own)
        .env("NODE_EXTRA_CA_CERTS", &own);

    let output = command.output().expect("a shell is there");

    assert_eq!(text(&output.stderr), "");
    let printed = text(&output.stdout);
    let [first, second, java] = printed.split("@\n").collect::<Vec<_>>()[..] else {
        panic!("{printed}");
    };
    // A UserSig has the time of its making.
    let lines = |printed: &str| {
        let lines = printed.lines().filter(|line| !line.contains("USERSIG"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let (first, again) = (lines(first), lines(second));
    let change = std::iter::zip(&first, &again).find(|(line, other)| line != other);
    assert_eq!(change, None);
    assert_eq!(first.len(), again.len());
    let own = std::fs::read_to_string(own).expect("it is there");
    assert_eq!(second.matches(&own).count(), 2, "it stays trusted");
    let users = "-Dexample='with a space' -Dhttps.proxyHost=127.0.0.1 ";
    assert!(java.starts_with(users), "{java}");
}

#[test]
fn a_file_of_the_users_that_cannot_be_read_is_named() {
    let state = State::new();
    let server = state.server("[proxy]\nothers = \"tunnel\"\n", &[]);
    let addr = server.addr.to_string();
    let mut command = state.program(&["env", "--intercept", "--listen", &addr]);

    let output = command.env("REQUESTS_CA_BUNDLE", "/no/such/file").output();

    let output = output.expect("it starts");
    assert_eq!(output.status.code(), Some(0));
    expect_unreadable_file(&output);
}

#[test]
fn an_emulator_that_listens_on_all_addresses_is_called_at_the_one_that_is_named() {
    let state = State::new();
    let mut command = state.program(&["--listen", "0.0.0.0:0", "--tls-listen", "0.0.0.0:0"]);
    command.env("EMULATOR__CONTROL__TOKEN", "secret");
    let server = Server::spawn(command);
    let addr = format!("127.0.0.2:{}", server.addr.port());

    let mut command = state.program(&["env", "--listen", &addr]);
    let output = command.env("EMULATOR__CONTROL__TOKEN", "secret").output();

    let exports = text(&output.expect("it starts").stdout);
    let script = r#"echo "$TENCENT_CHAT_EMULATOR_URL"
        curl -sSk "$TENCENT_CHAT_EMULATOR_TLS_URL/healthz"; echo "$TENCENT_CHAT_EMULATOR_TLS_URL""#;
    let printed = evaluated(&exports, script);
    let expected = format!("http://{addr}\nok\nhttps://127.0.0.2:");
    assert!(printed.starts_with(&expected), "{printed}");
}

#[test]
fn an_emulator_that_is_no_proxy_or_is_not_there_is_an_error() {
    let state = State::new();
    let server = state.server("[proxy]\nenabled = false\n", &[]);
    let addr = server.addr.to_string();

    let output = state.run(&["env", "--intercept", "--listen", &addr]);
    assert_eq!(output.status.code(), Some(1));
    let message = format!(
        "--intercept needs the proxy, but proxy.enabled of the emulator at {addr} is false\n"
    );
    assert_eq!(text(&output.stderr), message);
    assert_eq!(text(&output.stdout), "false\n");

    server.stop();
    let output = state.run(&["env", "--listen", &addr]);
    assert_eq!(output.status.code(), Some(1));
    let message = format!("no emulator answers at {addr}: Connection refused; ");
    assert!(text(&output.stderr).starts_with(&message));
}

#[test]
fn a_tunnel_for_other_hosts_needs_no_warning() {
    let state = State::new();
    let server = state.server("[proxy]\nothers = \"tunnel\"\n", &[]);

    state.printed(&["env", "--intercept", "--listen", &server.addr.to_string()]);
}

#[test]
fn tls_ca_prints_the_ca_that_the_emulator_uses() {
    let state = State::new();

    let ca = state.printed(&["tls", "ca"]);

    assert!(ca.starts_with("-----BEGIN CERTIFICATE-----\n"), "{ca}");
    let server = state.server("", &["--tls-listen", "127.0.0.1:0"]);
    let exports = state.printed(&["env", "--listen", &server.addr.to_string()]);
    assert_eq!(evaluated(&exports, "cat $TENCENT_CHAT_EMULATOR_CA"), ca);
    assert_eq!(state.printed(&["tls", "ca"]), ca);
    for (variables, message) in [
        (
            &[("EMULATOR__TLS__CA_DIRECTORY", "")][..],
            "each emulator makes its own CA",
        ),
        (
            &[
                ("EMULATOR__TLS__CERTIFICATE", "a.pem"),
                ("EMULATOR__TLS__KEY", "a.key"),
            ],
            "with tls.certificate, there is no CA",
        ),
    ] {
        let mut command = state.program(&["tls", "ca"]);
        let output = command
            .envs(variables.iter().copied())
            .output()
            .expect("it starts");
        assert_eq!(output.status.code(), Some(1));
        assert!(
            text(&output.stderr).contains(message),
            "{}",
            text(&output.stderr)
        );
    }
}

#[test]
fn tls_hosts_prints_lines_of_a_hosts_file() {
    let state = State::new();
    for (listen, ip, serve) in [
        (None, "127.0.0.1", "127.0.0.1:443"),
        (Some("127.0.0.2:8443"), "127.0.0.2", "127.0.0.2:443"),
        (Some("0.0.0.0:443"), "127.0.0.1", "0.0.0.0:443"),
        (Some("[::1]:443"), "::1", "[::1]:443"),
    ] {
        let mut command = state.program(&["tls", "hosts"]);
        command.envs(listen.map(|listen| ("EMULATOR__TLS__LISTEN", listen)));
        command.env("EMULATOR__PROXY__HOSTS", "Chat.Example.com,192.0.2.1");
        let lines = text(&command.output().expect("it starts").stdout);

        let mut lines = lines.lines();
        let comment =
            format!("# Clients connect to port 443: start the emulator with --tls-listen {serve}.");
        assert_eq!(lines.next(), Some(&*comment));
        let lines: Vec<_> = lines.collect();
        assert_eq!(lines[0], format!("{ip} console.tim.qq.com"));
        assert_eq!(
            *lines.last().expect("a line"),
            format!("{ip} chat.example.com")
        );
        let hosts = tencent_chat_emulator::protocol::hosts::HOSTS;
        assert_eq!(lines.len(), hosts.len() + 1);
    }
}

/// Docker Compose is not there, but its schema is known: `networks` maps names to objects with `aliases`.
#[test]
fn tls_hosts_prints_aliases_for_the_networks_of_a_service() {
    let printed = State::new().printed(&["tls", "hosts", "--compose"]);

    let script = "import json, sys; from ruamel.yaml import YAML; print(json.dumps(YAML(typ='safe').load(sys.stdin)))";
    let mut command = crate::tools::tool("python");
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    std::io::Write::write_all(&mut writer, printed.as_bytes()).expect("it fits");
    drop(writer);
    let output = command
        .args(["-c", script])
        .stdin(reader)
        .output()
        .expect("it starts");
    let networks: serde_json::Value = serde_json::from_slice(&output.stdout).expect("YAML");
    let hosts = tencent_chat_emulator::protocol::hosts::HOSTS;
    assert_eq!(networks, serde_json::json!({"default": {"aliases": hosts}}));
}
