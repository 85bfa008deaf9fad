//! `/metrics`: what was counted, for Prometheus.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use prometheus::{Encoder as _, TEXT_FORMAT, TextEncoder};

use super::router::App;

pub(super) async fn metrics(State(app): State<Arc<App>>) -> Response {
    let families = app.metrics().registry().gather();
    let mut text = Vec::new();
    match TextEncoder::new().encode(&families, &mut text) {
        Ok(()) => ([(CONTENT_TYPE, TEXT_FORMAT)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}
