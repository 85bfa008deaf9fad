//! How a request was answered, in one word. The only place that knows these words: `Cache-Status`, the
//! log and the metrics take them from here.

use http::{HeaderValue, Response};

use crate::cache_status::CACHE_STATUS;
use crate::fetch::Verdict as Found;

/// How a request was answered. Handlers put it into the answer's extensions by `mark`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// With an artifact.
    Found(Found),
    /// With a folder.
    Listed,
    /// With a folder as it was: S3 does not answer.
    ListedStale,
    /// With a redirect to the same place, after waiting for a login.
    Redirected,
    /// With the place where a page of CodeArtifact is.
    Moved,
    /// There is no such artifact.
    NotFound,
    /// There is none, or S3 denies it and does not tell which.
    MissingOrDenied,
    /// S3 denies it.
    Denied,
    /// Only a login helps.
    LoginRequired,
    /// Passing trouble.
    Unavailable,
    /// The configuration has to change.
    Misconfigured,
    /// The clock is wrong.
    ClockSkew,
    /// The download or the cache failed.
    Failed,
    /// The repository rejects the request.
    Rejected,
    /// The repository takes no more requests.
    Throttled,
    /// No such repository of CodeArtifact is configured.
    NotServed,
    /// Something was published.
    Published,
    /// The path can be no key.
    BadRequest,
    /// Nothing is written here.
    ReadOnly,
    /// Asked by itself, through other proxies or directly.
    Circle,
    /// Meant for another host, or sent by a web page that would publish.
    Refused,
    /// With a page of ours (`/healthz`, `/metrics` …). What is not marked is one.
    Page,
    /// Not at all: the client left before.
    Left,
}

/// Where an artifact's bytes came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// From the cache: S3 was not asked for a byte.
    Cache,
    /// From a download.
    Origin,
}

/// In the extensions of an answer that waited for a login.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held;

