//! `/healthz`: the process lives. `/readyz`: it can fetch, or says why not.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State as AxumState;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde_json::json;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::router::App;
use crate::credentials::{Report, State};
use crate::error::Error;
use crate::origin::Origin;

/// The bucket is asked at most this often, however often readiness is.
const PROBE_EVERY: Duration = Duration::from_secs(5);
const PROBE_PATIENCE: Duration = Duration::from_secs(3);

/// The last answer of the bucket.
#[derive(Default)]
pub(super) struct Readiness(Mutex<Option<(Instant, Result<bool, Error>)>>);

impl Readiness {
    async fn probe(&self, origin: &Origin) -> Result<bool, Error> {
        let mut last = self.0.lock().await;
        if let Some((at, outcome)) = &*last
            && at.elapsed() < PROBE_EVERY
        {
            return outcome.clone();
        }
        let outcome = origin.probe(PROBE_PATIENCE).await;
        *last = Some((Instant::now(), outcome.clone()));
        outcome
    }
}

pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

pub(super) async fn readyz(AxumState(app): AxumState<Arc<App>>) -> Response {
    let origin = app.fetcher().origin();
    let outcome = match origin.credentials().state() {
        State::Valid(_) | State::Refreshing => app.readiness().probe(origin).await,
        State::LoginRequired(_)
        | State::Offline(_)
        | State::ClockSkew(_)
        | State::Denied(_)
        | State::ConfigError(_) => Ok(false),
    };
    // After the probe: it may have found out more.
    let report = origin.credentials().report();
    let mut body = about_credentials(&report);
    let status = match (report.state.trouble(), outcome) {
        (Some(trouble), _) => {
            body["reason"] = json!(trouble.reason);
            body["cure"] = json!(trouble.cure);
            StatusCode::SERVICE_UNAVAILABLE
        }
        (None, Err(error)) => {
            body["reason"] = json!(error.to_string());
            StatusCode::SERVICE_UNAVAILABLE
        }
        (None, Ok(may_list)) => {
            body["may_list_bucket"] = json!(may_list);
            body["downloads"] = json!(app.fetcher().downloads());
            StatusCode::OK
        }
    };
    body["ready"] = json!(status == StatusCode::OK);
    body["waiting"] = json!(origin.credentials().waiting());
    answer(status, &body)
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

fn answer(status: StatusCode, body: &serde_json::Value) -> Response {
    (
        status,
        [(CONTENT_TYPE, "application/json")],
        format!("{body}\n"),
    )
        .into_response()
}
