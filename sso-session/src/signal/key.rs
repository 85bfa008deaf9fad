//! Which request a signal is.

use serde::{Deserialize, Serialize};

use super::LoginSignal;
use crate::date;

/// What tells one request from the next: its generation, or for the original format its time. Whoever deals with
/// a request names it by this, so that it touches no other that has taken its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignalKey {
    /// The profile.
    pub profile: String,
    /// The signal's `generation`.
    pub generation: Option<u64>,
    /// The signal's `timestamp`, where there is no generation; seconds since 1970.
    pub timestamp: Option<i64>,
}

impl LoginSignal {
    /// Which request it is.
    #[must_use]
    pub fn key(&self) -> SignalKey {
        let timestamp = self.timestamp.map(date::epoch_seconds);
        SignalKey {
            profile: self.profile.clone(),
            generation: self.generation,
            timestamp: timestamp.filter(|_| self.generation.is_none()),
        }
    }
}
