//! Signals: exec passes them on to the command, and outlives none of them without it.

use super::{exec, files};
use crate::fixture::{Running, program, text, wait_for};
use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Pid, tcgetpgrp};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use tempfile::TempDir;

/// A running exec, in a process group of its own: it is in the foreground of no terminal.
struct Exec {
    running: Running,
    lines: Receiver<String>,
}

impl Exec {
    fn start(script: &str) -> Self {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        let mut command = exec(&[], script);
        let running = Running::spawn(command.process_group(0).stdout(writer));
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(reader).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Self { running, lines }
    }

    #[track_caller]
    fn expect_line(&self, expected: &str) {
        let line = self.lines.recv_timeout(Duration::from_secs(10));
        assert_eq!(line.as_deref(), Ok(expected));
    }

    fn signal(&self, name: &str) {
        signal(self.running.pid(), name);
    }

    #[track_caller]
    fn expect_code(mut self, code: i32) {
        let status = self.running.wait();
        assert_eq!(status.code(), Some(code), "{status}");
    }
}

fn signal(pid: u32, name: &str) {
    let kill = format!("kill -{name} {pid}");
    let status = Command::new("sh").args(["-c", &kill]).status();
    assert!(status.expect("a shell is there").success());
}

#[test]
fn each_signal_reaches_the_command_and_ends_nothing_else() {
    for name in ["TERM", "HUP", "QUIT", "USR1", "USR2", "INT"] {
        // The emulator still serves when the command handles the signal, and the second one, too.
        let script = format!(
            r#"trap 'echo {name}; curl -sS "$TENCENT_CHAT_EMULATOR_URL/healthz"; n=$((n+1))' {name}
            echo ready; for i in $(seq 500); do [ "${{n-0}}" = 2 ] && exit 7; sleep 0.02; done"#
        );
        let exec = Exec::start(&script);
        exec.expect_line("ready");

        for _ in 0..2 {
            exec.signal(name);
            exec.expect_line(name);
            exec.expect_line("ok");
        }

        exec.expect_code(7);
    }
}

#[test]
fn a_command_that_a_signal_ends_gives_128_and_its_number() {
    for (name, code) in [
        ("HUP", 129),
        ("INT", 130),
        ("QUIT", 131),
        ("USR1", 138),
        ("USR2", 140),
        ("TERM", 143),
    ] {
        let exec = Exec::start("ulimit -c 0; echo ready; exec sleep 30");
        exec.expect_line("ready");

        exec.signal(name);

        exec.expect_code(code);
    }
}

#[test]
fn a_signal_at_any_time_leaves_neither_a_process_nor_a_file() {
    for delay_ms in 0..40 {
        let dir = TempDir::new().expect("a place for files");
        let script = "echo $$ >\"$PID_FILE\"; exec sleep 30";
        let pid_file = TempDir::new().expect("a place for files");
        let pid_file = pid_file.path().join("pid");
        let mut command = exec(&["--intercept"], script);
        command.env("TMPDIR", dir.path()).env("PID_FILE", &pid_file);
        let mut child = command.process_group(0).spawn().expect("it starts");
        std::thread::sleep(Duration::from_millis(delay_ms));

        signal(child.id(), "TERM");

        let status = wait_for("its end", || child.try_wait().expect("a child"));
        // Before exec catches signals, it has made nothing.
        let is_ended = status.code() == Some(143) || status.signal() == Some(15);
        assert!(is_ended, "after {delay_ms} ms: {status}");
        assert_eq!(files(&dir), [""; 0], "after {delay_ms} ms");
        if let Ok(pid) = std::fs::read_to_string(&pid_file) {
            let pid: i32 = pid.trim().parse().expect("a PID");
            let pid = Pid::from_raw(pid).expect("not 0");
            assert!(
                rustix::process::test_kill_process(pid).is_err(),
                "it still runs"
            );
        }
    }
}

/// A shell that ignores HUP and INT, as `nohup` and `&` in a script do, and then becomes exec.
#[test]
#[cfg(target_os = "linux")]
fn a_signal_that_is_ignored_stays_ignored_in_the_command() {
    let program = program(&[]).get_program().to_owned();
    let script =
        r#"trap '' HUP INT; exec "$0" exec -- sh -c 'kill -HUP $$; kill -INT $$; echo alive'"#;
    let output = Command::new("sh")
        .args(["-c", script])
        .arg(program)
        .output();

    assert_eq!(text(&output.expect("a shell is there").stdout), "alive\n");
}

