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
    #[cfg(test)]
    pub(crate) fn new(upstreams: Vec<CodeArtifactUpstream>) -> Self {
        Self::default().followed_by(upstreams)
    }

    /// The next one: what has not changed is the same in it.
    pub(super) fn followed_by(&self, upstreams: Vec<CodeArtifactUpstream>) -> Self {
        let kept = |config: CodeArtifactUpstream| {
            let same = self.by_alias(&config.alias);
            let same = same.filter(|upstream| upstream.config == config);
            same.cloned()
                .unwrap_or_else(|| Arc::new(Upstream::new(config)))
        };
        Self {
            upstreams: upstreams.into_iter().map(kept).collect(),
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

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn what_has_not_changed_is_the_same_one_in_the_next_table() {
        let upstream = |alias: &str| CodeArtifactUpstream {
            alias: alias.to_owned(),
            ..CodeArtifactUpstream::example()
        };
        let first = Table::new(vec![upstream("kept"), upstream("changed")]);
        let mut changed = upstream("changed");
        changed.publish = true;
        let next = first.followed_by(vec![changed, upstream("kept"), upstream("new")]);
        let is_same = |alias: &str| match (first.by_alias(alias), next.by_alias(alias)) {
            (Some(first), Some(next)) => Arc::ptr_eq(first, next),
            (Some(_) | None, _) => false,
        };
        assert!(is_same("kept") && !is_same("changed"));
        assert!(next.upstreams()[0].config.publish);
        assert_eq!(next.upstreams().len(), 3);
    }
}
