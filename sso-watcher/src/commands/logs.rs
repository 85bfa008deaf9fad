//! `sso-watcher logs`: the agent's last words, and those to come.

mod follower;
mod last_lines;

use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use follower::Follower;

/// How often a followed log is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// What `logs` takes.
#[derive(Args, Debug)]
pub struct LogsArgs {
    /// Go on with what the agent will log, until Ctrl-C.
    #[arg(short, long)]
    pub follow: bool,
    /// How many of the last lines to show.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 50)]
    pub lines: usize,
}

/// Shows the log, and follows it if asked to, until standard output is closed.
#[must_use]
pub fn run(args: &LogsArgs, log_file: &Path) -> ExitCode {
    let shown = Follower::start(log_file, args.lines, &mut io::stdout().lock());
    let ended = match shown {
        Ok(Some(follower)) if args.follow => follow(follower),
        Ok(Some(_)) => Ok(()),
        Ok(None) => {
            eprintln!(
                "There is no log yet: {} does not exist. The agent writes it; `sso-watcher status` \
                 says whether it runs, and `sso-watcher install` installs it.",
                log_file.display()
            );
            return ExitCode::FAILURE;
        }
        Err(error) => Err(error),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        // `logs | head` is no failure.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("The log {} cannot be shown: {error}", log_file.display());
            ExitCode::FAILURE
        }
    }
}

fn follow(mut follower: Follower) -> io::Result<()> {
    let output = io::stdout();
    loop {
        follower.advance(&mut output.lock())?;
        if is_closed_within(LOOK_EVERY, output.as_fd()) {
            return Ok(());
        }
    }
}

/// Waits, and ends early when nobody reads `output` any more: a log may stay silent for hours, so the
/// next write would notice late.
fn is_closed_within(wait: Duration, output: BorrowedFd<'_>) -> bool {
    // Nothing is asked for: the end is told in any case.
    let mut looked_at = [PollFd::new(output, PollFlags::empty())];
    let timeout = PollTimeout::try_from(wait).unwrap_or(PollTimeout::ZERO);
    let found = match poll(&mut looked_at, timeout) {
        Ok(0) => return false,
        Ok(_) => looked_at[0].revents().unwrap_or(PollFlags::POLLNVAL),
        // A signal that is not for us.
        Err(_) => PollFlags::POLLNVAL,
    };
    if found.contains(PollFlags::POLLNVAL) {
        // macOS cannot tell of every device.
        std::thread::sleep(wait);
        return false;
    }
    found.intersects(PollFlags::POLLERR | PollFlags::POLLHUP)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::pipe;

    use super::*;

    #[test]
    fn only_an_output_that_nobody_reads_is_closed() {
        let moment = Duration::from_millis(1);
        let (reader, writer) = pipe().expect("a pipe");
        assert!(!is_closed_within(moment, writer.as_fd()));
        drop(reader);
        assert!(is_closed_within(Duration::from_hours(1), writer.as_fd()));
        let file = File::open("/dev/null").expect("a device");
        assert!(!is_closed_within(moment, file.as_fd()));
        let file = tempfile::tempfile().expect("a file");
        assert!(!is_closed_within(moment, file.as_fd()));
    }
}
