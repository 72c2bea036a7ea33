//! The command exec: its variables, its exit codes, and what it leaves behind.

mod interception;
mod signals;

use crate::fixture::{Client, program, program_without_proxy, text};
use serde_json::Value;
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// A friend_add call by curl, with what the variables say.
const CALL: &str = r#"curl -sS -d '{"From_Account":"id","AddFriendItem":[{"To_Account":"id1"}]}' "$TENCENT_CHAT_EMULATOR_URL/v4/sns/friend_add?sdkappid=$TENCENT_CHAT_EMULATOR_SDKAPPID&identifier=$TENCENT_CHAT_EMULATOR_ADMIN&usersig=$TENCENT_CHAT_EMULATOR_USERSIG&random=1&contenttype=json""#;

/// Arms a fault for the next call of friend_add.
const ARM: &str = r#"curl -sS -H 'Content-Type: application/json' -d '{"command":"friend_add","times":1,"code":60008}' "$TENCENT_CHAT_EMULATOR_CONTROL_URL/faults" >/dev/null"#;

/// exec of a shell script, without variables of the user that matter.
fn exec(options: &[&str], script: &str) -> Command {
    let mut command = program_without_proxy(&["exec"]);
    command.args(options).args(["--", "sh", "-c", script]);
    command
}

fn run(options: &[&str], script: &str) -> Output {
    exec(options, script).output().expect("the program starts")
}

/// The standard output of a script that succeeds. Asserts that nothing is on standard error.
#[track_caller]
fn printed(command: &mut Command) -> String {
    let output = command.output().expect("the program starts");
    let stderr = text(&output.stderr);
    assert_eq!((output.status.code(), &*stderr), (Some(0), ""));
    text(&output.stdout)
}

fn files(directory: &TempDir) -> Vec<String> {
    let entries = std::fs::read_dir(directory.path()).expect("it is there");
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.expect("an entry").file_name();
    entries
        .map(|entry| name(entry).to_string_lossy().into_owned())
        .collect()
}

#[test]
fn the_variables_are_enough_for_a_call_and_nothing_else_is_printed() {
    let answer = printed(&mut exec(&[], CALL));

    let answer: Value = serde_json::from_str(&answer).expect("the answer alone");
    assert_eq!(answer["ErrorCode"], 0, "{answer}");
}

#[test]
fn the_variables_describe_the_app_that_is_named() {
    let dir = TempDir::new().expect("a place for files");
    let path = dir.path().join("emulator.toml");
    let apps = "[apps.1400000001]\nsecret_key = \"one\"\n\
                [apps.1400000002]\nsecret_key = \"two\"\nadmins = [\"root\", \"other\"]\n";
    std::fs::write(&path, apps).expect("it can be written");
    let config = ["--config", path.to_str().expect("UTF-8")];
    let script = r#"echo "$TENCENT_CHAT_EMULATOR_SDKAPPID $TENCENT_CHAT_EMULATOR_SECRET_KEY $TENCENT_CHAT_EMULATOR_ADMIN""#;

    let first = printed(&mut exec(&config, script));
    let second = printed(&mut exec(
        &[&config[..], &["--app", "1400000002"]].concat(),
        script,
    ));
    let unknown = run(&[&config[..], &["--app", "1400000003"]].concat(), script);

    assert_eq!(first, "1400000001 one administrator\n");
    assert_eq!(second, "1400000002 two root\n");
    assert_eq!(unknown.status.code(), Some(125));
    let message = "the configuration has no app 1400000003; it has 1400000001, 1400000002\n";
    assert_eq!(text(&unknown.stderr), message);
}

#[test]
fn the_exit_code_is_that_of_the_command() {
    for (script, code) in [
        ("exit 0", 0),
        ("exit 1", 1),
        ("exit 97", 97),
        ("exit 255", 255),
        ("kill -TERM $$", 143),
        ("kill -KILL $$", 137),
        ("kill -PIPE $$", 141),
    ] {
        let output = run(&[], script);

        assert_eq!(output.status.code(), Some(code), "{script}");
        assert_eq!(text(&output.stderr), "", "{script}");
        assert_eq!(text(&output.stdout), "", "{script}");
    }
}

