//! The command line.

use std::process::ExitCode;

use clap::Parser;

/// `EX_USAGE` of sysexits.h, as bazel-proxy itself uses it.
const EXIT_USAGE: u8 = 64;

/// A guided tour of bazel-proxy and sso-watcher, in about fifteen seconds and on this machine only.
///
/// Starts a simulated AWS with a small Maven repository, and the real bazel-proxy in front of it,
/// with the real sso-watcher. Then walks through logins that renew themselves, a first download, a
/// second one from the cache, many clients at once, an SSO session that ends under a build, the page
/// that sso-watcher opens, the build that goes on after somebody has signed in there, and an outage
/// of S3. After the tour it goes on serving, so that you can try it yourself, until Ctrl-C.
///
/// Needs no AWS account, no network, and nothing but Rust to be built. Everything is kept in a
/// temporary folder, which is removed at the end; your own ~/.aws is neither read nor written.
#[derive(Debug, Parser)]
#[command(name = "demo", version, max_term_width = 80, after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// End after the tour instead of serving until Ctrl-C.
    #[arg(long)]
    pub(crate) once: bool,
    /// The port that the proxy listens on. Without it, or with 0, any free one.
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    pub(crate) port: u16,
    /// Leave the sign-in of the tour to you, in your own browser: it waits for your click.
    #[arg(long)]
    pub(crate) click: bool,
    /// Take an artifact out of the bucket, so that some claims cannot hold. For the demo's tests.
    #[arg(long, hide = true)]
    pub(crate) sabotage: bool,
}

const AFTER_HELP: &str = "\
Examples:
  cargo run --release -p demo                 the tour, then serve until Ctrl-C
  cargo run --release -p demo -- --port 9000  … on bazel-proxy's usual port
  cargo run --release -p demo -- --click      … and you sign in, not the tour
  cargo run --release -p demo -- --once       the tour only, for scripts

Colours appear on a terminal only, and not with NO_COLOR set.
Exit codes: 0 every step did what it says, 1 one did not, 64 wrong usage,
130 interrupted during the tour.";

/// The arguments, or how to exit: after `--help`, or for wrong usage.
pub(crate) fn parse() -> Result<Arguments, ExitCode> {
    Arguments::try_parse().map_err(|error| {
        // Help goes to standard output; if that is closed, nobody reads it.
        let _outcome = error.print();
        if error.use_stderr() {
            ExitCode::from(EXIT_USAGE)
        } else {
            ExitCode::SUCCESS
        }
    })
}
