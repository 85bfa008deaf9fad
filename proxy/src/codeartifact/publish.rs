//! Publishing: one request passed on with its body, as it comes, and never a second time.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use aws_sdk_s3::primitives::SdkBody;
use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, COOKIE, EXPECT,
    HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, USER_AGENT, VIA,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::Instant;
use tracing::debug;

use super::body::{read, text_of};
use super::client::{PATIENCE, advice, url};
use super::repositories::Repositories;
use super::token::{Suspicion, Token};
use super::{Address, Upstream};
use crate::error::Error;

/// After the last byte of either side, CodeArtifact gets so long for the next one: it checks what it is given.
const SILENCE_TIMEOUT: Duration = Duration::from_mins(5);
/// An answer to a publication is a few words, in bytes.
const LONGEST_ANSWER_BYTES: u64 = 256 * 1024;

const ONCE_MORE: &str = "CodeArtifact did not take its token, which was renewed: publish once more";

/// What a client says to its own server, and what is of its connection alone (RFC 9110, section 7.6.1).
const OURS: [HeaderName; 14] = [
    ACCEPT_ENCODING,
    AUTHORIZATION,
    COOKIE,
    CONNECTION,
    EXPECT,
    HOST,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    USER_AGENT,
    VIA,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("forwarded"),
];
/// The same, by how they begin.
const OUR_PREFIXES: [&str; 3] = ["proxy-", "x-forwarded-", "if-"];

/// Notes a publication when it is over, or given up.
struct NotePublished<'a>(&'a Repositories, &'a Address);

impl Drop for NotePublished<'_> {
    fn drop(&mut self) {
        self.0.note_published(self.1);
    }
}

impl Repositories {
    /// Passes a publication on. Its answer is CodeArtifact's own, unless that is about our token.
    pub(super) async fn publish(
        &self,
        address: &Address,
        request: Request<SdkBody>,
    ) -> Result<Response<SdkBody>, Error> {
        let (client, upstream) = (&self.client, address.upstream());
        let (head, body) = request.into_parts();
        let root = client
            .endpoints
            .of(upstream, address.format(), PATIENCE)
            .await?;
        let token = client.tokens.get(upstream, PATIENCE).await?;
        let url = url(&root, address, head.uri.query())?;
        let (body, activity) = Watched::new(body);
        let mut passed = Request::builder()
            .method(head.method.clone())
            .uri(url.as_str());
        if let Some(headers) = passed.headers_mut() {
            *headers = passed_on(&head.headers);
        }
        let passed = passed.body(SdkBody::from_body_1_x(body));
        let passed = passed.map_err(|_| Error::unavailable("this request cannot be passed on"))?;
        let place = client.for_upload().await?;
        let alias = &upstream.config.alias;
        debug!(upstream = alias, path = address.path(), method = %head.method, "publishing");
        // Whatever becomes of it, and though the client leaves meanwhile: pages may be others then.
        let noted = NotePublished(self, address);
        let sent = Box::pin(client.send(upstream, &url, &token, passed));
        let answer = tokio::select! {
            answer = sent => answer,
            () = activity.ends() => Err(format!("silence for {} s", SILENCE_TIMEOUT.as_secs())),
        };
        drop(place);
        drop(noted);
        let answer = answer.map_err(|why| {
            Error::unavailable(format!(
                "publishing to CodeArtifact broke off ({why}); it was not tried again"
            ))
        })?;
        match answer.status().as_u16() {
            // These are not said to whoever is not known.
            200..=299 | 409 | 422 => token.prove(),
            401 | 403 | 404 => {
                self.must_be_the_publications(upstream, &token, &answer)
                    .await?;
            }
            _ => {}
        }
        read_answer(address, &head.method, answer).await
    }

    /// Fails where an answer may be about our token, of which the client knows nothing: with another one, it may
    /// publish once more.
    async fn must_be_the_publications(
        &self,
        upstream: &Arc<Upstream>,
        token: &Arc<Token>,
        answer: &Response<SdkBody>,
    ) -> Result<(), Error> {
        let (client, suspicion) = (&self.client, Suspicion::of(answer.status()));
        if suspicion != Suspicion::Unauthorized && token.is_proven() {
            return Ok(());
        }
        let replaced = client.tokens.replace(upstream, token, suspicion, PATIENCE);
        match replaced.await {
            Ok(Some(_)) => Err(Error::unavailable(ONCE_MORE)),
            Ok(None) => Ok(()),
            Err(error) => {
                let is_about_it = suspicion == Suspicion::Unauthorized;
                if is_about_it || !client.still_finds(token).await {
                    return Err(error);
                }
                Ok(())
            }
        }
    }
}

