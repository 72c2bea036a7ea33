//! The state file of a process: kept over stops and kills, refused when it cannot be right, and never
//! overwritten by two.

mod kills;
mod large;
mod transfer;

use crate::fixture::{APP, Running, Server, post, program, run, text, wait_for};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// No rate limit, accounts that are made when they are first named, and a save every 20 ms.
const EAGER: [(&str, &str); 5] = [
    ("EMULATOR__APPS__88888888__CALLS_PER_SECOND", "0"),
    ("EMULATOR__SNS__UNKNOWN_ACCOUNTS", "create"),
    ("EMULATOR__SNS__MAX_FRIENDS", "1000000"),
    ("EMULATOR__LOG__LEVEL", "warn"),
    ("EMULATOR__STATE_INTERVAL_MS", "20"),
];

fn place() -> (TempDir, PathBuf) {
    let dir = TempDir::new().expect("a place for files");
    let file = dir.path().join("state.json");
    (dir, file)
}

fn name(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn start(file: &Path) -> Server {
    Server::start_with(&["--state", name(file)], &EAGER)
}

/// The request that makes `from` and `to` friends.
fn add(query: &str, from: &str, to: &str) -> Vec<u8> {
    let body = json!({"From_Account": from, "AddFriendItem": [{"To_Account": to}]});
    post(query, &body.to_string())
}

/// The accounts in a state file.
fn accounts(file: &Path) -> Value {
    let text = fs::read(file).expect("it was saved");
    let mut state: Value = serde_json::from_slice(&text).expect("it is complete");
    state["apps"][APP]["accounts"].take()
}

fn has_friend(file: &Path, from: &str) -> bool {
    accounts(file)[from]["friends"]
        .as_array()
        .is_some_and(|friends| !friends.is_empty())
}

/// The names of the files in a directory.
fn names(dir: &TempDir) -> Vec<String> {
    let entries = fs::read_dir(dir.path()).expect("it is there");
    let mut names: Vec<_> = entries
        .map(|entry| entry.expect("an entry").file_name())
        .map(|name| name.into_string().expect("UTF-8"))
        .collect();
    names.sort();
    names
}

/// Starts the program, which must end soon with an error.
#[track_caller]
fn refused(file: &Path) -> String {
    let mut command = program(&["--listen", "127.0.0.1:0", "--state", name(file)]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = Running::spawn(&mut command).output();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), "", "it has not served");
    text(&output.stderr)
}

#[test]
fn accounts_are_kept_over_a_stop_and_a_kill() {
    let (dir, file) = place();
    let query = Server::query();
    let server = start(&file);
    assert_eq!(
        server.connect().call(&add(&query, "a", "b"))["ErrorCode"],
        0
    );
    server.stop();
    assert!(has_friend(&file, "a") && has_friend(&file, "b"));

    // Without a stop, the save after the change has it.
    let server = start(&file);
    assert_eq!(
        server.connect().call(&add(&query, "c", "d"))["ErrorCode"],
        0
    );
    wait_for("a save", || has_friend(&file, "c").then_some(()));
    drop(server);

    let server = start(&file);
    for (from, to) in [("a", "b"), ("c", "d")] {
        let answer = server.connect().call(&add(&query, from, to));
        assert_eq!(answer["ResultItem"][0]["ResultCode"], 30001, "{answer}");
    }
    server.stop();
    assert_eq!(names(&dir), [".state.json.lock", "state.json"]);
}

