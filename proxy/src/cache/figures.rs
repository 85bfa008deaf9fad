//! How full the cache is, for whoever shows it.

use std::time::Duration;

use tokio::time::timeout;

use super::Cache;

/// A disk that takes longer to say how much is free is left out.
const DISK_PATIENCE: Duration = Duration::from_secs(1);

/// The cache at one moment. Counts of evictions begin with the process.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    /// Whether all that is on disk has been counted since the start: until then, both figures of it are too
    /// small.
    pub is_counted: bool,
    /// Objects on disk, as far as counted.
    pub objects: u64,
    /// What they and running downloads occupy, in bytes.
    pub occupied_bytes: u64,
    /// What they may occupy: `CACHE_MAX_SIZE`, as far as the disk allows it.
    pub limit_bytes: u64,
    /// `CACHE_MIN_FREE`.
    pub min_free_bytes: u64,
    /// What is free on the disk; unknown while it does not answer.
    pub free_bytes: Option<u64>,
    /// Objects that had to go for others.
    pub evicted_objects: u64,
    /// What those had occupied, in bytes.
    pub evicted_bytes: u64,
    /// Objects in memory.
    pub memory_objects: u64,
    /// What they occupy there, in bytes.
    pub memory_bytes: u64,
    /// What they may occupy there, in bytes.
    pub memory_limit_bytes: u64,
}

impl Cache {
    /// How full it is now.
    pub async fn figures(&self) -> Figures {
        let (usage, memory) = (&self.inner.usage, &self.inner.memory);
        let (evicted_objects, evicted_bytes) = usage.evicted();
        let (memory_bytes, memory_limit_bytes) = memory.bytes();
        Figures {
            is_counted: usage.is_counted(),
            objects: usage.objects() as u64,
            occupied_bytes: usage.occupied_bytes(),
            limit_bytes: usage.limits().max_bytes,
            min_free_bytes: usage.limits().min_free_bytes,
            free_bytes: self.free_bytes().await,
            evicted_objects,
            evicted_bytes,
            memory_objects: memory.objects(),
            memory_bytes,
            memory_limit_bytes,
        }
    }

    async fn free_bytes(&self) -> Option<u64> {
        let this = self.clone();
        let asked = self.inner.disk.run(move || this.inner.folder.disk_space());
        let (free, _) = timeout(DISK_PATIENCE, asked).await.ok()?.ok()?.ok()?;
        Some(free)
    }
}
