//! The cache: verified objects on disk, small hot ones in memory too. Knows neither HTTP nor AWS.
//!
//! ```text
//! CACHE_DIR/
//!   v1/                    everything of this format; other names are left alone
//!     lock                 flocked by the one process that serves from this folder
//!     objects/ab/cdef…     one self-describing file an object: see `format`
//!     staging/…            downloads under way; emptied at start, never reachable by a key
//! ```
//!
//! Invariants:
//! * **The file system is the index**: the path of an object is a hash of repository and key. No
//!   scan stands between the start of the process and its first hit; usage is counted behind.
//! * **One door in**: [`Staged`] writes below `staging/`, takes a proof of verification, syncs,
//!   renames; the folder is synced a moment later, for all that was renamed into it meanwhile. Nothing
//!   else creates an object.
//! * **Anything wrong on reading is a miss**: it is logged, removed, and fetched again.
//! * A file's modification time is when its object was last validated with the origin; its access
//!   time is when it was last served (written in the background, so that eviction survives a
//!   restart).

mod entry;
mod figures;
mod folder;
pub mod format;
mod inspect;
pub mod key;
mod memory;
mod read;
mod reservation;
mod staging;
mod unsynced;
mod usage;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::FutureExt as _;
use thiserror::Error;
use tracing::{debug, warn};

use entry::Identity;
pub use entry::{Entry, ReadError};
pub use figures::Figures;
pub use folder::CacheFolder;
pub use format::Metadata;
pub use inspect::{Inspection, inspect, purge};
pub use key::{CacheKey, ObjectName};
pub use memory::{Annex, MemoryObject};
use memory::{Memory, MemoryHit};
use read::Wait;
pub use staging::{Staged, StagedReader};
use unsynced::Unsynced;
use usage::Usage;

use crate::checksum::Verified;
use crate::disk::Disk;
use crate::object::ObjectAttributes;
use crate::request;

/// Objects up to this size may be kept in memory when served, in bytes.
pub const MEMORY_OBJECT_BYTES: u64 = 64 * 1024;
/// What all objects in memory may occupy together, in bytes: 10,000 of 4 KiB.
const MEMORY_BYTES: u64 = 64 * 1024 * 1024;

/// The bounds of a cache, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// What files and running downloads may occupy, in blocks of the disk.
    pub max_bytes: u64,
    /// What stays free on the disk.
    pub min_free_bytes: u64,
}

/// Why the cache cannot be used, or cannot take an object.
#[derive(Debug, Error)]
pub enum CacheError {
    /// Another process serves from the same folder.
    #[error("{0} is in use by another bazel-proxy")]
    InUse(std::path::PathBuf),
    /// The object does not fit, even after eviction.
    #[error("no room for {needed_bytes} bytes within CACHE_MAX_SIZE and CACHE_MIN_FREE")]
    NoRoom {
        /// What the object needs on disk.
        needed_bytes: u64,
    },
    /// The disk failed.
    #[error("{action}: {source}")]
    Io {
        /// What was being done, with the path.
        action: String,
        /// The system's word.
        source: io::Error,
    },
}

/// A cached object, ready to be served.
#[derive(Clone, Debug)]
pub struct Hit {
    /// What it is.
    pub metadata: Arc<Metadata>,
    /// When the origin last confirmed it.
    pub validated_at: SystemTime,
    /// Its bytes.
    pub body: HitBody,
}

/// Where a hit's bytes are.
#[derive(Clone, Debug)]
pub enum HitBody {
    /// All of them in memory.
    Memory(Arc<MemoryObject>),
    /// In an open file, which stays readable whatever happens to its name.
    File(Arc<Entry>),
}

/// What a look that waits for nothing comes to.
enum Look {
    Hit(Hit),
    /// There is no such object.
    Absent,
    /// Only the disk can tell; also whether what is in memory is still there.
    Waits(Option<MemoryHit>),
}

/// A handle on the cache; cheap to clone.
#[derive(Clone)]
pub struct Cache {
    inner: Arc<Inner>,
}