#[test]
fn a_file_that_cannot_be_right_is_refused_with_the_place_and_stays_as_it_is() {
    let (dir, file) = place();
    for (content, reason) in [
        ("", "it is empty"),
        (
            "\n",
            "it is not JSON: EOF while parsing a value at line 2 column 0",
        ),
        (
            "{\"version\":1,\n\"apps\":{\"88",
            "it is not JSON: EOF while parsing a string at line 2 column 11",
        ),
        (
            r#"{"version":1,"apps":{}}}"#,
            "it is not JSON: trailing characters at line 1 column 24",
        ),
        (
            r#"{"version":2,"apps":{},"more":[]}"#,
            "/version is 2: a newer version of tencent-chat-emulator has written this; this one reads 1",
        ),
        (r#"{"apps":{}}"#, "/version is missing"),
        ("[]", "should be an object"),
        (
            r#"{"version":1,"apps":{"7":{"accounts":{}}}}"#,
            "/apps/7 is not an app of the configuration, so its accounts would be lost; there is 88888888",
        ),
        (
            r#"{"version":1,"apps":{"88888888":{"accounts":{"a":{"friends":["b"]}}}}}"#,
            "/apps/88888888/accounts/a names b, which is not in `accounts`",
        ),
        (
            r#"{"version":1,"apps":{"88888888":{"accounts":{"a":{"friends":["a"]},"b":{"groops":[]}}}}}"#,
            "/apps/88888888/accounts/b/groops is unknown; did you mean groups?\n/apps/88888888/accounts/a/friends/0 is the account itself",
        ),
        (
            r#"{"version":1,"apps":{"88888888":{"accounts":{"a":{},"a":{}}}}}"#,
            "/apps/88888888/accounts/a occurs twice",
        ),
    ] {
        fs::write(&file, content).expect("it can be written");

        let stderr = refused(&file);

        let path = name(&file);
        let expected = format!(
            "cannot read the state file {path}, which stays as it is: {reason}\nMove the file away to begin with \
                 the accounts of the configuration, or put a good copy in its place.\n"
        );
        assert_eq!(stderr, expected);
        assert_eq!(fs::read_to_string(&file).expect("it is there"), content);
        assert_eq!(names(&dir), [".state.json.lock", "state.json"]);
    }
}

#[test]
fn a_place_that_cannot_be_written_is_refused_before_anything_is_served() {
    let (dir, _) = place();
    let inside = |name: &str| dir.path().join(name);
    fs::create_dir(inside("folder")).expect("a folder");
    fs::create_dir(inside(".mine.json.lock")).expect("a folder");
    fs::write(inside("text"), "").expect("a file");
    symlink("two", inside("one")).expect("a link");
    symlink("one", inside("two")).expect("a link");
    for (path, reason) in [
        (inside("folder"), "it is a directory"),
        (
            inside("nowhere/state.json"),
            "cannot be written: No such file or directory",
        ),
        (inside("text/state.json"), "Not a directory"),
        (inside("one"), "too many levels of symbolic links"),
        (PathBuf::from("/dev/null"), "it is not a regular file"),
        (
            inside("mine.json"),
            "/.mine.json.lock cannot be opened: Is a directory",
        ),
        // Nobody can make files there, not even root.
        (
            PathBuf::from("/proc/state.json"),
            "the directory /proc cannot be written",
        ),
    ] {
        let stderr = refused(&path);

        let start = format!("cannot use the state file {}: ", path.display());
        assert!(
            stderr.starts_with(&start) && stderr.contains(reason),
            "{stderr}"
        );
    }
}

#[test]
fn a_symbolic_link_stays_and_its_target_is_replaced_with_its_permissions() {
    let (dir, file) = place();
    let target = dir.path().join("target.json");
    symlink("middle.json", &file).expect("a link");
    symlink(&target, dir.path().join("middle.json")).expect("a link");
    let query = Server::query();
    for (from, mode) in [("a", 0o640), ("c", 0o600)] {
        // At the first start, the target is not there yet.
        let server = start(&file);
        assert_eq!(
            server.connect().call(&add(&query, from, "b"))["ErrorCode"],
            0
        );
        server.stop();

        assert!(fs::symlink_metadata(&file).expect("a link").is_symlink());
        assert!(has_friend(&target, from));
        if from == "c" {
            let mode = fs::metadata(&target)
                .expect("it is there")
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o640);
        }
        let permissions = fs::Permissions::from_mode(mode);
        fs::set_permissions(&target, permissions).expect("it is ours");
    }
    assert!(
        names(&dir).contains(&".target.json.lock".to_owned()),
        "{:?}",
        names(&dir)
    );
}

#[test]
fn two_emulators_never_share_a_file_also_through_a_link() {
    let (dir, file) = place();
    let link = dir.path().join("link.json");
    symlink(&file, &link).expect("a link");
    let first = start(&file);
    for path in [&file, &link] {
        let stderr = refused(path);

        let reason = "another emulator uses it; stop that one, or choose another file";
        assert_eq!(
            stderr,
            format!("cannot use the state file {}: {reason}\n", path.display())
        );
    }
    // A killed emulator leaves no lock.
    drop(first);
    start(&link).stop();
}

#[test]
fn temporary_files_that_a_killed_process_has_left_are_removed_at_the_next_start() {
    let (dir, file) = place();
    let others = [
        ".state.json.more.abc123.tmp",
        ".state.json.abc1234.tmp",
        ".state.json.abc12-.tmp",
        "state.json.abc123.tmp",
    ];
    for name in others
        .iter()
        .chain(&[".state.json.abc123.tmp", ".state.json.Zz0000.tmp"])
    {
        fs::write(dir.path().join(name), "half").expect("it can be written");
    }

    start(&file).stop();

    let mut expected = others.to_vec();
    expected.extend([".state.json.lock", "state.json"]);
    expected.sort_unstable();
    assert_eq!(names(&dir), expected);
}

