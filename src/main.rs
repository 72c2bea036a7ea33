//! The process: runs the command of the command line and sets the exit code.

mod cli;
mod control_client;
mod health;
mod serve;
mod transfer;

use std::process::ExitCode;

fn main() -> ExitCode {
    let (command, config) = cli::Cli::read();
    let result = match command {
        cli::Command::Serve(arguments) => serve::run(&arguments, config),
        cli::Command::UserSig(arguments) => cli::user_sig(&arguments, config),
        cli::Command::Health(arguments) => health::check(&arguments, config),
        cli::Command::Export(arguments) => transfer::export(&arguments, config),
        cli::Command::Import(arguments) => transfer::import(&arguments, config),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
