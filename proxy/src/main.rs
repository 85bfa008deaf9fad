//! bazel-proxy: the boot order, and nothing else.

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    if let Err(error) = bazel_proxy::environment::prepare() {
        eprintln!("bazel-proxy: {error}");
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
