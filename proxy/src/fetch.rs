//! How an artifact is found: from the cache, from a download under way, from the origin.
//!
//! ```text
//!             fresh copy ─────────────────────────► hit
//! lookup ─►   stale copy ─► refresh ─► unchanged ─► revalidated hit
//!                                  ├─► changed ───► flight
//!                                  └─► no answer ─► stale copy
//!             nothing ───► lately not found ──────► not found
//!                     └─► flight (one a key) ─────► read along
//! ```
//!
//! No HTTP here: `server` turns a [`Found`] or an [`Error`] into an answer.

mod negative;
mod reader;
mod refresh;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::artifact::{ArtifactKey, Freshness};
use crate::cache::{Annex, Cache, CacheKey, Hit, HitBody, Metadata, ObjectName};
use crate::checksum::{Checksums, ExpectedChecksum};
use crate::error::Error;
use crate::flight::{Departure, Flight, Flights, UnderWay};
use crate::object::ObjectAttributes;
use crate::remote::Remote;
use crate::request;
use negative::NegativeAnswers;
pub use reader::ArtifactReader;
use refresh::Refreshes;

/// So often a download that turns out to be there already is looked for, and found removed again.
const BOARDINGS: u32 = 3;

/// Finds artifacts. One for the process.
pub struct Fetcher {
    repository: Arc<str>,
    metadata_ttl: Duration,
    cache: Cache,
    flights: Flights,
    origin: Arc<dyn Remote>,
    negatives: NegativeAnswers,
    refreshes: Refreshes,
}

/// An artifact that can be answered with.
pub struct Found {
    /// How it was found.
    pub verdict: Verdict,
    object: Object,
    source: Source,
}

/// What is known of an artifact's bytes.
#[derive(Clone)]
enum Object {
    /// They are in the cache.
    Stored(Arc<Metadata>),
    /// They are on their way, or only asked about.
    Coming {
        attributes: Arc<ObjectAttributes>,
        checksums: Option<Checksums>,
        promised: Arc<[ExpectedChecksum]>,
    },
}

impl Object {
    fn attributes(&self) -> &ObjectAttributes {
        match self {
            Self::Stored(metadata) => &metadata.attributes,
            Self::Coming { attributes, .. } => attributes,
        }
    }
}

/// How a request was answered: `Cache-Status` and the log say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// From the cache, fresh.
    Hit,
    /// From the cache, confirmed by the origin just now.
    Revalidated,
    /// From the cache, although it should be asked again: the origin does not answer.
    Stale,
    /// From the origin; this request began the download.
    Miss,
    /// From the origin, reading along with somebody else's download.
    Collapsed,
    /// From the origin, replacing an older copy.
    Refreshed,
    /// From the origin, and the cache could not take it.
    Uncached,
    /// Only asked about, at the origin.
    Asked,
}

#[derive(Clone)]
enum Source {
    Hit(HitBody),
    Flight(Arc<Flight>),
    /// The cache cannot take it: each reader downloads on its own, the first one what is under way.
    Diverted(Arc<Flight>),
    /// A HEAD's answer has no body.
    Nothing,
}

impl Fetcher {
    /// Puts the parts together.
    #[must_use]
    pub fn new(
        repository: &str,
        metadata_ttl: Duration,
        cache: Cache,
        origin: Arc<dyn Remote>,
    ) -> Arc<Self> {
        Arc::new(Self {
            repository: repository.into(),
            metadata_ttl,
            flights: Flights::new(cache.clone(), Arc::clone(&origin)),
            cache,
            origin,
            negatives: NegativeAnswers::default(),
            refreshes: Refreshes::default(),
        })
    }

    /// How many downloads are under way.
    #[must_use]
    pub fn downloads(&self) -> usize {
        self.flights.count()
    }

    /// How many downloads are under way, and the oldest `most` of them.
    #[must_use]
    pub fn downloads_under_way(&self, most: usize) -> (usize, Vec<UnderWay>) {
        self.flights.under_way(most)
    }

    /// What the cache holds, and may hold.
    #[must_use]
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    /// Finds an artifact that is fresh, and that needs nothing to be waited for. `key` may be any text, as only
    /// keys are found.
    #[must_use]
    pub fn at_hand(&self, key: &str) -> Option<Found> {
        let repository = &self.repository;
        let cache_key = || CacheKey::new(repository, key);
        let name = ObjectName { repository, key };
        let hit = self.cache.at_hand(&name, cache_key)?;
        let fresh = self.is_fresh(key, &hit);
        fresh.then(|| Found::hit(hit, Verdict::Hit))
    }

    /// Finds an artifact to answer a GET with.
    pub async fn get(self: &Arc<Self>, key: &ArtifactKey) -> Result<Found, Error> {
        let cache_key = self.cache_key(key);
        let before = self.flights.landed_before(&cache_key);
        if let Some(hit) = self.cache.lookup(&cache_key).await {
            return self.serve_copy(key, cache_key, hit).await;
        }
        self.negatives.check(&cache_key)?;
        if self.flights.running(&cache_key).is_none() {
            // A download that cannot begin is not begun.
            self.origin.refuse_without_login()?;
        }
        let (flight, is_new) = self.flights.join_after_look(key, &cache_key, before);
        if is_new {
            self.refresh_companions_of_new(key).await;
        }
        let verdict = if is_new {
            Verdict::Miss
        } else {
            Verdict::Collapsed
        };
        self.board(key, cache_key, flight, verdict).await
    }

