//! Mutable artifacts: asked again when their time is up, together with their checksums, by one
//! request at a time; served stale where the origin does not answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use quick_cache::sync::Cache;
use tracing::{debug, info};

use super::{Fetcher, Found, Verdict};
use crate::artifact::ArtifactKey;
use crate::cache::key::EntryId;
use crate::cache::{CacheKey, Hit};
use crate::codeartifact::Address;
use crate::error::Error;
use crate::flight::Flight;
use crate::remote::Revalidation;
use crate::request;

/// A copy is at hand, so the origin gets only so long to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// After no answer, copies are served without asking for so long.
const LEAVE_ALONE: Duration = Duration::from_secs(5);

/// Refreshes under way, and those that lately had no answer.
pub(super) struct Refreshes {
    locks: Mutex<HashMap<EntryId, Arc<tokio::sync::Mutex<()>>>>,
    unanswered: Cache<EntryId, Instant>,
}

impl Default for Refreshes {
    fn default() -> Self {
        const MOST_UNANSWERED: usize = 10_000;
        Self {
            locks: Mutex::default(),
            unanswered: Cache::new(MOST_UNANSWERED),
        }
    }
}

impl Refreshes {
    fn locks(&self) -> MutexGuard<'_, HashMap<EntryId, Arc<tokio::sync::Mutex<()>>>> {
        self.locks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_of(&self, group: EntryId) -> Arc<tokio::sync::Mutex<()>> {
        Arc::clone(self.locks().entry(group).or_default())
    }

    /// Forgets a lock that nobody else holds.
    fn release(&self, group: EntryId, lock: Arc<tokio::sync::Mutex<()>>) {
        let mut locks = self.locks();
        drop(lock);
        if locks
            .get(&group)
            .is_some_and(|lock| Arc::strong_count(lock) == 1)
        {
            locks.remove(&group);
        }
    }

    fn is_left_alone(&self, group: EntryId) -> bool {
        self.unanswered
            .get(&group)
            .is_some_and(|at| at.elapsed() < LEAVE_ALONE)
    }
}

impl Fetcher {
    /// Answers with a copy whose time is up: confirmed, replaced, or stale.
    pub(super) async fn refresh(
        &self,
        key: &ArtifactKey,
        cache_key: CacheKey,
        hit: Hit,
    ) -> Result<Found, Error> {
        let group = self.cache_key(&key.group()).id();
        if self.refreshes.is_left_alone(group) {
            return Ok(Found::hit(hit, Verdict::Stale));
        }
        let lock = self.refreshes.lock_of(group);
        let guard = lock.lock().await;
        let outcome = self.refresh_alone(key, cache_key, hit, group).await;
        drop(guard);
        self.refreshes.release(group, lock);
        outcome
    }

    async fn refresh_alone(
        &self,
        key: &ArtifactKey,
        cache_key: CacheKey,
        hit: Hit,
        group: EntryId,
    ) -> Result<Found, Error> {
        // Whoever held the lock before may have done it all.
        let looked = self.cache.lookup(&cache_key).await;
        if looked.is_none() {
            // … or have found that it is gone at the origin.
            self.negatives.check(&cache_key)?;
        }
        let hit = looked.unwrap_or(hit);
        if self.is_fresh(key.as_str(), &hit) {
            return Ok(Found::hit(hit, Verdict::Revalidated));
        }
        if self.refreshes.is_left_alone(group) {
            return Ok(Found::hit(hit, Verdict::Stale));
        }
        if let Some(flight) = self.flights.running(&cache_key) {
            // A newer version is already on its way.
            return self
                .board_or_stale(key, cache_key, flight, Verdict::Collapsed, hit, group)
                .await;
        }
        let (outcome, ()) = tokio::join!(
            self.revalidate(key, &cache_key, &hit),
            self.refresh_companions(key),
        );
        match outcome {
            Ok(Revalidation::NotModified) => {
                self.cache.confirm(&cache_key).await;
                Ok(Found::hit(hit, Verdict::Revalidated))
            }
            Ok(Revalidation::Changed(stream)) => {
                info!(
                    artifact.key = Address::shown(key),
                    "a newer version is fetched"
                );
                // The old copy stays until the new one is verified and takes its place; meanwhile
                // nobody takes it for fresh.
                self.cache.expire(&cache_key).await;
                let (flight, _) = self.flights.join_with(key, &cache_key, stream);
                self.board_or_stale(key, cache_key, flight, Verdict::Refreshed, hit, group)
                    .await
            }
            Err(error) if error.leaves_stale_copy_usable() => {
                Ok(self.stale(key, hit, group, &error))
            }
            Err(error) => {
                // In this order: whoever misses the copy has to find out why.
                let error = self.remember_if_missing(&cache_key, error);
                self.cache.remove(&cache_key).await;
                Err(error)
            }
        }
    }

