//! `tencent-chat-emulator exec`: runs a command beside an emulator that lives as long as the command.

use crate::cli::{ExecArgs, find_app};
use crate::environment::{AppKeys, Environment, Target, Variable};
use crate::serve::not_started;
use crate::signals::Signals;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{ExitCode, ExitStatus};
use tempfile::TempDir;
use tencent_chat_emulator::config::{Config, os_reason};
use tencent_chat_emulator::protocol::ids::SdkAppId;
use tencent_chat_emulator::protocol::user_sig::EXPIRE_SECONDS;
use tencent_chat_emulator::{Emulator, telemetry};
use tokio::process::Command;

/// The exit code when the command succeeded, but faults have not been consumed.
const FAULTS_PENDING: u8 = 97;
/// The exit code when exec itself failed.
pub(crate) const EXEC_FAILED: u8 = 125;
/// The exit codes when the command cannot be started, as shells have them.
const NOT_EXECUTABLE: u8 = 126;
const NOT_FOUND: u8 = 127;
/// What shells add to the number of the signal that ended a command.
const SIGNALLED: i32 = 128;

/// The defaults that differ from those of serve. The command shares standard error.
const DEFAULTS: [(&str, &str); 4] = [
    ("listen", "127.0.0.1:0"),
    ("tls.listen", "127.0.0.1:0"),
    ("tls.ca_directory", ""),
    ("log.level", "warn"),
];

/// Another default with `--intercept`: the command may call other hosts.
const INTERCEPT_DEFAULT: (&str, &str) = ("proxy.others", "tunnel");

/// The hint for a command that is one word with spaces.
const IN_QUOTES: &str = "; write a command and its arguments without quotes around them all, or run a shell: sh -c '...'";

/// What the help says besides the options.
pub(crate) const HELP: &str = "\
The emulator listens on free ports, unless an address is configured, and logs only warnings. Signals are passed
on to the command. The emulator ends with the command. A signal after the command has ended stops the
emulator at once.

Exit codes:
  that of the command, or 128 and the number of the signal that ended it
  97   the command succeeded, but faults have not been consumed
  125  the emulator failed
  126  the command cannot be run
  127  there is no such command";

pub(crate) fn run(arguments: &ExecArgs, file: Option<PathBuf>) -> Result<ExitCode, String> {
    let mut defaults = DEFAULTS.to_vec();
    defaults.extend(arguments.intercept.then_some(INTERCEPT_DEFAULT));
    let config = arguments.load(defaults, file)?;
    let app = match &arguments.app {
        Some(sdkappid) => find_app(&config, sdkappid)?,
        None => first_app(&config)?,
    };
    if arguments.intercept && !config.proxy.enabled {
        return Err("--intercept needs the proxy, but proxy.enabled is false".to_owned());
    }
    let _log = telemetry::start(config.log);
    let mut code = 0;
    let beside = async |emulator: &Emulator| {
        code = run_beside(emulator, &config, app, arguments).await?;
        Ok(())
    };
    let ended = Emulator::run(config.clone(), beside);
    let ended = ended.unwrap_or_else(|error| Err(not_started(&error)));
    match ended {
        // The state file was not saved. The command's code matters more.
        Err(problem) if code != 0 => say(&problem),
        ended => ended?,
    }
    Ok(ExitCode::from(code))
}

/// Runs the command, and returns the exit code of exec. From then on, a signal ends the process at once.
async fn run_beside(
    emulator: &Emulator,
    config: &Config,
    app: SdkAppId,
    arguments: &ExecArgs,
) -> Result<u8, String> {
    // Signals are caught before there is a directory to remove.
    let signals = Signals::catch();
    let mut signals = signals.map_err(|error| format!("cannot listen for signals: {error}"))?;
    let directory = temporary_directory();
    let directory =
        directory.map_err(|error| format!("cannot make a temporary directory: {error}"))?;
    let environment = environment(emulator, config, app, arguments.intercept, directory.path())?;
    for warning in &environment.warnings {
        say(warning);
    }
    // The terminal's Ctrl-C would not reach a command that is not started yet.
    let code = match signals.pending() {
        Some(signal) => signalled(signal.number()),
        None => run_command(&arguments.command, &environment.variables, &mut signals).await,
    };
    remove(directory);
    // The terminal's Ctrl-C has reached both the command, which it ended, and this process.
    while signals.pending().is_some() {}
    tokio::spawn(async move {
        let signal = signals.next().await;
        std::process::exit(signalled(signal.number()).into());
    });
    if code != 0 || arguments.no_verify {
        return Ok(code);
    }
    let verified = emulator.faults().verify();
    if let Err(report) = verified {
        say(&format!(
            "{report}\nThe exit code is {FAULTS_PENDING} because of these faults. With --no-verify, they are not checked."
        ));
        return Ok(FAULTS_PENDING);
    }
    Ok(0)
}

