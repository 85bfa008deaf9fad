//! Requests to CodeArtifact's data endpoint, with a token; and to where it says that assets are, without.
//!
//! ```text
//! ask ─► token ─► place, pace ─► endpoint ─┬► 200, 304 ─────────────────► answer; the token is proven
//!        ▲                                 ├► 30x ─► assets, no token ──► answer
//!        ├─ another one, once ─ 401, 403, or 404 with an unproven one ◄──┤
//!        └─ later, within 10 s ─ 429, 5xx, no answer ◄───────────────────┘
//! ```

mod doubt;
mod pace;
mod passed;
mod question;
mod redirect;
mod verdict;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::primitives::SdkBody;
use http::header::{AUTHORIZATION, USER_AGENT};
use http::{HeaderValue, Request, Response};
use tokio::time::{Instant, timeout};
use tracing::field::Empty;
use tracing::{Instrument as _, Span, debug, info_span};
use url::Url;

pub(super) use pace::Place;
pub(super) use passed::Passed;
pub(super) use question::{Question, Rest, url};
pub(super) use redirect::is_loopback;
pub(super) use verdict::advice;
pub(super) use wire::Wire;

use super::PageMemory;
use super::Upstream;
use super::body::text_of;
use super::control::Control;
use super::endpoint::Endpoints;
use super::refusals::Refusals;
use super::token::{Token, Tokens};
use crate::backoff::{self, Backoff};
use crate::config::Config;
use crate::credentials::Credentials;
use crate::error::Error;
use crate::metrics::Metrics;
use crate::{peer, telemetry};
use doubt::{Denials, Doubt};
use pace::Pace;
use question::authorization;
use redirect::Hop;
use verdict::Verdict;

/// How long a miss is tried before its client is told to come back.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// How long one answer may take to begin. A package that CodeArtifact has yet to fetch from elsewhere takes its time;
/// clients give up before, and find it when they come back.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);
/// From CodeArtifact to where an asset is. One is usual.
const MOST_HOPS: usize = 3;

/// The way to CodeArtifact. Shared by everything that asks it.
pub(super) struct Client {
    pub(super) tokens: Tokens,
    pub(super) endpoints: Endpoints,
    pub(super) control: Arc<Control>,
    pub(super) wire: Wire,
    pub(super) pages: PageMemory,
    pub(super) refusals: Refusals,
    pace: Pace,
    denials: Denials,
}

/// An answer: 200, 206 or 304.
pub(super) struct Answer {
    pub(super) response: Response<SdkBody>,
    /// The repository's own URL.
    pub(super) root: Url,
    /// Where the answer is from.
    pub(super) url: Url,
    pub(super) is_of_assets: bool,
    /// To be kept as long as the body is read.
    pub(super) place: Place,
}

/// What one attempt has come to.
struct Attempt {
    verdict: Verdict,
    answer: Answer,
}

/// What comes of an attempt.
enum Step {
    /// The outcome.
    Over(Result<Box<Answer>, Error>),
    /// It may be the token's fault.
    Doubted(Doubt),
    /// It may be better later.
    Failed(String),
    /// The service is asked too much; its advice, in seconds.
    Throttled(Option<u64>),
}

/// Why an attempt has come to nothing.
enum Miss {
    /// It may be better the next time.
    Passing(String),
    /// It will not.
    Error(Error),
}

impl Client {
    /// Calls nothing.
    pub(super) fn new(config: &Config, control: Control) -> Self {
        let control = Arc::new(control);
        Self {
            tokens: Tokens::new(Arc::clone(&control)),
            endpoints: Endpoints::new(Arc::clone(&control)),
            control,
            wire: Wire::new(config.ca_bundle.as_deref()),
            pages: PageMemory::default(),
            refusals: Refusals::default(),
            pace: Pace::default(),
            denials: Denials::default(),
        }
    }

    pub(super) fn credentials(&self) -> &Credentials {
        self.control.credentials()
    }

    pub(super) fn metrics(&self) -> &Arc<Metrics> {
        self.control.metrics()
    }

