//! A large object over several connections: what follows behind the part that is being read.
//!
//! S3 gives one connection 80 to 90 MB/s, whatever the line could carry. So where the connection of a
//! large object turns out to be what its download waits for, the object goes on in ranges, a few at once:
//!
//! ```text
//!         read ▼                                              next ▼
//! ├────────────┼─────────┼─────────────┼─────────────┼─────────────┼ ─ ─ ─ ─ ─ ─┤
//!  first body            boundary: ranges of 4 MiB, under way or    not asked for
//!  (unranged)            in memory; read in order                   yet
//! ```
//!
//! * The first body goes on up to the boundary while the first range is asked for. Only when S3 has begun
//!   to send that, of the same object, further ones follow, and the first body is left at the boundary.
//!   Where it has not, nothing was lost: the first body brings the rest.
//! * No byte is asked for twice but those that the first connection had on its way at the boundary: what
//!   its line and buffers hold. A download that has to wait for a login gives its ranges up, and goes on
//!   over one connection.
//! * A new range begins when one has been read to its end, so a slow reader holds them all up, and what
//!   waits in memory is bounded by the places for ranges ([`limits`](super::limits)).
//! * Where ranges turn out to bring nothing, as the line is what limits, the next downloads are spared them
//!   for a while.
//! * A range that breaks off keeps what it has got; its rest is asked for when it is its turn.

mod body;
mod gain;
mod pace;

use std::collections::VecDeque;
use std::sync::{Arc, Once};
use std::time::Duration;

use tokio::time::timeout;
use tracing::{debug, warn};

use super::Origin;
use super::extent::Extent;
use super::limits::RangePlaces;
use crate::artifact::ArtifactKey;
use crate::object::ObjectAttributes;
pub(super) use body::{Break, RangeBody};
pub(super) use gain::Gain;
pub(super) use pace::Pace;

/// A range takes 50 ms at S3's pace, which is worth its round trip, and waits in memory.
pub(super) const RANGE_BYTES: u64 = 4 * 1024 * 1024;
/// Smaller objects come over one connection in any case.
const LARGE_BYTES: u64 = 16 * 1024 * 1024;
/// As is the rest of a larger one, if it is no longer than this.
const SHORT_BYTES: u64 = 3 * RANGE_BYTES;
/// Connections of one download, the one that is being read included.
const MOST_AT_ONCE: usize = 6;
/// With fewer it would be slower than over one, as each range begins with a round trip.
const LEAST_AT_ONCE: u32 = 3;
/// The first body waits so long at the boundary for S3 to begin the first range.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// How the rest of a download is to come.
pub(super) enum Ranges {
    /// Over one connection, as long as that is fast enough.
    Watched(Pace),
    /// In ranges.
    Planned(Plan),
    /// Over one connection, come what may.
    Unwanted,
}

impl Ranges {
    /// Without an entity tag nobody knows whether two ranges are of one object.
    pub(super) fn of(attributes: &ObjectAttributes) -> Self {
        if attributes.length >= LARGE_BYTES && attributes.etag.is_some() {
            Self::Watched(Pace::default())
        } else {
            Self::Unwanted
        }
    }
}

/// The ranges of one download.
pub(super) struct Plan {
    origin: Arc<Origin>,
    key: ArtifactKey,
    etag: String,
    /// One for each range, and one for the part that is being read.
    places: RangePlaces,
    /// In order, each beginning where the one before it ends.
    ahead: VecDeque<RangeBody>,
    /// Whether S3 has begun to send the first one.
    is_answered: bool,
    /// The first byte that was not asked for.
    next: u64,
    length: u64,
    /// Of the first body, before there were ranges.
    one: Pace,
    /// Of what has come in ranges.
    several: Pace,
}

