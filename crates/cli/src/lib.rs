//! Client commands: `grange login` and `grange cluster …`.
//!
//! Data goes to standard output, everything else to standard error. Errors name the thing, say what happened, and
//! where there is a next step they add a `hint:` line. Exit codes are in [`error`]. Start reading at [`command`].

pub mod command;
pub mod error;

mod checklist;
mod clusters;
mod config;
mod login;
mod output;
mod prompt;
mod remote;
mod steps;

use std::process::ExitCode;

pub use command::Command;

/// Runs a client command and reports its error, if any.
pub async fn run(command: Command) -> ExitCode {
    let result = match command {
        Command::Login(arguments) => login::run(arguments).await,
        Command::Cluster(cluster) => clusters::run(cluster.command).await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            if let Some(hint) = error.hint() {
                eprintln!("hint: {hint}");
            }
            ExitCode::from(error.exit_code())
        }
    }
}
