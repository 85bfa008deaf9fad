//! Reads a command line.

use std::process::ExitCode;

use clap::Parser;

/// `EX_USAGE` of sysexits.h.
const EXIT_USAGE: u8 = 64;

/// This process's command line, or the code to exit with: 0 where help was asked for, 64 where something
/// is wrong with it. Either is said.
pub fn parse<C: Parser>() -> Result<C, ExitCode> {
    C::try_parse().map_err(|error| {
        // Help goes to standard output; if that is closed, nobody reads it.
        let _outcome = error.print();
        if error.use_stderr() {
            ExitCode::from(EXIT_USAGE)
        } else {
            ExitCode::SUCCESS
        }
    })
}
