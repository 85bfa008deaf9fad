//! One download a key, and everyone tails it.
//!
//! A flight is a task that downloads one object into a staging file. Whoever wants the key, now or
//! while it runs, reads along at its own pace: the newest bytes from memory, older ones from the
//! file. The task outlives its readers; a slow reader slows nobody.
//!
//! ```text
//! Starting ─► Streaming ─► Streaming (all) ─► committed, out of the table
//!     │            ├─► Failed      readers reset their connections
//!     │            └─► Diverted    the disk failed: readers download on their own
//!     ├─► Failed                   readers answer with the error
//!     └─► AlreadyCached            it was committed just before: readers look it up
//! ```

mod commits;
mod digesting;
mod download;
mod landed;
mod spool;
mod under_way;
mod writer;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::artifact::ArtifactKey;
use crate::cache::key::EntryId;
use crate::cache::{Cache, CacheKey};
use crate::checksum::{Checksums, ExpectedChecksum};
use crate::credentials::now;
use crate::error::Error;
use crate::object::ObjectAttributes;
use crate::remote::{Body, ObjectHead, Remote, VerifiedDownload};
use crate::request;
use commits::Commits;
use digesting::Turns;
use landed::Landed;
pub use landed::LandedBefore;
use spool::Spool;
pub use under_way::UnderWay;

/// All downloads under way. Cheap to clone.
#[derive(Clone)]
pub struct Flights {
    running: Arc<Mutex<HashMap<EntryId, Arc<Flight>>>>,
    landed: Arc<Landed>,
    turns: Turns,
    commits: Commits,
    cache: Cache,
    origin: Arc<dyn Remote>,
}

/// One download.
pub struct Flight {
    key: ArtifactKey,
    begun: Instant,
    progress: watch::Sender<Progress>,
    spool: Arc<Spool>,
    attributes: OnceLock<Arc<ObjectAttributes>>,
    checksums: OnceLock<Checksums>,
    promised: OnceLock<Arc<[ExpectedChecksum]>>,
    /// The download of an object that the cache could not take, for whoever reads first.
    handover: Mutex<Option<Box<VerifiedDownload>>>,
    /// The request that began it.
    begun_for: Option<Arc<request::Context>>,
}

/// How far a download is.
#[derive(Clone, Debug)]
enum Progress {
    Starting,
    Streaming { available_bytes: u64 },
    Failed(Error),
    Diverted,
    AlreadyCached,
}

/// What a flight has become when it can first be read.
#[derive(Clone, Debug)]
pub enum Departure {
    /// Bytes are coming: the object's attributes are known.
    Streaming(Arc<ObjectAttributes>),
    /// It was in the cache after all.
    AlreadyCached,
    /// The cache cannot take it, nor memory: download it alone.
    Diverted(Arc<ObjectAttributes>),
}

/// Why bytes of a flight cannot be read.
#[derive(Debug)]
pub enum TailError {
    /// The cache failed; the bytes can be had from the origin.
    Diverted,
    /// The download failed.
    Failed(Error),
}

impl Flights {
    /// No downloads yet.
    #[must_use]
    pub fn new(cache: Cache, origin: Arc<dyn Remote>) -> Self {
        Self {
            running: Arc::default(),
            landed: Arc::default(),
            turns: Turns::default(),
            commits: Commits::default(),
            cache,
            origin,
        }
    }

    /// The download of `key` under way, or a new one; and whether it is new.
    #[must_use]
    pub fn join(&self, key: &ArtifactKey, cache_key: &CacheKey) -> (Arc<Flight>, bool) {
        self.join_or_start(key, cache_key, Begin::Unseen)
    }

    /// As [`Self::join`], after a look into the cache, before which [`Self::landed_before`] was asked.
    #[must_use]
    pub fn join_after_look(
        &self,
        key: &ArtifactKey,
        cache_key: &CacheKey,
        before: LandedBefore,
    ) -> (Arc<Flight>, bool) {
        self.join_or_start(key, cache_key, Begin::Seen(before))
    }

    /// What tells a flight whether a look into the cache, which begins now, is not too old.
    #[must_use]
    pub fn landed_before(&self, cache_key: &CacheKey) -> LandedBefore {
        self.landed.of(cache_key.id())
    }