    /// Finds what a HEAD asks for, without a download.
    pub async fn head(self: &Arc<Self>, key: &ArtifactKey) -> Result<Found, Error> {
        let cache_key = self.cache_key(key);
        if let Some(hit) = self.cache.lookup(&cache_key).await {
            return self.serve_copy(key, cache_key, hit).await;
        }
        self.negatives.check(&cache_key)?;
        if let Some(flight) = self.flights.running(&cache_key) {
            return self.board(key, cache_key, flight, Verdict::Collapsed).await;
        }
        match Arc::clone(&self.origin).head(key.clone()).await {
            Ok(attributes) => Ok(Found {
                object: Object::Coming {
                    attributes: Arc::new(attributes),
                    checksums: None,
                    promised: Arc::default(),
                },
                verdict: Verdict::Asked,
                source: Source::Nothing,
            }),
            Err(error) => Err(self.remember_if_missing(&cache_key, error)),
        }
    }

    /// Forgets a copy.
    pub(crate) async fn forget(&self, key: &ArtifactKey) {
        self.cache.remove(&self.cache_key(key)).await;
    }

    /// Whether each of some artifacts is cached, in their order.
    pub async fn cached(&self, keys: &[ArtifactKey]) -> Vec<bool> {
        let keys: Vec<_> = keys.iter().map(|key| self.cache_key(key)).collect();
        let ids: Vec<_> = keys.iter().map(CacheKey::id).collect();
        let held: HashSet<_> = self
            .cache
            .held(keys)
            .await
            .iter()
            .map(CacheKey::id)
            .collect();
        ids.iter().map(|id| held.contains(id)).collect()
    }

    async fn serve_copy(
        self: &Arc<Self>,
        key: &ArtifactKey,
        cache_key: CacheKey,
        hit: Hit,
    ) -> Result<Found, Error> {
        if self.is_fresh(key.as_str(), &hit) {
            return Ok(Found::hit(hit, Verdict::Hit));
        }
        // In a task of its own: a client that leaves must not leave a group half refreshed.
        let (this, key) = (Arc::clone(self), key.clone());
        let refresh = request::spawn(async move { this.refresh(&key, cache_key, hit).await });
        refresh
            .await
            .unwrap_or_else(|_| Err(Error::unavailable("a refresh ended unexpectedly")))
    }

    fn is_fresh(&self, key: &str, hit: &Hit) -> bool {
        match self.origin.freshness(key) {
            Freshness::Immutable => true,
            Freshness::Mutable => {
                let is_older = self.origin.is_old(key, hit.validated_at);
                // A time in the future is a clock that was set back: not fresh.
                let age = now().duration_since(hit.validated_at);
                !is_older && age.is_ok_and(|age| age < self.metadata_ttl)
            }
        }
    }

    /// Waits for a flight to be readable, and reads along.
    async fn board(
        &self,
        key: &ArtifactKey,
        cache_key: CacheKey,
        mut flight: Arc<Flight>,
        verdict: Verdict,
    ) -> Result<Found, Error> {
        for _ in 0..BOARDINGS {
            request::read_along_with(flight.begun_for());
            match flight.departure().await {
                Ok(Departure::Streaming(attributes)) => {
                    return Ok(Found {
                        object: Object::Coming {
                            attributes,
                            checksums: flight.checksums().cloned(),
                            promised: flight.promised(),
                        },
                        verdict,
                        source: Source::Flight(flight),
                    });
                }
                Ok(Departure::AlreadyCached) => {
                    if let Some(hit) = self.cache.lookup(&cache_key).await {
                        return Ok(Found::hit(hit, Verdict::Hit));
                    }
                    // Removed in between: purged, or found broken by another reader.
                    (flight, _) = self.flights.join(key, &cache_key);
                }
                Ok(Departure::Diverted(attributes)) => {
                    return Ok(Found {
                        object: Object::Coming {
                            attributes,
                            checksums: None,
                            promised: flight.promised(),
                        },
                        verdict: Verdict::Uncached,
                        source: Source::Diverted(flight),
                    });
                }
                Err(error) => return Err(self.remember_if_missing(&cache_key, error)),
            }
        }
        Err(Error::Cache(
            "an artifact was removed again and again while it was asked for".into(),
        ))
    }

    fn remember_if_missing(&self, cache_key: &CacheKey, error: Error) -> Error {
        if self.origin.remembers_missing() {
            self.negatives.remember(cache_key, &error);
        }
        error
    }

    fn cache_key(&self, key: &ArtifactKey) -> CacheKey {
        CacheKey::new(&self.repository, key.as_str())
    }
}

impl Found {
    fn hit(hit: Hit, verdict: Verdict) -> Self {
        Self {
            object: Object::Stored(hit.metadata),
            verdict,
            source: Source::Hit(hit.body),
        }
    }

    /// Length and validators.
    #[must_use]
    pub fn attributes(&self) -> &ObjectAttributes {
        self.object.attributes()
    }

    /// Verified checksums, where all bytes are already there.
    #[must_use]
    pub fn checksums(&self) -> Option<&Checksums> {
        match &self.object {
            Object::Stored(metadata) => Some(&metadata.checksums),
            Object::Coming { checksums, .. } => checksums.as_ref(),
        }
    }

    /// What the origin has promised of bytes that are on their way.
    #[must_use]
    pub fn promised(&self) -> &[ExpectedChecksum] {
        match &self.object {
            Object::Stored(_) => &[],
            Object::Coming { promised, .. } => promised,
        }
    }

    /// Where whoever serves the object may keep what it has worked out about it.
    #[must_use]
    pub fn annex(&self) -> Option<&Annex> {
        match &self.source {
            Source::Hit(HitBody::Memory(object)) => object.annex(),
            Source::Hit(HitBody::File(..))
            | Source::Flight(_)
            | Source::Diverted(_)
            | Source::Nothing => None,
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "freshness is a matter of wall-clock file times"
)]
fn now() -> SystemTime {
    SystemTime::now()
}
