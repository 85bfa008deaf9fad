//! The signal's file, between two writers that both rename and never lock.
//!
//! It is level-triggered: whoever needs a login says so again at every check, since a file removed
//! on the host may stay visible in a container and the other way round. An update that gets lost
//! between the two writers is repeated by the next one.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use thiserror::Error;

use super::{Corrupt, LoginSignal, SignalKey, is_usable_name};
use crate::date;
use crate::disk::{self, DiskError};

/// A signal has a few hundred bytes.
const MOST_BYTES: u64 = 64 * 1024;

/// Older writers write in place: what looks corrupt is read again before it is believed.
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(50);

/// Longer texts are cut, so that a signal always fits.
const MOST_TEXT_BYTES: usize = 2000;

/// A proxy says its signal again about once a minute, unless `CHECK_INTERVAL` is longer. One that is
/// silent for so long has stopped, or has another profile now, and loses its turn to another session.
const ABANDONED_AFTER: Duration = Duration::from_mins(15);

/// The proxy's name in a signal.
const SOURCE: &str = "bazel-proxy";

/// Where the signal is; cheap to clone. Clones share the highest generation that was seen.
///
/// All methods block on the disk.
#[derive(Clone, Debug)]
pub struct SignalFile {
    path: PathBuf,
    highest_generation: Arc<AtomicU64>,
}

/// A login that the proxy cannot do without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// The profile to log in with.
    pub profile: String,
    /// Its SSO session, where it has one.
    pub sso_session: Option<String>,
    /// Why, for a person; no secrets.
    pub reason: String,
    /// Why, for a program.
    pub code: Option<String>,
    /// The generation of an earlier [`Asserted`], if the login has been needed since.
    pub generation: Option<u64>,
}

/// What became of a need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asserted {
    /// The signal is new.
    Raised {
        /// Its number.
        generation: u64,
    },
    /// The signal is there still or again.
    Reasserted {
        /// Its number, which may not be the need's.
        generation: u64,
    },
    /// Another session's login comes first.
    Waiting {
        /// The profile of that one.
        profile: String,
    },
    /// A rehearsal is under way.
    Rehearsal,
}

