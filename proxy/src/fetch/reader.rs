//! Reads an artifact from wherever it was found, and goes on from elsewhere if that place fails.

use std::sync::Arc;

use bytes::Bytes;
use tracing::warn;

use super::{Fetcher, Found, Object, Source};
use crate::artifact::ArtifactKey;
use crate::cache::{Entry, HitBody, ReadError};
use crate::error::Error;
use crate::flight::{Flight, TailError};
use crate::object::ObjectAttributes;
use crate::remote::VerifiedDownload;
use crate::request;

/// A range of one artifact's bytes, in order.
pub struct ArtifactReader {
    fetcher: Arc<Fetcher>,
    key: ArtifactKey,
    object: Object,
    place: Place,
    position: u64,
    end: u64,
    /// A broken file is replaced once; one that cannot be removed is not read again.
    healed: bool,
}

enum Place {
    Memory(Bytes),
    File(Arc<Entry>),
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
    /// The bytes from `start` up to `end`, if all of them are in memory.
    #[must_use]
    pub fn in_memory(&self, start: u64, end: u64) -> Option<Bytes> {
        match &self.source {
            Source::Hit(HitBody::Memory(object)) => Some(within(object.body(), start, end)),
            Source::Hit(HitBody::File(_))
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
            Source::Hit(HitBody::Memory(object)) => Place::Memory(object.body().clone()),
            Source::Hit(HitBody::File(entry)) => Place::File(Arc::clone(entry)),
            Source::Flight(flight) => Place::Flight(Arc::clone(flight)),
            Source::Diverted(flight) => Place::NotYetAlone(Some(Arc::clone(flight))),
            Source::Nothing => Place::NotYetAlone(None),
        };
        ArtifactReader {
            fetcher: Arc::clone(fetcher),
            key: key.clone(),
            object: self.object.clone(),
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

    /// The next bytes, if nothing has to be waited for; [`Self::next`] has them, too.
    #[must_use]
    pub fn at_hand(&mut self) -> Option<Bytes> {
        let bytes = match &self.place {
            Place::Memory(body) => within(body, self.position, self.end),
            Place::File(entry) => entry.at_hand(self.position, self.end)?,
            Place::Flight(flight) => flight.at_hand(self.position, self.end)?,
            Place::Alone { .. } | Place::NotYetAlone(_) => return None,
        };
        self.position += bytes.len() as u64;
        (!bytes.is_empty()).then_some(bytes)
    }

    async fn step(&mut self) -> Result<Step, Error> {
        let (position, end) = (self.position, self.end);
        match &mut self.place {
            Place::Memory(body) => {
                let bytes = within(body, position, end);
                if bytes.is_empty() {
                    return Err(Error::Cache("an object in memory is too short".into()));
                }
                Ok(Step::Bytes(bytes))
            }
            Place::File(entry) => {
                let (reading, broken) = (Arc::clone(entry), Arc::clone(entry));
                let read = request::spawn_blocking(move || reading.read_at(position, end));
                match read.await {
                    Ok(Ok(bytes)) => Ok(Step::Bytes(bytes)),
                    Ok(Err(error)) if !self.healed && !error.is_of_the_system() => {
                        self.healed = true;
                        self.heal(&broken, &error).await
                    }
                    Ok(Err(error)) => Ok(self.leave_the_file(&error)),
                    Err(error) => Ok(self.leave_the_file(&error)),
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
                let origin = Arc::clone(&self.fetcher.origin);
                let stream = origin.get(self.key.clone()).await?;
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
    async fn heal(&self, broken: &Arc<Entry>, error: &ReadError) -> Result<Step, Error> {
        let cache_key = self.fetcher.cache_key(&self.key);
        warn!(artifact.key = cache_key.key(), %error, "a cache file is broken and is replaced");
        self.fetcher.cache.remove_broken(&cache_key, broken).await;
        let (flight, _) = self.fetcher.flights.join(&self.key, &cache_key);
        let found = self
            .fetcher
            .board(&self.key, cache_key, flight, super::Verdict::Miss)
            .await?;
        self.must_be_the_same(found.attributes())?;
        Ok(Step::Moved(
            found.reader(&self.fetcher, &self.key, 0, 0).place,
        ))
    }

    fn must_be_the_same(&self, other: &ObjectAttributes) -> Result<(), Error> {
        let this = self.object.attributes();
        let same = this.etag == other.etag && this.length == other.length;
        if same { Ok(()) } else { Err(Error::Changed) }
    }

    fn finish(&self) {
        if let Place::File(entry) = &self.place {
            let cache_key = self.fetcher.cache_key(&self.key);
            self.fetcher.cache.note_verified(&cache_key, entry);
        }
    }

    /// A file that cannot be read is no reason to fail an answer: the rest is downloaded.
    fn leave_the_file(&self, error: &impl std::fmt::Display) -> Step {
        warn!(artifact.key = self.key.as_str(), %error, "a cache file cannot be read");
        Step::Moved(Place::NotYetAlone(None))
    }
}

/// The bytes of `body` from `start` up to `end`, as far as it goes.
fn within(body: &Bytes, start: u64, end: u64) -> Bytes {
    let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(body.len());
    body.slice(place(start)..place(end))
}