/// The client's headers, without what is none of CodeArtifact's business.
fn passed_on(headers: &HeaderMap) -> HeaderMap {
    let of_connection: Vec<String> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    let is_ours = |name: &HeaderName| {
        OURS.contains(name)
            || OUR_PREFIXES
                .iter()
                .any(|prefix| name.as_str().starts_with(prefix))
            || of_connection.iter().any(|named| named == name.as_str())
    };
    let mut passed = HeaderMap::new();
    for (name, value) in headers {
        if !is_ours(name) && value.to_str().is_ok() {
            passed.append(name.clone(), value.clone());
        }
    }
    // The answer is read here.
    passed.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    passed
}

/// What the client is told.
async fn read_answer(
    address: &Address,
    method: &Method,
    answer: Response<SdkBody>,
) -> Result<Response<SdkBody>, Error> {
    let (upstream, status) = (address.upstream(), answer.status());
    let retry_after = advice(answer.headers());
    match status.as_u16() {
        401 => Err(Error::unavailable(ONCE_MORE)),
        403 => {
            let said = text_of(answer.into_body()).await;
            // npm's tags are metadata.
            let permission = if address.path().contains("/dist-tags") || *method == Method::DELETE {
                "codeartifact:PutPackageMetadata"
            } else {
                "codeartifact:PublishPackageVersion"
            };
            let (alias, name) = (&upstream.config.alias, upstream.name());
            Err(Error::Rejected {
                status: 403,
                message: format!("{said} (publishing to `{alias}`, {name}, needs {permission})"),
            })
        }
        429 => Err(Error::Throttled { retry_after }),
        503 if retry_after.is_some() => Err(Error::Throttled { retry_after }),
        200..=299 | 400..=499 => {
            let (head, body) = answer.into_parts();
            // What has become of the publication stands in the status, and is true without the text.
            let Ok(body) = read(body, LONGEST_ANSWER_BYTES).await else {
                let mut passed = Response::new(SdkBody::empty());
                *passed.status_mut() = status;
                return Ok(passed);
            };
            let mut passed = Response::new(SdkBody::from(body));
            *passed.status_mut() = status;
            for name in [CONTENT_TYPE, CONTENT_ENCODING] {
                if let Some(value) = head.headers.get(&name) {
                    passed.headers_mut().insert(name, value.clone());
                }
            }
            Ok(passed)
        }
        other => Err(Error::unavailable(format!(
            "CodeArtifact answers {other} to a publication; it was not tried again"
        ))),
    }
}

/// When a body was last asked for a piece.
struct Activity(Arc<Mutex<Instant>>);

impl Activity {
    /// Ends when nothing has moved for too long.
    async fn ends(&self) {
        loop {
            let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let until = last + SILENCE_TIMEOUT;
            if Instant::now() >= until {
                return;
            }
            tokio::time::sleep_until(until).await;
        }
    }
}

/// A body that tells when it moves.
struct Watched {
    body: SdkBody,
    last: Arc<Mutex<Instant>>,
}

impl Watched {
    fn new(body: SdkBody) -> (Self, Activity) {
        let last = Arc::new(Mutex::new(Instant::now()));
        let activity = Activity(Arc::clone(&last));
        (Self { body, last }, activity)
    }
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = aws_smithy_types::body::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if polled.is_ready() {
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        HttpBody::is_end_stream(&self.body)
    }

    fn size_hint(&self) -> SizeHint {
        HttpBody::size_hint(&self.body)
    }
}

#[cfg(test)]
mod tests {
    use http::header::CONTENT_LENGTH;

    use super::*;

