//! bazel-proxy: the boot order, and nothing else.

use std::process::ExitCode;

use bazel_proxy::config::{PROGRAM, empty_is_unset};

fn main() -> ExitCode {
    let name = PROGRAM.name;
    if let Err(error) = program::environment::prepare(name, empty_is_unset) {
        eprintln!("{name}: {error}");
        return ExitCode::from(64);
    }
    let cli: bazel_proxy::cli::Cli = match program::command_line::parse() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    bazel_proxy::commands::run(cli)
}
