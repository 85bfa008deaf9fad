//! Small hot objects in memory, bounded by weight.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::entry::Identity;
use super::key::EntryId;
use super::{CacheKey, Hit, HitBody, Metadata};

/// How long an object in memory is served without a look at its file, in milliseconds. A file
/// removed or changed by another hand (`cache purge`, a person) is noticed after that.
const CHECK_EVERY_MS: u64 = 1000;
/// A guess at what an entry costs beside its body, in bytes.
const OVERHEAD_BYTES: u64 = 1024;

pub(super) struct Memory {
    objects: Cache<EntryId, Arc<MemoryObject>, Weight>,
    started: Instant,
}

/// An object in memory.
pub(super) struct MemoryObject {
    metadata: Arc<Metadata>,
    validated_at: SystemTime,
    body: Bytes,
    identity: Identity,
    /// Milliseconds after `Memory::started`.
    checked_at: AtomicU64,
}

/// An object found in memory, and when its file was last looked at.
pub(super) struct MemoryHit {
    object: Arc<MemoryObject>,
    now: u64,
}

#[derive(Clone)]
struct Weight;

impl Weighter<EntryId, Arc<MemoryObject>> for Weight {
    fn weight(&self, _: &EntryId, object: &Arc<MemoryObject>) -> u64 {
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
        }
    }

    pub(super) fn get(&self, key: &CacheKey) -> Option<MemoryHit> {
        let object = self.objects.get(&key.id())?;
        // Two keys that share half of a SHA-256 will not be met, but would be told apart here.
        let same = object.metadata.key == key.key();
        same.then(|| MemoryHit {
            object,
            now: self.now(),
        })
    }

    pub(super) fn insert(
        &self,
        key: &CacheKey,
        metadata: &Arc<Metadata>,
        validated_at: SystemTime,
        body: &Bytes,
        identity: Identity,
    ) {
        let object = MemoryObject {
            metadata: Arc::clone(metadata),
            validated_at,
            body: body.clone(),
            identity,
            checked_at: AtomicU64::new(self.now()),
        };
        self.objects.insert(key.id(), Arc::new(object));
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
        self.objects.remove(&key.id());
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl MemoryHit {
    pub(super) fn is_recently_checked(&self) -> bool {
        let checked_at = self.object.checked_at.load(Ordering::Relaxed);
        self.now.saturating_sub(checked_at) < CHECK_EVERY_MS
    }

    pub(super) fn identity(&self) -> Identity {
        self.object.identity
    }

    /// The object as a hit, its file having been seen or being trusted for a moment longer.
    pub(super) fn confirmed(self) -> Hit {
        if !self.is_recently_checked() {
            self.object.checked_at.store(self.now, Ordering::Relaxed);
        }
        Hit {
            metadata: Arc::clone(&self.object.metadata),
            validated_at: self.object.validated_at,
            body: HitBody::Memory(self.object.body.clone()),
        }
    }
}