    /// As [`Self::join`], with a body that is already on its way.
    #[must_use]
    pub fn join_with(
        &self,
        key: &ArtifactKey,
        cache_key: &CacheKey,
        stream: Box<dyn Body>,
    ) -> (Arc<Flight>, bool) {
        self.join_or_start(key, cache_key, Begin::With(stream))
    }

    /// The download of a key, if there is one.
    #[must_use]
    pub fn running(&self, cache_key: &CacheKey) -> Option<Arc<Flight>> {
        let running = self.table().get(&cache_key.id()).cloned();
        running.filter(|flight| self.takes_more(flight))
    }

    /// How many downloads are under way.
    #[must_use]
    pub fn count(&self) -> usize {
        self.table().len()
    }

    fn join_or_start(
        &self,
        key: &ArtifactKey,
        cache_key: &CacheKey,
        begin: Begin,
    ) -> (Arc<Flight>, bool) {
        let mut table = self.table();
        let running = table.get(&cache_key.id());
        if let Some(flight) = running.filter(|flight| self.takes_more(flight)) {
            return (Arc::clone(flight), false);
        }
        let flight = Arc::new(Flight::of(key));
        table.insert(cache_key.id(), Arc::clone(&flight));
        drop(table);
        let landing = Landing {
            flights: self.clone(),
            id: cache_key.id(),
            flight: Arc::clone(&flight),
        };
        let task = download::run(self.clone(), landing, key.clone(), cache_key.clone(), begin);
        request::spawn(task);
        (flight, true)
    }

    /// Whether those who come later may read along: nobody fails by what has failed before, and nobody who comes
    /// after a change gets what was asked for before it.
    fn takes_more(&self, flight: &Flight) -> bool {
        let changed_at = self.origin.changed_at(flight.key.as_str());
        let age = changed_at.and_then(|changed_at| now().duration_since(changed_at).ok());
        !flight.has_failed() && age.is_none_or(|age| flight.begun.elapsed() < age)
    }

    /// Whether a download may still be kept. Where another one has begun for its key since, that one has the newer
    /// bytes, and may have stored them.
    fn is_latest(&self, id: EntryId, flight: &Arc<Flight>) -> bool {
        let table = self.table();
        table
            .get(&id)
            .is_some_and(|latest| Arc::ptr_eq(latest, flight))
    }

    fn table(&self) -> MutexGuard<'_, HashMap<EntryId, Arc<Flight>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is known of an object when its flight begins.
enum Begin {
    /// Nothing: it may have been stored meanwhile.
    Unseen,
    /// It was not in the cache, unless a flight has landed since.
    Seen(LandedBefore),
    /// Its body is on the way.
    With(Box<dyn Body>),
}

/// Takes a flight out of the table however its task ends, a panic included, so that nobody hangs.
struct Landing {
    flights: Flights,
    id: EntryId,
    flight: Arc<Flight>,
}

impl Drop for Landing {
    fn drop(&mut self) {
        let mut table = self.flights.table();
        // Before anybody can begin another one.
        self.flights.landed.note(self.id);
        let entry = table.get(&self.id);
        if entry.is_some_and(|entry| Arc::ptr_eq(entry, &self.flight)) {
            table.remove(&self.id);
        }
        drop(table);
        if !self.flight.has_ended() {
            self.flight
                .fail(Error::unavailable("the download ended unexpectedly"));
        }
    }
}

impl Flight {
    /// One that begins now, for the current request.
    fn of(key: &ArtifactKey) -> Self {
        Self {
            key: key.clone(),
            begun: Instant::now(),
            progress: watch::Sender::new(Progress::Starting),
            spool: Arc::default(),
            attributes: OnceLock::new(),
            checksums: OnceLock::new(),
            promised: OnceLock::new(),
            handover: Mutex::default(),
            begun_for: request::current(),
        }
    }

    /// The request that began it, and in whose name S3 is called.
    #[must_use]
    pub fn begun_for(&self) -> Option<&Arc<request::Context>> {
        self.begun_for.as_ref()
    }