/// The signal cannot be read or written.
#[derive(Debug, Error)]
pub enum SignalError {
    /// The file or its folder.
    #[error("the login signal: {0}")]
    Disk(#[from] DiskError),
    /// The profile or session cannot stand in a command line.
    #[error("no login can be asked for `{0}`: such a name could be taken for something else")]
    Name(String),
}

impl SignalFile {
    /// Names the file; touches nothing yet.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            highest_generation: Arc::default(),
        }
    }

    /// Where the signal is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the signal. A corrupt one is moved to `<name>.corrupt` and counts as absent.
    pub fn read(&self) -> Result<Option<LoginSignal>, SignalError> {
        let mut outcome = self.read_once()?;
        for _ in 1..ATTEMPTS {
            if outcome.is_ok() {
                break;
            }
            std::thread::sleep(PAUSE);
            outcome = self.read_once()?;
        }
        match outcome {
            Ok(signal) => {
                let generation = signal.as_ref().and_then(|signal| signal.generation);
                let seen = generation.unwrap_or_default();
                self.highest_generation.fetch_max(seen, Ordering::Relaxed);
                Ok(signal)
            }
            Err(corrupt) => {
                disk::move_aside(&self.path, "corrupt")?;
                tracing::warn!(
                    path = %self.path.display(),
                    problem = %corrupt,
                    "the login signal was corrupt: moved aside, with .corrupt at its end"
                );
                Ok(None)
            }
        }
    }

    /// Reads the signal as it is now, and touches nothing: for those who only look. A corrupt one, or
    /// half of one, counts as absent.
    pub fn peek(&self) -> Result<Option<LoginSignal>, SignalError> {
        Ok(self.read_once()?.unwrap_or(None))
    }

    fn read_once(&self) -> Result<Result<Option<LoginSignal>, Corrupt>, DiskError> {
        match disk::read_bounded(&self.path, MOST_BYTES) {
            Ok(bytes) => Ok(LoginSignal::parse(&bytes).map(Some)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Ok(None)),
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => Ok(Err(Corrupt::TooLong)),
            Err(error) => Err(error),
        }
    }

    /// Says that a login is needed, or still needed. For the proxy.
    pub fn assert(&self, need: &Need, now: SystemTime) -> Result<Asserted, SignalError> {
        must_be_usable(&need.profile, need.sso_session.as_deref())?;
        let Some(mut signal) = self.read()? else {
            return self.raise(need, now);
        };
        if signal.is_test() {
            return Ok(Asserted::Rehearsal);
        }
        if !signal.is_for(&need.profile, need.sso_session.as_deref()) {
            let profile = signal.profile.clone();
            if !is_abandoned(&signal, now) {
                return Ok(Asserted::Waiting { profile });
            }
            tracing::info!(profile, "an abandoned request for a login makes way");
            return self.raise(need, now);
        }
        let generation = signal
            .generation
            .or(need.generation)
            .unwrap_or_else(|| self.next_generation(now));
        signal.generation = Some(generation);
        signal.reason = Some(cut(&need.reason));
        signal.code = need.code.as_deref().map(cut);
        signal.last_seen = Some(now);
        self.write(&signal)?;
        Ok(Asserted::Reasserted { generation })
    }

    fn raise(&self, need: &Need, now: SystemTime) -> Result<Asserted, SignalError> {
        let generation = need.generation.unwrap_or_else(|| self.next_generation(now));
        self.write(&LoginSignal {
            reason: Some(cut(&need.reason)),
            timestamp: Some(now),
            source: Some(SOURCE.to_owned()),
            sso_session: need.sso_session.clone(),
            code: need.code.as_deref().map(cut),
            generation: Some(generation),
            last_seen: Some(now),
            ..LoginSignal::new(need.profile.clone())
        })?;
        Ok(match need.generation {
            Some(_) => Asserted::Reasserted { generation },
            None => Asserted::Raised { generation },
        })
    }

    /// Removes the signal of a session whose credentials work again; whether there was one. For
    /// the proxy: another session's and a rehearsal's stay, and another generation's if one is given.
    pub fn withdraw(
        &self,
        profile: &str,
        sso_session: Option<&str>,
        generation: Option<u64>,
    ) -> Result<bool, SignalError> {
        self.remove_if(|signal| {
            !signal.is_test()
                && signal.is_for(profile, sso_session)
                && (generation.is_none() || signal.generation == generation)
        })
    }

    /// Notes that an attempt failed, and when the next one may be made; whether that signal is
    /// still there. For the watcher: another one stays as it is.
    pub fn record_failure(
        &self,
        key: &SignalKey,
        last_error: &str,
        next_attempt_after: SystemTime,
        now: SystemTime,
    ) -> Result<bool, SignalError> {
        let signal = self.read()?;
        let Some(mut signal) = signal.filter(|signal| signal.key() == *key) else {
            return Ok(false);
        };
        signal.last_error = Some(cut(last_error));
        signal.set_next_attempt_after(next_attempt_after, now);
        self.write(&signal)?;
        Ok(true)
    }

    /// Removes the signal after a proven login, or a rehearsal; whether it was still there. For
    /// the watcher: another one stays.
    pub fn remove_handled(&self, key: &SignalKey) -> Result<bool, SignalError> {
        self.remove_if(|signal| signal.key() == *key)
    }

    fn remove_if(&self, is_meant: impl FnOnce(&LoginSignal) -> bool) -> Result<bool, SignalError> {
        match self.read()? {
            Some(signal) if is_meant(&signal) => Ok(disk::remove(&self.path)?),
            Some(_) | None => Ok(false),
        }
    }

    pub(super) fn write(&self, signal: &LoginSignal) -> Result<(), SignalError> {
        Ok(disk::replace(&self.path, &signal.to_json())?)
    }

    /// Milliseconds since 1970, or one more than any that was seen: a clock may step back.
    pub(super) fn next_generation(&self, now: SystemTime) -> u64 {
        let seconds = u64::try_from(date::epoch_seconds(now)).unwrap_or_default();
        let since = now
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let milliseconds = seconds
            .saturating_mul(1000)
            .saturating_add(u64::from(since.subsec_millis()));
        let next = |highest: u64| milliseconds.max(highest.saturating_add(1));
        let highest = &self.highest_generation;
        let seen = highest.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |highest| {
            Some(next(highest))
        });
        next(seen.unwrap_or_else(|highest| highest))
    }
}

/// Refuses a name that could do harm in a command line.
pub(super) fn must_be_usable(profile: &str, sso_session: Option<&str>) -> Result<(), SignalError> {
    let mut names = [Some(profile), sso_session].into_iter().flatten();
    match names.find(|name| !is_usable_name(name)) {
        Some(name) => Err(SignalError::Name(name.escape_debug().to_string())),
        None => Ok(()),
    }
}

/// Whether it is a proxy's that does not say it any more, as each one does at every check.
fn is_abandoned(signal: &LoginSignal, now: SystemTime) -> bool {
    let silence = signal.last_seen.map(|last| now.duration_since(last));
    let is_silent = matches!(silence, Some(Ok(silence)) if silence > ABANDONED_AFTER);
    is_silent && signal.source.as_deref() == Some(SOURCE)
}

/// A text short enough for a signal.
fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(MOST_TEXT_BYTES)].to_owned()
}
