//! A build, as the proxy sees it: a few clients that fetch one file after the other.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::client::{Answer, Client};
use crate::error::Error;

/// A build under way. Dropping it ends it.
pub(super) struct Build {
    clients: JoinSet<Result<Vec<Fetched>, Error>>,
    received: watch::Receiver<usize>,
    files: usize,
}

/// A file that the build has asked for, and what it got.
pub(super) struct Fetched {
    pub(super) key: String,
    pub(super) answer: Answer,
    pub(super) at: Instant,
}

impl Build {
    /// Begins to fetch these keys, from the first on.
    pub(super) fn begin(client: Client, clients: usize, keys: Vec<String>) -> Self {
        let (counter, received) = watch::channel(0);
        let files = keys.len();
        let wanted = Arc::new(Mutex::new(VecDeque::from(keys)));
        let worker = |_| fetch(client, Arc::clone(&wanted), counter.clone());
        Self {
            clients: (0..clients).map(worker).collect(),
            received,
            files,
        }
    }

    /// How many files it wants.
    pub(super) fn files(&self) -> usize {
        self.files
    }

    /// How many answers it has, whatever they say.
    pub(super) fn received(&self) -> usize {
        *self.received.borrow()
    }

    /// Waits until it has so many answers; whether it has them before `patience` ends.
    pub(super) async fn has_received(&mut self, answers: usize, patience: Duration) -> bool {
        let enough = self.received.wait_for(|received| *received >= answers);
        matches!(timeout(patience, enough).await, Ok(Ok(_)))
    }

    /// All that it got.
    pub(super) async fn finish(self) -> Result<Vec<Fetched>, Error> {
        let fetched: Result<Vec<_>, _> = self.clients.join_all().await.into_iter().collect();
        Ok(fetched?.into_iter().flatten().collect())
    }
}

async fn fetch(
    client: Client,
    wanted: Arc<Mutex<VecDeque<String>>>,
    received: watch::Sender<usize>,
) -> Result<Vec<Fetched>, Error> {
    let next = || {
        let mut wanted = wanted.lock().unwrap_or_else(PoisonError::into_inner);
        wanted.pop_front()
    };
    let mut fetched = Vec::new();
    while let Some(key) = next() {
        let answer = client.get(&format!("/{key}")).await?;
        let at = Instant::now();
        received.send_modify(|received| *received += 1);
        fetched.push(Fetched { key, answer, at });
    }
    Ok(fetched)
}
