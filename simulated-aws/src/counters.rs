//! The books: what was asked, by whom, and how it was answered.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use http::{HeaderMap, Method, Uri};

use crate::Operation;

/// Calls kept in the log; older ones are dropped, their counts stay.
const LOG_LIMIT: usize = 100_000;

/// A request's head, as it came.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RequestHead {
    /// The method.
    pub method: Method,
    /// The target, with its query.
    pub uri: Uri,
    /// Every header.
    pub headers: HeaderMap,
}

impl RequestHead {
    /// The text of a header, of which there is one.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// One request, recorded when its head arrives (of a small POST, the body too), so that a hung request is
/// already in the log.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Call {
    /// What was asked for.
    pub operation: Operation,
    /// The bucket, if the call names one.
    pub bucket: Option<String>,
    /// The object's key, decoded, if the call names one.
    pub key: Option<String>,
    /// The grant that `CreateToken` was asked to redeem, such as `refresh_token`.
    pub grant_type: Option<String>,
    /// The answer's status; `None` until there is one.
    pub status: Option<u16>,
    /// The `Range` header.
    pub range: Option<String>,
    /// The `If-None-Match` header.
    pub if_none_match: Option<String>,
    /// The access key of the signature, whether it was right or not.
    pub access_key_id: Option<String>,
    /// The head, of a request to CodeArtifact, the host of its files, or a [`PublicIndex`](crate::PublicIndex).
    pub head: Option<Arc<RequestHead>>,
    /// When the head arrived.
    pub at: Instant,
}

/// Counts of requests and bytes, and the latest calls. Clones share the books.
#[derive(Clone, Default)]
pub struct Counters {
    books: Arc<Mutex<Books>>,
}

#[derive(Default)]
struct Books {
    by_key: HashMap<(Operation, String), u64>,
    by_operation: HashMap<Operation, u64>,
    by_status: HashMap<u16, u64>,
    total: u64,
    bytes_sent: u64,
    connections: u64,
    log: VecDeque<Call>,
    /// The number of the log's first call, so that a late status finds its call or finds it gone.
    first: u64,
}

/// The place of a call in the log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallNumber(u64);

impl Counters {
    /// Requests for an operation.
    #[must_use]
    pub fn count(&self, operation: Operation) -> u64 {
        self.lock()
            .by_operation
            .get(&operation)
            .copied()
            .unwrap_or(0)
    }

    /// Requests for an operation on a key, in any bucket.
    #[must_use]
    pub fn count_key(&self, operation: Operation, key: &str) -> u64 {
        self.lock()
            .by_key
            .get(&(operation, key.to_owned()))
            .copied()
            .unwrap_or(0)
    }

    /// Answers with a status.
    #[must_use]
    pub fn count_status(&self, status: u16) -> u64 {
        self.lock().by_status.get(&status).copied().unwrap_or(0)
    }

    /// All requests.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.lock().total
    }

    /// Bytes of response bodies handed to the connections.
    #[must_use]
    pub fn bytes_sent(&self) -> u64 {
        self.lock().bytes_sent
    }

    /// Accepted connections.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.lock().connections
    }

    /// The latest calls, oldest first, at most 100,000.
    #[must_use]
    pub fn log(&self) -> Vec<Call> {
        self.lock().log.iter().cloned().collect()
    }

    /// Sets every count to zero and empties the log.
    pub fn reset(&self) {
        let mut books = self.lock();
        // Calls still under way must not write their status into calls of the time after.
        let first = books.first + books.log.len() as u64;
        *books = Books {
            first,
            ..Books::default()
        };
    }

    pub(crate) fn connection(&self) {
        self.lock().connections += 1;
    }

    pub(crate) fn arrived(&self, call: Call) -> CallNumber {
        let mut books = self.lock();
        books.total += 1;
        *books.by_operation.entry(call.operation).or_default() += 1;
        if let Some(key) = &call.key {
            *books
                .by_key
                .entry((call.operation, key.clone()))
                .or_default() += 1;
        }
        books.log.push_back(call);
        if books.log.len() > LOG_LIMIT {
            books.log.pop_front();
            books.first += 1;
        }
        CallNumber(books.first + books.log.len() as u64 - 1)
    }

    pub(crate) fn answered(&self, number: CallNumber, status: u16) {
        let mut books = self.lock();
        let index = number
            .0
            .checked_sub(books.first)
            .and_then(|index| usize::try_from(index).ok());
        let Some(call) = index.and_then(|index| books.log.get_mut(index)) else {
            return;
        };
        call.status = Some(status);
        *books.by_status.entry(status).or_default() += 1;
    }

    pub(crate) fn sent(&self, bytes: usize) {
        self.lock().bytes_sent += bytes as u64;
    }

    fn lock(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(key: &str) -> Call {
        Call {
            operation: Operation::GetObject,
            bucket: Some("bucket".to_owned()),
            key: Some(key.to_owned()),
            grant_type: None,
            status: None,
            range: None,
            if_none_match: None,
            access_key_id: None,
            head: None,
            at: Instant::now(),
        }
    }

    #[test]
    fn a_status_after_a_reset_is_dropped() {
        let counters = Counters::default();
        let early = counters.arrived(call("a"));
        counters.reset();
        counters.arrived(call("b"));
        counters.answered(early, 200);
        assert_eq!(counters.count_status(200), 0);
        assert_eq!(counters.log()[0].status, None);
    }

    #[test]
    fn the_log_is_bounded_and_the_counts_are_not() {
        let counters = Counters::default();
        for _ in 0..=LOG_LIMIT {
            counters.arrived(call("a"));
        }
        let last = counters.arrived(call("b"));
        counters.answered(last, 404);
        let log = counters.log();
        assert_eq!(log.len(), LOG_LIMIT);
        assert_eq!(log.last().and_then(|call| call.status), Some(404));
        assert_eq!(
            counters.count_key(Operation::GetObject, "a"),
            LOG_LIMIT as u64 + 1
        );
    }
}