impl Plan {
    /// Asks for the first range, which begins a range's length behind `position`; `None` where the rest is
    /// too short for that, ranges have brought nothing lately, or there is no place.
    pub(super) fn begin(
        origin: &Arc<Origin>,
        key: &ArtifactKey,
        attributes: &ObjectAttributes,
        position: u64,
        pace: Pace,
    ) -> Option<Self> {
        let (etag, length) = (attributes.etag.clone()?, attributes.length);
        if length.saturating_sub(position) <= SHORT_BYTES || !origin.gain.is_likely() {
            return None;
        }
        let mut plan = Self {
            origin: Arc::clone(origin),
            key: key.clone(),
            etag,
            places: origin.limits.range_places(LEAST_AT_ONCE)?,
            ahead: VecDeque::with_capacity(MOST_AT_ONCE),
            is_answered: false,
            next: position + RANGE_BYTES,
            length,
            one: pace,
            several: Pace::default(),
        };
        debug!(
            artifact.key = key.as_str(),
            position, "a download goes on over several connections"
        );
        plan.fetch();
        Some(plan)
    }

    /// Where the first range begins.
    pub(super) fn boundary(&self) -> u64 {
        self.ahead
            .front()
            .map_or(self.next, |range| range.extent().start)
    }

    /// Begins as many ranges as there is room for. Fails where S3 does not send the first one.
    pub(super) fn go_on(&mut self) -> Result<(), Break> {
        if !self.is_answered {
            match self.ahead.front_mut().and_then(RangeBody::has_begun) {
                Some(Ok(())) => self.note_answer(),
                Some(Err(end)) => return Err(end),
                None => return Ok(()),
            }
        }
        self.fill();
        Ok(())
    }

    /// Bytes have come in a range, `position` of the object in all.
    pub(super) fn note(&mut self, position: u64, bytes: u64, waited: Duration) {
        self.several.note(bytes, waited);
        if position == self.length {
            self.origin.gain.note(self.one, self.several);
        }
    }

    /// The part behind the one that has been read. Fails where S3 does not send the first one.
    pub(super) async fn next_part(&mut self) -> Result<RangeBody, Break> {
        let mut range = self
            .ahead
            .pop_front()
            .ok_or_else(|| Break::Off("no range is under way".to_owned()))?;
        if !self.is_answered {
            let answer = timeout(ANSWER_WITHIN, range.begins()).await;
            answer.unwrap_or_else(|_| Err(Break::Off("S3 did not answer".to_owned())))?;
            self.note_answer();
        }
        self.fill();
        Ok(range)
    }

    fn note_answer(&mut self) {
        self.is_answered = true;
        self.origin.metrics.s3_parallel.inc();
    }

    fn fill(&mut self) {
        while self.next < self.length {
            if !self.has_place() {
                return;
            }
            self.fetch();
        }
        self.places.keep(self.ahead.len() + 1);
    }

    fn has_place(&mut self) -> bool {
        let taken = self.ahead.len() + 1;
        if taken < self.places.count() {
            return true;
        }
        if taken >= MOST_AT_ONCE {
            return false;
        }
        let more = self.origin.limits.range_places(1);
        let has_more = more.is_some();
        if let Some(more) = more {
            self.places.add(more);
        }
        has_more
    }

    fn fetch(&mut self) {
        let extent = Extent {
            start: self.next,
            end: (self.next + RANGE_BYTES).min(self.length),
            length: self.length,
        };
        self.next = extent.end;
        let range = RangeBody::fetch(&self.origin, &self.key, &self.etag, extent);
        self.ahead.push_back(range);
    }
}

/// Says why a download goes on over one connection although several would have been faster.
pub(super) fn report_unwanted(key: &ArtifactKey, why: &Break) {
    static UNRANGED: Once = Once::new();
    let key = key.as_str();
    match why {
        Break::Whole => UNRANGED.call_once(|| {
            warn!(
                artifact.key = key,
                "S3, or something before it, answers a range with the whole object: large downloads \
                 come over one connection"
            );
        }),
        Break::Off(cause) => debug!(artifact.key = key, cause, "a range was not sent"),
        Break::Changed => debug!(artifact.key = key, "the object has changed meanwhile"),
    }
}
