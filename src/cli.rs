//! The command line.

use crate::{env, environment, exec};
use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand};
use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use tencent_chat_emulator::CONTROL_PREFIX;
use tencent_chat_emulator::clock::SystemMoment;
use tencent_chat_emulator::config::{Config, Sources};
use tencent_chat_emulator::protocol::flaw::Flaw;
use tencent_chat_emulator::protocol::ids::{SdkAppId, UnixTime};
use tencent_chat_emulator::protocol::user_sig::{self, EXPIRE_SECONDS};

/// Behaves like Tencent Cloud Chat's REST endpoint POST /v4/sns/friend_add, for development and
/// tests without the cloud. The default command is serve.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// A TOML file; it needs only the keys that differ from the defaults
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    #[command(flatten)]
    serve: ServeArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve until SIGTERM or Ctrl-C; a second signal stops at once
    Serve(ServeArgs),
    /// Print a UserSig
    UserSig(UserSigArgs),
    /// Check that an emulator is running; exit 0 if it is, 1 if it is not
    Health(HealthArgs),
    /// Write the accounts of a running emulator to a file, in the format of --state
    #[command(mut_arg("file", |file| file.help("The file to write [default: standard output]")))]
    Export(TransferArgs),
    /// Replace the accounts of a running emulator with those of a file; if a part of the file is invalid,
    /// nothing is replaced
    #[command(mut_arg("file", |file| file.help("The file to read [default: standard input]")))]
    Import(TransferArgs),
    /// Wait until an emulator is ready for calls; exit 0 as soon as it is, 1 if it is not in time
    Wait(WaitArgs),
    /// Run a command beside an emulator of its own, which ends with the command
    Exec(ExecArgs),
    /// Print the variables of a running emulator: eval "$(tencent-chat-emulator env)". If that fails, eval fails
    Env(EnvArgs),
    /// The CA and the host names of HTTPS
    #[command(subcommand)]
    Tls(TlsCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum TlsCommand {
    /// Print the certificate of the CA as PEM; make the CA if there is none
    Ca,
    /// Print the lines for /etc/hosts that resolve Tencent's host names to this machine
    Hosts(HostsArgs),
}

#[derive(Debug, Args)]
pub(crate) struct HostsArgs {
    /// Print the aliases for a compose file instead, for the networks of the emulator's service
    #[arg(long)]
    pub(crate) compose: bool,
}

#[derive(Debug, Default, Args)]
pub(crate) struct ServeArgs {
    /// The address to listen on [default: 127.0.0.1:8080]; port 0 means a free port, and a port alone
    /// means 127.0.0.1
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// Serve HTTPS on this address, too; port 0 means a free port, and a port alone means 127.0.0.1
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) tls_listen: Option<String>,
    /// Write the base URL to this file when the emulator is ready for calls; the file is removed at the
    /// start and at the end
    #[arg(long, value_name = "PATH")]
    pub(crate) ready_file: Option<PathBuf>,
    /// Keep the accounts in this file: it is read at the start, and saved every two seconds when something
    /// has changed and at the end
    #[arg(long, value_name = "FILE")]
    state: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct AddressArgs {
    /// The address of the running emulator, or its base URL [default: TENCENT_CHAT_EMULATOR_URL, which exec sets,
    /// or 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct UserSigArgs {
    /// The app's SDKAppID; the app must be in the configuration
    #[arg(long, value_name = "NUMBER")]
    sdkappid: String,
    /// The UserID to sign for
    #[arg(long, value_name = "USERID")]
    identifier: String,
    /// The validity in seconds, from now on
    #[arg(long, value_name = "SECONDS", default_value_t = EXPIRE_SECONDS, value_parser = clap::value_parser!(i64).range(0..))]
    expire: i64,
    /// Make it wrong on purpose: expired, other_key, other_app, other_identifier or truncated
    #[arg(long, value_name = "FLAW")]
    flaw: Option<Flaw>,
}

#[derive(Debug, Args)]
pub(crate) struct HealthArgs {
    #[command(flatten)]
    pub(crate) address: AddressArgs,
}

#[derive(Debug, Args)]
pub(crate) struct TransferArgs {
    #[command(flatten)]
    pub(crate) address: AddressArgs,
    /// The file
    file: Option<PathBuf>,
}

impl TransferArgs {
    /// The file; `None` for standard output and standard input.
    pub(crate) fn path(&self) -> Option<&Path> {
        let file = self.file.as_deref();
        file.filter(|file| *file != Path::new("-"))
    }
}

#[derive(Debug, Args)]
pub(crate) struct WaitArgs {
    #[command(flatten)]
    pub(crate) address: AddressArgs,
    /// The longest time to wait, in seconds; 0 asks once
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub(crate) timeout: u32,
}

#[derive(Debug, Args)]
#[command(after_help = format!("{}\n\n{}", exec::HELP, environment::HELP))]
pub(crate) struct ExecArgs {
    /// The address to listen on [default: a free port of 127.0.0.1]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// The address for HTTPS [default: a free port of 127.0.0.1]
    #[arg(long, value_name = "ADDRESS:PORT")]
    tls_listen: Option<String>,
    /// Keep the accounts in this file: it is read at the start and saved like that of serve --state
    #[arg(long, value_name = "FILE")]
    state: Option<String>,
    /// The app that the variables are for, by SDKAppID [default: the first app]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) app: Option<String>,
    /// Set the proxy and CA variables, so that most HTTP clients send calls to Tencent's hosts to the emulator
    #[arg(long)]
    pub(crate) intercept: bool,
    /// Do not check that the faults have been consumed
    #[arg(long)]
    pub(crate) no_verify: bool,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    pub(crate) command: Vec<OsString>,
}

#[derive(Debug, Args)]
#[command(after_help = environment::HELP)]
pub(crate) struct EnvArgs {
    #[command(flatten)]
    pub(crate) address: AddressArgs,
    /// The app that the variables are for, by SDKAppID [default: the first app]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) app: Option<String>,
    /// Also print the proxy and CA variables, so that most HTTP clients send calls to Tencent's hosts to the
    /// emulator
    #[arg(long)]
    pub(crate) intercept: bool,
    /// Print the commands that unset the variables, without an emulator: those of --intercept, too, if it is given
    /// or HTTPS_PROXY is the emulator. Values that --intercept has replaced, such as an HTTPS_PROXY of your own, are
    /// not restored; without --intercept, NO_PROXY stays as it is
    #[arg(long, conflicts_with_all = ["listen", "app"])]
    pub(crate) unset: bool,
}

impl Cli {
    /// The command and the configuration file. Ends the process if the command line is invalid.
    pub(crate) fn read() -> (Command, Option<PathBuf>) {
        let Self {
            command,
            config,
            serve,
        } = Self::try_parse().unwrap_or_else(|error| exit(&error));
        let flags = [
            ("--listen", serve.listen.is_some()),
            ("--tls-listen", serve.tls_listen.is_some()),
            ("--ready-file", serve.ready_file.is_some()),
            ("--state", serve.state.is_some()),
        ];
        let given = flags.iter().find(|(_, is_given)| *is_given);
        if let (Some(_), Some((flag, _))) = (&command, given) {
            let message = format!("{flag} must be after the command");
            exit(&Self::command().error(ErrorKind::ArgumentConflict, message));
        }
        (command.unwrap_or(Command::Serve(serve)), config)
    }
}

/// Ends the process with the error of an invalid command line. A shell that evaluates what `env` prints must see
/// the error, too.
fn exit(error: &clap::Error) -> ! {
    let mut arguments = std::env::args_os().take_while(|argument| argument != "exec");
    if error.use_stderr() && arguments.any(|argument| argument == "env") {
        // Standard output may be closed.
        let _ = std::io::stdout().write_all(env::FAILING);
    }
    error.exit()
}

impl ServeArgs {
    /// Loads the configuration from the file, the environment and the flags.
    pub(crate) fn load(&self, file: Option<PathBuf>) -> Result<Config, String> {
        let flags = [
            ("--listen", "listen", &self.listen),
            ("--tls-listen", "tls.listen", &self.tls_listen),
            ("--state", "state_file", &self.state),
        ];
        load(Vec::new(), file, &flags)
    }
}

impl AddressArgs {
    /// Loads the configuration from the file, the environment and the flag.
    pub(crate) fn load(&self, file: Option<PathBuf>) -> Result<Config, String> {
        let address = |url: &str| {
            let address = url.strip_prefix("http://").unwrap_or(url);
            address.trim_end_matches('/').to_owned()
        };
        if let Some(listen) = &self.listen {
            let listen = Some(address(listen));
            return load(Vec::new(), file, &[("--listen", "listen", &listen)]);
        }
        // The emulator of exec, for a command that exec runs.
        let (url, token) = (
            "TENCENT_CHAT_EMULATOR_URL",
            "TENCENT_CHAT_EMULATOR_CONTROL_TOKEN",
        );
        let listen = std::env::var(url).ok().map(|url| address(&url));
        let given = listen.is_some().then(|| std::env::var(token).ok());
        let flags = [
            (url, "listen", &listen),
            (token, "control.token", &given.flatten()),
        ];
        load(Vec::new(), file, &flags)
    }
}

impl ExecArgs {
    /// Loads the configuration like [`ServeArgs::load`], with other defaults.
    pub(crate) fn load(
        &self,
        defaults: Vec<(&'static str, &'static str)>,
        file: Option<PathBuf>,
    ) -> Result<Config, String> {
        let flags = [
            ("--listen", "listen", &self.listen),
            ("--tls-listen", "tls.listen", &self.tls_listen),
            ("--state", "state_file", &self.state),
        ];
        load(defaults, file, &flags)
    }
}

/// Loads the configuration from the file and the environment.
pub(crate) fn load_config(file: Option<PathBuf>) -> Result<Config, String> {
    load(Vec::new(), file, &[])
}

/// Loads the configuration, with values in place of built-in defaults. Each flag has its name, its key and its
/// value.
fn load(
    defaults: Vec<(&'static str, &'static str)>,
    file: Option<PathBuf>,
    flags: &[(&'static str, &'static str, &Option<String>)],
) -> Result<Config, String> {
    let given = flags
        .iter()
        .filter_map(|(flag, key, value)| Some((*flag, *key, (*value).clone()?)));
    let loaded = Config::load(&Sources {
        defaults,
        file,
        env: std::env::vars_os().collect(),
        flags: given.collect(),
    });
    loaded.map_err(|error| error.to_string())
}

/// The configured app with this SDKAppID.
pub(crate) fn find_app(config: &Config, sdkappid: &str) -> Result<SdkAppId, String> {
    let app = SdkAppId::parse(sdkappid).filter(|id| config.apps.contains_key(id));
    app.ok_or_else(|| {
        let known: Vec<_> = config.apps.keys().map(SdkAppId::to_string).collect();
        let known = known.join(", ");
        format!("the configuration has no app {sdkappid}; it has {known}")
    })
}

pub(crate) fn user_sig(arguments: &UserSigArgs, file: Option<PathBuf>) -> Result<(), String> {
    let UserSigArgs {
        sdkappid,
        identifier,
        expire,
        flaw,
    } = arguments;
    let config = load_config(file)?;
    let id = find_app(&config, sdkappid).map_err(|problem| {
        format!(
            "{problem}. For an app that POST apps has made: POST {CONTROL_PREFIX}/apps/{sdkappid}/user_sig"
        )
    })?;
    let now: UnixTime = SystemMoment::now().unix_time();
    let key = &config.apps[&id].secret_key;
    let usersig = match flaw {
        Some(flaw) => flaw.sign(key, id, identifier, now, *expire),
        None => user_sig::sign(key, id, identifier, now, *expire),
    };
    writeln!(std::io::stdout(), "{usersig}")
        .map_err(|error| format!("cannot write the UserSig: {error}"))
}
