//! Questions about copies that are still under way though nobody waits for them any more.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::artifact::ArtifactKey;

/// One question a key. Bounded by the places among the calls, and by the cached pages.
#[derive(Debug, Default)]
pub(super) struct Late(Arc<Mutex<HashSet<ArtifactKey>>>);

/// A key's question; ends on drop.
#[derive(Debug)]
pub(super) struct Turn {
    asked: Arc<Mutex<HashSet<ArtifactKey>>>,
    key: ArtifactKey,
}

impl Late {
    /// `None` while the last one is still under way.
    pub(super) fn begin(&self, key: &ArtifactKey) -> Option<Turn> {
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        asked.insert(key.clone()).then(|| Turn {
            asked: Arc::clone(&self.0),
            key: key.clone(),
        })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_asked_about_once_at_a_time() {
        let late = Late::default();
        let [a, b] = ["a", "b"].map(|key| ArtifactKey::new(key).expect("a key"));
        let turn = late.begin(&a).expect("a turn");
        assert!(late.begin(&a).is_none() && late.begin(&b).is_some());
        drop(turn);
        assert!(late.begin(&a).is_some());
    }
}
