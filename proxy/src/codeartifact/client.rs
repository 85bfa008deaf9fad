//! Requests to CodeArtifact's data endpoint, with a token; and to where it says that assets are, without.
//!
//! ```text
//! ask ─► token ─► place, pace ─► endpoint ─┬► 200, 304 ─────────────────► answer; the token is proven
//!        ▲                                 ├► 30x ─► assets, no token ──► answer
//!        ├─ another one, once ─ 401, 403, or 404 with an unproven one ◄──┤
//!        └─ later, within 10 s ─ 429, 5xx, no answer ◄───────────────────┘
//! ```

mod pace;
mod redirect;
mod verdict;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::primitives::SdkBody;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, IF_MATCH, IF_NONE_MATCH, RANGE, USER_AGENT,
};
use http::request::Builder;
use http::{HeaderValue, Request, Response};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::time::{Instant, timeout};
use tracing::debug;
use url::Url;

pub(super) use pace::{InPlace, Place};
pub(super) use redirect::is_loopback;
pub(super) use wire::Wire;

use super::body::text_of;
use super::control::{Control, jittered};
use super::endpoint::Endpoints;
use super::token::{Suspicion, Token, Tokens};
use super::{Address, Kind, PageMemory, Upstream};
use crate::config::{Config, Format};
use crate::credentials::Credentials;
use crate::error::{Error, Trouble};
use crate::metrics::Metrics;
use crate::peer;
use pace::Pace;
use redirect::Hop;
use verdict::Verdict;

/// How long a miss is tried before its client is told to come back.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// How long one answer may take to begin. A package that CodeArtifact has yet to fetch from elsewhere takes its time;
/// clients give up before, and find it when they come back.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);
/// How long what was found before may take to be found again.
const PROOF_TIMEOUT: Duration = Duration::from_secs(5);
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
const LONGEST_BACKOFF: Duration = Duration::from_secs(2);
/// From CodeArtifact to where an asset is. One is usual.
const MOST_HOPS: usize = 3;

/// What is written as it is in a URL's path. A `+`, which some servers take for a space, is not.
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'@')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The way to CodeArtifact. Shared by everything that asks it.
pub(super) struct Client {
    pub(super) tokens: Tokens,
    pub(super) endpoints: Endpoints,
    pub(super) control: Arc<Control>,
    pub(super) wire: Wire,
    pub(super) pages: PageMemory,
    pace: Pace,
}

/// A question about one page or file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question<'a> {
    pub(super) address: &'a Address,
    /// As the client has sent it; empty: it has sent none.
    pub(super) accept: &'a str,
    /// Behind the path, without its `?`.
    pub(super) query: Option<&'a str>,
    /// Whether there is a copy at hand: then nothing is waited for longer than it is worth.
    pub(super) has_copy: bool,
    /// The copy's entity tag.
    pub(super) unless: Option<&'a str>,
    /// Where a body goes on that has broken off.
    pub(super) rest: Option<Rest<'a>>,
}

/// The rest of a body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rest<'a> {
    /// The first byte's place.
    pub(super) from: u64,
    /// Its entity tag, quotes included.
    pub(super) etag: &'a str,
    /// Who has sent its begin: the host of assets, or CodeArtifact itself.
    pub(super) is_of_assets: bool,
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

/// Why an attempt has come to nothing.
enum Miss {
    /// It may be better the next time.
    Passing(String),
    /// It will not.
    Error(Error),
}

impl<'a> Question<'a> {
    /// About all of it.
    pub(super) fn of(address: &'a Address) -> Self {
        Self {
            address,
            accept: address.accept().unwrap_or_default(),
            query: None,
            has_copy: false,
            unless: None,
            rest: None,
        }
    }

