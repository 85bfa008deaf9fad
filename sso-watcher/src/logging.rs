//! The agent's log: files for its user only, a new one each day, bounded in number and in size.
//!
//! ```text
//! sso-watcher.log             a link to the newest
//! sso-watcher.log.2026-01-02  one a day (UTC), the last seven are kept
//! ```
//!
//! The appender rotates by time alone and has no limit of size: `bounded` has it. It creates its
//! files by the umask, and lines are written at once, so that a killed agent's last words are there.

mod bounded;
pub(crate) mod files;

use std::fs::File;
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Instant;

use nix::sys::stat::{Mode, umask};
use sso_session::disk;
use tracing::warn;
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::home;
use crate::platform::Platform;
use bounded::Bounded;

/// How many days are kept.
const MOST_FILES: usize = 7;
/// What launchd's file may hold when an agent starts.
const MOST_ERROR_LOG_BYTES: u64 = 1024 * 1024;
/// Watchers that start together each replace the link, and may find it made by another.
const ATTEMPTS: u32 = 5;

/// Where the newest log is, for people: at the platform's place for logs.
pub fn log_file(platform: Platform, vars: &impl Fn(&str) -> Option<String>) -> PathBuf {
    match platform {
        Platform::MacOs => home::home(vars).join("Library/Logs/sso-watcher.log"),
        Platform::Linux => home::state(vars).join("sso-watcher/sso-watcher.log"),
    }
}

/// Where launchd puts what an agent says that has no log yet, or none any more.
pub(crate) fn error_log(log_file: &Path) -> PathBuf {
    log_file.with_extension("err.log")
}

/// Empties launchd's file if it has grown too long: launchd starts an agent with a broken configuration again
/// and again, and rotates nothing. It appends, so what is said from now on is at the beginning.
pub(crate) fn bound_error_log(log_file: &Path) -> io::Result<()> {
    let file = match File::options().append(true).open(error_log(log_file)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if file.metadata()?.len() > MOST_ERROR_LOG_BYTES {
        file.set_len(0)?;
    }
    Ok(())
}

/// Logs to files, and to standard error, too, if that is a terminal or the files cannot be had. For
/// the agent only: sets the umask to 077. Call before any thread runs.
///
/// `filter` is `LOG_LEVEL`; a second call changes nothing.
pub fn to_files(log_file: &Path, filter: &str) {
    umask(Mode::from_bits_truncate(0o077));
    let (file, problem) = match appender(log_file) {
        Ok(appender) => (Some(Bounded::new(appender, Instant::now)), None),
        Err(problem) => (None, Some(problem)),
    };
    let on_terminal = io::stderr().is_terminal();
    let to_stderr = (on_terminal || file.is_none())
        .then(|| fmt::layer().with_ansi(on_terminal).with_writer(io::stderr));
    let to_file = file.map(|file| fmt::layer().with_ansi(false).with_writer(Mutex::new(file)));
    let _already_installed = tracing_subscriber::registry()
        .with(program::logging::filter(filter))
        .with(filter_fn(program::logging::holds_no_secret))
        .with(to_stderr)
        .with(to_file)
        .try_init();
    if let Some(problem) = problem {
        warn!("there is no log file: {problem}");
    }
}

fn appender(log_file: &Path) -> Result<RollingFileAppender, String> {
    let (Some(folder), Some(name)) = (log_file.parent(), log_file.file_name()) else {
        return Err(format!("{} is no file's name", log_file.display()));
    };
    disk::create_folder(folder).map_err(|error| error.to_string())?;
    let name = name.to_string_lossy();
    let builder = RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        // Without a suffix, so that launchd's `sso-watcher.err.log` is not among the old ones.
        .filename_prefix(&*name)
        .latest_symlink(&*name)
        .max_log_files(MOST_FILES);
    let mut problem = String::new();
    for _ in 0..ATTEMPTS {
        match builder.build(folder) {
            Ok(appender) => return Ok(appender),
            Err(error) => problem = format!("{}: {error}", log_file.display()),
        }
    }
    Err(problem)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;

    use super::*;

    #[test]
    fn the_log_lies_where_the_platform_has_its_logs() {
        let vars = |name: &str| (name == "HOME").then(|| "/home/dev".to_owned());
        let macos = log_file(Platform::MacOs, &vars);
        assert_eq!(macos, Path::new("/home/dev/Library/Logs/sso-watcher.log"));
        let linux = log_file(Platform::Linux, &vars);
        let expected = "/home/dev/.local/state/sso-watcher/sso-watcher.log";
        assert_eq!(linux, Path::new(expected));
    }

    #[test]
    fn seven_days_are_kept_and_other_logs_are_left_alone() {
        let top = tempfile::tempdir().expect("a folder");
        let log_file = top.path().join("new/sso-watcher.log");
        let folder = top.path().join("new");
        fs::create_dir(&folder).expect("a folder");
        let put = |name: &str| {
            fs::File::create(folder.join(name)).expect("a file");
        };
        put("sso-watcher.err.log");
        for day in 10..25 {
            put(&format!("sso-watcher.log.2025-01-{day}"));
        }
        let mut appender = appender(&log_file).expect("an appender");
        appender.write_all(b"a line\n").expect("written");
        assert_eq!(
            files::rotated(&log_file).expect("a folder").len(),
            MOST_FILES
        );
        assert_eq!(fs::read(&log_file).expect("the link"), b"a line\n");
        assert!(folder.join("sso-watcher.err.log").exists());
    }

    #[test]
    fn a_place_that_cannot_be_is_named() {
        let top = tempfile::tempdir().expect("a folder");
        let blocked = top.path().join("file");
        fs::File::create(&blocked).expect("a file");
        let problem = appender(&blocked.join("sso-watcher.log")).expect_err("no folder");
        assert!(problem.contains("file"), "{problem}");
    }

    #[test]
    fn launchds_file_is_emptied_when_it_is_too_long() {
        let top = tempfile::tempdir().expect("a folder");
        let log_file = top.path().join("sso-watcher.log");
        bound_error_log(&log_file).expect("there is none");
        let path = top.path().join("sso-watcher.err.log");
        let mut file = File::create(&path).expect("a file");
        file.write_all(b"a panic\n").expect("written");
        let length = || path.metadata().expect("a file").len();
        bound_error_log(&log_file).expect("looked at");
        assert_eq!(length(), 8);
        file.set_len(MOST_ERROR_LOG_BYTES + 1).expect("grown");
        bound_error_log(&log_file).expect("emptied");
        assert_eq!(length(), 0);
    }
}
