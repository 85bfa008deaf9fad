//! How much the cache occupies, what was served last, and what to evict.
//!
//! Nothing on the hit path waits for this: a hit notes the time in a sharded table. The table is
//! filled from the disk in the background and written back as access times.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{fs, io};

use tracing::{info, warn};

use super::key::EntryId;
use super::reservation::{Reservation, Reserved};
use super::{CacheError, CacheFolder, CacheKey, Entry, Limits, RimClock as _};

const SHARDS: usize = 16;
/// The disk is never filled beyond this, whatever `CACHE_MAX_SIZE` says, in percent.
const MOST_OF_DISK_PERCENT: u64 = 80;

/// The table of usage.
pub(super) struct Usage {
    folder: CacheFolder,
    limits: Limits,
    shards: [Mutex<HashMap<EntryId, Record>>; SHARDS],
    /// In files that are committed.
    stored_bytes: AtomicU64,
    reserved: Arc<Reserved>,
    /// Taken by whoever makes room, so that two downloads do not count on the same bytes.
    making_room: Mutex<()>,
    counted: AtomicBool,
    /// Whether that has come upon every file.
    knows_all: AtomicBool,
    evicted_objects: AtomicU64,
    evicted_bytes: AtomicU64,
}

/// What is known of one object file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Record {
    disk_bytes: u64,
    /// Fingerprint of the file when it was last verified whole, 0 for never.
    verified: u64,
    /// Milliseconds since the epoch: a build fetches hundreds of files in a second.
    served_at: u64,
    /// Served since the access time was last written.
    dirty: bool,
}

impl Usage {
    pub(super) fn new(folder: CacheFolder, limits: Limits) -> Result<Self, CacheError> {
        let (_, total) = folder.disk_space().map_err(|error| {
            CacheError::io(format!("asking for the space of {folder:?}"), error)
        })?;
        let most = total / 100 * MOST_OF_DISK_PERCENT;
        if limits.max_bytes > most {
            info!(
                max_size_bytes = most,
                "CACHE_MAX_SIZE is lowered to {MOST_OF_DISK_PERCENT} % of the disk"
            );
        }
        let limits = Limits {
            max_bytes: limits.max_bytes.min(most),
            ..limits
        };
        Ok(Self {
            folder,
            limits,
            shards: std::array::from_fn(|_| Mutex::default()),
            stored_bytes: AtomicU64::new(0),
            reserved: Arc::default(),
            making_room: Mutex::default(),
            counted: AtomicBool::new(false),
            knows_all: AtomicBool::new(false),
            evicted_objects: AtomicU64::new(0),
            evicted_bytes: AtomicU64::new(0),
        })
    }

