//! `/healthz`: the process lives. `/readyz`: it can fetch, or says why not.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State as AxumState};
use axum::response::Response;
use http::StatusCode;
use serde_json::json;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::app::App;
use super::negotiation::json;
use super::verdict::Verdict;
use super::{codeartifact, status};
use crate::credentials::{Report, State};
use crate::error::{Error, Trouble};
use crate::origin::Origin;

/// The bucket is asked at most this often, however often readiness is.
const PROBE_EVERY: Duration = Duration::from_secs(5);
const PROBE_PATIENCE: Duration = Duration::from_secs(3);

/// The last answers of the bucket and the upstream.
#[derive(Default)]
pub(super) struct Readiness {
    bucket: Lately<Result<bool, Error>>,
    upstream: Lately<Option<Result<bool, Arc<Trouble>>>>,
}

struct Lately<T>(Mutex<Option<(Instant, T)>>);

impl<T> Default for Lately<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Lately<T> {
    async fn or_ask(&self, ask: impl Future<Output = T>) -> T {
        let mut last = self.0.lock().await;
        if let Some((at, outcome)) = &*last
            && at.elapsed() < PROBE_EVERY
        {
            return outcome.clone();
        }
        let outcome = ask.await;
        *last = Some((Instant::now(), outcome.clone()));
        outcome
    }
}

impl Readiness {
    /// Whether the bucket may be listed; `false`, too, where nothing can be asked of it.
    async fn bucket(&self, origin: &Origin) -> Result<bool, Error> {
        match origin.credentials().state() {
            State::Valid(_) | State::Refreshing => {
                self.bucket.or_ask(origin.probe(PROBE_PATIENCE)).await
            }
            State::LoginRequired(_)
            | State::Offline(_)
            | State::ClockSkew(_)
            | State::Denied(_)
            | State::ConfigError(_) => Ok(false),
        }
    }

    /// Whether the upstream can fetch, where there is one.
    async fn upstream(&self, origin: &Origin) -> Option<Result<bool, Arc<Trouble>>> {
        let asked = origin.probe_upstream(PROBE_PATIENCE);
        self.upstream.or_ask(asked).await
    }
}

pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

pub(super) async fn readyz(AxumState(app): AxumState<Arc<App>>) -> Response {
    let readiness = app.readiness();
    let of_bucket = async {
        let origin = &app.bucket()?.origin;
        Some(tokio::join!(
            readiness.bucket(origin),
            readiness.upstream(origin)
        ))
    };
    let of_codeartifact = codeartifact::readiness(app.served_codeartifact());
    let (of_bucket, of_codeartifact) = tokio::join!(of_bucket, of_codeartifact);
    // After the probes: they may have found out more.
    let report = app.credentials().report();
    let mut body = about_credentials(&report);
    if let Some(trouble) = report.state.trouble() {
        body["reason"] = json!(trouble.reason);
        body["cure"] = json!(trouble.cure);
    }
    // Where nothing is served, perhaps for a moment, the credentials speak for what may come.
    let is_served = of_bucket.is_some() || of_codeartifact.is_some();
    let mut is_ready = is_served || report.state.trouble().is_none();
    if let Some((bucket, upstream)) = of_bucket {
        is_ready = match (report.state.trouble(), bucket) {
            (Some(_), _) => false,
            (None, Err(error)) => {
                body["reason"] = json!(error.to_string());
                false
            }
            (None, Ok(may_list)) => {
                body["may_list_bucket"] = json!(may_list);
                true
            }
        };
        let asked = app.bucket().and_then(|bucket| bucket.origin.upstream());
        if let (Some(outcome), Some((url, _))) = (&upstream, asked) {
            body["upstream"] = about_upstream(url, outcome);
        }
        is_ready |= matches!(upstream, Some(Ok(true)));
    }
    if let Some(repositories) = of_codeartifact {
        is_ready &= repositories.are_ready;
        if let Some(trouble) = repositories.trouble
            && body["reason"].is_null()
        {
            body["reason"] = json!(trouble.reason);
            body["cure"] = json!(trouble.cure);
        }
        body["codeartifact"] = repositories.by_alias;
    }
    if report.state.trouble().is_none() {
        let downloads: usize = app.fetchers().map(|fetcher| fetcher.downloads()).sum();
        body["downloads"] = json!(downloads);
    }
    body["ready"] = json!(is_ready);
    body["waiting"] = json!(app.credentials().waiting());
    answer(is_ready, &body)
}

/// `/readyz/codeartifact/<alias>`: one repository alone.
pub(super) async fn readyz_of_one(
    AxumState(app): AxumState<Arc<App>>,
    Path(alias): Path<String>,
) -> Response {
    match codeartifact::readiness_of(app.served_codeartifact(), &alias).await {
        Some((is_ready, body)) => answer(is_ready, &body),
        None => status::plain(
            StatusCode::NOT_FOUND,
            &format!("no repository of CodeArtifact is configured as `{alias}`"),
            Verdict::Page,
        ),
    }
}

/// Who the proxy is to AWS, until when, and since when it is so.
fn about_credentials(report: &Report) -> serde_json::Value {
    let date = |time| sso_session::date::format(time);
    let mut body = json!({
        "credentials": report.state.name(),
        "since": date(report.since),
    });
    if let Some(identity) = &report.identity {
        body["identity"] = json!(identity);
    }
    if let State::Valid(valid) = &report.state
        && let Some(expiry) = valid.credentials.expiry()
    {
        body["expiry"] = json!(date(expiry));
    }
    if let Some(ahead) = &report.login_ahead {
        body["login_ahead"] = json!({ "reason": ahead.reason, "cure": ahead.cure });
    }
    body
}

/// The other proxy that is asked, and whether it can fetch.
fn about_upstream(url: &str, outcome: &Result<bool, Arc<Trouble>>) -> serde_json::Value {
    match outcome {
        Ok(is_ready) => json!({ "url": url, "ready": is_ready }),
        Err(trouble) => json!({
            "url": url,
            "ready": false,
            "reason": trouble.reason,
            "cure": trouble.cure,
        }),
    }
}

fn answer(is_ready: bool, body: &serde_json::Value) -> Response {
    let mut response = json(body);
    if !is_ready {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    response
}
