//! The team's proxy, which `UPSTREAM_PROXY_URL` names: asked before S3, and without any login.
//!
//! ```text
//! ask ─► left alone (health) ────────────────────────────────────────► None: S3 is asked
//!   └──► one call ─► answer ─► object, its rest, not modified, not found ─► Some
//!                     │  └───► refused: it cannot help with this one ─► None
//!                     └─► no answer, or not that proxy's ─► left alone ─► None
//! ```
//!
//! Whatever is wrong here costs a request one bounded delay, and nothing else.

mod answer;
mod client;
mod health;

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use http::header::{IF_MATCH, IF_NONE_MATCH, RANGE};
use http::{Method, Request, Response};
use tracing::field::Empty;
use tracing::{Instrument as _, Span, debug, info_span};

use super::extent::Extent;
use crate::artifact::ArtifactKey;
use crate::config::Config;
use crate::error::Trouble;
use crate::metrics::Metrics;
use crate::remote::ObjectHead;
use crate::{peer, telemetry};
use answer::Word;
use client::Client;
use health::Health;
pub use health::UpstreamState;

/// Until the head of an answer is there: as long as an attempt at S3 gets. With those behind it, a miss
/// is still decided before Bazel gives up its read (20 s).
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// Until the first bytes of a body are there, for the same reason.
pub(super) const FIRST_BYTES_WITHIN: Duration = Duration::from_secs(5);

/// The team's proxy. Shared by everything that fetches.
pub struct Upstream {
    url: String,
    repository: String,
    client: Client,
    health: Health,
    metrics: Arc<Metrics>,
}

/// What is wanted of an object.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wanted<'a> {
    /// All of it.
    Object,
    /// Its attributes only.
    Head,
    /// All of it, unless it is still the one of this entity tag.
    ObjectUnless(&'a str),
    /// A part of its bytes, if it is still the one of this entity tag.
    Rest(Extent, &'a str),
}

/// What the upstream has to say.
pub(super) enum Answer {
    /// The object.
    Object(ObjectHead, ByteStream),
    /// Its bytes from the wanted place on.
    Rest(ByteStream),
    /// It is still the one that was named.
    NotModified,
    /// S3 says that it does not exist.
    NotFound,
}

impl Upstream {
    /// The one that is configured. Calls nothing.
    #[must_use]
    pub fn new(config: &Config, metrics: Arc<Metrics>) -> Option<Self> {
        let url = config.upstream_proxy_url.clone()?;
        Some(Self {
            repository: peer::repository_name(&config.bucket, &config.prefix),
            client: Client::new(&url, config.ca_bundle.as_deref()),
            health: Health::new(&url),
            url,
            metrics,
        })
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn state(&self) -> UpstreamState {
        self.health.state()
    }

    /// Whether it is worth a try now.
    pub(super) fn may_be_asked(&self) -> bool {
        self.health.admits()
    }

    /// Bytes of it have turned out wrong: it is left alone for a while.
    pub(super) fn distrust(&self, why: &str) {
        self.health.failed_in_body(Trouble::new(
            format!("the upstream has sent something else than S3 promised ({why})"),
            "See what changes downloads between here and there; https keeps them as they are.",
        ));
    }

    /// After a head of it no byte came: on its way large packets get lost.
    pub(super) fn fell_silent(&self) {
        self.health.failed_in_body(Trouble::new(
            "the upstream begins its answers and does not go on",
            "See whether the network (a VPN?) between here and there drops large packets.",
        ));
    }

    /// A body of it has turned out right.
    pub(super) fn trust(&self) {
        self.health.proved_in_body();
    }

    /// Asks once. `None`: S3 has to say.
    pub(super) async fn ask(
        &self,
        key: &ArtifactKey,
        wanted: Wanted<'_>,
        patience: Duration,
    ) -> Option<Answer> {
        let trial = self.health.admit()?;
        let request = self.request(key, wanted);
        let span = self.span();
        let sent = self.client.send(request, patience.min(PATIENCE));
        let sent = sent.instrument(span.clone()).await;
        if sent.is_err() {
            span.record("otel.status_code", "ERROR");
        }
        let read = sent.and_then(|answer| {
            span.record("http.response.status_code", answer.status().as_u16());
            self.read(answer)
        });
        let (word, body) = match read {
            Ok(read) => {
                trial.answered();
                read
            }
            Err(trouble) => {
                self.count("absent");
                trial.failed(trouble);
                return None;
            }
        };
        let answer = match (word, wanted) {
            (Word::Object(head), Wanted::Object | Wanted::Head | Wanted::ObjectUnless(_)) => {
                Ok(("object", Answer::Object(head, body)))
            }
            (Word::Rest { etag, start }, Wanted::Rest(extent, wanted))
                if etag == wanted && start == extent.start =>
            {
                Ok(("object", Answer::Rest(body)))
            }
            (Word::NotModified, Wanted::ObjectUnless(_)) => {
                Ok(("not-modified", Answer::NotModified))
            }
            (Word::NotFound, Wanted::Object | Wanted::Head | Wanted::ObjectUnless(_)) => {
                Ok(("not-found", Answer::NotFound))
            }
            (Word::Refused(why), _) => Err(why),
            (word, wanted) => Err(format!("{word:?} for {wanted:?}")),
        };
        match answer {
            Ok((outcome, answer)) => {
                self.count(outcome);
                Some(answer)
            }
            Err(why) => {
                debug!(artifact.key = key.as_str(), why, "the upstream cannot help");
                self.count("refused");
                None
            }
        }
    }

    /// Asks whether it is there, and a proxy of the same repository; and whether it can fetch itself.
    /// Changes nothing: one that is left alone for what it has sent may well say that it is ready.
    pub async fn probe(&self, patience: Duration) -> Result<bool, Arc<Trouble>> {
        let request = Request::get(format!("{}/readyz", self.url));
        let sent = self.client.send(request, patience).await;
        sent.and_then(|answer| {
            let (status, headers) = (answer.status(), answer.headers());
            answer::must_be_of(&self.repository, status, headers)?;
            Ok(status.is_success())
        })
    }

    fn request(&self, key: &ArtifactKey, wanted: Wanted<'_>) -> http::request::Builder {
        let request = Request::builder().uri(format!("{}{}", self.url, key.url_path()));
        match wanted {
            Wanted::Object => request,
            Wanted::Head => request.method(Method::HEAD),
            Wanted::ObjectUnless(etag) => request.header(IF_NONE_MATCH, etag),
            Wanted::Rest(extent, etag) => {
                request.header(RANGE, extent.range()).header(IF_MATCH, etag)
            }
        }
    }

    fn read(&self, answer: Response<SdkBody>) -> Result<(Word, ByteStream), Arc<Trouble>> {
        let (head, body) = answer.into_parts();
        let word = answer::read(&self.repository, head.status, &head.headers)?;
        Ok((word, ByteStream::new(body)))
    }

    /// What a trace tells of a request, by OpenTelemetry's names.
    fn span(&self) -> Span {
        info_span!(
            target: telemetry::SPANS,
            "upstream",
            otel.kind = "client",
            url.full = self.url,
            http.response.status_code = Empty,
            otel.status_code = Empty,
        )
    }

    fn count(&self, outcome: &str) {
        let requests = &self.metrics.upstream_requests;
        requests.with_label_values(&[outcome]).inc();
    }
}
