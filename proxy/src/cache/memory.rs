//! Small hot objects in memory, bounded by weight.

use std::any::Any;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::entry::Identity;
use super::key::{EntryId, ObjectName};
use super::{CacheKey, Hit, HitBody, Metadata};

/// How long an object in memory is served without a look at its file, in milliseconds. A file
/// removed or changed by another hand (`cache purge`, a person) is noticed after that.
const CHECK_EVERY_MS: u64 = 1000;
/// What an entry costs beside its body, in bytes: its metadata, and the head that is prepared for it.
const OVERHEAD_BYTES: u64 = 2048;

/// Up to this size, in bytes, an object is kept when it is first served, as long as there is room: a pom, a
/// checksum. Others have to be asked for again first, as reading a large one into memory of its own, or
/// pushing a small one out for it, takes twice as long as sending it from a buffer that the processor has at
/// hand.
const KEPT_AT_ONCE_BYTES: u64 = 16 * 1024;
/// So many of those that were asked for last are known again: not many more than memory has room for, or each
/// would push out another before it is asked for.
const LATELY_SERVED: usize = 1024;

pub(super) struct Memory {
    lately: Lately,
    objects: Cache<CacheKey, Arc<MemoryObject>, Weight>,
    started: Instant,
}

/// An object in memory.
#[derive(Debug)]
pub struct MemoryObject {
    key: CacheKey,
    metadata: Arc<Metadata>,
    validated_at: SystemTime,
    body: Bytes,
    identity: Identity,
    /// Milliseconds after `Memory::started`.
    checked_at: AtomicU64,
    /// Only where there is a use for it again.
    annex: Option<Annex>,
}

/// Where those who serve an object keep what they have worked out about it, as long as it is in memory.
#[derive(Debug, Default)]
pub struct Annex(OnceLock<Box<dyn Any + Send + Sync>>);

/// An object found in memory, and when its file was last looked at.
pub(super) struct MemoryHit {
    object: Arc<MemoryObject>,
    now: u64,
}

/// Which objects were served lately: one for each place, the newest counts.
struct Lately([AtomicU64; LATELY_SERVED]);

impl Default for Lately {
    fn default() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

impl Lately {
    fn has(&self, id: EntryId) -> bool {
        self.0[id.shard(LATELY_SERVED)].load(Ordering::Relaxed) == id.print()
    }

    fn note(&self, id: EntryId) {
        self.0[id.shard(LATELY_SERVED)].store(id.print(), Ordering::Relaxed);
    }
}

impl Annex {
    /// What is kept, made on first use; `None` if something of another type is.
    pub fn get_or_make<T: Any + Send + Sync>(&self, make: impl FnOnce() -> T) -> Option<&T> {
        self.0.get_or_init(|| Box::new(make())).downcast_ref()
    }
}

#[derive(Clone)]
struct Weight;

impl Weighter<CacheKey, Arc<MemoryObject>> for Weight {
    fn weight(&self, _: &CacheKey, object: &Arc<MemoryObject>) -> u64 {
        object.body.len() as u64 + OVERHEAD_BYTES
    }
}

impl Memory {
    pub(super) fn new(bytes: u64) -> Self {
        const TYPICAL_OBJECT_BYTES: u64 = 4096;
        let items = usize::try_from(bytes / TYPICAL_OBJECT_BYTES).unwrap_or(1024);
        Self {
            objects: Cache::with_weighter(items, bytes, Weight),
            started: Instant::now(),
            lately: Lately::default(),
        }
    }

    /// Whether an object that is read now, from a file of so many bytes, is worth keeping.
    pub(super) fn is_worth_keeping(&self, id: EntryId, file_bytes: u64) -> bool {
        let is_small = file_bytes <= KEPT_AT_ONCE_BYTES;
        self.lately.has(id) || (is_small && self.has_room())
    }

    fn has_room(&self) -> bool {
        let (bytes, most) = self.bytes();
        bytes <= most / 16 * 15
    }

    pub(super) fn get(&self, name: &ObjectName<'_>) -> Option<MemoryHit> {
        let object = self.objects.get(name)?;
        let now = self.now();
        Some(MemoryHit { object, now })
    }

    /// An object with all its bytes, which is kept if `keep` says so.
    pub(super) fn object(
        &self,
        keep: bool,
        key: &CacheKey,
        metadata: &Arc<Metadata>,
        validated_at: SystemTime,
        body: Bytes,
        identity: Identity,
    ) -> Arc<MemoryObject> {
        let object = MemoryObject {
            key: key.clone(),
            metadata: Arc::clone(metadata),
            validated_at,
            body,
            identity,
            checked_at: AtomicU64::new(self.now()),
            annex: keep.then(Annex::default),
        };
        let object = Arc::new(object);
        self.lately.note(key.id());
        if keep {
            self.objects.insert(key.clone(), Arc::clone(&object));
        }
        object
    }

    /// How many objects are in memory.
    pub(super) fn objects(&self) -> u64 {
        self.objects.len() as u64
    }

    /// What they occupy, and may occupy at most, in bytes.
    pub(super) fn bytes(&self) -> (u64, u64) {
        (self.objects.weight(), self.objects.capacity())
    }

    pub(super) fn remove(&self, key: &CacheKey) {
        self.objects.remove(&key.name());
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl MemoryObject {
    /// All its bytes.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// What others keep beside it, where it stays in memory.
    #[must_use]
    pub fn annex(&self) -> Option<&Annex> {
        self.annex.as_ref()
    }
}

impl MemoryHit {
    pub(super) fn is_recently_checked(&self) -> bool {
        let checked_at = self.object.checked_at.load(Ordering::Relaxed);
        self.now.saturating_sub(checked_at) < CHECK_EVERY_MS
    }

    pub(super) fn key(&self) -> &CacheKey {
        &self.object.key
    }

    pub(super) fn identity(&self) -> Identity {
        self.object.identity
    }

    /// The object as a hit, its file having just been seen.
    pub(super) fn confirmed(self) -> Hit {
        self.object.checked_at.store(self.now, Ordering::Relaxed);
        self.trusted()
    }

    /// The object as a hit, its file being trusted for a moment longer.
    pub(super) fn trusted(self) -> Hit {
        Hit {
            metadata: Arc::clone(&self.object.metadata),
            validated_at: self.object.validated_at,
            body: HitBody::Memory(self.object),
        }
    }
}
