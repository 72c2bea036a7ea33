//! Runs the program and waits for it, and a minimal HTTP client.

use serde_json::Value;
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// The app of the built-in configuration and one of its admins.
pub(crate) const APP: &str = "88888888";
pub(crate) const ADMIN: &str = "administrator";

/// A friend_add call that succeeds, whether or not the two are friends already.
pub(crate) const GOOD_BODY: &str =
    r#"{"From_Account":"id","AddFriendItem":[{"To_Account":"id1"}]}"#;

/// The pause between two checks of [`wait_for`].
const PAUSE: Duration = Duration::from_millis(5);

/// The maximum number of checks: ten seconds.
const LOOKS: usize = 2_000;

/// Calls `look` until it returns a value.
#[track_caller]
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..LOOKS {
        if let Some(found) = look() {
            return found;
        }
        std::thread::sleep(PAUSE);
    }
    panic!("waited in vain for {what}");
}

/// The program with these arguments and without variables that configure it.
pub(crate) fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tencent-chat-emulator"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("EMULATOR_") {
            command.env_remove(name);
        }
    }
    command.args(arguments).stdin(Stdio::null());
    command
}

/// The variables of proxies and of trust, which the user of the tests can have set.
const USER_VARIABLES: [&str; 16] = [
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
    "JAVA_TOOL_OPTIONS",
    "NODE_USE_ENV_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
];

/// The program like [`program`], and without the user's variables of proxies and of trust.
pub(crate) fn program_without_proxy(arguments: &[&str]) -> Command {
    let mut command = program(arguments);
    for name in USER_VARIABLES {
        command.env_remove(name);
    }
    command
}

/// Runs the program to its end.
pub(crate) fn run(arguments: &[&str]) -> Output {
    program(arguments).output().expect("the program starts")
}

