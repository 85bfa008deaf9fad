//! CodeArtifact: Python, JavaScript and Java packages from repositories that ask for a token every twelve hours,
//! under URLs that never change.
//!
//! ```text
//! server ─► CodeArtifact ─┬► fetch ─► cache, flight ─► Repositories (`Remote`) ─► client ─► data endpoint
//!                         │                              └► public, by explicit rule   └► asset's own host
//!                         ├► index (pages: links, hashes, metadata; neither HTTP nor AWS)
//!                         └► publish ──────────────────────────────────────────────────► client
//! token ─► GetAuthorizationToken, with the keeper's credentials
//! ```
//!
//! * An [`Address`] names one page or file of one configured repository: nothing else can be asked for.
//! * A token stays in [`token`](self): no client, redirect, log or error ever has it.
//! * A page is cached as CodeArtifact gave it but for its links, which are made to fit wherever it is served.

mod address;
pub mod index;
mod repositories;
mod table;

use std::sync::Arc;

use aws_smithy_runtime_api::client::http::SharedHttpClient;

pub use address::{Address, AddressError, Kind};
pub use table::{Table, Upstream};

use crate::cache::Cache;
use crate::config::{CodeArtifactUpstream, Config};
use crate::credentials::Credentials;
use crate::fetch::Fetcher;
use crate::metrics::Metrics;
use repositories::Repositories;

/// What all objects of CodeArtifact are kept under; the rest of the name stands in each key.
const REPOSITORY: &str = "codeartifact:";

/// All repositories of CodeArtifact that are served. Cheap to clone.
#[derive(Clone)]
pub struct CodeArtifact {
    repositories: Arc<Repositories>,
    fetcher: Arc<Fetcher>,
}

impl CodeArtifact {
    /// Puts the parts together; calls nothing.
    #[must_use]
    pub fn new(
        config: &Config,
        credentials: Credentials,
        http: &SharedHttpClient,
        cache: &Cache,
        metrics: Arc<Metrics>,
    ) -> Self {
        let repositories = Arc::new(Repositories::new(config, credentials, http, metrics));
        let remote: Arc<dyn crate::remote::Remote> = Arc::clone(&repositories) as _;
        Self {
            fetcher: Fetcher::new(REPOSITORY, config.metadata_ttl, cache.clone(), remote),
            repositories,
        }
    }

    /// The repositories as they are configured now.
    #[must_use]
    pub fn table(&self) -> Arc<Table> {
        self.repositories.table()
    }

    /// Serves these from now on; requests under way end as they began.
    pub fn replace(&self, upstreams: Vec<CodeArtifactUpstream>) {
        self.repositories.replace(upstreams);
    }

    /// What finds files and pages.
    #[must_use]
    pub fn fetcher(&self) -> &Arc<Fetcher> {
        &self.fetcher
    }
}
