//! What every request may use: one state.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

use super::access::AccessLog;
use super::codeartifact::RenderedPages;
use super::credentials::CredentialsService;
use super::health::Readiness;
use super::hold::Hold;
use super::hosts::AllowedHosts;
use super::html::Pages;
use super::listing::Listings;
use super::page::{Surroundings, Vantage};
use super::troubles::Troubles;
use crate::cache::Cache;
use crate::codeartifact::CodeArtifact;
use crate::config::Config;
use crate::credentials::Credentials;
use crate::fetch::Fetcher;
use crate::metrics::Metrics;
use crate::origin::Origin;
use crate::peer;

/// A bucket that is served, and what finds its artifacts.
pub struct Bucket {
    /// Whoever has them.
    pub origin: Arc<Origin>,
    /// What finds them.
    pub fetcher: Arc<Fetcher>,
}

/// What is served, and what all of it shares.
pub struct Wares {
    /// Where there is one.
    pub bucket: Option<Bucket>,
    /// Where repositories of it are configured.
    pub codeartifact: Option<CodeArtifact>,
    /// What all of it is kept in.
    pub cache: Cache,
    /// What it is fetched with.
    pub credentials: Credentials,
}

/// What every request may use.
pub struct App {
    wares: Wares,
    prefix_bytes: usize,
    hosts: AllowedHosts,
    readiness: Readiness,
    listings: Listings,
    rendered_pages: RenderedPages,
    hold: Hold,
    troubles: Troubles,
    pages: Pages,
    vantage: Vantage,
    metrics: Arc<Metrics>,
    access_log: AccessLog,
    repository_name: Option<String>,
    containers: Option<CredentialsService>,
    /// Whether a repository of CodeArtifact was there when one was asked for.
    was_codeartifact_served: AtomicBool,
}

impl App {
    /// Puts the parts together. `stop` becomes true when the process stops.
    #[must_use]
    pub fn new(
        config: &Config,
        wares: Wares,
        metrics: Arc<Metrics>,
        surroundings: Surroundings,
        stop: watch::Receiver<bool>,
    ) -> Arc<Self> {
        let credentials = wares.credentials.clone();
        let bucket = wares.bucket.as_ref();
        let again = bucket.and_then(|bucket| bucket.origin.tried_again_after());
        let repository_name = bucket.map(|_| peer::repository_name(&config.bucket, &config.prefix));
        let troubles = Troubles::default();
        Arc::new(Self {
            hold: Hold::new(
                config.login_wait,
                credentials,
                again,
                stop,
                troubles.clone(),
            ),
            troubles,
            pages: Pages::new(),
            containers: surroundings.containers.clone(),
            vantage: Vantage::new(config, bucket.is_some(), surroundings),
            wares,
            prefix_bytes: config.prefix.len(),
            hosts: AllowedHosts::new(&config.allowed_hosts),
            readiness: Readiness::default(),
            listings: Listings::new(&config.bucket),
            rendered_pages: RenderedPages::default(),
            metrics,
            access_log: AccessLog::new(config.log.hits),
            repository_name,
            was_codeartifact_served: AtomicBool::new(false),
        })
    }

    /// What [`peer::repository_name`] makes of this proxy's bucket and folder, where it has one.
    pub(super) fn repository_name(&self) -> Option<&str> {
        self.repository_name.as_deref()
    }

    /// Whom credentials are handed out to, where anybody is.
    pub(super) fn containers(&self) -> Option<&CredentialsService> {
        self.containers.as_ref()
    }

    /// The length of the configured prefix, which counts against S3's limit on keys.
    pub(super) fn prefix_bytes(&self) -> usize {
        self.prefix_bytes
    }

    pub(super) fn hosts(&self) -> &AllowedHosts {
        &self.hosts
    }

    pub(super) fn listings(&self) -> &Listings {
        &self.listings
    }

    pub(super) fn rendered_pages(&self) -> &RenderedPages {
        &self.rendered_pages
    }

    /// The bucket, where there is one.
    pub(super) fn bucket(&self) -> Option<&Bucket> {
        self.wares.bucket.as_ref()
    }

    /// The repositories of CodeArtifact, where there are any, or may come: then the table may be empty.
    #[must_use]
    pub fn codeartifact(&self) -> Option<&CodeArtifact> {
        self.wares.codeartifact.as_ref()
    }

    /// Them, where there is one at the moment.
    pub(super) fn served_codeartifact(&self) -> Option<&CodeArtifact> {
        let is_served = |codeartifact: &&CodeArtifact| !codeartifact.table().upstreams().is_empty();
        self.codeartifact().filter(is_served)
    }

    /// Them, where there is one at the moment or was one before: what belonged to it is never looked for elsewhere.
    pub(super) fn codeartifact_once_served(&self) -> Option<&CodeArtifact> {
        let codeartifact = self.codeartifact()?;
        if !self.was_codeartifact_served.load(Ordering::Relaxed) {
            self.served_codeartifact()?;
            self.was_codeartifact_served.store(true, Ordering::Relaxed);
        }
        Some(codeartifact)
    }

    /// What finds artifacts: one for each kind of far side.
    pub(super) fn fetchers(&self) -> impl Iterator<Item = &Arc<Fetcher>> {
        let bucket = self.bucket().map(|bucket| &bucket.fetcher);
        let codeartifact = self.codeartifact().map(CodeArtifact::fetcher);
        bucket.into_iter().chain(codeartifact)
    }

    /// What everything is kept in.
    pub(super) fn cache(&self) -> &Cache {
        &self.wares.cache
    }

    /// What everything is fetched with.
    pub(super) fn credentials(&self) -> &Credentials {
        &self.wares.credentials
    }

    pub(super) fn hold(&self) -> &Hold {
        &self.hold
    }

    pub(super) fn troubles(&self) -> &Troubles {
        &self.troubles
    }

    pub(super) fn pages(&self) -> &Pages {
        &self.pages
    }

    pub(super) fn vantage(&self) -> &Vantage {
        &self.vantage
    }

    pub(super) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    pub(super) fn access_log(&self) -> &AccessLog {
        &self.access_log
    }

    pub(super) fn readiness(&self) -> &Readiness {
        &self.readiness
    }
}
