//! What is under way, for people.

use std::time::Duration;

use tokio::time::Instant;

use super::{Flight, Flights, Progress};
use crate::artifact::ArtifactKey;

/// One download, as it is now.
#[derive(Clone, Debug)]
pub struct UnderWay {
    /// What is downloaded.
    pub key: ArtifactKey,
    /// How long it has been under way.
    pub age: Duration,
    /// The object's size, once the origin has answered.
    pub size_bytes: Option<u64>,
    /// How much of it is there.
    pub received_bytes: u64,
}

impl Flights {
    /// The downloads under way: how many, and those that have been so for longest, `most` of them.
    #[must_use]
    pub fn under_way(&self, most: usize) -> (usize, Vec<UnderWay>) {
        let mut flights: Vec<_> = self.table().values().cloned().collect();
        let count = flights.len();
        flights.sort_by(|one, other| (one.begun, &one.key).cmp(&(other.begun, &other.key)));
        let now = Instant::now();
        let shown = flights.iter().take(most);
        (count, shown.map(|flight| flight.as_it_is(now)).collect())
    }
}

impl Flight {
    fn as_it_is(&self, now: Instant) -> UnderWay {
        let received_bytes = match &*self.progress.borrow() {
            Progress::Streaming { available_bytes } => *available_bytes,
            Progress::Starting
            | Progress::Failed(_)
            | Progress::Diverted
            | Progress::AlreadyCached => 0,
        };
        UnderWay {
            key: self.key.clone(),
            age: now.saturating_duration_since(self.begun),
            size_bytes: self.attributes.get().map(|known| known.length),
            received_bytes,
        }
    }
}
