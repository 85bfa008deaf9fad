//! A signal that nobody needs: it shows what becomes of one.

use std::time::SystemTime;

use super::file::must_be_usable;
use super::{LoginSignal, SignalError, SignalFile, TEST};

/// What became of a rehearsal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rehearsed {
    /// The signal is there.
    Written {
        /// Its number.
        generation: u64,
    },
    /// A login is really needed, and that comes first.
    Busy {
        /// The profile of that one.
        profile: String,
    },
}

impl SignalFile {
    /// Asks for a login that nobody needs, to see what becomes of it; a rehearsal that stands is begun anew.
    /// For the watcher.
    pub fn rehearse(
        &self,
        profile: &str,
        sso_session: Option<&str>,
        now: SystemTime,
    ) -> Result<Rehearsed, SignalError> {
        must_be_usable(profile, sso_session)?;
        if let Some(needed) = self.read()?.filter(|signal| !signal.is_test()) {
            let profile = needed.profile;
            return Ok(Rehearsed::Busy { profile });
        }
        let generation = self.next_generation(now);
        self.write(&LoginSignal {
            reason: Some("A rehearsal: no build waits for it".to_owned()),
            timestamp: Some(now),
            source: Some(TEST.to_owned()),
            sso_session: sso_session.map(str::to_owned),
            generation: Some(generation),
            ..LoginSignal::new(profile.to_owned())
        })?;
        Ok(Rehearsed::Written { generation })
    }
}
