//! Reads an artifact from wherever it was found, and goes on from elsewhere if that place fails.

use std::sync::Arc;

use bytes::Bytes;
use tracing::warn;

use super::{Fetcher, Found, Source};
use crate::artifact::ArtifactKey;
use crate::cache::{CacheKey, Entry, HitBody, ReadError};
use crate::error::Error;
use crate::flight::{Flight, TailError};
use crate::object::ObjectAttributes;
use crate::origin::VerifiedDownload;
use crate::request;

/// Read from a file in one piece, in bytes.
const READ_BYTES: u64 = 256 * 1024;

/// A range of one artifact's bytes, in order.
pub struct ArtifactReader {
    fetcher: Arc<Fetcher>,
    key: ArtifactKey,
    attributes: Arc<ObjectAttributes>,
    place: Place,
    position: u64,
    end: u64,
    /// A broken file is replaced once; one that cannot be removed is not read again.
    healed: bool,
}

enum Place {
    Memory(Bytes),
    File(CacheKey, Arc<Entry>),
    Flight(Arc<Flight>),
    /// A private download, for when the cache cannot take the object; `at` in its body.
    Alone {
        download: Box<VerifiedDownload>,
        at: u64,
    },
    /// A private download yet to be started, or taken over from a flight that could not be kept.
    NotYetAlone(Option<Arc<Flight>>),
}

/// What to do after one step.
enum Step {
    Bytes(Bytes),
    /// Try again, at the new place.
    Moved(Place),
}

impl Found {
    /// Whether all bytes are at hand, without waiting.
    #[must_use]
    pub fn in_memory(&self) -> Option<&Bytes> {
        match &self.source {
            Source::Hit(_, HitBody::Memory(body)) => Some(body),
            Source::Hit(_, HitBody::File(_))
            | Source::Flight(_)
            | Source::Diverted(_)
            | Source::Nothing => None,
        }
    }

    /// Reads the bytes from `start` up to `end`.
    #[must_use]
    pub fn reader(
        &self,
        fetcher: &Arc<Fetcher>,
        key: &ArtifactKey,
        start: u64,
        end: u64,
    ) -> ArtifactReader {
        let place = match &self.source {
            Source::Hit(_, HitBody::Memory(body)) => Place::Memory(body.clone()),
            Source::Hit(key, HitBody::File(entry)) => Place::File(key.clone(), Arc::clone(entry)),
            Source::Flight(flight) => Place::Flight(Arc::clone(flight)),
            Source::Diverted(flight) => Place::NotYetAlone(Some(Arc::clone(flight))),
            Source::Nothing => Place::NotYetAlone(None),
        };
        ArtifactReader {
            fetcher: Arc::clone(fetcher),
            key: key.clone(),
            attributes: Arc::clone(&self.attributes),
            place,
            position: start,
            end,
            healed: false,
        }
    }
}

impl ArtifactReader {
    /// The next bytes; `None` at the end of the range.
    ///
    /// An error means that the rest cannot be had: the connection must be reset, as a short body
    /// that ends cleanly would be taken for the whole.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        while self.position < self.end {
            match self.step().await? {
                Step::Bytes(bytes) => {
                    self.position += bytes.len() as u64;
                    if self.position >= self.end {
                        self.finish();
                    }
                    return Ok(Some(bytes));
                }
                Step::Moved(place) => self.place = place,
            }
        }
        Ok(None)
    }

    async fn step(&mut self) -> Result<Step, Error> {
        let (position, end) = (self.position, self.end);
        match &mut self.place {
            Place::Memory(body) => {
                let within = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(body.len());
                let bytes = body.slice(within(position)..within(end));
                if bytes.is_empty() {
                    return Err(Error::Cache("an object in memory is too short".into()));
                }
                Ok(Step::Bytes(bytes))
            }
            Place::File(cache_key, entry) => {
                let (cache_key, reading) = (cache_key.clone(), Arc::clone(entry));
                let length = READ_BYTES.min(end - position);
                let read = request::spawn_blocking(move || reading.read_at(position, length));
                let broken = Arc::clone(entry);
                match read.await {
                    Ok(Ok(bytes)) => Ok(Step::Bytes(bytes)),
                    Ok(Err(error)) if !self.healed && !error.is_of_the_system() => {
                        self.healed = true;
                        self.heal(cache_key, &broken, &error).await
                    }
                    Ok(Err(error)) => Ok(leave_the_file(&cache_key, &error)),
                    Err(error) => Ok(leave_the_file(&cache_key, &error)),
                }
            }
            Place::Flight(flight) => match flight.read(position, end).await {
                Ok(bytes) => Ok(Step::Bytes(bytes)),
                Err(TailError::Failed(error)) => Err(error),
                Err(TailError::Diverted) => Ok(Step::Moved(Place::NotYetAlone(None))),
            },
            Place::NotYetAlone(flight) => {
                if let Some(download) = flight.as_ref().and_then(|flight| flight.take_over()) {
                    return Ok(Step::Moved(Place::Alone { download, at: 0 }));
                }
                let stream = self.fetcher.origin.get(&self.key).await?;
                self.must_be_the_same(&stream.head().attributes)?;
                let download = Box::new(VerifiedDownload::new(stream));
                Ok(Step::Moved(Place::Alone { download, at: 0 }))
            }
            Place::Alone { download, at } => loop {
                // What was sent already is downloaded once more, to verify the whole.
                let Some(bytes) = download.next().await? else {
                    return Err(Error::Corrupt("the download ended early".into()));
                };
                let start = *at;
                *at += bytes.len() as u64;
                if *at > position {
                    let within = |place: u64| {
                        usize::try_from(place.saturating_sub(start)).unwrap_or(usize::MAX)
                    };
                    let upto = within(end).min(bytes.len());
                    return Ok(Step::Bytes(bytes.slice(within(position)..upto)));
                }
            },
        }
    }

    /// A cache file turned out broken while it was sent: removed, and the rest comes from a new
    /// download of the same object.
    async fn heal(
        &self,
        cache_key: CacheKey,
        broken: &Arc<Entry>,
        error: &ReadError,
    ) -> Result<Step, Error> {
        warn!(artifact.key = cache_key.key(), %error, "a cache file is broken and is replaced");
        self.fetcher.cache.remove_broken(&cache_key, broken).await;
        let (flight, _) = self.fetcher.flights.join(&self.key, &cache_key);
        let found = self
            .fetcher
            .board(&self.key, cache_key, flight, super::Verdict::Miss)
            .await?;
        self.must_be_the_same(&found.attributes)?;
        Ok(Step::Moved(
            found.reader(&self.fetcher, &self.key, 0, 0).place,
        ))
    }

    fn must_be_the_same(&self, other: &ObjectAttributes) -> Result<(), Error> {
        let same = self.attributes.etag == other.etag && self.attributes.length == other.length;
        if same { Ok(()) } else { Err(Error::Changed) }
    }

    fn finish(&self) {
        if let Place::File(cache_key, entry) = &self.place {
            self.fetcher.cache.note_verified(cache_key, entry);
        }
    }
}

/// A file that cannot be read is no reason to fail an answer: the rest is downloaded.
fn leave_the_file(cache_key: &CacheKey, error: &impl std::fmt::Display) -> Step {
    warn!(artifact.key = cache_key.key(), %error, "a cache file cannot be read");
    Step::Moved(Place::NotYetAlone(None))
}