    /// Asks until there is an answer, or until `patience` is over: an attempt that is under way then may end, unless
    /// there is a copy to be served instead.
    pub(super) async fn ask(
        &self,
        question: &Question<'_>,
        patience: Duration,
    ) -> Result<Answer, Error> {
        let deadline = Instant::now() + patience;
        let left = || deadline.saturating_duration_since(Instant::now());
        let upstream = question.address.upstream();
        let format = question.address.format();
        let note = |error: &Error| self.refusals.failed(upstream, format, error);
        let root = self.endpoints.of(upstream, format, left()).await;
        let root = root.inspect_err(note)?;
        let mut backoff = Backoff::default();
        // The one that is asked with instead, and how many there were.
        let (mut replacement, mut replaced) = (None, 0);
        loop {
            let token = match &replacement {
                Some(other) => Arc::clone(other),
                None => {
                    self.tokens
                        .get(upstream, left().max(backoff::FIRST))
                        .await?
                }
            };
            let allowed = if question.has_copy {
                left().max(backoff::FIRST)
            } else {
                ATTEMPT_TIMEOUT
            };
            let attempt = Box::pin(self.attempt(question, &root, &token));
            let attempt = match timeout(allowed, attempt).await {
                Ok(attempt) => attempt,
                Err(_) => Err(Miss::Passing(format!("no answer within {allowed:?}"))),
            };
            let (why, failure, advised) = match read(attempt, &token).await {
                Step::Over(Ok(answer)) => {
                    self.refusals.answered(upstream, format);
                    return Ok(*answer);
                }
                Step::Over(Err(error)) => return Err(error),
                Step::Doubted(doubt) => {
                    let patience = left().max(backoff::FIRST);
                    let resolved = self.resolve(upstream, &token, doubt, replaced, patience);
                    replacement = Some(resolved.await.inspect_err(note)?);
                    replaced += 1;
                    continue;
                }
                Step::Failed(why) => {
                    let text = format!("CodeArtifact could not be asked ({why})");
                    (why, Error::unavailable(text), None)
                }
                Step::Throttled(retry_after) => {
                    let why = "CodeArtifact throttles".to_owned();
                    (why, Error::Throttled { retry_after }, retry_after)
                }
            };
            let advised = advised.map(Duration::from_secs);
            let pause = backoff.pause().max(advised.unwrap_or_default());
            debug!(
                upstream = upstream.config.alias,
                why,
                ?pause,
                "a request to CodeArtifact failed"
            );
            if left() <= pause {
                return Err(failure);
            }
            tokio::time::sleep(pause).await;
        }
    }

    async fn attempt(
        &self,
        question: &Question<'_>,
        root: &Url,
        token: &Token,
    ) -> Result<Attempt, Miss> {
        let mut place = self.pace.call(PATIENCE).await.map_err(Miss::Error)?;
        let mut url = url(root, question.address, question.query).map_err(Miss::Error)?;
        let mut is_of_assets = false;
        for _ in 0..=MOST_HOPS {
            let operation = if is_of_assets {
                "asset"
            } else {
                question.operation()
            };
            let request = question.request(is_of_assets, token);
            let request = request.map_err(Miss::Error)?;
            let upstream = question.address.upstream();
            let span = span("GET", operation, &url);
            let sent = self.wire.ask(&url, request).instrument(span.clone()).await;
            note_outcome(&span, &sent);
            let response = sent.inspect_err(|_| self.count(upstream, operation, "none"));
            let response = response.map_err(Miss::Passing)?;
            let verdict = if is_of_assets {
                verdict::of_asset(response.status())
            } else {
                verdict::of(response.status(), response.headers())
            };
            self.count(upstream, operation, verdict.label());
            if verdict != Verdict::Redirect {
                let answer = Answer {
                    response,
                    root: root.clone(),
                    url,
                    is_of_assets,
                    place,
                };
                return Ok(Attempt { verdict, answer });
            }
            let hop = redirect::hop(root, &url, response.headers());
            drop(response);
            match hop.map_err(|why| Miss::Error(Error::unavailable(why)))? {
                // Whoever was sent away does not come home: the token would be sent by a stranger's word.
                Hop::Home(to) if !is_of_assets => url = to,
                Hop::Home(to) | Hop::Assets(to) => {
                    if !is_of_assets {
                        // Its place among the calls is for others now.
                        drop(place);
                        place = self.pace.download().await.map_err(Miss::Error)?;
                        token.prove();
                    }
                    (url, is_of_assets) = (to, true);
                }
            }
        }
        Err(Miss::Error(Error::unavailable(
            "CodeArtifact redirects again and again",
        )))
    }

