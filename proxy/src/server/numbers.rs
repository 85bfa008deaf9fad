//! `/metrics`: what was counted and what is now, for Prometheus.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use prometheus::{Encoder as _, TEXT_FORMAT, TextEncoder};

use super::app::App;
use super::credentials::CredentialsService;
use crate::cache::Figures;
use crate::codeartifact::{TokenReport, UpstreamReport};
use crate::credentials::{Report, StateName};
use crate::metrics::{Family, Metrics, PackageTotals};
use crate::origin::UpstreamState;

pub(super) async fn metrics(State(app): State<Arc<App>>) -> Response {
    match text(app.metrics(), Some(&app), app.containers()).await {
        Ok(text) => {
            let headers = [(CONTENT_TYPE, TEXT_FORMAT), (CACHE_CONTROL, "no-store")];
            (headers, text).into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

/// All numbers, in Prometheus' text format: those of artifacts and of containers where these are served.
///
/// # Errors
/// None is known: all of it is made here.
pub(super) async fn text(
    metrics: &Metrics,
    app: Option<&App>,
    containers: Option<&CredentialsService>,
) -> prometheus::Result<Vec<u8>> {
    let mut now = vec![
        Family::gauge("bazel_proxy_build_info", "The version that runs: always 1.")
            .labelled(&[("version", env!("CARGO_PKG_VERSION"))], 1.0),
    ];
    if let Some(containers) = containers {
        now.extend(containers.families());
    }
    if let Some(app) = app {
        now.extend(of_artifacts(app).await);
    }
    let mut families = metrics.gather();
    families.extend(now.into_iter().filter_map(Family::into_proto));
    families.sort_by(|one, other| one.name().cmp(other.name()));
    let mut text = Vec::new();
    TextEncoder::new().encode(&families, &mut text)?;
    Ok(text)
}

async fn of_artifacts(app: &App) -> Vec<Family> {
    let credentials = app.credentials();
    let mut families = of_credentials(&credentials.report());
    families.extend(app.bucket().map(|bucket| {
        let is_away = matches!(bucket.origin.upstream(), Some((_, UpstreamState::Away(_))));
        Family::gauge(
            "bazel_proxy_upstream_away",
            "1 while the proxy in UPSTREAM_PROXY_URL is left alone, as it did not answer.",
        )
        .number(is_away.into())
    }));
    if let Some(codeartifact) = app.codeartifact() {
        let reports = codeartifact.reports();
        for report in &reports {
            // So that all begin at zero: what appears with its first count has no increase to see.
            let _begun = PackageTotals::of(app.metrics(), &report.alias);
        }
        families.extend(of_codeartifact(&reports));
    }
    families.extend(of_requests(
        credentials.waiting(),
        app.fetchers().map(|fetcher| fetcher.downloads()).sum(),
    ));
    families.extend(of_cache(&app.cache().figures().await));
    families
}

fn of_credentials(report: &Report) -> Vec<Family> {
    let states = Family::gauge(
        "bazel_proxy_credentials_state",
        "1 for the state that the credentials are in, 0 for all others.",
    );
    let current = report.state.name();
    let states = StateName::ALL.iter().fold(states, |states, name| {
        let name = name.label();
        let is_current = f64::from(u8::from(name == current));
        states.labelled(&[("state", name)], is_current)
    });
    let valid = report.state.valid();
    let expiry = valid.and_then(|valid| valid.credentials.expiry());
    let token = report.token.as_ref();
    let is_login_ahead = u64::from(report.login_ahead.is_some());
    vec![
        states,
        Family::gauge(
            "bazel_proxy_credentials_state_start_timestamp_seconds",
            "When the credentials came into that state.",
        )
        .time(Some(report.since)),
        Family::gauge(
            "bazel_proxy_credentials_expiry_timestamp_seconds",
            "When the credentials in use end; absent without any, or if they have no end.",
        )
        .time(expiry),
        Family::gauge(
            "bazel_proxy_sso_token_expiry_timestamp_seconds",
            "When the SSO access token ends, if it is not renewed; absent without one.",
        )
        .time(token.map(|token| token.expires_at)),
        Family::gauge(
            "bazel_proxy_login_ahead",
            "1 if a login will be needed although the credentials still serve.",
        )
        .number(is_login_ahead),
    ]
}

fn of_codeartifact(reports: &[UpstreamReport]) -> [Family; 2] {
    let ready = Family::gauge(
        "bazel_proxy_codeartifact_token_good",
        "1 while there is a good token for the repository, 0 if none can be had; absent before one is needed.",
    );
    let expiry = Family::gauge(
        "bazel_proxy_codeartifact_token_expiry_timestamp_seconds",
        "When the repository's token ends, if it is not renewed; absent without one.",
    );
    let each = reports.iter();
    each.fold([ready, expiry], |[ready, expiry], report| {
        let labels = [("upstream", report.alias.as_str())];
        match &report.token {
            TokenReport::NoneYet => [ready, expiry],
            TokenReport::Missing(_) => [ready.labelled(&labels, 0.0), expiry],
            TokenReport::Good { until, .. } => {
                let until = until.duration_since(UNIX_EPOCH).unwrap_or_default();
                [
                    ready.labelled(&labels, 1.0),
                    expiry.labelled(&labels, until.as_secs_f64()),
                ]
            }
        }
    })
}

fn of_requests(waiting: usize, downloads: usize) -> Vec<Family> {
    vec![
        Family::gauge(
            "bazel_proxy_waiting_requests",
            "Requests that wait for credentials: for a login, or for trouble to pass.",
        )
        .number(waiting as u64),
        Family::gauge("bazel_proxy_running_downloads", "Downloads under way.")
            .number(downloads as u64),
    ]
}

fn of_cache(figures: &Figures) -> Vec<Family> {
    let gauge = |name: &str, help: &str, value: u64| Family::gauge(name, help).number(value);
    let counter = |name: &str, help: &str, value: u64| Family::counter(name, help).number(value);
    let mut families = vec![
        gauge(
            "bazel_proxy_cache_objects",
            "Objects on disk, as far as counted.",
            figures.objects,
        ),
        gauge(
            "bazel_proxy_cache_bytes",
            "What the cache and running downloads occupy on disk.",
            figures.occupied_bytes,
        ),
        gauge(
            "bazel_proxy_cache_limit_bytes",
            "What they may occupy: CACHE_MAX_SIZE, as far as the disk allows it.",
            figures.limit_bytes,
        ),
        gauge(
            "bazel_proxy_cache_min_free_bytes",
            "What the cache leaves free on its disk: CACHE_MIN_FREE.",
            figures.min_free_bytes,
        ),
        counter(
            "bazel_proxy_cache_evicted_objects_total",
            "Objects that had to go for others.",
            figures.evicted_objects,
        ),
        counter(
            "bazel_proxy_cache_evicted_bytes_total",
            "What those had occupied on disk.",
            figures.evicted_bytes,
        ),
        gauge(
            "bazel_proxy_memory_cache_objects",
            "Small objects that are kept in memory, too.",
            figures.memory_objects,
        ),
        gauge(
            "bazel_proxy_memory_cache_bytes",
            "What they occupy there.",
            figures.memory_bytes,
        ),
        gauge(
            "bazel_proxy_memory_cache_limit_bytes",
            "What they may occupy there.",
            figures.memory_limit_bytes,
        ),
    ];
    families.extend(figures.free_bytes.map(|free| {
        let help = "What is free on the cache's disk; absent while it does not answer.";
        gauge("bazel_proxy_cache_free_disk_bytes", help, free)
    }));
    families
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::error::Error;

    #[test]
    fn a_token_that_nobody_has_needed_is_not_a_bad_one() {
        let report = |alias: &str, token| UpstreamReport {
            alias: alias.to_owned(),
            name: String::new(),
            formats: Vec::new(),
            publish: false,
            has_public_fallback: false,
            token,
            renewals: 0,
            refusal: None,
        };
        let until = UNIX_EPOCH + Duration::from_secs(7);
        let families = of_codeartifact(&[
            report("idle", TokenReport::NoneYet),
            report("none", TokenReport::Missing(Error::unavailable("away"))),
            report(
                "good",
                TokenReport::Good {
                    until,
                    trouble: None,
                },
            ),
        ]);
        let families: Vec<_> = families
            .into_iter()
            .filter_map(Family::into_proto)
            .collect();
        let mut text = Vec::new();
        let encoded = TextEncoder::new().encode(&families, &mut text);
        encoded.expect("encoded");
        let text = String::from_utf8(text).expect("UTF-8");
        let mut series: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        series.sort_unstable();
        let name = "bazel_proxy_codeartifact_token";
        assert_eq!(
            series,
            [
                format!("{name}_expiry_timestamp_seconds{{upstream=\"good\"}} 7"),
                format!("{name}_good{{upstream=\"good\"}} 1"),
                format!("{name}_good{{upstream=\"none\"}} 0"),
            ]
        );
    }
}
