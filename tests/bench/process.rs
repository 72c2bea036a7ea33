//! Servers in separate processes.

use crate::{baseline, load};
use std::ffi::OsString;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// The release binary: the one that cargo has built for the benchmark, or BENCH_BINARY, which can be an older one,
/// or the one that users get. The benchmark's own is larger, because its dependencies have the features that tests
/// need.
pub(crate) fn binary() -> OsString {
    let own = || env!("CARGO_BIN_EXE_tencent-chat-emulator").into();
    std::env::var_os("BENCH_BINARY").unwrap_or_else(own)
}

/// The key of the benchmark's apps.
pub(crate) const KEY: &str = "a key for the benchmark";

/// A server process. It is killed when this is dropped.
pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    child: Child,
    _folder: TempDir,
}

impl Server {
    /// The emulator with this configuration, except that it listens on a free port.
    pub(crate) fn emulator(config: &str) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let file = folder.path().join("emulator.toml");
        std::fs::write(&file, config).expect("the folder is ours");
        let mut command = Command::new(binary());
        let ready_file = folder.path().join("ready");
        command
            .args(["--listen", "127.0.0.1:0", "--config"])
            .arg(file)
            .arg("--ready-file")
            .arg(&ready_file);
        Self::spawn(command, folder)
    }

    pub(crate) fn baseline() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let command = baseline::command(&folder.path().join("ready"));
        Self::spawn(command, folder)
    }

    /// The emulator with this configuration, which keeps the built-in app, and the time until its first call
    /// was answered.
    pub(crate) fn start_and_call(config: &str) -> (Self, Duration) {
        let started = load::now();
        let server = Self::emulator(config);
        load::call_once(server.addr, &load::first_call());
        (server, started.elapsed())
    }

    fn spawn(mut command: Command, folder: TempDir) -> Self {
        let ready_file = folder.path().join("ready");
        let quiet = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = quiet.spawn().expect("the server starts");
        let addr = SocketAddr::from(([127, 0, 0, 1], 0));
        // From here on, a panic kills the child too.
        let mut server = Self {
            addr,
            child,
            _folder: folder,
        };
        for _ in 0..200_000 {
            if let Ok(url) = std::fs::read_to_string(&ready_file) {
                server.addr = url
                    .trim()
                    .trim_start_matches("http://")
                    .parse()
                    .expect("an address");
                return server;
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        panic!("the server was not ready in time");
    }

    /// The processor time that the server has used, as Linux counts it in ticks of 10 ms.
    pub(crate) fn processor_time(&self) -> Duration {
        let stat =
            std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("Linux");
        let fields = stat.rsplit(") ").next().expect("Linux says").split(' ');
        // utime and stime, the 14th and 15th of all fields.
        let ticks: u64 = fields
            .skip(11)
            .take(2)
            .map(|text| text.parse::<u64>().expect("a number"))
            .sum();
        Duration::from_millis(10 * ticks)
    }

    /// The resident memory of the server, as Linux counts it.
    pub(crate) fn resident_bytes(&self) -> u64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("Linux");
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .expect("Linux says");
        let kib: u64 = line
            .split_whitespace()
            .nth(1)
            .and_then(|text| text.parse().ok())
            .expect("a number");
        kib * 1024
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // An error means that the process has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
