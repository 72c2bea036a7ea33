//! The process: runs the command of the command line and sets the exit code.

mod cli;
mod control_client;
mod env;
mod environment;
mod exec;
mod health;
mod java_options;
mod own_proxy;
mod serve;
mod signals;
mod tls_commands;
mod transfer;
mod trust;
mod wait;

use cli::Command;
use std::process::ExitCode;

/// The exit code of a command that failed.
const FAILED: u8 = 1;

fn main() -> ExitCode {
    let (command, config) = cli::Cli::read();
    let (result, failed) = match command {
        Command::Serve(arguments) => (serve::run(&arguments, config), FAILED),
        Command::UserSig(arguments) => (cli::user_sig(&arguments, config), FAILED),
        Command::Health(arguments) => (health::check(&arguments, config), FAILED),
        Command::Export(arguments) => (transfer::export(&arguments, config), FAILED),
        Command::Import(arguments) => (transfer::import(&arguments, config), FAILED),
        Command::Wait(arguments) => (wait::until_ready(&arguments, config), FAILED),
        Command::Env(arguments) => (env::print(&arguments, config), FAILED),
        Command::Tls(command) => (tls_commands::run(&command, config), FAILED),
        Command::Exec(arguments) => match exec::run(&arguments, config) {
            Ok(code) => return code,
            Err(message) => (Err(message), exec::EXEC_FAILED),
        },
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::from(failed)
        }
    }
}
