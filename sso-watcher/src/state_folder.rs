//! The agent's own files beside the signal and the locks.
//!
//! ```text
//! <state>/agent.guard        flocked by the agent that works; others stand by
//!        /agent.json         what it does and remembers
//!        /mode               what the person chose with `sso-watcher mode`
//!        /last-login-at.txt  epoch seconds of the last attempt; other tools read and write it, too
//!        /by-hand.txt        when the person last dealt with a login by hand; epoch milliseconds
//!        /cleaned.txt        changes with each `sso-watcher clean`
//!        /logged-out.txt     the token files of the sessions that the person has logged out of, one a line
//!        /login.output       what the login of the moment says
//! ```

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sso_session::date;
use sso_session::disk::{self, DiskError};

use crate::mode::Mode;

/// More than any of these small files.
const MOST_BYTES: u64 = 4096;
/// The last so many logouts are remembered: more sessions than anybody has, and they fit into the file.
const MOST_LOGOUTS: usize = 32;

const LOGGED_OUT: &str = "logged-out.txt";

/// Where they are; cheap to clone. All methods that touch a file block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateFolder(PathBuf);

impl StateFolder {
    /// Names the folder; touches nothing yet.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self(folder.into())
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Creates it.
    pub fn create(&self) -> Result<(), DiskError> {
        disk::create_folder(&self.0)
    }

    /// What the agent that works holds.
    #[must_use]
    pub fn agent_guard(&self) -> PathBuf {
        self.0.join("agent.guard")
    }