#[test]
fn a_command_that_cannot_be_started_has_the_exit_code_of_shells() {
    let dir = TempDir::new().expect("a place for files");
    let file = |name: &str, content: &str, mode: u32| {
        let path = dir.path().join(name);
        std::fs::write(&path, content).expect("it can be written");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
        std::fs::set_permissions(&path, mode).expect("it is ours");
        path.to_str().expect("UTF-8").to_owned()
    };
    let plain = file("plain", "exit 0\n", 0o644);
    let orphan = file("orphan", "#!/nowhere/sh\n", 0o755);
    let folder = dir.path().to_str().expect("UTF-8").to_owned();
    for (command, code, reason) in [
        ("no-such-command", 127, "No such file or directory"),
        ("/no/such/command", 127, "No such file or directory"),
        (&plain, 126, "Permission denied"),
        (&folder, 126, "Permission denied"),
        (
            &orphan,
            126,
            "No such file or directory; its interpreter is missing",
        ),
    ] {
        let output = program(&["exec", "--", command]).output();
        let output = output.expect("the program starts");

        assert_eq!(output.status.code(), Some(code), "{command}");
        let expected = format!("cannot run {command}: {reason}\n");
        assert_eq!(text(&output.stderr), expected);
    }
}

#[test]
fn a_command_in_quotes_that_is_not_found_gets_a_hint() {
    let hint = "; write a command and its arguments without quotes around them all, or run a shell: sh -c '...'\n";
    for (command, is_hinted) in [
        (&["echo hello"][..], true),
        (&["./no such/file --option"], true),
        (&["no such command", "argument"], false),
        (&["no-such-command"], false),
    ] {
        let mut exec = program(&["exec", "--"]);
        let output = exec.args(command).output().expect("the program starts");

        assert_eq!(output.status.code(), Some(127));
        let stderr = text(&output.stderr);
        assert_eq!(stderr.ends_with(hint), is_hinted, "{stderr}");
    }
}

#[test]
fn an_error_of_exec_itself_is_not_taken_for_one_of_the_command() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let addr = taken.local_addr().expect("an address").to_string();

    for (options, code, message) in [
        (
            &["--listen", &addr][..],
            125,
            "Address already in use; stop the other process",
        ),
        (
            &["--config", "/no/such/file"],
            125,
            "/no/such/file: cannot be read",
        ),
        (
            &["--listen", "nowhere"],
            125,
            "--listen should be an address such as \"127.0.0.1:8080\"\n",
        ),
        (&["--nope"], 2, "--nope"),
    ] {
        let output = run(options, "echo started");

        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{options:?}: {stderr}");
        assert!(stderr.contains(message), "{options:?}: {stderr}");
        assert_eq!(text(&output.stdout), "", "{options:?}");
    }
    for arguments in [&["exec"][..], &["exec", "--"], &["exec", "--intercept"]] {
        let output = program(arguments).output().expect("the program starts");
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(
            stderr.contains("required") && stderr.contains("-- <CMD>..."),
            "{stderr}"
        );
    }
}

#[test]
fn faults_that_were_not_consumed_fail_a_command_that_succeeded() {
    let report = "1 of 1 faults have not been consumed\n";
    let consumed = format!("{ARM}; {CALL} >/dev/null");
    for (options, script, code, is_reported) in [
        (&[][..], ARM, 97, true),
        (&["--no-verify"], ARM, 0, false),
        (&[], &format!("{ARM}; exit 5"), 5, false),
        (&[], &format!("{ARM}; kill -TERM $$"), 143, false),
        (&[], &consumed, 0, false),
    ] {
        let output = run(options, script);

        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{script}: {stderr}");
        assert_eq!(
            stderr.starts_with(report),
            is_reported,
            "{script}: {stderr}"
        );
        let end = ": 0 hits, 1 left\nThe exit code is 97 because of these faults. With --no-verify, they are not \
                   checked.\n";
        assert_eq!(stderr.ends_with(end), is_reported, "{script}: {stderr}");
        assert_eq!(text(&output.stdout), "", "{script}");
    }
}

