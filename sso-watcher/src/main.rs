//! sso-watcher: the boot order, and nothing else.

use std::process::ExitCode;

use sso_watcher::cli::Cli;
use sso_watcher::commands;
use sso_watcher::settings::{PROGRAM, sources};

fn main() -> ExitCode {
    let cli: Cli = match program::command_line::parse() {
        Ok(cli) => cli,
        Err(code) => return code,
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