    fn operation(&self) -> &'static str {
        match self.address.kind() {
            Kind::Page => "page",
            Kind::File => "file",
            Kind::Other => "other",
        }
    }
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
            pace: Pace::default(),
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
        let root = self
            .endpoints
            .of(upstream, question.address.format(), left())
            .await?;
        let (mut backoff, mut is_replaced) = (FIRST_BACKOFF, false);
        loop {
            let token = self.tokens.get(upstream, left().max(FIRST_BACKOFF)).await?;
            let allowed = if question.has_copy {
                left().max(FIRST_BACKOFF)
            } else {
                ATTEMPT_TIMEOUT
            };
            let attempt = Box::pin(self.attempt(question, &root, &token));
            let attempt = match timeout(allowed, attempt).await {
                Ok(attempt) => attempt,
                Err(_) => Err(Miss::Passing(format!("no answer within {allowed:?}"))),
            };
            let (why, advice) = match attempt {
                Ok(Attempt { verdict, answer }) => match verdict {
                    Verdict::Found | Verdict::NotModified => {
                        if answer.is_of_assets {
                            token.prove();
                        } else {
                            token.prove_by(answer.url.clone());
                        }
                        return Ok(answer);
                    }
                    Verdict::NotFound if token.is_proven() => return Err(Error::NotFound),
                    Verdict::NotFound | Verdict::Refused => {
                        let suspicion = if verdict == Verdict::Refused {
                            Suspicion::Refused
                        } else {
                            Suspicion::Doubted
                        };
                        let replaced = if is_replaced {
                            Ok(None)
                        } else {
                            let patience = left().max(FIRST_BACKOFF);
                            let tokens = &self.tokens;
                            tokens.replace(upstream, &token, suspicion, patience).await
                        };
                        let replaced = match replaced {
                            // There is no other one, and this one may be shown to be good in another way.
                            Err(_)
                                if verdict == Verdict::NotFound
                                    && self.still_finds(&token).await =>
                            {
                                None
                            }
                            replaced => replaced?,
                        };
                        if replaced.is_none() {
                            return Err(self.believed(question, &token, verdict, answer).await);
                        }
                        is_replaced = true;
                        continue;
                    }
                    Verdict::Changed => return Err(Error::Changed),
                    Verdict::Rejected => return Err(rejected(answer.response).await),
                    Verdict::Throttled => {
                        let advice = verdict::advice(answer.response.headers());
                        ("CodeArtifact throttles".to_owned(), Some(advice))
                    }
                    Verdict::Passing | Verdict::Redirect => {
                        let status = answer.response.status().as_u16();
                        let who = if answer.is_of_assets {
                            "the host of assets"
                        } else {
                            "CodeArtifact"
                        };
                        (format!("{who} answers {status}"), None)
                    }
                },
                Err(Miss::Passing(why)) => (why, None),
                Err(Miss::Error(error)) => return Err(error),
            };
            let advised = advice.flatten().map(Duration::from_secs);
            let pause = jittered(backoff).max(advised.unwrap_or_default());
            debug!(
                upstream = upstream.config.alias,
                why,
                ?pause,
                "a request to CodeArtifact failed"
            );
            if left() <= pause {
                return Err(match advice {
                    Some(retry_after) => Error::Throttled { retry_after },
                    None => Error::unavailable(format!("CodeArtifact could not be asked ({why})")),
                });
            }
            tokio::time::sleep(pause).await;
            backoff = (backoff * 2).min(LONGEST_BACKOFF);
        }
    }

    /// Whether a token still finds what it has found before.
    async fn still_finds(&self, token: &Token) -> bool {
        let (Some(url), Ok(authorization)) = (token.found(), authorization(token)) else {
            return false;
        };
        let Ok(_place) = self.pace.call(PATIENCE).await else {
            return false;
        };
        let request = Request::get("/")
            .header(USER_AGENT, peer::USER_AGENT)
            .header(ACCEPT, "*/*")
            .header(AUTHORIZATION, authorization);
        let sent = timeout(PROOF_TIMEOUT, self.wire.ask(&url, request)).await;
        matches!(sent, Ok(Ok(answer)) if answer.status().is_success())
    }

    /// The word that stays although the token is beyond suspicion.
    async fn believed(
        &self,
        question: &Question<'_>,
        token: &Token,
        verdict: Verdict,
        answer: Answer,
    ) -> Error {
        if verdict == Verdict::NotFound {
            token.prove();
            return Error::NotFound;
        }
        let upstream = question.address.upstream();
        denied(upstream, "codeartifact:ReadFromRepository", answer.response).await
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
            let sent = match request {
                Ok(request) => self.wire.ask(&url, request).await,
                Err(error) => return Err(Miss::Error(error)),
            };
            let upstream = question.address.upstream();
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
        let sent = self.wire.send(url, request).await;
        let outcome = match &sent {
            Ok(answer) if answer.status().is_success() => "ok",
            Ok(answer) => verdict::of(answer.status(), answer.headers()).label(),
            Err(_) => "none",
        };
        self.count(upstream, "publish", outcome);
        sent.map_err(|(why, _)| why)
    }

    /// A place for a call, when it is its turn.
    pub(super) async fn place(&self) -> Result<Place, Error> {
        self.pace.call(PATIENCE).await
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

impl Question<'_> {
    /// The request, for CodeArtifact or for the host of assets: that gets nothing that it does not need.
    fn request(&self, is_of_assets: bool, token: &Token) -> Result<Builder, Error> {
        let mut request = Request::get("/")
            .header(USER_AGENT, peer::USER_AGENT)
            // Bodies are compared with checksums, byte by byte.
            .header(ACCEPT_ENCODING, "identity");
        if !is_of_assets {
            request = request.header(AUTHORIZATION, authorization(token)?);
            if !self.accept.is_empty() {
                request = request.header(ACCEPT, self.accept);
            }
        }
        if let Some(etag) = self.unless {
            request = request.header(IF_NONE_MATCH, etag);
        }
        if let Some(rest) = self.rest.filter(|rest| rest.is_of_assets == is_of_assets) {
            request = request
                .header(RANGE, format!("bytes={}-", rest.from))
                .header(IF_MATCH, rest.etag);
        }
        Ok(request)
    }
}