#[test]
fn accounts_are_kept_in_the_file_that_is_given() {
    let dir = TempDir::new().expect("a place for files");
    let file = dir.path().join("state.json");
    let state = ["--state", file.to_str().expect("UTF-8")];

    let first = printed(&mut exec(&state, CALL));
    let second = printed(&mut exec(&state, CALL));
    // A file of another place in the configuration has less weight than the option.
    let mut other = exec(&state, CALL);
    other.env("EMULATOR__STATE_FILE", dir.path().join("other.json"));
    let third = printed(&mut other);

    assert!(first.contains(r#""ResultCode":0"#), "{first}");
    for answer in [second, third] {
        assert!(answer.contains(r#""ResultCode":30001"#), "{answer}");
    }
    assert!(!dir.path().join("other.json").exists());
}

#[test]
fn a_state_file_that_cannot_be_saved_fails_only_a_command_that_succeeded() {
    for (end, code) in [
        ("exit 0", 125),
        ("exit 3", 3),
        ("kill -TERM $$", 143),
        (ARM, 97),
    ] {
        let dir = TempDir::new().expect("a place for files");
        let folder = dir.path().join("folder");
        std::fs::create_dir(&folder).expect("a new directory");
        let mut command = exec(&[], &format!("{CALL} >/dev/null; rm -r $FOLDER; {end}"));
        command.env("FOLDER", &folder);
        command.env("EMULATOR__STATE_FILE", folder.join("state.json"));

        let output = command.output().expect("it starts");

        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{end}: {stderr}");
        assert!(stderr.contains("state.json"), "{end}: {stderr}");
    }
}

#[test]
fn the_exit_code_is_the_same_if_nobody_reads_standard_error() {
    for (script, code) in [(ARM, 97), ("exit 3", 3)] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);

        let status = exec(&[], script).stderr(writer).status();

        assert_eq!(status.expect("it starts").code(), Some(code));
    }
}

#[test]
fn standard_input_is_the_commands() {
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    std::io::Write::write_all(&mut writer, b"some input").expect("it fits");
    drop(writer);

    assert_eq!(printed(exec(&[], "cat").stdin(reader)), "some input");
}

#[test]
fn the_emulator_ends_with_the_command_and_leaves_no_files() {
    for (script, code) in [("exit 0", 0), ("exit 1", 1), ("kill -KILL $$", 137)] {
        let dir = TempDir::new().expect("a place for files");
        let script = format!("echo $TENCENT_CHAT_EMULATOR_URL; {script}");
        let mut command = exec(&["--intercept"], &script);

        let output = command
            .env("TMPDIR", dir.path())
            .output()
            .expect("it starts");

        assert_eq!(output.status.code(), Some(code));
        let url = text(&output.stdout);
        let addr = url.trim_end().strip_prefix("http://").expect("a URL");
        let addr = addr.parse().expect("an address");
        assert!(Client::connect(addr).is_err(), "{addr}");
        assert_eq!(files(&dir), [""; 0], "{script}");
    }
}

#[test]
fn configured_values_override_the_defaults_of_exec() {
    let script = r#"echo "$TENCENT_CHAT_EMULATOR_URL"; curl -sS "$TENCENT_CHAT_EMULATOR_CONTROL_URL/config""#;
    let settings = |command: &mut Command| {
        let printed = printed(command);
        let (url, settings) = printed.split_once('\n').expect("two lines");
        let settings: Vec<Value> = serde_json::from_str(settings).expect("JSON");
        let find = |key: &str| {
            let mut settings = settings.iter();
            let setting = settings.find(|setting| setting["key"] == key);
            setting.map_or(String::new(), |setting| {
                setting["value"].to_string().replace(['\\', '"'], "")
            })
        };
        let keys = [
            "listen",
            "log.level",
            "proxy.others",
            "tls.listen",
            "tls.ca_directory",
        ];
        (url.to_owned(), keys.map(find))
    };

    let (url, values) = settings(&mut exec(&[], script));
    assert!(url.starts_with("http://127.0.0.1:"), "{url}");
    assert_eq!(values, ["127.0.0.1:0", "warn", "refuse", "127.0.0.1:0", ""]);
    let (_, values) = settings(&mut exec(&["--intercept"], script));
    assert_eq!(values, ["127.0.0.1:0", "warn", "tunnel", "127.0.0.1:0", ""]);

    let dir = TempDir::new().expect("a place for files");
    let path = dir.path().join("emulator.toml");
    std::fs::write(&path, "proxy.others = \"refuse\"\n").expect("it can be written");
    let config = ["--intercept", "--config", path.to_str().expect("UTF-8")];
    let (url, values) = settings(
        exec(&config, script)
            .env("EMULATOR__LISTEN", "[::1]:0")
            .env("EMULATOR__LOG__LEVEL", "error"),
    );
    assert!(url.starts_with("http://[::1]:"), "{url}");
    assert_eq!(values, ["[::1]:0", "error", "refuse", "127.0.0.1:0", ""]);
}

#[test]
fn calls_are_logged_only_if_that_is_configured() {
    let script = format!("{CALL} >/dev/null");

    let logged = exec(&[], &script)
        .env("EMULATOR__LOG__LEVEL", "info")
        .output();

    let stderr = text(&logged.expect("it starts").stderr);
    assert!(
        stderr.contains("friend_add: 1 items, 0 refused"),
        "{stderr}"
    );
}

#[test]
fn off_loopback_the_command_gets_the_token_and_an_address_that_it_can_reach() {
    let script = r#"
        echo "$TENCENT_CHAT_EMULATOR_URL"
        curl -sS -H "Authorization: Bearer $TENCENT_CHAT_EMULATOR_CONTROL_TOKEN" "$TENCENT_CHAT_EMULATOR_CONTROL_URL/apps" | grep -o secret_key
        echo "$HTTPS_PROXY" | sed "s/$TENCENT_CHAT_EMULATOR_CONTROL_TOKEN/TOKEN/""#;

    let output = run(&["--intercept", "--listen", "0.0.0.0:0"], script);

    let stderr = text(&output.stderr);
    assert!(
        stderr.starts_with("Java cannot use the proxy, because ") && stderr.lines().count() == 1,
        "{stderr}"
    );
    let printed = text(&output.stdout);
    let lines: Vec<_> = printed.lines().collect();
    let addr = lines[0].strip_prefix("http://").expect("a URL");
    assert!(addr.starts_with("127.0.0.1:"), "{addr}");
    assert_eq!(
        lines[1..],
        ["secret_key", &format!("http://emulator:TOKEN@{addr}")]
    );
}

#[test]
fn variables_of_another_emulator_are_not_inherited() {
    let script = r#"env | grep -c -e TOKEN -e outer; true"#;
    let mut command = exec(&[], script);
    command.env("TENCENT_CHAT_EMULATOR_CONTROL_TOKEN", "outer");
    command.env("TENCENT_CHAT_EMULATOR_URL", "outer");

    assert_eq!(printed(&mut command), "0\n");
}

#[test]
fn without_the_control_api_there_is_no_url_of_it() {
    let mut command = exec(&[], "echo ${TENCENT_CHAT_EMULATOR_CONTROL_URL-none}");
    command.env("EMULATOR__CONTROL__ENABLED", "false");

    assert_eq!(printed(&mut command), "none\n");
}

#[test]
fn the_help_names_every_variable() {
    let variables = printed(&mut exec(&["--intercept"], "env"));
    let plain = printed(Command::new("env").stdin(Stdio::null()));
    let is_new = |line: &&str| !plain.lines().any(|other| other == *line);
    let names = variables
        .lines()
        .filter(is_new)
        .filter_map(|line| line.split_once('='));
    let names: Vec<_> = names
        .map(|(name, _)| name)
        .filter(|name| *name != "_")
        .collect();
    assert!(names.len() >= 12, "{names:?}");

    for command in ["exec", "env"] {
        let help = text(
            &program(&[command, "--help"])
                .output()
                .expect("it starts")
                .stdout,
        );
        for name in &names {
            assert!(help.contains(name), "{command}: {name}");
        }
    }
    assert!(names.contains(&"TENCENT_CHAT_EMULATOR_USERSIG"));
}

/// Not another one at the usual address, whose accounts `import` would replace.
#[test]
fn the_commands_for_a_running_emulator_mean_the_one_of_exec() {
    const SCRIPT: &str = r#""$1" health && "$1" wait && "$1" env | grep ^export.*_URL= &&
        "$1" export | grep -c '"id1"' && "$1" health --listen "$TENCENT_CHAT_EMULATOR_URL/""#;
    for token in ["none", "a-token"] {
        let mut exec = exec(&[], SCRIPT);
        exec.args(["sh", env!("CARGO_BIN_EXE_tencent-chat-emulator")]);
        exec.env("EMULATOR__CONTROL__TOKEN", token);
        let printed = printed(&mut exec);
        assert!(
            printed.contains("TENCENT_CHAT_EMULATOR_URL='http://127.0.0.1:"),
            "{printed}"
        );
        assert!(!printed.contains(":8080"), "{printed}");
    }
}