    /// What the agent does and remembers.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.0.join("agent.json")
    }

    /// What the login of the moment says.
    #[must_use]
    pub fn login_output(&self) -> PathBuf {
        self.0.join("login.output")
    }

    /// The chosen mode; none if there is no choice, an error with what stands there if it is none.
    pub fn mode(&self) -> Result<Option<Mode>, String> {
        let Some(text) = self.text("mode") else {
            return Ok(None);
        };
        text.parse().map(Some).map_err(|_| text)
    }

    /// Chooses a mode.
    pub fn set_mode(&self, mode: Mode) -> Result<(), DiskError> {
        self.replace("mode", &format!("{mode}\n"))
    }

    /// Goes back to the mode of the settings.
    pub fn forget_mode(&self) -> Result<bool, DiskError> {
        disk::remove(&self.0.join("mode"))
    }

    /// When a login was last attempted, by whomever.
    #[must_use]
    pub fn last_attempt(&self) -> Option<SystemTime> {
        let seconds = self.text("last-login-at.txt")?.parse::<f64>().ok()?;
        let since = Duration::try_from_secs_f64(seconds).ok()?;
        SystemTime::UNIX_EPOCH.checked_add(since)
    }

    /// Notes an attempt.
    pub fn note_attempt(&self, now: SystemTime) -> Result<(), DiskError> {
        let seconds = date::epoch_seconds(now);
        self.replace("last-login-at.txt", &format!("{seconds}\n"))
    }

    /// Changes whenever the person deals with a login by hand.
    #[must_use]
    pub fn hand(&self) -> u64 {
        self.number("by-hand.txt")
    }

    /// Notes that the person has dealt with a login by hand.
    pub fn note_hand(&self, now: SystemTime) -> Result<(), DiskError> {
        self.count("by-hand.txt", now)
    }

    /// Whether the person has logged out of the session with this token file, and not in again.
    #[must_use]
    pub fn is_logged_out(&self, token_file: &Path) -> bool {
        let name = file_name(token_file);
        self.logouts().contains(&name) && !token_file.exists()
    }

    /// Notes that the person has logged out of the session with this token file.
    pub fn note_logout(&self, token_file: &Path) -> Result<(), DiskError> {
        let name = file_name(token_file);
        let mut names = self.logouts();
        names.retain(|other| *other != name);
        names.push(name);
        names.drain(..names.len().saturating_sub(MOST_LOGOUTS));
        self.set_logouts(&names)
    }

    /// A login of the session with this token file is wanted again.
    pub fn forget_logout(&self, token_file: &Path) -> Result<(), DiskError> {
        let name = file_name(token_file);
        self.keep_logouts(|other| other != name)
    }

    /// Forgets the logouts of sessions that have a token again, however they came by it.
    pub fn forget_outlived_logouts(&self, token_folder: &Path) -> Result<(), DiskError> {
        self.keep_logouts(|name| !token_folder.join(name).exists())
    }

    fn keep_logouts(&self, is_kept: impl Fn(&str) -> bool) -> Result<(), DiskError> {
        let mut names = self.logouts();
        let before = names.len();
        names.retain(|name| is_kept(name));
        if names.len() == before {
            return Ok(());
        }
        self.set_logouts(&names)
    }

    /// By their token files' names, the last one last.
    fn logouts(&self) -> Vec<String> {
        let text = self.text(LOGGED_OUT).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn set_logouts(&self, names: &[String]) -> Result<(), DiskError> {
        if names.is_empty() {
            return disk::remove(&self.0.join(LOGGED_OUT)).map(|_| ());
        }
        self.replace(LOGGED_OUT, &format!("{}\n", names.join("\n")))
    }

    /// Changes with each [`Self::clear`].
    #[must_use]
    pub fn cleaned(&self) -> u64 {
        self.number("cleaned.txt")
    }

    /// Forgets what was remembered of attempts, as does the running agent then; what was removed.
    pub fn clear(&self, now: SystemTime) -> Result<Vec<&'static str>, DiskError> {
        self.count("cleaned.txt", now)?;
        let names = ["agent.json", "last-login-at.txt", LOGGED_OUT];
        let mut removed = Vec::new();
        for name in names {
            if disk::remove(&self.0.join(name))? {
                removed.push(name);
            }
        }
        Ok(removed)
    }

    fn number(&self, name: &str) -> u64 {
        let text = self.text(name);
        text.and_then(|text| text.parse().ok()).unwrap_or_default()
    }

    /// Writes another number than any before: epoch milliseconds.
    fn count(&self, name: &str, now: SystemTime) -> Result<(), DiskError> {
        let since = now.duration_since(SystemTime::UNIX_EPOCH);
        let milliseconds = since.unwrap_or_default().as_millis();
        // Two within a millisecond, or over a step of the clock, must differ, too.
        let next = u128::from(self.number(name)) + 1;
        self.replace(name, &format!("{}\n", milliseconds.max(next)))
    }

    fn text(&self, name: &str) -> Option<String> {
        let bytes = disk::read_bounded(&self.0.join(name), MOST_BYTES).ok()?;
        let text = std::str::from_utf8(&bytes).ok()?;
        Some(text.trim().to_owned())
    }

    fn replace(&self, name: &str, text: &str) -> Result<(), DiskError> {
        disk::replace(&self.0.join(name), text.as_bytes())
    }
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, StateFolder) {
        let folder = tempfile::tempdir().expect("a folder");
        let state = StateFolder::new(folder.path().join("state"));
        (folder, state)
    }

    #[test]
    fn what_is_noted_is_read_again() {
        let (_folder, state) = folder();
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_323_045);
        assert_eq!(
            (state.mode(), state.last_attempt(), state.hand()),
            (Ok(None), None, 0)
        );
        state.set_mode(Mode::Silent).expect("written");
        state.note_attempt(now).expect("written");
        assert_eq!(state.mode(), Ok(Some(Mode::Silent)));
        assert_eq!(state.last_attempt(), Some(now));
        state.note_hand(now).expect("written");
        let hand = state.hand();
        state
            .note_hand(now - Duration::from_hours(1))
            .expect("written");
        assert!(
            state.hand() > hand,
            "a step of the clock makes no two alike"
        );
    }

    #[test]
    fn garbage_is_none() {
        let (_folder, state) = folder();
        for name in ["mode", "last-login-at.txt", "by-hand.txt"] {
            state.replace(name, "so-so").expect("written");
        }
        assert_eq!(state.mode(), Err("so-so".to_owned()));
        assert_eq!((state.last_attempt(), state.hand()), (None, 0));
    }

    #[test]
    fn a_logout_counts_until_there_is_a_token_again() {
        let (folder, state) = folder();
        let token = folder.path().join("0beec7b5.json");
        assert!(!state.is_logged_out(&token));
        state.note_logout(&token).expect("written");
        assert!(state.is_logged_out(&token));
        assert!(!state.is_logged_out(&folder.path().join("other.json")));
        disk::replace(&token, b"{}").expect("written");
        assert!(!state.is_logged_out(&token));
    }

    #[test]
    fn each_session_has_a_logout_of_its_own() {
        let (folder, state) = folder();
        let [first, second] = ["1.json", "2.json"].map(|name| folder.path().join(name));
        state.note_logout(&first).expect("written");
        state.note_logout(&second).expect("written");
        assert!(state.is_logged_out(&first) && state.is_logged_out(&second));
        state.forget_logout(&first).expect("written");
        assert!(!state.is_logged_out(&first) && state.is_logged_out(&second));
    }

    #[test]
    fn a_logout_ends_with_the_next_token_for_good() {
        let (folder, state) = folder();
        let [first, second] = ["1.json", "2.json"].map(|name| folder.path().join(name));
        state.note_logout(&first).expect("written");
        state.note_logout(&second).expect("written");
        disk::replace(&first, b"{}").expect("written");
        let forget = || state.forget_outlived_logouts(folder.path());
        forget().expect("written");
        disk::remove(&first).expect("removed");
        assert!(!state.is_logged_out(&first), "its token was there again");
        assert!(state.is_logged_out(&second));
        disk::replace(&second, b"{}").expect("written");
        forget().expect("removed");
        assert!(!state.path().join(LOGGED_OUT).exists());
    }

    #[test]
    fn so_many_logouts_are_remembered() {
        let (folder, state) = folder();
        let file = |number: usize| folder.path().join(format!("{number:040}.json"));
        for number in 0..=MOST_LOGOUTS {
            state.note_logout(&file(number)).expect("written");
        }
        assert!(!state.is_logged_out(&file(0)));
        assert!(state.is_logged_out(&file(1)) && state.is_logged_out(&file(MOST_LOGOUTS)));
    }
}