    /// Sends what changes something: once, with its body.
    pub(super) async fn send(
        &self,
        upstream: &Upstream,
        url: &Url,
        token: &Token,
        mut request: Request<SdkBody>,
    ) -> Result<Response<SdkBody>, String> {
        let headers = request.headers_mut();
        headers.insert(
            AUTHORIZATION,
            authorization(token).map_err(|error| error.to_string())?,
        );
        headers.insert(USER_AGENT, HeaderValue::from_static(peer::USER_AGENT));
        let span = span(request.method().as_str(), "publish", url);
        let sent = self.wire.send(url, request).instrument(span.clone()).await;
        note_outcome(&span, &sent);
        let outcome = match &sent {
            Ok(answer) if answer.status().is_success() => "ok",
            Ok(answer) => verdict::of(answer.status(), answer.headers()).label(),
            Err(_) => "none",
        };
        self.count(upstream, "publish", outcome);
        sent.map_err(|(why, _)| why)
    }

    /// A place for a publication, when it is its turn.
    pub(super) async fn for_upload(&self) -> Result<Place, Error> {
        drop(self.pace.call(PATIENCE).await?);
        self.pace.upload().await
    }

    /// A place for a body that a client reads as it comes, in exchange for one among the calls.
    pub(super) async fn for_passed(&self, place: Place) -> Result<Place, Error> {
        drop(place);
        self.pace.passed().await
    }

    /// A place for a body, in exchange for one among the calls.
    pub(super) async fn for_body(&self, place: Place) -> Result<Place, Error> {
        drop(place);
        self.pace.download().await
    }

    pub(super) fn count(&self, upstream: &Upstream, operation: &str, outcome: &str) {
        let calls = &self.metrics().codeartifact.calls;
        let alias: &str = &upstream.config.alias;
        calls.with_label_values(&[alias, operation, outcome]).inc();
    }
}

/// What a trace tells of a request, by OpenTelemetry's names: of its URL the host alone, as what follows may be
/// presigned.
fn span(method: &str, operation: &'static str, url: &Url) -> Span {
    info_span!(
        target: telemetry::SPANS,
        "codeartifact",
        otel.kind = "client",
        http.request.method = method,
        server.address = url.host_str(),
        bazel_proxy.operation = operation,
        http.response.status_code = Empty,
        otel.status_code = Empty,
    )
}

fn note_outcome<E>(span: &Span, sent: &Result<Response<SdkBody>, E>) {
    match sent {
        Ok(answer) => {
            span.record("http.response.status_code", answer.status().as_u16());
        }
        Err(_) => {
            span.record("otel.status_code", "ERROR");
        }
    }
}

async fn read(attempt: Result<Attempt, Miss>, token: &Token) -> Step {
    let Attempt { verdict, answer } = match attempt {
        Ok(attempt) => attempt,
        Err(Miss::Passing(why)) => return Step::Failed(why),
        Err(Miss::Error(error)) => return Step::Over(Err(error)),
    };
    match verdict {
        Verdict::Found | Verdict::NotModified => {
            if answer.is_of_assets {
                token.prove();
            } else {
                token.prove_by(answer.url.clone());
            }
            Step::Over(Ok(Box::new(answer)))
        }
        Verdict::NotFound | Verdict::Refused => {
            // Its place is for others while another token is asked for.
            let Answer {
                response, place, ..
            } = answer;
            let doubt = Doubt::of(response).await;
            drop(place);
            Step::Doubted(doubt)
        }
        Verdict::Changed => Step::Over(Err(Error::Changed)),
        Verdict::Rejected => Step::Over(Err(rejected(answer.response).await)),
        Verdict::Throttled => Step::Throttled(advice(answer.response.headers())),
        Verdict::Passing | Verdict::Redirect => {
            let who = if answer.is_of_assets {
                "the host of assets"
            } else {
                "CodeArtifact"
            };
            let status = answer.response.status().as_u16();
            Step::Failed(format!("{who} answers {status}"))
        }
    }
}

/// CodeArtifact's own word on a request.
async fn rejected(response: Response<SdkBody>) -> Error {
    let status = response.status().as_u16();
    let message = text_of(response.into_body()).await;
    Error::Rejected { status, message }
}
