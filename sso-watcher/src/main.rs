//! sso-watcher: the boot order, and nothing else.

use std::process::ExitCode;

use clap::Parser as _;
use sso_watcher::cli::Cli;
use sso_watcher::commands;
use sso_watcher::settings::{PROGRAM, sources};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let wrong_usage = error.use_stderr();
            // Help goes to standard output; if that is closed, nobody reads it.
            let _outcome = error.print();
            return if wrong_usage {
                ExitCode::from(64)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    let env_file = match cli.command.purpose().map(sources::prepare) {
        Some(Ok(env_file)) => env_file,
        Some(Err(error)) => {
            eprintln!("{}: {error}", PROGRAM.name);
            if cli.command.needs_files() {
                return ExitCode::from(64);
            }
            None
        }
        None => None,
    };
    commands::run(cli.command, env_file)
}
