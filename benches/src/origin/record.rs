//! What was asked of the origin, and what it wrote.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// One answer to a GET of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// First and last byte of the range asked for; `None` for the whole object.
    pub(crate) range: Option<(u64, u64)>,
    /// Where its body begins in the object.
    pub(crate) start: u64,
    /// Bytes of its body that were written to the socket: fewer than asked for where the client has left.
    pub(crate) written: u64,
}

/// Every GET of every object, by key.
#[derive(Debug, Default)]
pub(super) struct Record(Mutex<HashMap<String, Vec<Arc<Entry>>>>);

/// One answer, counted while it is written.
#[derive(Debug)]
pub(super) struct Entry {
    range: Option<(u64, u64)>,
    start: u64,
    written: AtomicU64,
    is_over: AtomicBool,
}

impl Record {
    /// Notes an answer that begins.
    pub(super) fn begin(&self, key: &str, range: Option<(u64, u64)>, start: u64) -> Writing {
        let entry = Arc::new(Entry {
            range,
            start,
            written: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
        });
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_key = entries.entry(key.to_owned()).or_default();
        of_key.push(Arc::clone(&entry));
        Writing(entry)
    }

    /// What was asked for `key`; `None` while an answer is under way.
    pub(super) fn settled(&self, key: &str) -> Option<Vec<Asked>> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_key = entries.get(key).map_or(&[][..], Vec::as_slice);
        of_key.iter().map(|entry| entry.settled()).collect()
    }
}

impl Entry {
    fn settled(&self) -> Option<Asked> {
        self.is_over.load(Ordering::Acquire).then(|| Asked {
            range: self.range,
            start: self.start,
            written: self.written.load(Ordering::Relaxed),
        })
    }
}

/// An answer under way; over when dropped.
#[derive(Debug)]
pub(super) struct Writing(Arc<Entry>);

impl Writing {
    /// So many bytes more are in the socket.
    pub(super) fn wrote(&self, bytes: u64) {
        self.0.written.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        self.0.is_over.store(true, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_counts_when_it_is_over() {
        let record = Record::default();
        assert_eq!(record.settled("a"), Some(Vec::new()));
        let writing = record.begin("a", Some((5, 9)), 5);
        writing.wrote(3);
        assert_eq!(record.settled("a"), None);
        drop(writing);
        let asked = Asked {
            range: Some((5, 9)),
            start: 5,
            written: 3,
        };
        assert_eq!(record.settled("a"), Some(vec![asked]));
    }
}