    /// Waits until the flight can be read, or will not be.
    pub async fn departure(&self) -> Result<Departure, Error> {
        let mut progress = self.progress.subscribe();
        let departed = progress
            .wait_for(|progress| !matches!(progress, Progress::Starting))
            .await;
        // The sender is in `self`, so it is not gone.
        let departed = departed.map_or(Progress::Diverted, |progress| progress.clone());
        match departed {
            Progress::Failed(error) => Err(error),
            Progress::AlreadyCached => Ok(Departure::AlreadyCached),
            Progress::Streaming { .. } => self.known().map(Departure::Streaming),
            Progress::Diverted | Progress::Starting => self.known().map(Departure::Diverted),
        }
    }

    fn known(&self) -> Result<Arc<ObjectAttributes>, Error> {
        let known = self.attributes.get().map(Arc::clone);
        known.ok_or_else(|| Error::unavailable("the download ended before it began"))
    }

    /// The checksums, once all bytes have come and were verified.
    #[must_use]
    pub fn checksums(&self) -> Option<&Checksums> {
        self.checksums.get()
    }

    /// What the origin has promised of the bytes, once it has.
    #[must_use]
    pub fn promised(&self) -> Arc<[ExpectedChecksum]> {
        self.promised.get().cloned().unwrap_or_default()
    }

    /// The next bytes of the body at `position`, at most up to `end`; waits for them.
    pub async fn read(&self, position: u64, end: u64) -> Result<Bytes, TailError> {
        let mut progress = self.progress.subscribe();
        let reached = progress.wait_for(|progress| match progress {
            Progress::Starting => false,
            Progress::Streaming { available_bytes } => *available_bytes > position,
            Progress::Failed(_) | Progress::Diverted | Progress::AlreadyCached => true,
        });
        let reached = reached
            .await
            .map_or(Progress::Diverted, |progress| progress.clone());
        let end = match reached {
            Progress::Failed(error) => return Err(TailError::Failed(error)),
            Progress::Streaming { available_bytes } => end.min(available_bytes),
            Progress::Starting | Progress::Diverted | Progress::AlreadyCached => end,
        };
        self.spool
            .read(position, end)
            .await
            .ok_or(TailError::Diverted)
    }

    /// As [`Self::read`], as far as nothing has to be waited for.
    #[must_use]
    pub fn at_hand(&self, position: u64, end: u64) -> Option<Bytes> {
        let end = match &*self.progress.borrow() {
            Progress::Streaming { available_bytes } => end.min(*available_bytes),
            Progress::Starting
            | Progress::Failed(_)
            | Progress::Diverted
            | Progress::AlreadyCached => return None,
        };
        (position < end)
            .then(|| self.spool.at_hand(position, end))
            .flatten()
    }

    /// Makes bytes readable.
    fn publish(&self, position: u64, bytes: Bytes) {
        let available_bytes = position + bytes.len() as u64;
        self.spool.push(position, bytes);
        self.progress
            .send_replace(Progress::Streaming { available_bytes });
    }

    /// The untouched download of a diverted flight, once.
    #[must_use]
    pub fn take_over(&self) -> Option<Box<VerifiedDownload>> {
        self.handover
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    fn hand_over(&self, download: VerifiedDownload) {
        let mut handover = self.handover.lock().unwrap_or_else(PoisonError::into_inner);
        *handover = Some(Box::new(download));
    }

    fn depart(&self, head: &ObjectHead) {
        let _set_once = self.promised.set(head.expected.checksums.as_slice().into());
        let _set_once = self.attributes.set(Arc::new(head.attributes.clone()));
    }

    fn has_departed(&self) -> bool {
        self.attributes.get().is_some()
    }

    /// Whether readers have, or will get, all they can from it.
    fn has_ended(&self) -> bool {
        match &*self.progress.borrow() {
            Progress::Starting => false,
            Progress::Streaming { available_bytes } => self
                .attributes
                .get()
                .is_some_and(|known| known.length == *available_bytes),
            Progress::Failed(_) | Progress::Diverted | Progress::AlreadyCached => true,
        }
    }

    fn has_failed(&self) -> bool {
        matches!(&*self.progress.borrow(), Progress::Failed(_))
    }

    fn fail(&self, error: Error) {
        self.progress.send_replace(Progress::Failed(error));
    }
}
