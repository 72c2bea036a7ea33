//! Signals: exec passes them on to the command, and never leaves the command running.

use super::{exec, files};
use crate::fixture::{Client, GOOD_BODY, Running, Server, post, program, text, wait_for};
use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Pid, tcgetpgrp};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use tempfile::TempDir;
use tencent_chat_emulator::clock::SystemMoment;

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
fn a_signal_after_the_command_has_ended_stops_the_emulator_at_once() {
    for (name, code) in [("INT", 130), ("TERM", 143)] {
        let script = "echo ${TENCENT_CHAT_EMULATOR_URL#http://}; trap 'exit 0' USR1; while :; do sleep 0.01; done";
        let exec = Exec::start(script);
        let addr = exec.lines.recv_timeout(Duration::from_secs(10));
        let addr = addr.expect("an address").parse().expect("an address");
        // The emulator waits for half a body.
        let mut client = Client::connect(addr).expect("it listens");
        client.send(&post(&Server::query(), GOOD_BODY)[..400]);
        exec.signal("USR1");
        wait_for("no connections", || {
            Client::connect(addr).is_err().then_some(())
        });

        exec.signal(name);

        exec.expect_code(code);
    }
}

/// The time until the command of exec runs.
fn measure_start() -> Duration {
    let start = SystemMoment::now();
    let status = exec(&["--intercept"], "exit 0").status();
    assert!(status.expect("it starts").success());
    start.elapsed()
}

#[test]
fn a_signal_at_any_time_leaves_neither_a_process_nor_a_file() {
    const SIGNALS: u32 = 40;
    // The last signals come when the command runs.
    let last_delay = measure_start() * 3 / 2;
    for number in 0..SIGNALS {
        let delay = last_delay * number / SIGNALS;
        let dir = TempDir::new().expect("a place for files");
        let script = "echo $$ >\"$PID_FILE\"; exec sleep 30";
        let pid_file = TempDir::new().expect("a place for files");
        let pid_file = pid_file.path().join("pid");
        let mut command = exec(&["--intercept"], script);
        command.env("TMPDIR", dir.path()).env("PID_FILE", &pid_file);
        let mut child = command.process_group(0).spawn().expect("it starts");
        std::thread::sleep(delay);

        signal(child.id(), "TERM");

        let status = wait_for("its end", || child.try_wait().expect("a child"));
        // Before exec catches signals, it has made nothing.
        let is_ended = status.code() == Some(143) || status.signal() == Some(15);
        assert!(is_ended, "after {delay:?}: {status}");
        assert_eq!(files(&dir), [""; 0], "after {delay:?}");
        // The file is empty if the shell was ended before it wrote.
        let pid = std::fs::read_to_string(&pid_file).unwrap_or_default();
        if !pid.is_empty() {
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

/// Keys that send SIGINT and SIGQUIT.
const CTRL_C: u8 = 0x03;
const CTRL_BACKSLASH: u8 = 0x1c;

/// The other side of a terminal.
struct Terminal {
    file: File,
    /// What the processes of the terminal have written.
    output: Receiver<Vec<u8>>,
}

impl Terminal {
    fn new(file: OwnedFd) -> Self {
        let file = File::from(file);
        let mut reader = file.try_clone().expect("a file");
        let (sender, output) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 1024];
            // The end of a terminal is an error.
            while let Ok(length @ 1..) = reader.read(&mut buffer) {
                let _ = sender.send(buffer[..length].to_vec());
            }
        });
        Self { file, output }
    }

    fn press(&mut self, key: u8) {
        self.file.write_all(&[key]).expect("it reads");
    }

    /// Reads until the text is there, and returns what was read.
    #[track_caller]
    fn read_until(&self, text: &str) -> String {
        let mut all = Vec::new();
        while !String::from_utf8_lossy(&all).contains(text) {
            let Ok(part) = self.output.recv_timeout(Duration::from_secs(10)) else {
                panic!("no {text}: {}", String::from_utf8_lossy(&all));
            };
            all.extend_from_slice(&part);
        }
        String::from_utf8_lossy(&all).into_owned()
    }
}

/// Runs exec in a terminal of its own, and returns the terminal's other side.
fn in_terminal(arguments: &[&str]) -> (Running, Terminal) {
    in_terminal_with(arguments, |_| ())
}

fn in_terminal_with(arguments: &[&str], change: impl FnOnce(&mut Command)) -> (Running, Terminal) {
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
    (Running::spawn(&mut setsid), Terminal::new(terminal))
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
    terminal.read_until("ready");

    terminal.press(CTRL_C);
    std::thread::sleep(Duration::from_millis(50));
    terminal.press(CTRL_BACKSLASH);

    let text = terminal.read_until("end");
    assert!(text.contains("INT 1 QUIT 1 end"), "{text}");
}

/// Ctrl-C reaches all processes in the foreground, but `kill` only exec.
#[test]
#[cfg(target_os = "linux")]
fn a_signal_that_a_process_sends_reaches_the_command_in_a_terminal_too() {
    for name in ["INT", "QUIT"] {
        let script = format!(
            "trap 'echo end; exit 7' {name}; kill -{name} $PPID; for i in $(seq 500); do sleep 0.02; done"
        );
        let (mut running, terminal) = in_terminal(&["--", "sh", "-c", &script]);

        terminal.read_until("end");

        assert_eq!(running.wait().code(), Some(7));
    }
}

#[test]
fn ctrl_c_in_a_terminal_ends_the_command_and_then_exec() {
    let script = "echo $TENCENT_CHAT_EMULATOR_URL ready; exec sleep 30";
    let (mut running, mut terminal) = in_terminal(&["--", "sh", "-c", script]);
    terminal.read_until("ready");

    terminal.press(CTRL_C);

    assert_eq!(running.wait().code(), Some(130));
}

#[test]
fn ctrl_c_while_the_emulator_starts_is_not_lost() {
    const SIGNALS: u32 = 20;
    // With --intercept, the start takes longer.
    let last_delay = measure_start() * 3 / 2;
    for number in 0..SIGNALS {
        let delay = last_delay * number / SIGNALS;
        let dir = TempDir::new().expect("a place for files");
        let command = ["--intercept", "--", "sleep", "30"];
        let (mut running, mut terminal) = in_terminal_with(&command, |command| {
            command.env("TMPDIR", dir.path());
        });
        wait_for("exec in the foreground", || tcgetpgrp(&terminal.file).ok());
        std::thread::sleep(delay);

        terminal.press(CTRL_C);

        let status = running.wait();
        let is_ended = status.code() == Some(130) || status.signal() == Some(2);
        assert!(is_ended, "after {delay:?}: {status}");
        assert_eq!(files(&dir), [""; 0], "after {delay:?}");
    }
}