fn authorization(token: &Token) -> Result<HeaderValue, Error> {
    let value = HeaderValue::from_str(token.authorization().expose());
    let mut value = value.map_err(|_| Error::unavailable("CodeArtifact's token is none"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Where an address is, below the repository's own URL.
pub(super) fn url(root: &Url, address: &Address, query: Option<&str>) -> Result<Url, Error> {
    let path = address.path();
    let encoded = utf8_percent_encode(path, IN_PATH).to_string();
    let encoded = match (address.format(), address.kind()) {
        // The one name with a slash in it, as npm itself writes it.
        (Format::Npm, Kind::Page) if path.starts_with('@') => encoded.replacen('/', "%2f", 1),
        // Without its slash, it would be a redirect.
        (Format::Pypi, Kind::Page) if !path.ends_with('/') => format!("{encoded}/"),
        (Format::Pypi | Format::Npm | Format::Maven, _) => encoded,
    };
    let mut url = Url::parse(&format!("{root}{encoded}"))
        .map_err(|_| Error::unavailable("this path is none of a URL"))?;
    // A path that climbs was refused at the door; here nothing may leave the repository either.
    if !url.path().starts_with(root.path()) {
        return Err(Error::NotFound);
    }
    url.set_query(query);
    Ok(url)
}

/// CodeArtifact's own word on a request.
pub(super) async fn rejected(response: Response<SdkBody>) -> Error {
    let status = response.status().as_u16();
    let message = text_of(response.into_body()).await;
    Error::Rejected { status, message }
}

/// Refused with a token that was just made: a permission is missing.
pub(super) async fn denied(
    upstream: &Upstream,
    permission: &str,
    response: Response<SdkBody>,
) -> Error {
    let status = response.status().as_u16();
    let said = text_of(response.into_body()).await;
    let (alias, name) = (&upstream.config.alias, upstream.name());
    Error::Misconfigured(Trouble::new(
        format!(
            "CodeArtifact refuses `{alias}` ({name}) with a fresh token (status {status}: {said})"
        ),
        format!(
            "Ask for {permission} on the repository, and see its domain's and repository's resource policies."
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codeartifact::Table;
    use crate::config::CodeArtifactUpstream;

    fn address(format: Format, path: &str) -> Address {
        let table = Table::new(vec![CodeArtifactUpstream {
            alias: "main".to_owned(),
            domain: "acme".to_owned(),
            domain_owner: "012345678901".to_owned(),
            region: "eu-central-1".to_owned(),
            repository: "all".to_owned(),
            formats: Format::ALL.to_vec(),
            publish: false,
            public_fallback: None,
            token_duration: Duration::from_hours(12),
        }]);
        let upstream = table.by_alias("main").expect("an upstream");
        Address::parse(upstream, format, path, None).expect("an address")
    }

    #[test]
    fn paths_are_written_as_their_own_clients_write_them() {
        let root = Url::parse("https://host/repo/").expect("a URL");
        for (format, path, asked) in [
            (Format::Pypi, "", ""),
            (Format::Pypi, "simple/requests", "simple/requests/"),
            (Format::Pypi, "simple/requests/", "simple/requests/"),
            (
                Format::Pypi,
                "simple/a/1/a-1%2Blocal.whl",
                "simple/a/1/a-1%2Blocal.whl",
            ),
            (Format::Npm, "@acme/pad", "@acme%2fpad"),
            (Format::Npm, "%40acme%2Fpad", "@acme%2fpad"),
            (
                Format::Npm,
                "@acme/pad/-/pad-1.tgz",
                "@acme/pad/-/pad-1.tgz",
            ),
            (
                Format::Maven,
                "g/a/1/a%20b%3F%23.jar",
                "g/a/1/a%20b%3F%23.jar",
            ),
        ] {
            let url = url(&root, &address(format, path), None).expect("a URL");
            assert_eq!(url.as_str(), format!("https://host/repo/{asked}"), "{path}");
        }
        let ping = url(
            &root,
            &address(Format::Npm, "-/v1/search"),
            Some("text=a&size=1"),
        );
        assert_eq!(
            ping.expect("a URL").as_str(),
            "https://host/repo/-/v1/search?text=a&size=1"
        );
    }

    #[test]
    fn the_host_of_assets_is_told_nothing_of_ours() {
        let address = address(Format::Pypi, "simple/a/1/a.whl");
        let token = Token::for_tests("hidden");
        let mut question = Question::of(&address);
        question.accept = "application/x";
        let etag = "\"x\"";
        question.rest = Some(Rest {
            from: 7,
            etag,
            is_of_assets: true,
        });
        let headers = |is_of_assets| {
            let request = question.request(is_of_assets, &token).expect("a request");
            request.body(()).expect("a request").into_parts().0.headers
        };
        let (home, assets) = (headers(false), headers(true));
        assert!(home.contains_key(AUTHORIZATION) && home.contains_key(ACCEPT));
        assert!(!home.contains_key(RANGE));
        assert!(!assets.contains_key(AUTHORIZATION) && !assets.contains_key(ACCEPT));
        assert_eq!(
            (&assets[RANGE], &assets[IF_MATCH]),
            (
                &HeaderValue::from_static("bytes=7-"),
                &HeaderValue::from_static(etag)
            )
        );
        assert!(!format!("{home:?}").contains("Basic"), "{home:?}");
    }
}
