//! From the profile to the bucket and CodeArtifact: what is asked of AWS, in the order in which serving needs it.
//!
//! ```text
//! SSO:          profile ─► token ─► registration ─► refresh ─► role ─┬► bucket
//! other:        profile ─► credentials ──────────────────────────────┤
//! no profile:   credentials ─────────────────────────────────────────┴► repositories of CodeArtifact
//! ```

use std::sync::Arc;
use std::time::Duration;

use program::report::Report;
use sso_session::date;

use super::report::failed_with;
use super::{codeartifact, sso};
use crate::aws::SharedHttpClient;
use crate::config::Config;
use crate::credentials::{Basis, Credentials, Keeper, Source, Valid};
use crate::origin::Origin;

/// Longer than the keeper's one attempt.
const CREDENTIALS_PATIENCE: Duration = Duration::from_secs(50);
const BUCKET_PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn check(
    config: &Config,
    source: &Source,
    http: SharedHttpClient,
    vars: &impl Fn(&str) -> Option<String>,
    report: &mut Report,
) {
    let step = match source.basis().await {
        Ok(Basis::DefaultChain) => "credentials",
        Ok(Basis::Other(other)) => {
            report.passed("profile", &format!("{}: {other}", config.profile));
            "credentials"
        }
        Ok(Basis::Sso(basis)) => {
            sso::check_profile(&config.profile, &basis, report);
            if !sso::check_session(&basis, report).await {
                let steps = steps(config, Some("role"));
                return report.skipped(&steps, "there is no access token to use");
            }
            "role"
        }
        Err(state) => {
            if let Some(trouble) = state.trouble() {
                report.failed("profile", &trouble.reason, &trouble.cure);
            }
            let steps = steps(config, Some("credentials"));
            return report.skipped(&steps, "there is no profile to use");
        }
    };
    let (keeper, credentials) = Keeper::new(source.clone(), config.check_interval, vars);
    // What the host is told is for the proxy that serves.
    let keeping = tokio::spawn(keeper.silent().run(std::future::pending()));
    check_credentials(step, config, &credentials, http, report).await;
    keeping.abort();
}

/// From this step on, what cannot be tried.
fn steps(config: &Config, first: Option<&'static str>) -> Vec<&'static str> {
    let bucket = config.has_bucket().then_some("bucket");
    let codeartifact = (!config.codeartifact.is_empty()).then_some(codeartifact::STEP);
    first
        .into_iter()
        .chain(bucket)
        .chain(codeartifact)
        .collect()
}

async fn check_credentials(
    step: &str,
    config: &Config,
    credentials: &Credentials,
    http: SharedHttpClient,
    report: &mut Report,
) {
    match credentials.looked_at(CREDENTIALS_PATIENCE).await {
        Ok(valid) => report.passed(step, &describe(config, &valid)),
        Err(error) => {
            failed_with(report, step, &error);
            let steps = steps(config, None);
            return report.skipped(&steps, "there are no credentials to use");
        }
    }
    codeartifact::check(config, credentials, &http, report).await;
    if config.has_bucket() {
        check_bucket(config, credentials, http, report).await;
    }
}

async fn check_bucket(
    config: &Config,
    credentials: &Credentials,
    http: SharedHttpClient,
    report: &mut Report,
) {
    let origin = Arc::new(Origin::new(
        config,
        credentials.clone(),
        http,
        Arc::default(),
    ));
    match origin.probe(BUCKET_PATIENCE).await {
        Ok(true) => report.passed(
            "bucket",
            &format!("`{}` answers and can be listed", config.bucket),
        ),
        Ok(false) => report.passed(
            "bucket",
            &format!(
                "`{}` answers, but s3:ListBucket is missing: folders cannot be listed, and a \
                 denied artifact looks like a missing one",
                config.bucket
            ),
        ),
        Err(error) => failed_with(report, "bucket", &error),
    }
}

fn describe(config: &Config, valid: &Valid) -> String {
    let expiry = valid.credentials.expiry().map_or_else(
        || "no expiry told".to_owned(),
        |expiry| format!("until {}", date::format(expiry)),
    );
    let identity = &valid.identity;
    match (&identity.role_name, &identity.account_id) {
        (Some(role), Some(account)) => {
            let assumed = identity.assumed_role_arn.as_ref();
            let assumed = assumed.map_or_else(String::new, |arn| format!(", then {arn}"));
            format!("`{role}` in account {account}{assumed}, {expiry}")
        }
        (None, _) | (_, None) => format!("{}, {expiry}", config.profile),
    }
}
