//! Which repositories are served, and by which names they are found.

use std::sync::Arc;

use crate::config::CodeArtifactUpstream;

/// One repository that is served.
#[derive(Debug)]
pub struct Upstream {
    /// As it is configured.
    pub config: CodeArtifactUpstream,
    /// `<domain>-<owner>.<region>/<repository>`: what its objects are kept under, whatever its alias.
    name: String,
}

/// All of them. Never changed: replaced.
#[derive(Debug, Default)]
pub struct Table {
    upstreams: Vec<Arc<Upstream>>,
}

impl Upstream {
    fn new(config: CodeArtifactUpstream) -> Self {
        let CodeArtifactUpstream {
            domain,
            domain_owner,
            region,
            repository,
            ..
        } = &config;
        Self {
            name: format!("{domain}-{domain_owner}.{region}/{repository}"),
            config,
        }
    }

    /// What tells it from every other repository of CodeArtifact.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Table {
    pub(crate) fn new(upstreams: Vec<CodeArtifactUpstream>) -> Self {
        let upstreams = upstreams.into_iter().map(Upstream::new).map(Arc::new);
        Self {
            upstreams: upstreams.collect(),
        }
    }

    /// All, in the order of the configuration.
    #[must_use]
    pub fn upstreams(&self) -> &[Arc<Upstream>] {
        &self.upstreams
    }

    /// The one that is served as `/codeartifact/<alias>/…`.
    #[must_use]
    pub fn by_alias(&self, alias: &str) -> Option<&Arc<Upstream>> {
        let mut upstreams = self.upstreams.iter();
        upstreams.find(|upstream| upstream.config.alias == alias)
    }

    /// The one of a URL as the older proxy has them: `/<owner>/<region>/<domain>/<repository>/…`.
    #[must_use]
    pub fn by_place(
        &self,
        owner: &str,
        region: &str,
        domain: &str,
        repository: &str,
    ) -> Option<&Arc<Upstream>> {
        let mut upstreams = self.upstreams.iter();
        upstreams.find(|upstream| {
            let config = &upstream.config;
            config.domain_owner == owner
                && config.region == region
                && config.domain == domain
                && config.repository == repository
        })
    }

    /// The one whose objects are kept under this name, which two aliases may share.
    pub(super) fn by_name(&self, name: &str) -> Option<&Arc<Upstream>> {
        let mut upstreams = self.upstreams.iter();
        upstreams.find(|upstream| upstream.name == name)
    }
}