fn first_app(config: &Config) -> Result<SdkAppId, String> {
    let first = config.apps.keys().next().copied();
    first.ok_or_else(|| "the configuration has no app".to_owned())
}

/// The variables for the command, and the files that they name.
fn environment(
    emulator: &Emulator,
    config: &Config,
    app: SdkAppId,
    intercept: bool,
    directory: &Path,
) -> Result<Environment, String> {
    let keys = config
        .apps
        .get(&app)
        .expect("the app is in the configuration");
    let admin = keys.admins.first().expect("an app has an admin");
    let usersig = emulator.user_sig(app, admin.as_str(), EXPIRE_SECONDS);
    let target = Target {
        addr: emulator.addr(),
        tls_addr: emulator.tls_addr(),
        is_controlled: config.control.enabled,
        control_token: emulator.control_token().map(str::to_owned),
        app: AppKeys {
            sdkappid: app.to_string(),
            secret_key: keys.secret_key.as_str().to_owned(),
            admin: admin.to_string(),
            usersig: usersig.expect("the app exists"),
        },
        ca: emulator.ca().map_err(|error| error.to_string())?,
    };
    let hosts = intercept.then(|| config.proxy.served_hosts().collect::<Vec<_>>());
    target.environment(directory, hosts.as_deref())
}

/// Runs the command to its end, and returns its exit code as a shell has it.
async fn run_command(command: &[OsString], variables: &[Variable], signals: &mut Signals) -> u8 {
    let (program, arguments) = command.split_first().expect("clap requires a command");
    let mut command = Command::new(program);
    command.args(arguments);
    for (name, value) in variables {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return not_run(Path::new(program), arguments, &error),
    };
    let pid = child.id().expect("the child has not been waited for");
    let ended = loop {
        tokio::select! {
            ended = child.wait() => break ended,
            signal = signals.next() => signal.pass_on(pid),
        }
    };
    match ended {
        Ok(status) => exit_code(status),
        Err(error) => {
            say(&format!("cannot wait for {}: {error}", program.display()));
            EXEC_FAILED
        }
    }
}

/// Says why the command was not started, and returns the exit code.
fn not_run(program: &Path, arguments: &[OsString], error: &io::Error) -> u8 {
    let reason = os_reason(error);
    let is_missing = error.kind() == io::ErrorKind::NotFound;
    // A script is there, but its interpreter is not.
    let is_there = program.components().count() > 1 && program.exists();
    let (code, hint) = match (is_missing, is_there) {
        (true, true) => (NOT_EXECUTABLE, "; its interpreter is missing"),
        (true, false) if arguments.is_empty() && has_space(program) => (NOT_FOUND, IN_QUOTES),
        (true, false) => (NOT_FOUND, ""),
        (false, _) => (NOT_EXECUTABLE, ""),
    };
    say(&format!("cannot run {}: {reason}{hint}", program.display()));
    code
}

fn has_space(program: &Path) -> bool {
    program.to_string_lossy().contains(char::is_whitespace)
}

/// The exit code of a command, or 128 and the number of the signal that ended it.
fn exit_code(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return signalled(signal);
    }
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.unwrap_or(1)
}

fn signalled(number: i32) -> u8 {
    u8::try_from(SIGNALLED + number).unwrap_or(u8::MAX)
}

/// A directory that only its owner can read.
fn temporary_directory() -> io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("tencent-chat-emulator-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    builder.tempdir()
}

/// Removes the temporary directory. The command may have put files of its own there.
fn remove(directory: TempDir) {
    let path = directory.path().to_owned();
    if let Err(error) = directory.close() {
        let reason = os_reason(&error);
        say(&format!("cannot remove {}: {reason}", path.display()));
    }
}

/// Writes a line to standard error. A write error does not change the exit code.
fn say(message: &str) {
    let _ = writeln!(io::stderr(), "{message}");
}
