//! The repositories of CodeArtifact: is there a token for each, where are its packages, and may they be read?

use std::sync::Arc;
use std::time::Duration;

use program::report::Report;
use sso_session::date;

use super::report::failed_or;
use crate::aws::SharedHttpClient;
use crate::cache::{Cache, CacheFolder, Limits};
use crate::codeartifact::{CodeArtifact, Upstream};
use crate::config::{Config, Format};
use crate::credentials::Credentials;

/// Before there is anything to say of each repository.
pub(super) const STEP: &str = "codeartifact";
/// For each question.
const PATIENCE: Duration = Duration::from_secs(15);
const POLICY: &str = "See the policies in docs/CODEARTIFACT.md.";

pub(super) async fn check(
    config: &Config,
    credentials: &Credentials,
    http: &SharedHttpClient,
    report: &mut Report,
) {
    if config.codeartifact.is_empty() {
        return;
    }
    let limits = Limits {
        max_bytes: config.cache.max_size_bytes,
        min_free_bytes: config.cache.min_free_bytes,
    };
    let cache = match Cache::beside(CacheFolder::new(&config.cache.folder), limits) {
        Ok(cache) => cache,
        Err(error) => return report.skipped(&[STEP], &error.to_string()),
    };
    let credentials = credentials.clone();
    let codeartifact = CodeArtifact::new(config, credentials, http, &cache, Arc::default());
    for upstream in codeartifact.table().upstreams() {
        check_upstream(&codeartifact, upstream, report).await;
    }
}

async fn check_upstream(
    codeartifact: &CodeArtifact,
    upstream: &Arc<Upstream>,
    report: &mut Report,
) {
    let alias = &upstream.config.alias;
    let formats = &upstream.config.formats;
    match codeartifact.ready(upstream, PATIENCE).await {
        Ok(end) => {
            let end = date::format(end);
            let says = format!("a token for {}, until {end}", upstream.name());
            report.passed(alias, &says);
        }
        Err(error) => {
            let step = format!("{alias} token");
            failed_or(report, &step, &error, POLICY);
            let steps = formats.iter().map(|format| step_of(alias, *format));
            let steps: Vec<_> = steps.collect();
            let steps: Vec<_> = steps.iter().map(String::as_str).collect();
            return report.skipped(&steps, "there is no token to use");
        }
    }
    for format in formats {
        let step = step_of(alias, *format);
        let endpoint = match codeartifact.endpoint(upstream, *format, PATIENCE).await {
            Ok(endpoint) => endpoint,
            Err(error) => {
                failed_or(report, &step, &error, POLICY);
                continue;
            }
        };
        match codeartifact.try_read(upstream, *format, PATIENCE).await {
            Ok(()) => report.passed(&step, &format!("can be read at {endpoint}")),
            Err(error) => failed_or(report, &step, &error, POLICY),
        }
    }
}

fn step_of(alias: &str, format: Format) -> String {
    format!("{alias} {format}")
}
