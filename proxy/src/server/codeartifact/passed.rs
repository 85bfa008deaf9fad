//! What is passed on: questions whose answers are not kept, and what is published.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_s3::primitives::SdkBody;
use axum::body::Body;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderName, Request, Response, Uri};

use super::super::content::{Answer, Content, page};
use super::super::hold::without_count;
use super::super::status;
use super::super::verdict::Verdict;
use super::npm::OthersWords;
use super::{Asked, Upload, UploadedFile, name};
use crate::config::Format;
use crate::error::Error;
use crate::fetch::Verdict as How;

/// Of the answer to what was published.
const PASSED_ON: [HeaderName; 2] = [CONTENT_TYPE, RETRY_AFTER];
/// For a token and for where to send it, before the body is asked for.
const PATIENCE: Duration = Duration::from_secs(10);

/// A GET or HEAD of what is not kept.
pub(super) async fn pass(asked: &Asked<'_>) -> Result<Answer, Error> {
    let request = asked_of(asked, ());
    let answer = asked.codeartifact.pass(asked.address, request).await?;
    let mut answer = answer.map(|body| Content::Page(Body::new(body)));
    answer.extensions_mut().insert(OthersWords);
    let verdict = if answer.status().is_success() {
        Verdict::Found(How::Asked)
    } else {
        Verdict::Rejected
    };
    verdict.mark(&mut answer);
    Ok(answer)
}

/// Gives what is published to CodeArtifact, once. A login is waited for before the first byte is read: nobody has the
/// bytes a second time.
pub(super) async fn publish(asked: &Asked<'_>, body: Upload) -> Answer {
    let name = name(asked.address);
    let (upstream, format) = (asked.address.upstream(), asked.address.format());
    let (body, file) = match format {
        Format::Pypi => {
            let (body, file) = body.named();
            (body, Some(file))
        }
        Format::Npm | Format::Maven => (body, None),
    };
    let body = Mutex::new(Some(body));
    let attempt = async || {
        let codeartifact = asked.codeartifact;
        // All that a login may be needed for, so that an untouched body can wait for one.
        codeartifact.ready(upstream, PATIENCE).await?;
        codeartifact.endpoint(upstream, format, PATIENCE).await?;
        let taken = body.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(body) = taken else {
            return Err(Error::unavailable("what was sent is gone already"));
        };
        let request = asked_of(asked, SdkBody::from_body_1_x(body));
        let published = codeartifact.publish(asked.address, request).await;
        // An error is an answer: it is not to be tried again.
        Ok(published.map_or_else(
            |error| {
                asked.app.troubles().note(&error, &name);
                page(status::answer(&error))
            },
            passed_on,
        ))
    };
    let hold = asked.app.hold();
    let mut answer = hold.answer(asked.request, &name, attempt).await;
    if let Some(file) = file.as_ref().and_then(|file| file.get()) {
        answer.extensions_mut().insert(UploadedFile(file.clone()));
    }
    answer
}

fn asked_of<B>(asked: &Asked<'_>, body: B) -> Request<B> {
    let mut request = Request::new(body);
    *request.method_mut() = asked.request.method.clone();
    *request.uri_mut() = uncounted(&asked.request.uri);
    *request.headers_mut() = asked.request.headers.clone();
    request
}

/// Without what the proxy itself has added, where it has sent a client to the same place again.
fn uncounted(uri: &Uri) -> Uri {
    let path = uri.path();
    let query = without_count(uri.query());
    let target = if query.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{query}")
    };
    // A part of what was a URI is one.
    target.parse().unwrap_or_else(|_| uri.clone())
}

fn passed_on(mut answer: Response<SdkBody>) -> Answer {
    let said = std::mem::take(answer.headers_mut());
    for name in PASSED_ON {
        if let Some(value) = said.get(&name) {
            answer.headers_mut().insert(name, value.clone());
        }
    }
    let verdict = if answer.status().is_success() {
        Verdict::Published
    } else {
        Verdict::Rejected
    };
    let mut answer = answer.map(|body| Content::Page(Body::new(body)));
    answer.extensions_mut().insert(OthersWords);
    verdict.mark(&mut answer);
    answer
}