    #[test]
    fn what_is_between_a_client_and_the_proxy_stays_there() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("authorization", "Basic c2VjcmV0"),
            ("cookie", "a=b"),
            ("proxy-authorization", "Basic c2VjcmV0"),
            ("connection", "close, X-Private"),
            ("x-private", "1"),
            ("x-forwarded-for", "10.0.0.1"),
            ("host", "localhost:9000"),
            ("expect", "100-continue"),
            ("transfer-encoding", "chunked"),
            ("if-match", "x"),
            ("content-type", "multipart/form-data; boundary=b"),
            ("content-length", "5"),
            ("npm-command", "publish"),
            ("accept-encoding", "gzip, br"),
        ] {
            headers.insert(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
        }
        let passed = passed_on(&headers);
        let mut names: Vec<_> = passed.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "accept-encoding",
                "content-length",
                "content-type",
                "npm-command"
            ]
        );
        assert_eq!(passed[ACCEPT_ENCODING], "identity");
        assert!(passed.contains_key(CONTENT_LENGTH));
    }

    #[tokio::test(start_paused = true)]
    async fn a_publication_that_stands_still_ends_and_one_that_moves_does_not() {
        let (mut body, activity) = Watched::new(SdkBody::from("x"));
        let began = Instant::now();
        tokio::time::advance(SILENCE_TIMEOUT / 2).await;
        let mut context = Context::from_waker(std::task::Waker::noop());
        assert!(Pin::new(&mut body).poll_frame(&mut context).is_ready());
        activity.ends().await;
        assert_eq!(began.elapsed(), SILENCE_TIMEOUT * 3 / 2);
    }

    fn address(format: crate::config::Format, path: &str) -> Address {
        let table = super::super::Table::new(vec![crate::config::CodeArtifactUpstream {
            publish: true,
            ..crate::config::CodeArtifactUpstream::example()
        }]);
        let path = path.replace('@', "%40");
        Address::parse(&table.upstreams()[0], format, &path, None).expect("an address")
    }

    async fn told(status: u16, body: impl Into<SdkBody>) -> Result<Response<SdkBody>, Error> {
        let answer = Response::builder()
            .status(status)
            .header("set-cookie", "a=b");
        let answer = answer.body(body.into()).expect("an answer");
        let address = address(crate::config::Format::Maven, "com/acme/x/1.0/x-1.0.jar");
        read_answer(&address, &Method::PUT, answer).await
    }

    #[tokio::test]
    async fn what_has_been_published_is_so_though_the_text_about_it_is_cut_or_endless() {
        let cut = || {
            let pieces = [
                Ok(Frame::data(Bytes::from_static(b"half"))),
                Err(std::io::Error::other("reset")),
            ];
            SdkBody::from_body_1_x(http_body_util::StreamBody::new(futures_util::stream::iter(
                pieces,
            )))
        };
        let long = usize::try_from(LONGEST_ANSWER_BYTES).expect("small") + 1;
        for status in [201, 409] {
            for body in [cut(), SdkBody::from(vec![b'x'; long])] {
                let answer = told(status, body).await.expect("an answer");
                assert_eq!(answer.status(), status);
                assert_eq!(answer.body().bytes(), Some(&b""[..]));
            }
        }
    }

    #[tokio::test]
    async fn a_tag_needs_the_permission_of_metadata() {
        for method in [Method::PUT, Method::DELETE] {
            let answer = Response::builder().status(403);
            let answer = answer.body(SdkBody::from("no")).expect("an answer");
            let address = address(
                crate::config::Format::Npm,
                "-/package/@acme%2fpad/dist-tags/beta",
            );
            let refused = read_answer(&address, &method, answer).await;
            let text = format!("{refused:?}");
            assert!(text.contains("codeartifact:PutPackageMetadata"), "{text}");
        }
    }

    #[tokio::test]
    async fn conflicts_are_passed_on_and_our_own_trouble_is_none_of_the_clients() {
        for status in [200, 201, 400, 404, 409, 422] {
            let answer = told(status, "word").await.expect("an answer");
            assert_eq!(answer.status(), status);
            assert!(!answer.headers().contains_key("set-cookie"));
            assert_eq!(answer.body().bytes(), Some(&b"word"[..]));
        }
        for status in [401, 500, 502, 302] {
            assert!(
                matches!(told(status, "x").await, Err(Error::Unavailable(_))),
                "{status}"
            );
        }
        assert!(matches!(told(429, "x").await, Err(Error::Throttled { .. })));
        match told(403, "{\"message\": \"no\"}").await {
            Err(Error::Rejected {
                status: 403,
                message,
            }) => {
                assert!(
                    message.contains("codeartifact:PublishPackageVersion"),
                    "{message}"
                );
            }
            other => panic!("{other:?}"),
        }
    }
}
