//! The simulated CodeArtifact: pypi, npm and maven.
//! <https://docs.aws.amazon.com/codeartifact/latest/ug/welcome.html>
//!
//! ```text
//! SDK ────► control    gate (who signs) ─► a token for a domain, a repository's URL, origin controls
//! client ─► data       token ─► pypi │ npm │ maven: pages at once, files as a redirect ─┐
//! client ─► presigned  the file: GET only, no Authorization, for a while ◄──────────────┘
//! ```
//!
//! Where the real one is not known, or known to differ from time to time, there is a setting. Everything else
//! that goes wrong is for the faults to say. To them and to the counters, a `bucket` is the repository, and a
//! `key` is `<format>/<path below the repository>` (of `GetAuthorizationToken`, the domain; of
//! `GetRepositoryEndpoint`, the format; of `DescribePackage`, `<format>/<package>`).

pub(crate) mod asset;
mod control;
mod data;
mod gate;
mod maven;
mod npm;
mod options;
pub(crate) mod page;
mod place;
pub(crate) mod presigned;
pub(crate) mod pypi;
mod repository;
mod state;
mod tokens;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

pub use options::Links;
pub use place::Format;
pub use repository::Repository;
pub use state::{Origin, Restriction};
pub use tokens::IssuedToken;

use crate::service::Service;
use crate::{Action, Call, Clock, Identities, random};
use options::{Feature, Options};
use place::{Domain, Place};
use state::State;

/// The simulated CodeArtifact. Clones share it.
#[derive(Clone)]
pub struct CodeArtifact {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    identities: Identities,
    clock: Clock,
    /// What presigned URLs are signed with.
    secret: String,
    /// The URL of the port, once there is one.
    base: OnceLock<String>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn options(&self) -> Options {
        self.lock().options.clone()
    }

    /// Whether a permission was taken away from a key, or from everyone.
    fn denies(&self, access_key_id: &str, action: Action) -> bool {
        self.lock().options.denied.contains(&action)
            || self.identities.denies(access_key_id, action)
    }
}

#[expect(
    clippy::must_use_candidate,
    reason = "the service comes back for chaining only"
)]
impl CodeArtifact {
    pub(crate) fn new(identities: Identities, clock: Clock) -> Self {
        let shared = Shared {
            state: Mutex::default(),
            identities,
            clock,
            secret: random::text("", 40),
            base: OnceLock::new(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    pub(crate) fn services(&self) -> Vec<Box<dyn Service>> {
        vec![
            Box::new(control::Control(Arc::clone(&self.shared))),
            Box::new(data::Data(Arc::clone(&self.shared))),
            Box::new(presigned::Presigned(Arc::clone(&self.shared))),
        ]
    }

    pub(crate) fn set_base(&self, url: String) {
        self.shared.base.get_or_init(|| url);
    }

    /// Makes a domain without repositories.
    pub fn add_domain(&self, domain: &str, owner: &str, region: &str) -> &Self {
        let domain = Domain::new(domain, owner, region);
        self.shared.lock().domains.insert(domain);
        self
    }

    /// Makes a repository, and its domain, if they are not there.
    pub fn add_repository(
        &self,
        domain: &str,
        owner: &str,
        region: &str,
        repository: &str,
    ) -> Repository {
        let place = Place {
            domain: Domain::new(domain, owner, region),
            repository: repository.to_owned(),
        };
        let mut state = self.shared.lock();
        state.domains.insert(place.domain.clone());
        state.repositories.entry(place.clone()).or_default();
        drop(state);
        Repository {
            shared: Arc::clone(&self.shared),
            place,
        }
    }

    /// Lets tokens live no longer than this, whatever was asked for, and says so in `expiration`: no less than 15
    /// minutes can be asked for, for which no test waits. `None` gives what is asked for.
    pub fn set_longest_token_life(&self, life: Option<Duration>) -> &Self {
        self.shared.lock().tokens.longest_life = life;
        self
    }

    /// Ends all tokens that were given out, before their time.
    pub fn revoke_tokens(&self) -> &Self {
        self.shared.lock().tokens.revoke_all();
        self
    }

    /// All tokens that were given out, the oldest first.
    #[must_use]
    pub fn tokens(&self) -> Vec<IssuedToken> {
        self.shared.lock().tokens.all()
    }

    /// The token that a call of the [log](crate::Counters::log) came with, if it was given out here: whose it is,
    /// and which of several.
    #[must_use]
    pub fn token_of(&self, call: &Call) -> Option<IssuedToken> {
        let token = data::token(&call.head.as_ref()?.headers)?;
        self.shared.lock().tokens.get(&token).cloned()
    }

    /// The status for a token that is missing, unknown, at its end or of another domain: 401 unless set. 403 and 404
    /// have been reported too.
    pub fn set_refusal(&self, status: u16) -> &Self {
        self.set(|options| options.refusal = status)
    }

    /// Where the links of pages lead; relative to the page unless set. npm's are always absolute.
    pub fn set_links(&self, links: Links) -> &Self {
        self.set(|options| options.links = links)
    }

    /// Whether packuments have `dist.integrity`; they do unless set.
    pub fn set_integrity(&self, has_integrity: bool) -> &Self {
        self.set(|options| options.set(Feature::Integrity, has_integrity))
    }

    /// Whether pages offer the METADATA of wheels (PEP 658); they do unless set.
    pub fn set_metadata(&self, has_metadata: bool) -> &Self {
        self.set(|options| options.set(Feature::Metadata, has_metadata))
    }

    /// Whether pages have an `ETag` and a `Last-Modified`; they have both unless set.
    pub fn set_validators(&self, has_etags: bool, has_times: bool) -> &Self {
        self.set(|options| {
            options.set(Feature::Etag, has_etags);
            options.set(Feature::LastModified, has_times);
        })
    }

    /// Whether pages come without a `Content-Length`; they come with one unless set.
    pub fn set_chunked_pages(&self, has_chunked_pages: bool) -> &Self {
        self.set(|options| options.set(Feature::ContentLength, !has_chunked_pages))
    }

    /// For how long the URLs of files are good, in whole seconds; an hour unless set.
    pub fn set_presigned_life(&self, life: Duration) -> &Self {
        self.set(|options| options.presigned_life = life)
    }

    /// Takes a permission away from everyone, whoever they sign in as;
    /// [`Identities::deny`](crate::Identities::deny) takes it from one key.
    pub fn deny(&self, action: Action) -> &Self {
        self.set(|options| {
            options.denied.insert(action);
        })
    }

    /// Gives a permission back.
    pub fn allow(&self, action: Action) -> &Self {
        self.set(|options| {
            options.denied.remove(&action);
        })
    }

    fn set(&self, change: impl FnOnce(&mut Options)) -> &Self {
        change(&mut self.shared.lock().options);
        self
    }
}
