//! Requests of other proxies, for which this one is the upstream.

use http::HeaderValue;

use super::app::App;
use super::content::{Answer, page};
use super::status;
use crate::peer;
use crate::request::Context;

/// Names the repository in answers to proxies, whatever they are, and ends circles.
pub(super) async fn serve(
    app: &App,
    asked: &Context,
    answering: impl Future<Output = Answer>,
) -> Answer {
    if asked.chain().is_empty() {
        return answering.await;
    }
    let mut answer = if asked.chain().is_a_circle() {
        page(status::circle())
    } else {
        answering.await
    };
    // Without a name the answer is good for nobody: it could be about another bucket.
    let name = app.repository_name().map(HeaderValue::from_str);
    if let Some(Ok(name)) = name {
        answer.headers_mut().insert(peer::REPOSITORY, name);
    }
    answer
}
