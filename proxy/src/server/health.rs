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
use crate::credentials::State;
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
    let credentials = app.fetcher().origin().credentials();
    let (state, waiting) = (credentials.state(), credentials.waiting());
    let outcome = match &state {
        State::Valid(_) | State::Refreshing => app.readiness().probe(app.fetcher().origin()).await,
        State::LoginRequired(_)
        | State::Offline(_)
        | State::ClockSkew(_)
        | State::Denied(_)
        | State::ConfigError(_) => {
            return answer(
                StatusCode::SERVICE_UNAVAILABLE,
                &json!({
                    "ready": false,
                    "credentials": state.name(),
                    "reason": state.trouble().map(|trouble| trouble.reason.clone()),
                    "cure": state.trouble().map(|trouble| trouble.cure.clone()),
                    "waiting": waiting,
                }),
            );
        }
    };
    match outcome {
        Ok(may_list) => answer(
            StatusCode::OK,
            &json!({
                "ready": true,
                "credentials": state.name(),
                "may_list_bucket": may_list,
                "downloads": app.fetcher().downloads(),
                "waiting": waiting,
            }),
        ),
        Err(error) => answer(
            StatusCode::SERVICE_UNAVAILABLE,
            &json!({
                "ready": false,
                "credentials": credentials.state().name(),
                "reason": error.to_string(),
                "waiting": waiting,
            }),
        ),
    }
}

fn answer(status: StatusCode, body: &serde_json::Value) -> Response {
    (
        status,
        [(CONTENT_TYPE, "application/json")],
        format!("{body}\n"),
    )
        .into_response()
}