/// Runs exec in a terminal of its own, and returns the terminal's other side.
fn in_terminal(arguments: &[&str]) -> (Running, File) {
    in_terminal_with(arguments, |_| ())
}

fn in_terminal_with(arguments: &[&str], change: impl FnOnce(&mut Command)) -> (Running, File) {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&terminal).expect("it is ours");
    unlockpt(&terminal).expect("it is ours");
    let name = ptsname(&terminal, Vec::new()).expect("it has a name");
    let side = || {
        let flags = OFlags::RDWR | OFlags::NOCTTY;
        open(&name, flags, Mode::empty()).expect("its other side")
    };
    let mut setsid = Command::new("setsid");
    setsid.args(["--ctty", "--wait"]);
    setsid
        .arg(program(&[]).get_program())
        .arg("exec")
        .args(arguments);
    change(&mut setsid);
    setsid.stdin(side()).stdout(side()).stderr(side());
    (Running::spawn(&mut setsid), File::from(terminal))
}

/// Reads from a terminal until the text is there, and returns what was read.
#[track_caller]
fn read_until(terminal: &mut File, text: &str) -> String {
    let mut all = Vec::new();
    let mut buffer = [0; 1024];
    while !String::from_utf8_lossy(&all).contains(text) {
        // The end of a terminal is an error.
        let length = terminal.read(&mut buffer).unwrap_or_default();
        assert_ne!(length, 0, "{}", String::from_utf8_lossy(&all));
        all.extend_from_slice(&buffer[..length]);
    }
    String::from_utf8_lossy(&all).into_owned()
}

#[test]
fn ctrl_c_in_a_terminal_reaches_the_command_exactly_once() {
    // Python counts signals; a shell would take two for one.
    let script = "
import signal, time
counts = {'INT': 0, 'QUIT': 0}
def count(number, frame):
    counts['INT' if number == signal.SIGINT else 'QUIT'] += 1
signal.signal(signal.SIGINT, count)
signal.signal(signal.SIGQUIT, count)
print('ready', flush=True)
while counts['INT'] == 0 or counts['QUIT'] == 0:
    time.sleep(0.01)
for _ in range(50):
    time.sleep(0.01)
print('INT', counts['INT'], 'QUIT', counts['QUIT'], 'end', flush=True)
";
    let (_running, mut terminal) = in_terminal(&["--", "python3", "-c", script]);
    read_until(&mut terminal, "ready");

    terminal.write_all(b"\x03").expect("it reads");
    std::thread::sleep(Duration::from_millis(50));
    terminal.write_all(b"\x1c").expect("it reads");

    let text = read_until(&mut terminal, "end");
    assert!(text.contains("INT 1 QUIT 1 end"), "{text}");
}

#[test]
fn ctrl_c_in_a_terminal_ends_the_command_and_then_exec() {
    let script = "echo $TENCENT_CHAT_EMULATOR_URL ready; exec sleep 30";
    let (mut running, mut terminal) = in_terminal(&["--", "sh", "-c", script]);
    read_until(&mut terminal, "ready");

    terminal.write_all(b"\x03").expect("it reads");

    assert_eq!(running.wait().code(), Some(130));
}

#[test]
fn ctrl_c_while_the_emulator_starts_is_not_lost() {
    // With --intercept, the start takes longer.
    for delay_ms in (0..300).step_by(15) {
        let dir = TempDir::new().expect("a place for files");
        let command = ["--intercept", "--", "sleep", "30"];
        let (mut running, mut terminal) = in_terminal_with(&command, |command| {
            command.env("TMPDIR", dir.path());
        });
        wait_for("exec in the foreground", || tcgetpgrp(&terminal).ok());
        std::thread::sleep(Duration::from_millis(delay_ms));

        terminal.write_all(b"\x03").expect("it reads");

        let status = running.wait();
        let is_ended = status.code() == Some(130) || status.signal() == Some(2);
        assert!(is_ended, "after {delay_ms} ms: {status}");
        assert_eq!(files(&dir), [""; 0], "after {delay_ms} ms");
    }
}
