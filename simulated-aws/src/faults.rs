//! What goes wrong, and when.
//!
//! The registry holds the faults in the order they were added. The first one that matches a request and
//! still has times left is played; the others do not see the request. `skip_first` counts matching
//! requests that the fault lets pass, and they go on to the next fault.

mod fault;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::Method;
use tokio::sync::watch;

pub use fault::Fault;
pub(crate) use fault::{BodyEffects, CutKind, Effects};

use crate::service::Target;

/// Names a fault that was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FaultId(u64);

/// The faults in force. Clones share them, and changes hold from the next request on.
#[derive(Clone, Default)]
pub struct Faults {
    rules: Arc<Mutex<Vec<Rule>>>,
    next: Arc<AtomicU64>,
}

struct Rule {
    id: FaultId,
    fault: Fault,
    seen: u64,
    played: u64,
    /// Dropped with the rule, which wakes the requests that hang on it.
    alive: watch::Sender<()>,
}

/// A fault to play on one request.
pub(crate) struct Verdict {
    pub(crate) effects: Effects,
    alive: watch::Receiver<()>,
}

impl Verdict {
    /// Waits until the fault is removed.
    pub(crate) async fn removed(mut self) {
        while self.alive.changed().await.is_ok() {}
    }
}

impl Faults {
    /// Adds a fault behind the others.
    pub fn add(&self, fault: Fault) -> FaultId {
        let id = FaultId(self.next.fetch_add(1, Ordering::Relaxed));
        let (alive, _) = watch::channel(());
        self.lock().push(Rule {
            id,
            fault,
            seen: 0,
            played: 0,
            alive,
        });
        id
    }

    /// Removes a fault and releases the requests that hang on it; they are then answered as usual.
    pub fn remove(&self, id: FaultId) {
        self.lock().retain(|rule| rule.id != id);
    }

    /// Removes every fault.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// How often a fault was played; 0 once it was removed.
    #[must_use]
    pub fn played(&self, id: FaultId) -> u64 {
        self.lock()
            .iter()
            .find(|rule| rule.id == id)
            .map_or(0, |rule| rule.played)
    }

    /// The fault to play on a request, if any, counted as played.
    pub(crate) fn pick(&self, method: &Method, target: &Target) -> Option<Verdict> {
        let mut rules = self.lock();
        for rule in rules
            .iter_mut()
            .filter(|rule| rule.fault.matches(method, target))
        {
            if rule.fault.times.is_some_and(|times| rule.played >= times) {
                continue;
            }
            rule.seen += 1;
            if rule.seen <= rule.fault.skip {
                continue;
            }
            rule.played += 1;
            let (effects, alive) = (rule.fault.effects.clone(), rule.alive.subscribe());
            return Some(Verdict { effects, alive });
        }
        None
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Rule>> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Operation;

    fn get(key: &str) -> Target {
        Target {
            operation: Operation::GetObject,
            bucket: Some("bucket".to_owned()),
            key: Some(key.to_owned()),
            grant_type: None,
        }
    }

    fn status(faults: &Faults, key: &str) -> Option<u16> {
        faults
            .pick(&Method::GET, &get(key))
            .and_then(|verdict| verdict.effects.respond)
            .map(|r| r.0)
    }

    #[test]
    fn the_first_matching_fault_with_times_left_is_played() {
        let faults = Faults::default();
        let first = faults.add(
            Fault::any()
                .key_suffix(".jar")
                .skip_first(1)
                .times(1)
                .respond(503, "SlowDown"),
        );
        faults.add(
            Fault::on(Operation::GetObject)
                .key_prefix("a/")
                .respond(500, "InternalError"),
        );
        assert_eq!(status(&faults, "a/b.jar"), Some(500));
        assert_eq!(status(&faults, "a/b.jar"), Some(503));
        assert_eq!(status(&faults, "a/b.jar"), Some(500));
        assert_eq!(status(&faults, "b"), None);
        assert_eq!(faults.played(first), 1);
    }

    #[tokio::test]
    async fn removing_a_fault_releases_who_hangs_on_it() {
        let faults = Faults::default();
        let id = faults.add(Fault::any().hang());
        let verdict = faults
            .pick(&Method::GET, &get("a"))
            .expect("the fault matches");
        faults.remove(id);
        verdict.removed().await;
    }
}