impl Verdict {
    /// The value of the label `verdict`.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Found(Found::Hit) => "hit",
            Self::Found(Found::Revalidated) => "hit-revalidated",
            Self::Found(Found::Stale) => "hit-stale",
            Self::Found(Found::Miss) => "miss",
            Self::Found(Found::Collapsed) => "collapsed",
            Self::Found(Found::Refreshed) => "refreshed",
            Self::Found(Found::Uncached) => "uncached",
            Self::Found(Found::Asked) => "asked",
            Self::Listed => "listed",
            Self::ListedStale => "listed-stale",
            Self::Redirected => "held",
            Self::Moved => "moved",
            Self::NotFound => "not-found",
            Self::MissingOrDenied => "missing-or-denied",
            Self::Denied => "denied",
            Self::LoginRequired => "login-required",
            Self::Unavailable => "unavailable",
            Self::Misconfigured => "misconfigured",
            Self::ClockSkew => "clock-skew",
            Self::Failed => "failed",
            Self::Rejected => "rejected",
            Self::Throttled => "throttled",
            Self::NotServed => "not-served",
            Self::Published => "published",
            Self::BadRequest => "bad-request",
            Self::ReadOnly => "read-only",
            Self::Circle => "circle",
            Self::Refused => "refused",
            Self::Page => "page",
            Self::Left => "left",
        }
    }

    /// The whole `Cache-Status` of such an answer, where it has one.
    fn cache_status(self) -> Option<&'static str> {
        let value = match self {
            Self::Found(Found::Hit) => "bazel-proxy; hit",
            Self::Found(Found::Revalidated) => "bazel-proxy; hit; detail=revalidated",
            Self::Found(Found::Stale) | Self::ListedStale => "bazel-proxy; hit; detail=stale",
            Self::Found(Found::Miss) => "bazel-proxy; fwd=uri-miss; stored",
            Self::Found(Found::Collapsed) => "bazel-proxy; fwd=uri-miss; collapsed",
            Self::Found(Found::Refreshed) => "bazel-proxy; fwd=stale; stored",
            Self::Found(Found::Uncached) => "bazel-proxy; fwd=uri-miss; detail=uncached",
            Self::Found(Found::Asked) => "bazel-proxy; fwd=method",
            Self::Listed => "bazel-proxy; fwd=miss",
            Self::Redirected => "bazel-proxy; fwd=uri-miss",
            Self::NotFound => "bazel-proxy; fwd=uri-miss; detail=not-found",
            Self::MissingOrDenied => "bazel-proxy; fwd=uri-miss; detail=missing-or-denied",
            Self::Denied => "bazel-proxy; fwd=uri-miss; detail=denied",
            Self::LoginRequired => "bazel-proxy; fwd=uri-miss; detail=login-required",
            Self::Unavailable => "bazel-proxy; fwd=uri-miss; detail=unavailable",
            Self::Misconfigured => "bazel-proxy; fwd=uri-miss; detail=misconfigured",
            Self::ClockSkew => "bazel-proxy; fwd=uri-miss; detail=clock-skew",
            Self::Failed => "bazel-proxy; fwd=uri-miss; detail=failed",
            Self::Rejected => "bazel-proxy; fwd=uri-miss; detail=rejected",
            Self::Throttled => "bazel-proxy; fwd=uri-miss; detail=throttled",
            Self::NotServed => "bazel-proxy; fwd=uri-miss; detail=not-served",
            Self::Published => "bazel-proxy; fwd=method; detail=published",
            Self::BadRequest => "bazel-proxy; fwd=uri-miss; detail=bad-request",
            Self::ReadOnly => "bazel-proxy; fwd=uri-miss; detail=read-only",
            Self::Circle => "bazel-proxy; fwd=uri-miss; detail=circle",
            Self::Moved | Self::Refused | Self::Page | Self::Left => return None,
        };
        Some(value)
    }

    /// Whether a build makes thousands of them and nobody needs to read each.
    pub(super) fn is_routine(self) -> bool {
        match self {
            Self::Found(Found::Hit | Found::Revalidated | Found::Stale)
            | Self::ListedStale
            | Self::Moved
            | Self::Refused
            | Self::Page => true,
            Self::Found(
                Found::Miss | Found::Collapsed | Found::Refreshed | Found::Uncached | Found::Asked,
            )
            | Self::Listed
            | Self::Redirected
            | Self::NotFound
            | Self::MissingOrDenied
            | Self::Denied
            | Self::LoginRequired
            | Self::Unavailable
            | Self::Misconfigured
            | Self::ClockSkew
            | Self::Failed
            | Self::Rejected
            | Self::Throttled
            | Self::NotServed
            | Self::Published
            | Self::BadRequest
            | Self::ReadOnly
            | Self::Circle
            | Self::Left => false,
        }
    }

    /// Whether an artifact came from the cache.
    #[must_use]
    pub fn is_hit(self) -> bool {
        self.source() == Some(Source::Cache)
    }

    /// Where the bytes of an artifact came from; `None` if it is no answer with one.
    #[must_use]
    pub fn source(self) -> Option<Source> {
        let Self::Found(found) = self else {
            return None;
        };
        Some(match found {
            Found::Hit | Found::Revalidated | Found::Stale => Source::Cache,
            Found::Miss | Found::Collapsed | Found::Refreshed | Found::Uncached | Found::Asked => {
                Source::Origin
            }
        })
    }

    /// Says it in an answer: in `Cache-Status` for the client, in the extensions for whoever counts.
    pub(super) fn mark<B>(self, response: &mut Response<B>) {
        if let Some(value) = self.cache_status() {
            let value = HeaderValue::from_static(value);
            response.headers_mut().insert(CACHE_STATUS, value);
        }
        response.extensions_mut().insert(self);
    }

    /// What an answer was marked with.
    pub(super) fn of<B>(response: &Response<B>) -> Self {
        let marked = response.extensions().get();
        marked.copied().unwrap_or(Self::Page)
    }
}

impl Source {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Cache, Self::Origin];

    /// The value of the label `source`.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Cache => "cache",
            Self::Origin => "origin",
        }
    }
}

/// Says in an answer that it waited for a login, beside all that it says already.
pub(super) fn mark_held<B>(response: &mut Response<B>) {
    response.extensions_mut().insert(Held);
    let headers = response.headers_mut();
    let written = headers
        .get(CACHE_STATUS)
        .and_then(|value| value.to_str().ok());
    let value = format!("{}; held", written.unwrap_or("bazel-proxy"));
    if let Ok(value) = HeaderValue::from_str(&value) {
        headers.insert(CACHE_STATUS, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waited_says_so_beside_all_else() {
        for (verdict, after) in [
            (Verdict::Found(Found::Hit), "bazel-proxy; hit; held"),
            (
                Verdict::Found(Found::Uncached),
                "bazel-proxy; fwd=uri-miss; detail=uncached; held",
            ),
            (
                Verdict::LoginRequired,
                "bazel-proxy; fwd=uri-miss; detail=login-required; held",
            ),
            (Verdict::Redirected, "bazel-proxy; fwd=uri-miss; held"),
        ] {
            let mut response = Response::<()>::default();
            verdict.mark(&mut response);
            mark_held(&mut response);
            assert_eq!(response.headers()[CACHE_STATUS], after);
            assert_eq!(Verdict::of(&response), verdict);
        }
    }

    #[test]
    fn what_is_not_marked_is_a_page() {
        assert_eq!(Verdict::of(&Response::<()>::default()), Verdict::Page);
    }
}