struct Inner {
    folder: CacheFolder,
    usage: Usage,
    memory: Memory,
    unsynced: Unsynced,
    /// Asked how much is free.
    disk: Disk,
}

impl Cache {
    /// Opens or creates the cache, taking its lock; blocks on the disk for a few system calls.
    pub fn open(folder: CacheFolder, limits: Limits) -> Result<Self, CacheError> {
        folder.prepare()?;
        Self::beside(folder, limits)
    }

    /// A handle without the lock, for whoever stores nothing: another process may have the lock.
    pub fn beside(folder: CacheFolder, limits: Limits) -> Result<Self, CacheError> {
        let usage = Usage::new(folder.clone(), limits)?;
        let inner = Inner {
            folder,
            usage,
            memory: Memory::new(MEMORY_BYTES),
            unsynced: Unsynced::default(),
            disk: Disk::default(),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Looks an object up as far as nothing has to be waited for: in memory, and in files that the system has
    /// in memory. `key` is asked for its full name only if the short one does not do.
    pub fn at_hand(&self, name: &ObjectName<'_>, key: impl FnOnce() -> CacheKey) -> Option<Hit> {
        match self.inner.look(name, key) {
            Look::Hit(hit) => Some(hit),
            Look::Absent | Look::Waits(_) => None,
        }
    }

    /// Looks an object up, in memory and then on disk. A broken file is removed and is a miss.
    pub async fn lookup(&self, key: &CacheKey) -> Option<Hit> {
        let unconfirmed = match self.inner.look(&key.name(), || key.clone()) {
            Look::Hit(hit) => return Some(hit),
            Look::Absent => return None,
            Look::Waits(unconfirmed) => unconfirmed,
        };
        if let Some(hit) = unconfirmed {
            if self.still_on_disk(key, hit.identity()).await {
                self.inner.usage.served(key, None);
                return Some(hit.confirmed());
            }
            self.inner.memory.remove(key);
            if self.inner.usage.is_absent(key.id()) {
                return None;
            }
        }
        let (inner, key) = (Arc::clone(&self.inner), key.clone());
        blocking(move || inner.lookup_on_disk(&key)).await?
    }

    async fn still_on_disk(&self, key: &CacheKey, identity: Identity) -> bool {
        let path = self.inner.folder.object_path(key.id());
        let found = blocking(move || Identity::of_path(&path).ok()).await;
        found.flatten() == Some(identity)
    }

    /// Makes room for an object and opens its staging file.
    pub async fn stage(
        &self,
        key: &CacheKey,
        attributes: &ObjectAttributes,
    ) -> Result<Staged, CacheError> {
        let (inner, key, attributes) = (Arc::clone(&self.inner), key.clone(), attributes.clone());
        blocking(move || Staged::create(inner, key, attributes))
            .await
            .unwrap_or_else(|| Err(CacheError::io("staging", io::Error::other("task failed"))))
    }

    /// Stores a small object of which all bytes are at hand.
    pub async fn store(
        &self,
        key: &CacheKey,
        attributes: &ObjectAttributes,
        body: Bytes,
        verified: Verified,
    ) -> Result<(), CacheError> {
        let (inner, key, attributes) = (Arc::clone(&self.inner), key.clone(), attributes.clone());
        let store = move || {
            let staged = Staged::create(inner, key, attributes)?;
            staged
                .commit_whole(&body, &verified)
                .map_err(|error| CacheError::io("storing", error))
        };
        blocking(store)
            .await
            .unwrap_or_else(|| Err(CacheError::io("storing", io::Error::other("task failed"))))
    }

    /// Notes that the origin has just confirmed the object.
    pub async fn confirm(&self, key: &CacheKey) {
        self.set_validated(key, SystemTime::now_at_the_rim()).await;
    }

    /// Makes the next request for the object ask the origin.
    pub async fn expire(&self, key: &CacheKey) {
        self.set_validated(key, SystemTime::UNIX_EPOCH).await;
    }

    async fn set_validated(&self, key: &CacheKey, at: SystemTime) {
        let (inner, key) = (Arc::clone(&self.inner), key.clone());
        blocking(move || inner.set_validated(&key, at)).await;
    }

    /// Removes the object; open readers go on.
    pub async fn remove(&self, key: &CacheKey) {
        let (inner, key) = (Arc::clone(&self.inner), key.clone());
        blocking(move || inner.remove(&key)).await;
    }

    /// Removes the object if its file is still the one that turned out broken while it was read,
    /// and not a new one that another request has put there.
    pub async fn remove_broken(&self, key: &CacheKey, broken: &Arc<Entry>) {
        let (inner, key, broken) = (Arc::clone(&self.inner), key.clone(), Arc::clone(broken));
        blocking(move || inner.remove_if_same(&key, &broken)).await;
    }

    /// Those of the objects that are there, without opening them.
    pub async fn held(&self, keys: Vec<CacheKey>) -> Vec<CacheKey> {
        let inner = Arc::clone(&self.inner);
        let is_there = move |key: &CacheKey| inner.folder.object_path(key.id()).exists();
        let looked = blocking(move || keys.into_iter().filter(is_there).collect()).await;
        looked.unwrap_or_default()
    }

    /// Notes that an open file has been read to its end and found whole, so that it need not be
    /// checked again until it changes.
    pub fn note_verified(&self, key: &CacheKey, entry: &Entry) {
        if entry.is_verified() {
            self.inner
                .usage
                .verified(key.id(), entry.identity().fingerprint());
        }
    }

    /// Counts what is on disk and evicts what is too much, and keeps usage and the names of new objects on
    /// disk, until `shutdown` ends: when nothing is stored any more. The background part of the cache.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let shutdown = shutdown.shared();
        // Names are not kept waiting by a slow count.
        tokio::join!(self.keep_usage(shutdown.clone()), self.keep_names(shutdown));
    }

    async fn keep_usage(&self, shutdown: impl Future<Output = ()>) {
        const PERSIST_EVERY: Duration = Duration::from_mins(1);
        let inner = Arc::clone(&self.inner);
        blocking(move || inner.usage.count_from_disk()).await;
        let mut every = tokio::time::interval(PERSIST_EVERY);
        tokio::pin!(shutdown);
        loop {
            let last = tokio::select! {
                _ = every.tick() => false,
                () = &mut shutdown => true,
            };
            let inner = Arc::clone(&self.inner);
            blocking(move || inner.usage.persist()).await;
            if last {
                return;
            }
        }
    }

    async fn keep_names(&self, shutdown: impl Future<Output = ()>) {
        tokio::pin!(shutdown);
        loop {
            let last = tokio::select! {
                () = self.inner.unsynced.collected() => false,
                () = &mut shutdown => true,
            };
            let inner = Arc::clone(&self.inner);
            blocking(move || inner.unsynced.sync()).await;
            if last {
                return;
            }
        }
    }

    /// Bytes occupied on disk, as far as counted, and by running downloads.
    #[must_use]
    pub fn occupied_bytes(&self) -> u64 {
        self.inner.usage.occupied_bytes()
    }
}

impl Inner {
    /// Looks without waiting. When an object was served is noted when its file is looked at: eviction needs
    /// no finer time.
    fn look(&self, name: &ObjectName<'_>, key: impl FnOnce() -> CacheKey) -> Look {
        if let Some(hit) = self.memory.get(name) {
            if hit.is_recently_checked() {
                return Look::Hit(hit.trusted());
            }
            match Identity::at_hand(&self.folder.object_path(hit.key().id())) {
                Ok(found) if found == hit.identity() => {
                    self.usage.served(hit.key(), None);
                    return Look::Hit(hit.confirmed());
                }
                Ok(_) => self.memory.remove(hit.key()),
                Err(_) => return Look::Waits(Some(hit)),
            }
        }
        let key = key();
        if self.usage.is_absent(key.id()) {
            return Look::Absent;
        }
        let path = self.folder.object_path(key.id());
        let verified = self.usage.verified_identity(&key);
        // Whatever is wrong with it, or it is not in the system's memory: `lookup_on_disk` finds out.
        self.open(&key, &path, verified, Wait::Never)
            .map_or(Look::Waits(None), Look::Hit)
    }

