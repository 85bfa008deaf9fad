//! `simulated-aws-cli`: stands in for the AWS CLI on a machine without one.

use std::process::ExitCode;

fn main() -> ExitCode {
    simulated_aws::aws_cli::run(std::env::args_os(), &|name| std::env::var(name).ok())
}
