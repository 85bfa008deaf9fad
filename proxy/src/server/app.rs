//! What every request may use: one state.

use std::sync::Arc;

use tokio::sync::watch;

use super::access::AccessLog;
use super::credentials::CredentialsService;
use super::health::Readiness;
use super::hold::Hold;
use super::hosts::AllowedHosts;
use super::html::Pages;
use super::listing::Listings;
use super::page::{Surroundings, Vantage};
use super::troubles::Troubles;
use crate::codeartifact::CodeArtifact;
use crate::config::Config;
use crate::fetch::Fetcher;
use crate::metrics::Metrics;
use crate::origin::Origin;
use crate::peer;

/// What every request may use.
pub struct App {
    origin: Arc<Origin>,
    fetcher: Arc<Fetcher>,
    codeartifact: Option<CodeArtifact>,
    prefix_bytes: usize,
    hosts: AllowedHosts,
    readiness: Readiness,
    listings: Listings,
    hold: Hold,
    troubles: Troubles,
    pages: Pages,
    vantage: Vantage,
    metrics: Arc<Metrics>,
    access_log: AccessLog,
    repository_name: String,
    containers: Option<CredentialsService>,
}

impl App {
    /// Puts the parts together. `stop` becomes true when the process stops.
    #[must_use]
    pub fn new(
        config: &Config,
        origin: Arc<Origin>,
        fetcher: Arc<Fetcher>,
        codeartifact: Option<CodeArtifact>,
        metrics: Arc<Metrics>,
        surroundings: Surroundings,
        stop: watch::Receiver<bool>,
    ) -> Arc<Self> {
        let credentials = origin.credentials().clone();
        let again = origin.tried_again_after();
        let repository_name = peer::repository_name(&config.bucket, &config.prefix);
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
            vantage: Vantage::new(config, surroundings),
            origin,
            fetcher,
            codeartifact,
            prefix_bytes: config.prefix.len(),
            hosts: AllowedHosts::new(&config.allowed_hosts),
            readiness: Readiness::default(),
            listings: Listings::new(&config.bucket),
            metrics,
            access_log: AccessLog::new(config.log.hits),
            repository_name,
        })
    }

    /// What [`peer::repository_name`] makes of this proxy's bucket and folder.
    pub(super) fn repository_name(&self) -> &str {
        &self.repository_name
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

    /// The bucket.
    pub(super) fn origin(&self) -> &Arc<Origin> {
        &self.origin
    }

    /// The repositories of CodeArtifact, where there are any, or may come: then the table may be empty.
    #[must_use]
    pub fn codeartifact(&self) -> Option<&CodeArtifact> {
        self.codeartifact.as_ref()
    }

    /// What finds artifacts of the bucket.
    pub(super) fn fetcher(&self) -> &Arc<Fetcher> {
        &self.fetcher
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
