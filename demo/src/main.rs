//! `cargo run --release -p demo`: bazel-proxy and sso-watcher shown to a newcomer, against a simulated AWS.
//!
//! ```text
//! main ─► stage (scratch folder, simulated AWS, repository, both programs as child processes)
//!     └─► tour (one file a step) ─► claims ─► report ─► exit code
//! ```
//!
//! Every sentence with a ✓ in front was checked just before it was printed.

mod browser;
mod cli;
mod client;
mod error;
mod program;
mod report;
mod repository;
mod serving;
mod stage;
mod terminal;
mod tour;

use std::process::ExitCode;

use crate::cli::Arguments;
use crate::error::Error;
use crate::report::Report;
use crate::stage::Stage;
use crate::terminal::Terminal;

const INTRODUCTION: &str = "\
bazel-proxy gives builds one URL on this machine for the artifacts in an S3 bucket. What it has \
fetched once, it keeps: hits need no AWS, no login and no network. It keeps your AWS SSO session \
alive, and when only a person can help, builds wait instead of failing, and sso-watcher opens the page \
to sign in at. All of this tour runs here: nothing is sent anywhere, and your own ~/.aws is left alone.";

/// 128 + SIGINT, as shells count it.
const EXIT_INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    if let Some(exit) = program::run_if_asked() {
        return exit;
    }
    let arguments = match cli::parse() {
        Ok(arguments) => arguments,
        Err(exit) => return exit,
    };
    let terminal = Terminal::new();
    let outcome = tokio::runtime::Runtime::new()
        .map_err(Error::from)
        .and_then(|runtime| runtime.block_on(run(&arguments, &terminal)));
    outcome.unwrap_or_else(|error| {
        terminal.failed(&error.to_string());
        ExitCode::FAILURE
    })
}

/// The whole demo. Whichever way it ends, the stage is dropped, and with it the programs and the
/// scratch folder.
async fn run(arguments: &Arguments, terminal: &Terminal) -> Result<ExitCode, Error> {
    let mut interrupted = serving::interruption()?;
    let mut report = Report::default();
    let ended = tokio::select! {
        ended = play(arguments, terminal, &mut report) => Some(ended),
        _ = interrupted.wait_for(|interrupted| *interrupted) => None,
    };
    match ended {
        Some(ended) => ended?,
        None => terminal.stopped(),
    }
    Ok(if report.is_complete() {
        report.exit_code()
    } else {
        ExitCode::from(EXIT_INTERRUPTED)
    })
}

async fn play(
    arguments: &Arguments,
    terminal: &Terminal,
    report: &mut Report,
) -> Result<(), Error> {
    terminal.title("bazel-proxy: a guided tour");
    terminal.say(INTRODUCTION);
    let mut stage = Stage::start(arguments, terminal).await?;
    tour::walk(&stage, arguments.click, terminal, report).await;
    if arguments.once {
        return Ok(());
    }
    serving::until_a_program_ends(&mut stage, terminal).await
}
