//! Who is parked, for people: what they want, and since when.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::client::Client;

/// All parked requests; there are no more than connections. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(in crate::server) struct Parked(Arc<Mutex<Table>>);

#[derive(Debug, Default)]
struct Table {
    /// Places are numbered as they are taken.
    next: u64,
    places: BTreeMap<u64, Want>,
}

/// What one request wants.
#[derive(Clone, Debug)]
pub(super) struct Want {
    /// The key, or the folder.
    pub(super) key: String,
    pub(super) client: Client,
    /// Since when, earlier holds of the same wait included.
    pub(super) since: Instant,
}

/// A parked request. Dropping it takes it off the list, however its request ends.
#[derive(Debug)]
pub(super) struct Place {
    parked: Parked,
    number: u64,
}

/// All that wait for one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::server) struct Waiting {
    pub(in crate::server) key: String,
    pub(in crate::server) requests: usize,
    /// How long the first of them has waited.
    pub(in crate::server) age: Duration,
    /// Those that are known by name.
    pub(in crate::server) clients: Vec<&'static str>,
}

impl Parked {
    pub(super) fn enter(&self, want: Want) -> Place {
        let mut table = self.table();
        let number = table.next;
        table.next += 1;
        table.places.insert(number, want);
        Place {
            parked: self.clone(),
            number,
        }
    }

    /// How many keys are waited for, and the `most` of them that have been for longest.
    pub(in crate::server) fn by_key(&self, most: usize) -> (usize, Vec<Waiting>) {
        let wants: Vec<_> = self.table().places.values().cloned().collect();
        let now = Instant::now();
        let mut keys: BTreeMap<String, Waiting> = BTreeMap::new();
        for want in wants {
            let age = now.saturating_duration_since(want.since);
            let waiting = keys.entry(want.key).or_insert_with_key(|key| Waiting {
                key: key.clone(),
                requests: 0,
                age,
                clients: Vec::new(),
            });
            waiting.requests += 1;
            waiting.age = waiting.age.max(age);
            if let Some(name) = want.client.name()
                && !waiting.clients.contains(&name)
            {
                waiting.clients.push(name);
            }
        }
        let count = keys.len();
        let mut keys: Vec<_> = keys.into_values().collect();
        // Stable: equal ages stay in the keys' order.
        keys.sort_by_key(|waiting| std::cmp::Reverse(waiting.age));
        keys.truncate(most);
        (count, keys)
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.parked.table().places.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn want(key: &str, client: Client, since: Instant) -> Want {
        Want {
            key: key.to_owned(),
            client,
            since,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn requests_for_one_key_are_told_together_and_the_longest_wait_first() {
        let parked = Parked::default();
        let first = Instant::now();
        tokio::time::advance(Duration::from_secs(20)).await;
        let second = Instant::now();
        tokio::time::advance(Duration::from_secs(10)).await;
        let _places = [
            parked.enter(want("b", Client::Bazel, second)),
            parked.enter(want("a", Client::Other, second)),
            parked.enter(want("z", Client::Bazel, second)),
            parked.enter(want("z", Client::Maven, first)),
        ];
        let (count, keys) = parked.by_key(2);
        let told: Vec<_> = keys
            .iter()
            .map(|key| (key.key.as_str(), key.requests, key.age.as_secs()))
            .collect();
        assert_eq!(count, 3);
        assert_eq!(told, [("z", 2, 30), ("a", 1, 10)]);
        assert_eq!(keys[0].clients, ["Bazel", "Maven"]);
        assert!(keys[1].clients.is_empty());
    }

    #[test]
    fn who_leaves_is_off_the_list() {
        let parked = Parked::default();
        let one = parked.enter(want("a", Client::Bazel, Instant::now()));
        let other = parked.enter(want("b", Client::Bazel, Instant::now()));
        drop(one);
        let (count, keys) = parked.by_key(9);
        assert_eq!((count, keys[0].key.as_str()), (1, "b"));
        drop(other);
        assert_eq!(parked.by_key(9), (0, Vec::new()));
    }
}