    /// Opens an object's file for a request that is served from it now.
    fn open(
        &self,
        key: &CacheKey,
        path: &Path,
        verified: u64,
        wait: Wait,
    ) -> Result<Hit, ReadError> {
        let opened = Entry::open(path, key, verified, &self.memory, wait)?;
        self.usage.served(key, Some(&opened));
        Ok(self.hit(key, opened))
    }

    fn lookup_on_disk(&self, key: &CacheKey) -> Option<Hit> {
        let path = self.folder.object_path(key.id());
        let verified = self.usage.verified_identity(key);
        match self.open(key, &path, verified, Wait::ForDisk) {
            Ok(hit) => Some(hit),
            Err(ReadError::Absent) => {
                self.usage.forget_if_gone(key.id());
                None
            }
            Err(error) if error.is_of_the_system() => {
                warn!(artifact.key = key.key(), %error, "a cache file cannot be read now");
                None
            }
            Err(error) => self.lookup_again(&error, key, &path),
        }
    }

    /// Looks once more before a broken file is removed: another request may have healed it.
    fn lookup_again(&self, error: &ReadError, key: &CacheKey, path: &Path) -> Option<Hit> {
        if let Ok(healed) = self.open(key, path, 0, Wait::ForDisk) {
            return Some(healed);
        }
        warn!(artifact.key = key.key(), %error, "a cache file is broken and was removed");
        self.remove(key);
        None
    }