/// Asserts that a command has named the file /no/such/file of REQUESTS_CA_BUNDLE.
#[track_caller]
pub(crate) fn expect_unreadable_file(output: &Output) {
    let stderr = text(&output.stderr);
    assert!(
        stderr.starts_with("Not all of REQUESTS_CA_BUNDLE can be read"),
        "{stderr}"
    );
    assert!(stderr.contains("/no/such/file"), "{stderr}");
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

/// A process that is killed when this value is dropped.
pub(crate) struct Running(Child);

impl Running {
    pub(crate) fn spawn(command: &mut Command) -> Self {
        Self(command.spawn().expect("the program starts"))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    #[track_caller]
    pub(crate) fn wait(&mut self) -> ExitStatus {
        wait_for("the end of the process", || {
            self.0.try_wait().expect("a child")
        })
    }

    /// Waits for the end, and returns the outputs, which are pipes. Long outputs would fill them.
    #[track_caller]
    pub(crate) fn output(mut self) -> Output {
        let status = self.wait();
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let pipes = (self.0.stdout.take(), self.0.stderr.take());
        if let (Some(mut out), Some(mut err)) = pipes {
            out.read_to_end(&mut stdout).expect("a pipe");
            err.read_to_end(&mut stderr).expect("a pipe");
        }
        Output {
            status,
            stdout,
            stderr,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // An error means that the process has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A running server.
pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) addr: SocketAddr,
    process: Running,
    /// Contains the ready file and the outputs.
    dir: TempDir,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::start_with(&[], &[])
    }

    /// Starts the server with more arguments and environment variables.
    #[track_caller]
    pub(crate) fn start_with(arguments: &[&str], env: &[(&str, &str)]) -> Self {
        let mut command = program(&["--listen", "127.0.0.1:0"]);
        command.args(arguments).envs(env.iter().copied());
        Self::spawn(command)
    }

    /// Starts the server and waits until its ready file exists.
    #[track_caller]
    pub(crate) fn spawn(command: Command) -> Self {
        Self::spawn_logging_to(command, None)
    }

    /// Starts the server with this standard error instead of a file.
    #[track_caller]
    pub(crate) fn spawn_logging_to(command: Command, stderr: Option<Stdio>) -> Self {
        Self::spawn_writing_to(command, [None, stderr])
    }

    /// Starts the server with this standard output and this standard error instead of files.
    #[track_caller]
    pub(crate) fn spawn_writing_to(
        mut command: Command,
        [stdout, stderr]: [Option<Stdio>; 2],
    ) -> Self {
        let dir = TempDir::new().expect("a place for files");
        let create = |name| File::create(dir.path().join(name)).expect("a new file");
        let ready_file = dir.path().join("ready");
        command.arg("--ready-file").arg(&ready_file);
        command.stdout(stdout.unwrap_or_else(|| create("stdout").into()));
        command.stderr(stderr.unwrap_or_else(|| create("stderr").into()));
        let mut process = Running::spawn(&mut command);
        let url = wait_for("the ready file", || {
            let ended = process.0.try_wait().expect("a child");
            assert!(
                ended.is_none(),
                "{}",
                std::fs::read_to_string(dir.path().join("stderr")).unwrap_or_default()
            );
            std::fs::read_to_string(&ready_file).ok()
        });
        let url = url.trim_end().to_owned();
        let addr = url.strip_prefix("http://").expect("a base URL");
        let addr = addr.parse().expect("an address and a port");
        Self {
            url,
            addr,
            process,
            dir,
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn stdout(&self) -> String {
        std::fs::read_to_string(self.file("stdout")).expect("it is there")
    }

    pub(crate) fn stderr(&self) -> String {
        std::fs::read_to_string(self.file("stderr")).expect("it is there")
    }

    /// A line of the process's status in KiB: `VmRSS`, the resident memory, or `VmHWM`, its highest value.
    #[cfg(target_os = "linux")]
    pub(crate) fn kib(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()));
        let status = status.expect("it runs");
        let mut lines = status.lines();
        let line = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        number.expect("Linux says so")
    }

    /// Sends a signal: `TERM` or `INT`.
    pub(crate) fn signal(&self, name: &str) {
        // The shell's built-in kill: minimal systems have no kill program.
        let status = Command::new("sh")
            .args(["-c", &format!("kill -{name} {}", self.pid())])
            .status();
        assert!(status.expect("a shell is there").success());
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.process.wait()
    }

    /// Stops the server with SIGTERM and returns its standard error.
    pub(crate) fn stop(mut self) -> String {
        self.signal("TERM");
        assert_eq!(self.wait().code(), Some(0));
        self.stderr()
    }

    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.addr).expect("it listens")
    }

    /// A UserSig of the admin, made by the program.
    pub(crate) fn user_sig() -> String {
        let output = run(&["user-sig", "--sdkappid", APP, "--identifier", ADMIN]);
        text(&output.stdout).trim_end().to_owned()
    }

    /// The query string of a good call.
    pub(crate) fn query() -> String {
        let usersig = Self::user_sig();
        format!(
            "sdkappid={APP}&identifier={ADMIN}&usersig={usersig}&random=99999999&contenttype=json"
        )
    }

    /// Asserts that a good call on a new connection is served.
    pub(crate) fn still_serves(&self) {
        let answer = self.connect().call(&post(&Self::query(), GOOD_BODY));
        assert_eq!(answer["ErrorCode"], 0, "{answer}");
    }
}

/// The bytes of a friend_add call.
pub(crate) fn post(query: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST /v4/sns/friend_add?{query} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// A connection.
pub(crate) struct Client(TcpStream);

impl Client {
    pub(crate) fn connect(addr: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(addr)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        stream.set_write_timeout(Some(Duration::from_secs(10)))?;
        Ok(Self(stream))
    }

    #[track_caller]
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).expect("the server reads");
    }

    #[track_caller]
    pub(crate) fn call(&mut self, request: &[u8]) -> Value {
        self.send(request);
        serde_json::from_str(&self.body()).expect("the answer is JSON")
    }

    /// The exact body of the next answer. Only one call is in flight, so all bytes belong to its answer.
    #[track_caller]
    pub(crate) fn body(&mut self) -> String {
        let mut bytes = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            let length = match self.0.read(&mut buffer) {
                // With a read timeout, the system does not resume a read after a signal.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                length => length.expect("an answer"),
            };
            assert_ne!(length, 0, "closed before the answer was whole");
            bytes.extend_from_slice(&buffer[..length]);
            let text = std::str::from_utf8(&bytes).expect("UTF-8");
            let Some((head, body)) = text.split_once("\r\n\r\n") else {
                continue;
            };
            assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .expect("a length");
            if body.len() == length.parse::<usize>().expect("a length") {
                return body.to_owned();
            }
        }
    }
}
