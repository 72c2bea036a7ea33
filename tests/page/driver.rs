//! The processes of a browser: chromedriver, and the Chromium that it starts.

use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Command, Stdio};
use tempfile::TempDir;
use tokio::sync::{Semaphore, SemaphorePermit};
use url::Url;

/// The number of browsers at the same time.
static BROWSERS: Semaphore = Semaphore::const_new(2);

/// Runs chromedriver in a process group, and kills the group when standard input ends. It ends when [`Driver`] is
/// dropped, and also when the test's process is killed. Chromium is in the group: chromedriver leaves it behind
/// when a signal ends chromedriver. The port that chromedriver finds for IPv4 can be in use for IPv6; then
/// chromedriver ends, and the loop starts another.
const SCRIPT: &str = "
for attempt in 1 2 3 4 5; do chromedriver --port=0 --log-level=SEVERE; done &
exec >/dev/null
cat
kill -KILL 0
";

/// A running chromedriver. Its browser and its files go with it.
pub(crate) struct Driver {
    process: Child,
    output: BufReader<ChildStdout>,
    /// The browser's profile, its crash reports and its temporary files.
    files: TempDir,
    _permit: SemaphorePermit<'static>,
}

impl Driver {
    pub(crate) async fn start() -> Self {
        let permit = BROWSERS.acquire().await.expect("it is never closed");
        let files = tempfile::tempdir().expect("a directory");
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT]).process_group(0);
        command.envs(
            ["HOME", "TMPDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"]
                .map(|name| (name, files.path())),
        );
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut process = command.spawn().expect("there is a shell");
        let output = BufReader::new(process.stdout.take().expect("it is piped"));
        Self {
            process,
            output,
            files,
            _permit: permit,
        }
    }

    /// Starts the browser.
    pub(crate) async fn browser(&mut self) -> Client {
        let port = self
            .output
            .by_ref()
            .lines()
            .map_while(Result::ok)
            .find_map(|line| {
                let port = line.split("successfully on port ").nth(1)?;
                port.trim_end_matches('.').parse::<u16>().ok()
            });
        let port = port.expect("chromedriver starts; tests/install installs it");
        let arguments = json!([
            "--headless=new",
            "--no-sandbox",
            "--no-proxy-server",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "about:blank",
            format!(
                "--user-data-dir={}",
                self.files.path().join("profile").display()
            ),
        ]);
        let capabilities = json!({
            "goog:chromeOptions": { "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        });
        let capabilities: Capabilities = serde_json::from_value(capabilities).expect("an object");
        ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .expect("the browser starts")
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        // An error means that it has ended.
        let _ = self.process.wait();
    }
}

/// Sends a command that chromedriver has and WebDriver does not.
pub(crate) async fn command(client: &Client, path: &'static str, body: Value) -> Value {
    let answer = client.issue_cmd(DriverCommand { path, body }).await;
    answer.expect("chromedriver knows the command")
}

/// Sends a command of the Chrome DevTools Protocol.
pub(crate) async fn devtools(client: &Client, method: &str, params: Value) {
    command(
        client,
        "goog/cdp/execute",
        json!({ "cmd": method, "params": params }),
    )
    .await;
}

/// Takes the entries of a log: `browser`, the console, or `performance`, the events of the DevTools protocol.
pub(crate) async fn take_log(client: &Client, name: &str) -> Vec<Value> {
    let log = command(client, "se/log", json!({ "type": name })).await;
    log.as_array().expect("a list").clone()
}

#[derive(Debug)]
struct DriverCommand {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for DriverCommand {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, url::ParseError> {
        let session = session.expect("the session has begun");
        base.join(&format!("session/{session}/{}", self.path))
    }

    fn method_and_body(&self, _: &Url) -> (hyper::Method, Option<String>) {
        (hyper::Method::POST, Some(self.body.to_string()))
    }
}