    fn hit(&self, key: &CacheKey, entry: Entry) -> Hit {
        let metadata = Arc::clone(entry.metadata());
        let validated_at = entry.identity().modified();
        let body = match entry.whole_body() {
            Some((body, keep)) => {
                let identity = entry.identity();
                let object = self
                    .memory
                    .object(keep, key, &metadata, validated_at, body, identity);
                HitBody::Memory(object)
            }
            None => HitBody::File(Arc::new(entry)),
        };
        Hit {
            metadata,
            validated_at,
            body,
        }
    }

    fn set_validated(&self, key: &CacheKey, at: SystemTime) {
        let path = self.folder.object_path(key.id());
        let result = std::fs::File::open(&path).and_then(|file| file.set_modified(at));
        // Not before: who looks in between would keep the old time.
        self.memory.remove(key);
        if let Err(error) = result {
            debug!(artifact.key = key.key(), %error, "could not note a validation");
        }
    }

    fn remove(&self, key: &CacheKey) {
        self.memory.remove(key);
        self.usage.forget(key);
        let path = self.folder.object_path(key.id());
        if let Err(error) = folder::remove_whatever_it_is(&path)
            && error.kind() != io::ErrorKind::NotFound
        {
            warn!(path = %path.display(), %error, "could not remove a cache file");
        }
    }

    /// By the inode, which nobody else can have as long as the entry is open: the times of a file change
    /// whenever its usage is written.
    fn remove_if_same(&self, key: &CacheKey, broken: &Entry) {
        let path = self.folder.object_path(key.id());
        match Identity::of_path(&path) {
            Ok(found) if !found.is_same_file(&broken.identity()) => {}
            Ok(_) | Err(_) => self.remove(key),
        }
    }
}

impl CacheError {
    fn io(action: impl Into<String>, source: io::Error) -> Self {
        Self::Io {
            action: action.into(),
            source,
        }
    }
}

/// The one place where the cache reads the wall clock.
trait RimClock {
    fn now_at_the_rim() -> SystemTime;
}

impl RimClock for SystemTime {
    #[expect(clippy::disallowed_methods, reason = "file times are wall-clock times")]
    fn now_at_the_rim() -> SystemTime {
        SystemTime::now()
    }
}

/// Runs disk work off the async threads; `None` if it panicked, which is logged and contained.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    match request::spawn_blocking(work).await {
        Ok(value) => Some(value),
        Err(error) => {
            warn!(%error, "disk work did not end");
            None
        }
    }
}