/// A limit of the size of files stands for a full disk.
#[test]
fn a_save_that_fails_keeps_the_old_file_warns_once_and_is_tried_again() {
    let (dir, file) = place();
    let start = || {
        // Without the trap, the signal would end the process.
        let mut command = Command::new("sh");
        let script = "trap '' XFSZ; ulimit -f 40; exec \"$0\" \"$@\"";
        command.args(["-c", script, env!("CARGO_BIN_EXE_tencent-chat-emulator")]);
        command.args(["--listen", "127.0.0.1:0", "--state", name(&file)]);
        // The log has the same limit of its size.
        command.envs(EAGER).env("EMULATOR__LOG__LEVEL", "warn");
        Server::spawn(command)
    };
    let control = |server: &Server, method: &str, path: &str| {
        let call = format!(
            "{method} /_emulator/v1{path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
        );
        server.connect().call(call.as_bytes())
    };
    let query = Server::query();
    let fill = |server: &Server| {
        let mut client = server.connect();
        for number in 0..200 {
            let answer = client.call(&add(&query, "a", &format!("b{number}")));
            assert_eq!(answer["ErrorCode"], 0);
        }
    };
    let server = start();
    wait_for("the first save", || file.exists().then_some(()));
    fill(&server);
    let warning = format!(
        "cannot save the state file {}: File too large; the file stays as it was",
        name(&file)
    );
    wait_for("a warning", || {
        server.stderr().contains(&warning).then_some(())
    });
    let kept = fs::read(&file).expect("it is there");
    // Time for more saves, each of which fails.
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert_eq!(
        server.stderr().matches(&warning).count(),
        1,
        "{}",
        server.stderr()
    );
    assert_eq!(fs::read(&file).expect("it is there"), kept);
    assert!(kept.len() < 40 * 1024 && !text(&kept).contains("\"b199\""));

    let inode = || fs::metadata(&file).expect("it is there").ino();
    let before = inode();
    control(&server, "POST", "/reset");
    wait_for("a save", || (inode() != before).then_some(()));
    fill(&server);
    wait_for("a warning", || {
        (server.stderr().matches(&warning).count() == 2).then_some(())
    });

    // The last save fails, too.
    let mut server = server;
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(1));
    let last = format!(
        "cannot save the state file {}: File too large; the file stays as it was\n",
        name(&file)
    );
    assert!(server.stderr().ends_with(&last), "{}", server.stderr());
    assert_eq!(names(&dir), [".state.json.lock", "state.json"]);
    self::start(&file).stop();
}

/// A directory that may be written but not read cannot be flushed.
#[test]
fn a_directory_that_cannot_be_flushed_is_named_and_the_file_is_the_new_one() {
    let (dir, file) = place();
    let set_mode = |mode| {
        let permissions = fs::Permissions::from_mode(mode);
        fs::set_permissions(dir.path(), permissions).expect("it is ours");
    };
    // Root may read every directory, unless it has no capabilities.
    let is_root = fs::metadata(dir.path()).expect("it is there").uid() == 0;
    let emulator = env!("CARGO_BIN_EXE_tencent-chat-emulator");
    let mut command = match is_root {
        true => Command::new("setpriv"),
        false => Command::new(emulator),
    };
    if is_root {
        command.args(["--bounding-set=-all", "--inh-caps=-all", emulator]);
    }
    command.args(["--listen", "127.0.0.1:0", "--state", name(&file)]);
    command.envs(EAGER);
    let server = Server::spawn(command);
    wait_for("the first save", || file.exists().then_some(()));

    set_mode(0o300);
    let call = add(&Server::query(), "a", "b");
    assert_eq!(server.connect().call(&call)["ErrorCode"], 0);

    let warning = format!(
        "cannot flush the directory of the state file {}: Permission denied; the file is saved, but a power \
         failure may bring the old one back; the emulator tries again",
        name(&file)
    );
    wait_for("a warning", || {
        server.stderr().contains(&warning).then_some(())
    });
    assert!(has_friend(&file, "a"));
    set_mode(0o700);
    server.stop();
    assert_eq!(names(&dir), [".state.json.lock", "state.json"]);
}

/// Calls run when the signal comes, and are answered until the server has ended. The saves in between are off.
#[test]
fn a_stop_under_load_loses_nothing_that_was_answered() {
    for _ in 0..3 {
        let (_dir, file) = place();
        let query = Server::query();
        let mut command = program(&["--listen", "127.0.0.1:0", "--state", name(&file)]);
        command
            .envs(EAGER)
            .env("EMULATOR__STATE_INTERVAL_MS", "3600000");
        let mut server = Server::spawn(command);
        let answered = std::thread::scope(|scope| {
            let writers: Vec<_> = (0..4)
                .map(|writer| {
                    let (query, addr) = (&query, server.addr);
                    scope.spawn(move || {
                        kills::add_friends(addr, query, &format!("w{writer}"), 0, &|_| ())
                    })
                })
                .collect();
            std::thread::sleep(std::time::Duration::from_millis(200));
            server.signal("TERM");
            let answered = writers
                .into_iter()
                .map(|writer| writer.join().expect("it ends"));
            answered.collect::<Vec<_>>()
        });
        assert_eq!(server.wait().code(), Some(0));

        for (writer, answered) in answered.iter().enumerate() {
            let saved = kills::saved_friends(&accounts(&file), &format!("w{writer}"));
            assert!(
                *answered > 0 && (*answered..=answered + 1).contains(&saved),
                "{answered} answered, {saved} saved"
            );
        }
    }
}

/// The output of a command for the running server.
fn command(server: &Server, arguments: &[&str]) -> Output {
    let addr = server.addr.to_string();
    run(&[arguments, &["--listen", &addr]].concat())
}
