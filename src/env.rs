//! `tencent-chat-emulator env`: prints the variables of a running emulator, for `eval` in a shell.

use crate::cli::EnvArgs;
use crate::control_client::{ControlClient, reachable, successful};
use crate::environment::{self, AppKeys, Target, Variable};
use crate::own_proxy;
use hyper::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::fs::{self, DirBuilder};
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tencent_chat_emulator::config::os_reason;
use tencent_chat_emulator::tls::state_directory;

/// The deadline of each call.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The command of a shell that only fails.
pub(crate) const FAILING: &[u8] = b"false\n";

/// The part of `GET health` that is used.
#[derive(Deserialize)]
struct Health {
    tls_listen: Option<SocketAddr>,
    apps: Vec<u32>,
}

/// The part of `GET apps/{sdkappid}` that is used.
#[derive(Deserialize)]
struct App {
    sdkappid: u32,
    admins: Vec<String>,
    secret_key: String,
    usersig: String,
}

/// A value of `GET config`.
#[derive(Deserialize)]
struct Setting {
    key: String,
    value: String,
}

/// How long the directory of an emulator stays after its last use. A shell that has its variables for longer must
/// evaluate them again.
const KEPT: Duration = Duration::from_hours(30 * 24);

/// Prints the commands of a shell that set the variables, or unset them. If that fails, it prints a command that
/// fails, so that `eval` fails, too.
pub(crate) fn print(arguments: &EnvArgs, file: Option<PathBuf>) -> Result<(), String> {
    let commands = match arguments.unset {
        true => Ok(environment::unset(
            arguments.intercept || own_proxy::is_intercepted(),
        )),
        false => variables(arguments, file),
    };
    let text = match &commands {
        Ok(variables) => environment::exports(variables),
        Err(_) => FAILING.to_vec(),
    };
    let mut out = std::io::stdout().lock();
    let written = out.write_all(&text).and_then(|()| out.flush());
    commands?;
    written.map_err(|error| format!("cannot write the variables: {}", os_reason(&error)))
}

/// The variables of the running emulator. Writes the files that they name, and warnings to standard error.
fn variables(arguments: &EnvArgs, file: Option<PathBuf>) -> Result<Vec<Variable>, String> {
    let config = arguments.address.load(file)?;
    let client = ControlClient::new(&config, TIMEOUT);
    let addr = reachable(config.listen);
    let health: Health = read(&client, "/health")?;
    let first = health.apps.first().map(u32::to_string);
    let app = arguments.app.clone().or(first);
    let app = app.ok_or_else(|| format!("the emulator at {addr} has no app"))?;
    let app: App = read(&client, &format!("/apps/{app}"))?;
    let directory = directory(addr)?;
    let target = Target {
        addr,
        tls_addr: health.tls_listen.map(|tls| answering(tls, addr)),
        is_controlled: true,
        control_token: config.control.token.given().map(str::to_owned),
        app: AppKeys {
            sdkappid: app.sdkappid.to_string(),
            secret_key: app.secret_key,
            admin: app.admins.into_iter().next().unwrap_or_default(),
            usersig: app.usersig,
        },
        ca: ca(&client)?,
    };
    if arguments.intercept {
        check_proxy(&client, addr)?;
    }
    let hosts = arguments
        .intercept
        .then(|| config.proxy.served_hosts().collect::<Vec<_>>());
    let environment = target.environment(&directory, hosts.as_deref())?;
    for warning in &environment.warnings {
        eprintln!("{warning}");
    }
    // The directory has just been used, so it stays.
    directory.parent().map(remove_old);
    Ok(environment.variables)
}

/// The address of HTTPS of the emulator that answers at `addr`. If it listens on all addresses, one of them is
/// that of `addr`.
fn answering(tls: SocketAddr, addr: SocketAddr) -> SocketAddr {
    match tls.ip().is_unspecified() {
        true => SocketAddr::new(addr.ip(), tls.port()),
        false => tls,
    }
}

/// The value that a route answers.
fn read<T: DeserializeOwned>(client: &ControlClient, route: &str) -> Result<T, String> {
    let answer = client.get(route)?;
    if answer.0 == StatusCode::UNAUTHORIZED {
        let problem =
            "the emulator requires the token of its control API: set EMULATOR__CONTROL__TOKEN";
        return Err(problem.to_owned());
    }
    let body = successful(answer)?;
    serde_json::from_slice(&body).map_err(|error| format!("{route}: {error}"))
}

/// The certificate of the emulator's CA; `None` if it has a certificate of the user's own.
fn ca(client: &ControlClient) -> Result<Option<String>, String> {
    let answer = client.get("/tls/ca")?;
    if answer.0 == StatusCode::NOT_FOUND {
        return Ok(None);
    }
    let pem = successful(answer)?;
    Ok(Some(String::from_utf8_lossy(&pem).into_owned()))
}

/// Fails if the proxy of the running emulator is disabled, and warns if it refuses other hosts.
fn check_proxy(client: &ControlClient, addr: SocketAddr) -> Result<(), String> {
    let settings: Vec<Setting> = read(client, "/config")?;
    let has = |key: &str, value: &str| {
        let mut settings = settings.iter();
        settings.any(|setting| setting.key == key && setting.value == value)
    };
    if has("proxy.enabled", "false") {
        return Err(format!(
            "--intercept needs the proxy, but proxy.enabled of the emulator at {addr} is false"
        ));
    }
    if has("proxy.others", "\"refuse\"") {
        eprintln!(
            "Calls to other hosts will be refused, because proxy.others of the emulator is \"refuse\". With \
             EMULATOR__PROXY__OTHERS=tunnel, the emulator lets them through."
        );
    }
    Ok(())
}

/// The directory for the files of an emulator, which outlive this command. The next emulator at the same
/// address has the same directory.
fn directory(addr: SocketAddr) -> Result<PathBuf, String> {
    let state = state_directory().map_err(|_| {
        "there is no home directory for the files that the variables name: set XDG_STATE_HOME"
            .to_owned()
    })?;
    // A colon separates paths in some variables.
    let name = addr.to_string().replace(':', "_");
    let directory = state.join("env").join(name);
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(&directory).map_err(|error| {
        let reason = os_reason(&error);
        format!(
            "cannot make the directory {}: {reason}",
            directory.display()
        )
    })?;
    Ok(directory)
}

/// Removes the directories that have not been used for a long time: each use replaces a file in its directory.
/// Whether an emulator listens does not matter, because shells keep their variables while it starts again. An
/// error is ignored: the next `env` tries again.
fn remove_old(all: &Path) {
    let directories = fs::read_dir(all).into_iter().flatten().flatten();
    for directory in directories {
        let changed = directory
            .metadata()
            .and_then(|metadata| metadata.modified());
        let age = changed.ok().and_then(|changed| changed.elapsed().ok());
        if age.is_some_and(|age| age > KEPT) {
            let _ = fs::remove_dir_all(directory.path());
        }
    }
}