    async fn board_or_stale(
        &self,
        key: &ArtifactKey,
        cache_key: CacheKey,
        flight: Arc<Flight>,
        verdict: Verdict,
        hit: Hit,
        group: EntryId,
    ) -> Result<Found, Error> {
        match self.board(key, cache_key, flight, verdict).await {
            Err(error) if error.leaves_stale_copy_usable() => {
                Ok(self.stale(key, hit, group, &error))
            }
            boarded => boarded,
        }
    }

    fn stale(&self, key: &ArtifactKey, hit: Hit, group: EntryId, error: &Error) -> Found {
        info!(artifact.key = Address::shown(key), %error, "a stale copy is served");
        self.refreshes.unanswered.insert(group, Instant::now());
        Found::hit(hit, Verdict::Stale)
    }

    async fn revalidate(
        &self,
        key: &ArtifactKey,
        cache_key: &CacheKey,
        hit: &Hit,
    ) -> Result<Revalidation, Error> {
        debug!(
            artifact.key = cache_key.key(),
            "asking the origin whether a copy is still good"
        );
        let copy = hit.metadata.attributes.clone();
        let origin = Arc::clone(&self.origin);
        origin.revalidate(key.clone(), copy, PATIENCE).await
    }

    /// Asks again about the cached files that belong to `key`, so that no client gets metadata of
    /// one version and a checksum of another.
    async fn refresh_companions(&self, key: &ArtifactKey) {
        let companions = key.companions();
        let keys = companions
            .iter()
            .map(|companion| self.cache_key(companion))
            .collect();
        let held = self.cache.held(keys).await;
        let held = companions
            .into_iter()
            .filter(|companion| held.iter().any(|held| held.key() == companion.as_str()));
        futures_util::future::join_all(held.map(|companion| self.refresh_companion(companion)))
            .await;
    }

    async fn refresh_companion(&self, key: ArtifactKey) {
        let cache_key = self.cache_key(&key);
        if let Some(flight) = self.flights.running(&cache_key) {
            let _outcome = flight.departure().await;
            return;
        }
        let Some(hit) = self.cache.lookup(&cache_key).await else {
            return;
        };
        let outcome = self.revalidate(&key, &cache_key, &hit).await;
        self.conclude(&key, outcome).await;
    }

    /// Does to a copy what came out of asking about it, for nobody who waits: of a companion, or after the patience
    /// of whoever asked was over.
    pub(crate) async fn conclude(&self, key: &ArtifactKey, outcome: Result<Revalidation, Error>) {
        let cache_key = self.cache_key(key);
        match outcome {
            Ok(Revalidation::NotModified) => self.cache.confirm(&cache_key).await,
            Ok(Revalidation::Changed(stream)) => {
                self.cache.expire(&cache_key).await;
                let (flight, _) = self.flights.join_with(key, &cache_key, stream);
                let _outcome = flight.departure().await;
            }
            Err(Error::NotFound) => self.cache.remove(&cache_key).await,
            Err(error) => {
                debug!(artifact.key = key.as_str(), %error, "asked again when it is wanted");
                self.cache.expire(&cache_key).await;
            }
        }
    }

    /// A new member of a group: those that are cached may be of an older version.
    pub(super) async fn refresh_companions_of_new(self: &Arc<Self>, key: &ArtifactKey) {
        if !key.companions().is_empty() {
            let (this, key) = (Arc::clone(self), key.clone());
            let refresh = request::spawn(async move { this.refresh_companions(&key).await });
            // A panic was logged; the copies are asked about at their time.
            let _outcome = refresh.await;
        }
    }
}
