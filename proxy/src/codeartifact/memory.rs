//! How much memory pages may take while they are read, changed or rendered, all together.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::LONGEST_PAGE_BYTES;
use crate::error::Error;

const MIB: u64 = 1024 * 1024;
/// Pages up to so many bytes, and how many of them at once: 64 MiB of each kind but the last, which has 128.
const SIZES: [(u64, usize); 3] = [(MIB, 64), (8 * MIB, 8), (LONGEST_PAGE_BYTES, 2)];
/// How long a page waits for its place.
const PATIENCE: Duration = Duration::from_secs(30);

/// Places for pages by their size: 256 MiB in all, of which each may have a copy or two while it is changed.
/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct PageMemory {
    places: Arc<[Arc<Semaphore>]>,
}

/// Room for one page; given back on drop.
#[derive(Debug)]
pub struct Room {
    memory: PageMemory,
    size: usize,
    place: OwnedSemaphorePermit,
}

impl Default for PageMemory {
    fn default() -> Self {
        let places = SIZES.map(|(_, places)| Arc::new(Semaphore::new(places)));
        Self {
            places: places.into(),
        }
    }
}

impl PageMemory {
    /// Room for a page of so many bytes. Fails where none is free for 30 s.
    pub async fn room(&self, bytes: u64) -> Result<Room, Error> {
        let size = SIZES.iter().position(|(most, _)| bytes <= *most);
        let size = size.unwrap_or(SIZES.len() - 1);
        Ok(Room {
            memory: self.clone(),
            size,
            place: self.place(size).await?,
        })
    }

    async fn place(&self, size: usize) -> Result<OwnedSemaphorePermit, Error> {
        let busy = || Error::unavailable("too many large pages are asked for at once");
        let places = self.places.get(size).ok_or_else(busy)?;
        let place = timeout(PATIENCE, Arc::clone(places).acquire_owned()).await;
        place.map_err(|_| busy())?.map_err(|_| busy())
    }
}

impl Room {
    /// Makes room for a page that has turned out to have so many bytes. A page only ever waits for places of larger
    /// ones, so that none waits for itself.
    pub(super) async fn fit(&mut self, bytes: u64) -> Result<(), Error> {
        while SIZES.get(self.size).is_some_and(|(most, _)| bytes > *most)
            && self.size + 1 < SIZES.len()
        {
            self.place = self.memory.place(self.size + 1).await?;
            self.size += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn large_pages_wait_for_each_other_and_small_ones_for_none() {
        let memory = PageMemory::default();
        let first = memory.room(LONGEST_PAGE_BYTES).await.expect("room");
        let mut second = memory.room(1).await.expect("room");
        second.fit(8 * MIB + 1).await.expect("room");
        assert!(memory.room(9 * MIB).await.is_err());
        memory.room(8 * MIB).await.expect("room");
        let mut small = Vec::new();
        for _ in 0..64 {
            small.push(memory.room(MIB).await.expect("room"));
        }
        assert!(memory.room(0).await.is_err());
        drop(first);
        let grown = small.first_mut().expect("a small one");
        grown.fit(LONGEST_PAGE_BYTES).await.expect("room");
        memory.room(0).await.expect("what the grown one has left");
    }
}
