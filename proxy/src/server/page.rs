//! `/status`: what the proxy does now, for the person whose build waits; as JSON for programs.
//!
//! ```text
//! keeper's report, park, flights, metrics, cache, troubles ─► Status ─► status.html, or JSON
//! signal (looked at once a second) ──────────────────────────►  │
//!                                            headline ──────────┘
//! ```
//!
//! Everything is read when somebody asks, and nothing of it is a secret. `docs/STATUS.md` has the fields.

mod codeartifact;
mod containers;
mod credentials;
mod headline;
mod status;
mod traffic;
mod vantage;
mod work;

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::header::{CACHE_CONTROL, VARY};
use http::{HeaderMap, HeaderValue};

use super::app::App;
use super::negotiation::{json, prefers_json};
use status::Status;
pub use vantage::Surroundings;
pub(super) use vantage::Vantage;

pub(super) async fn status(State(app): State<Arc<App>>, asked: HeaderMap) -> Response {
    let status = Status::of(&app).await;
    let mut response = if prefers_json(&asked) {
        json(&status)
    } else {
        app.pages().render("status.html", &status)
    };
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("Accept"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
