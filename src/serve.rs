//! `tencent-chat-emulator serve`: from the configuration to the last call.

use crate::cli::{EXPIRE_SECONDS, ServeArgs};
use std::io::{self, Write};
use std::num::NonZero;
use std::path::Path;
use std::thread;
use tencent_chat_emulator::config::{Config, ControlToken};
use tencent_chat_emulator::{Emulator, telemetry};
use tokio::runtime::{Builder, Handle, Runtime};

/// The exit code of a process that was told twice to stop.
const STOPPED_AT_ONCE: i32 = 130;

/// Each has a few file descriptors of its own, of the 1024 that a process often may have.
const MOST_RUNTIMES: usize = 32;

pub(crate) fn run(arguments: &ServeArgs) -> Result<(), String> {
    let config = arguments.config.load()?;
    let lines = telemetry::start(config.log);
    let _lines = lines.map_err(|error| format!("cannot start the log: {error}"))?;
    let no_runtime = |error| format!("cannot start the runtime: {error}");
    let runtimes = runtimes().map_err(no_runtime)?;
    let runtime = single_threaded().map_err(no_runtime)?;
    runtime.block_on(serve(config, runtimes, arguments.ready_file.as_deref()))
}

/// Those that serve calls. One for each processor serves more calls than one for all: nothing
/// wanders between them.
fn runtimes() -> io::Result<Vec<Handle>> {
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    let runtimes = 0..processors.min(MOST_RUNTIMES);
    runtimes.map(|_| on_its_own_thread()).collect()
}

/// A runtime that is driven for as long as the process lasts.
fn on_its_own_thread() -> io::Result<Handle> {
    let runtime = single_threaded()?;
    let handle = runtime.handle().clone();
    let thread = thread::Builder::new().name("calls".to_owned());
    thread.spawn(move || runtime.block_on(std::future::pending::<()>()))?;
    Ok(handle)
}

fn single_threaded() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

async fn serve(
    config: Config,
    runtimes: Vec<Handle>,
    ready_file: Option<&Path>,
) -> Result<(), String> {
    let listen = config.listen;
    // Whoever configured one knows it.
    let makes_token = matches!(config.control.token, ControlToken::Default);
    let example = Example::of(&config);
    // Before anything is announced, so that no signal is missed.
    let mut signals =
        Signals::new().map_err(|error| format!("cannot listen for signals: {error}"))?;
    // Not on this thread, which waits for whoever reads what is said below.
    let starting = runtimes[0].spawn(Emulator::start_on(config, runtimes.clone()));
    let emulator = starting
        .await
        .expect("it does not panic, and its runtime lasts")
        .map_err(|error| format!("cannot listen on {listen}: {error}"))?;
    announce(&emulator, &example, makes_token);
    if let Some(path) = ready_file {
        write_whole(path, &format!("{}\n", emulator.url()))
            .map_err(|error| format!("cannot write the ready file {}: {error}", path.display()))?;
    }

    signals.next().await;
    tokio::spawn(async move {
        signals.next().await;
        std::process::exit(STOPPED_AT_ONCE);
    });
    emulator.stop().await;
    Ok(())
}

/// A first call, made of what the configuration has.
struct Example {
    app: tencent_chat_emulator::protocol::ids::SdkAppId,
    admin: String,
    from: String,
    to: String,
}

impl Example {
    fn of(config: &Config) -> Option<Self> {
        let (id, app) = config.apps.first_key_value()?;
        let mut accounts = app.accounts.keys().chain(&app.admins);
        Some(Self {
            app: *id,
            admin: app.admins.first()?.to_string(),
            from: accounts.next()?.to_string(),
            to: accounts.next()?.to_string(),
        })
    }

    /// The page's basic request as a line for a shell. UserIDs that a shell or JSON would read
    /// otherwise are escaped for it.
    fn curl(&self, emulator: &Emulator) -> Option<String> {
        let Self {
            app,
            admin,
            from,
            to,
        } = self;
        let usersig = emulator.user_sig(*app, admin, EXPIRE_SECONDS)?;
        let identifier =
            percent_encoding::utf8_percent_encode(admin, percent_encoding::NON_ALPHANUMERIC);
        let json = |text: &str| {
            serde_json::Value::from(text)
                .to_string()
                .replace('\'', r"\u0027")
        };
        Some(format!(
            "curl '{}/v4/sns/friend_add?sdkappid={app}&identifier={identifier}&usersig={usersig}&random=99999999&contenttype=json' -d '{{\"From_Account\":{},\"AddFriendItem\":[{{\"To_Account\":{},\"AddSource\":\"AddSource_Type_XXXXXXXX\"}}]}}'",
            emulator.url(),
            json(from),
            json(to),
        ))
    }
}

/// Says on standard output where it listens, and how to call it. That nobody reads is no fault.
fn announce(emulator: &Emulator, example: &Option<Example>, makes_token: bool) {
    let mut text = format!(
        "tencent-chat-emulator {} listens on {}\n",
        env!("CARGO_PKG_VERSION"),
        emulator.url()
    );
    if let Some(token) = emulator.control_token().filter(|_| makes_token) {
        text += &format!("Control token: {token}\n");
    }
    if let Some(curl) = example.as_ref().and_then(|example| example.curl(emulator)) {
        text += &format!("Try it:\n{curl}\n");
    }
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Who finds the file finds it whole.
fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}", std::process::id()));
    let unfinished = path.with_file_name(name);
    let written =
        std::fs::write(&unfinished, text).and_then(|()| std::fs::rename(&unfinished, path));
    written.inspect_err(|_| drop(std::fs::remove_file(&unfinished)))
}

/// What asks the process to stop: SIGTERM and Ctrl-C.
#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// What asks the process to stop: Ctrl-C.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        drop(tokio::signal::ctrl_c().await);
    }
}
