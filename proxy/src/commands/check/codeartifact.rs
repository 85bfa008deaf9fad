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
            let further = further_steps(upstream).into_iter().flatten();
            let steps: Vec<_> = steps.chain(further).collect();
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
    let [publish, public] = further_steps(upstream);
    if let Some(step) = publish {
        // There is no way to ask without publishing.
        let says = "is on; that the role may shows with the first upload \
                    (codeartifact:PublishPackageVersion and codeartifact:PutPackageMetadata)";
        report.passed(&step, says);
    }
    if let Some(step) = public {
        match codeartifact.try_describe(upstream).await {
            Ok(Some(name)) => {
                let says = format!("is closed to what CodeArtifact blocks: told of `{name}`");
                report.passed(&step, &says);
            }
            Ok(None) => report.passed(&step, "has no names, so nothing is asked for in public"),
            Err(error) => failed_or(report, &step, &error, POLICY),
        }
    }
}

/// What is asked of a repository beside reading, where it is configured: publishing, and a public index behind it.
fn further_steps(upstream: &Upstream) -> [Option<String>; 2] {
    let config = &upstream.config;
    let publish = config.publish.then(|| format!("{} publish", config.alias));
    let public = config.public_fallback.as_ref();
    [
        publish,
        public.map(|_| format!("{} public_fallback", config.alias)),
    ]
}

fn step_of(alias: &str, format: Format) -> String {
    format!("{alias} {format}")
}