    fn shard(&self, id: EntryId) -> MutexGuard<'_, HashMap<EntryId, Record>> {
        locked(&self.shards[id.shard(SHARDS)])
    }

    /// Notes a hit; `opened` where the file was just opened.
    pub(super) fn served(&self, key: &CacheKey, opened: Option<&Entry>) {
        let now = epoch_milliseconds(SystemTime::now_at_the_rim());
        let mut shard = self.shard(key.id());
        if let Some(record) = shard.get_mut(&key.id()) {
            record.served_at = now;
            record.dirty = true;
            if let Some(entry) = opened
                && entry.is_verified()
            {
                record.verified = entry.identity().fingerprint();
            }
        } else if let Some(entry) = opened {
            // Served before the count from the disk came to it.
            let disk_bytes = entry.disk_bytes();
            let verified = if entry.is_verified() {
                entry.identity().fingerprint()
            } else {
                0
            };
            shard.insert(
                key.id(),
                Record {
                    disk_bytes,
                    verified,
                    served_at: now,
                    dirty: true,
                },
            );
            self.stored_bytes.fetch_add(disk_bytes, Ordering::Relaxed);
        }
    }

    /// Notes that a large file has been streamed and verified to its end.
    pub(super) fn verified(&self, id: EntryId, fingerprint: u64) {
        if let Some(record) = self.shard(id).get_mut(&id) {
            record.verified = fingerprint;
        }
    }

    /// Whether it is certain, without a look at the disk, that there is no such object: all files are
    /// counted, and every one that came since has passed through here. A file that another hand has put
    /// there is not seen; its object is fetched.
    pub(super) fn is_absent(&self, id: EntryId) -> bool {
        self.knows_all.load(Ordering::Acquire) && !self.shard(id).contains_key(&id)
    }

    /// The fingerprint under which the file was last found whole, 0 for never.
    pub(super) fn verified_identity(&self, key: &CacheKey) -> u64 {
        self.shard(key.id())
            .get(&key.id())
            .map_or(0, |record| record.verified)
    }

    /// Notes a committed file.
    pub(super) fn stored(&self, key: &CacheKey, disk_bytes: u64) {
        let served_at = epoch_milliseconds(SystemTime::now_at_the_rim());
        let record = Record {
            disk_bytes,
            verified: 0,
            served_at,
            dirty: true,
        };
        let replaced = self.shard(key.id()).insert(key.id(), record);
        self.stored_bytes.fetch_add(disk_bytes, Ordering::Relaxed);
        self.subtract(replaced);
    }

    /// Notes a removed file.
    pub(super) fn forget(&self, key: &CacheKey) {
        let removed = self.shard(key.id()).remove(&key.id());
        self.subtract(removed);
    }

    /// Forgets a file that another hand has removed. A record is made after its file and removed
    /// before it, so a record whose file is not there, and that is still the same after that look, is a
    /// leftover. The disk is looked at without the lock, for which hits wait, too.
    pub(super) fn forget_if_gone(&self, id: EntryId) {
        let Some(before) = self.shard(id).get(&id).copied() else {
            return;
        };
        if self.folder.object_path(id).exists() {
            return;
        }
        let mut shard = self.shard(id);
        if shard.get(&id) == Some(&before) {
            let removed = shard.remove(&id);
            drop(shard);
            self.subtract(removed);
        }
    }

    fn subtract(&self, record: Option<Record>) {
        if let Some(record) = record {
            self.stored_bytes
                .fetch_sub(record.disk_bytes, Ordering::Relaxed);
        }
    }

    pub(super) fn occupied_bytes(&self) -> u64 {
        let stored = self.stored_bytes.load(Ordering::Relaxed);
        stored.saturating_add(self.reserved.bytes())
    }

    /// How many objects are known to be on disk.
    pub(super) fn objects(&self) -> usize {
        self.shards.iter().map(|shard| locked(shard).len()).sum()
    }

    pub(super) fn is_counted(&self) -> bool {
        self.counted.load(Ordering::Acquire)
    }

    /// The bounds that are kept: `CACHE_MAX_SIZE` as far as the disk allows it.
    pub(super) fn limits(&self) -> Limits {
        self.limits
    }

    /// How many objects, and bytes, had to go for others since the process began.
    pub(super) fn evicted(&self) -> (u64, u64) {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (read(&self.evicted_objects), read(&self.evicted_bytes))
    }

    /// Takes room for a file of `bytes`, evicting if need be. Blocks on the disk.
    pub(super) fn reserve(&self, bytes: u64) -> Result<Reservation, CacheError> {
        const BLOCK: u64 = 4096;
        let bytes = bytes.div_ceil(BLOCK) * BLOCK;
        let _one_at_a_time = locked(&self.making_room);
        if bytes > self.limits.max_bytes || !self.make_room(bytes) {
            return Err(CacheError::NoRoom {
                needed_bytes: bytes,
            });
        }
        Ok(Reservation::take(&self.reserved, bytes))
    }

    /// Whether `bytes` more fit, after evicting what has to go. Call with `making_room` held.
    fn make_room(&self, bytes: u64) -> bool {
        let mut excess = self.excess(bytes);
        // Where even an empty cache would not do (others fill the disk, or running downloads the
        // limit), nothing is evicted in vain. The count's own tidying asks for no bytes.
        let is_of_use = bytes == 0 || excess <= self.stored_bytes.load(Ordering::Relaxed);
        if excess > 0 && is_of_use {
            // A little more than needed, so that the table is not sorted for every download.
            self.evict(excess.saturating_add(self.limits.max_bytes / 100));
            excess = self.excess(bytes);
        }
        // Before the files are counted there may be nothing to evict; the count's end makes up.
        excess == 0 || (!self.counted.load(Ordering::Acquire) && self.floor_excess(bytes) == 0)
    }

    /// How many bytes are too many, were `bytes` added.
    fn excess(&self, bytes: u64) -> u64 {
        let over_limit = self
            .occupied_bytes()
            .saturating_add(bytes)
            .saturating_sub(self.limits.max_bytes);
        over_limit.max(self.floor_excess(bytes))
    }

    fn floor_excess(&self, bytes: u64) -> u64 {
        let Ok((available, _)) = self.folder.disk_space() else {
            // A disk that does not answer is no reason to empty it; writing fails by itself.
            return 0;
        };
        let needed = self.reserved.unwritten_bytes().saturating_add(bytes);
        self.limits
            .min_free_bytes
            .saturating_add(needed)
            .saturating_sub(available)
    }

    /// Removes what was not served for longest, `bytes` in all. Open readers go on.
    fn evict(&self, bytes: u64) {
        let mut candidates: Vec<(u64, EntryId, u64)> = Vec::new();
        for shard in &self.shards {
            let shard = locked(shard);
            candidates.extend(
                shard
                    .iter()
                    .map(|(id, record)| (record.served_at, *id, record.disk_bytes)),
            );
        }
        candidates.sort_unstable();
        let (mut freed, mut files) = (0, 0_u64);
        for (_, id, disk_bytes) in candidates {
            if freed >= bytes {
                break;
            }
            let removed = self.shard(id).remove(&id);
            let path = self.folder.object_path(id);
            let outcome = fs::remove_file(&path);
            if let (Err(_), Some(record), true) = (&outcome, removed, path.exists()) {
                // Still there, so it still counts.
                self.shard(id).entry(id).or_insert(record);
            } else {
                self.subtract(removed);
            }
            match outcome {
                Ok(()) => (freed, files) = (freed + disk_bytes, files + 1),
                // Another hand was faster: it counts no longer, which is what was wanted.
                Err(error) if error.kind() == io::ErrorKind::NotFound => freed += disk_bytes,
                Err(error) => warn!(path = %path.display(), %error, "could not evict a file"),
            }
        }
        self.evicted_objects.fetch_add(files, Ordering::Relaxed);
        self.evicted_bytes.fetch_add(freed, Ordering::Relaxed);
        info!(
            files,
            freed_bytes = freed,
            "evicted what was not served for longest"
        );
    }

    /// Fills the table from the disk. Blocks on it, for about a second per 200,000 files.
    pub(super) fn count_from_disk(&self) {
        let mut files = 0_u64;
        let mut unseen = None;
        for file in self.folder.object_files() {
            let (folder, name, path) = match file {
                Ok(file) => file,
                Err(error) => {
                    unseen = Some(error);
                    continue;
                }
            };
            let Some(id) = EntryId::from_names(&folder, &name) else {
                continue;
            };
            let status = match fs::metadata(&path) {
                Ok(status) => status,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => {
                    unseen = Some(error);
                    continue;
                }
            };
            let milliseconds = |seconds: i64, nanoseconds: i64| {
                u64::try_from(seconds.saturating_mul(1000) + nanoseconds / 1_000_000).unwrap_or(0)
            };
            let accessed = milliseconds(status.atime(), status.atime_nsec());
            let modified = milliseconds(status.mtime(), status.mtime_nsec());
            let record = Record {
                disk_bytes: status.blocks() * 512,
                verified: 0,
                served_at: accessed.max(modified),
                dirty: false,
            };
            files += 1;
            let mut shard = self.shard(id);
            if let std::collections::hash_map::Entry::Vacant(vacant) = shard.entry(id) {
                vacant.insert(record);
                self.stored_bytes
                    .fetch_add(record.disk_bytes, Ordering::Relaxed);
            }
        }
        if let Some(error) = &unseen {
            warn!(%error, "not all of the cache could be counted");
        }
        self.knows_all.store(unseen.is_none(), Ordering::Release);
        self.counted.store(true, Ordering::Release);
        let _one_at_a_time = locked(&self.making_room);
        self.make_room(0);
        info!(
            files,
            occupied_bytes = self.occupied_bytes(),
            "the cache is counted"
        );
    }

    /// Writes the times of the last hits to the files, so that they outlive the process.
    pub(super) fn persist(&self) {
        for shard in &self.shards {
            let served: Vec<_> = locked(shard)
                .iter_mut()
                .filter(|(_, record)| record.dirty)
                .map(|(id, record)| {
                    record.dirty = false;
                    (*id, record.served_at)
                })
                .collect();
            for (id, served_at) in served {
                let times = fs::FileTimes::new()
                    .set_accessed(UNIX_EPOCH + Duration::from_millis(served_at));
                // A file that is gone needs no time.
                if let Ok(file) = fs::File::open(self.folder.object_path(id)) {
                    let _outcome = file.set_times(times);
                }
            }
        }
    }
}

/// The tables hold plain values: a panic elsewhere leaves them usable.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn epoch_milliseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
