//! Room on the disk that running downloads have been promised.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What all running downloads have reserved.
#[derive(Default)]
pub(super) struct Reserved {
    bytes: AtomicU64,
    unwritten_bytes: AtomicU64,
}

/// Room for one download; given back on drop.
pub(super) struct Reservation {
    all: Arc<Reserved>,
    bytes: u64,
    unwritten_bytes: u64,
}

impl Reserved {
    /// In all.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// What the system does not count as used yet.
    pub(super) fn unwritten_bytes(&self) -> u64 {
        self.unwritten_bytes.load(Ordering::Relaxed)
    }
}

impl Reservation {
    /// Takes `bytes`; whether there is room is for the caller to know.
    pub(super) fn take(all: &Arc<Reserved>, bytes: u64) -> Self {
        all.bytes.fetch_add(bytes, Ordering::Relaxed);
        all.unwritten_bytes.fetch_add(bytes, Ordering::Relaxed);
        Self {
            all: Arc::clone(all),
            bytes,
            unwritten_bytes: bytes,
        }
    }

    /// Notes that bytes have reached the disk: the system counts them now.
    pub(super) fn written(&mut self, bytes: u64) {
        let bytes = bytes.min(self.unwritten_bytes);
        self.unwritten_bytes -= bytes;
        self.all.unwritten_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.all
            .unwritten_bytes
            .fetch_sub(self.unwritten_bytes, Ordering::Relaxed);
        self.all.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
