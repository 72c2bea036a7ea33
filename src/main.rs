//! The process: runs the command of the command line and sets the exit code.

mod cli;
mod health;
mod serve;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli::Cli { command, serve } = cli::Cli::parse();
    let result = match command {
        None => serve::run(&serve),
        Some(cli::Command::Serve(arguments)) => serve::run(&arguments),
        Some(cli::Command::UserSig(arguments)) => cli::user_sig(&arguments),
        Some(cli::Command::Health(arguments)) => health::check(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
