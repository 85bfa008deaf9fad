//! bazel-proxy: the boot order, and nothing else.

use std::process::ExitCode;

use bazel_proxy::config::{PROGRAM, empty_is_unset};
use clap::Parser as _;

fn main() -> ExitCode {
    let name = PROGRAM.name;
    if let Err(error) = program::environment::prepare(name, empty_is_unset) {
        eprintln!("{name}: {error}");
        return ExitCode::from(64);
    }
    let cli = match bazel_proxy::cli::Cli::try_parse() {
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
    bazel_proxy::commands::run(cli)
}
