//! `bazel-proxy schema`.

use std::io::{self, Write as _};
use std::process::ExitCode;

use crate::config;

pub(super) fn run() -> ExitCode {
    match io::stdout().lock().write_all(config::schema().as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        // `schema | head` is no failure.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the schema cannot be written: {error}");
            ExitCode::FAILURE
        }
    }
}
