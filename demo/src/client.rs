//! The HTTP client of the demo: one request a connection, with a stopwatch.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, USER_AGENT};
use http::request::Builder;
use http::{HeaderMap, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::error::Error;

/// Longer than the proxy tries for.
const PATIENCE: Duration = Duration::from_secs(30);

/// Asks one server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Client {
    address: SocketAddr,
    patience: Duration,
}

/// A whole answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
    /// From the request to the first byte of the body.
    pub(crate) first_byte: Duration,
    /// From the request to the last byte of the body.
    pub(crate) last_byte: Duration,
    headers: HeaderMap,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        let patience = PATIENCE;
        Self { address, patience }
    }

    /// The same, as patient as this.
    pub(crate) fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// GET, to the end of the body.
    pub(crate) async fn get(&self, path: &str) -> Result<Answer, Error> {
        self.get_watched(path, |_, _| {}).await
    }

    /// HEAD.
    pub(crate) async fn head(&self, path: &str) -> Result<Answer, Error> {
        let request = Request::head(path);
        self.request(request, Bytes::new(), |_, _| {}).await
    }

    /// GET as the program that calls itself so.
    pub(crate) async fn get_as(&self, user_agent: &str, path: &str) -> Result<Answer, Error> {
        let request = Request::get(path).header(USER_AGENT, user_agent);
        self.request(request, Bytes::new(), |_, _| {}).await
    }

    /// POST of a form, as a browser does it when somebody clicks.
    pub(crate) async fn post_form(&self, path: &str, form: &'static str) -> Result<Answer, Error> {
        let request = Request::post(path).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.request(request, Bytes::from(form), |_, _| {}).await
    }

    /// GET; `progress` hears, as they grow, the bytes received, and their number in the end.
    pub(crate) async fn get_watched(
        &self,
        path: &str,
        progress: impl FnMut(usize, usize),
    ) -> Result<Answer, Error> {
        self.request(Request::get(path), Bytes::new(), progress)
            .await
    }

    async fn request(
        &self,
        request: Builder,
        body: Bytes,
        progress: impl FnMut(usize, usize),
    ) -> Result<Answer, Error> {
        let path = request.uri_ref().map(Uri::to_string).unwrap_or_default();
        let patience = self.patience;
        tokio::time::timeout(patience, self.ask(request, body, &path, progress))
            .await
            .map_err(|_| Error::TooSlow {
                path: path.clone(),
                patience,
            })?
    }

    async fn ask(
        &self,
        request: Builder,
        body: Bytes,
        path: &str,
        mut progress: impl FnMut(usize, usize),
    ) -> Result<Answer, Error> {
        let begin = Instant::now();
        let no_answer = |reason: String| Error::NoAnswer {
            path: path.to_owned(),
            reason,
        };
        let stream = TcpStream::connect(self.address)
            .await
            .map_err(|error| no_answer(error.to_string()))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| no_answer(error.to_string()))?;
        tokio::spawn(connection);
        let request = request
            .header(HOST, self.address.to_string())
            .body(Full::new(body))
            .map_err(|error| no_answer(error.to_string()))?;
        let answer = sender
            .send_request(request)
            .await
            .map_err(|error| no_answer(error.to_string()))?;
        let (head, mut incoming) = answer.into_parts();
        let length = content_length(&head.headers);
        let mut body = BytesMut::new();
        let mut first_byte = None;
        while let Some(frame) = incoming.frame().await {
            let frame = frame.map_err(|error| Error::BrokenOff {
                path: path.to_owned(),
                reason: error.to_string(),
            })?;
            if let Ok(bytes) = frame.into_data() {
                first_byte.get_or_insert_with(|| begin.elapsed());
                body.extend_from_slice(&bytes);
                progress(body.len(), length.unwrap_or(body.len()));
            }
        }
        let last_byte = begin.elapsed();
        Ok(Answer {
            status: head.status,
            body: body.freeze(),
            first_byte: first_byte.unwrap_or(last_byte),
            last_byte,
            headers: head.headers,
        })
    }
}

impl Answer {
    /// A header's value, or an empty text.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// How the cache says that it came by this answer.
    pub(crate) fn cache_status(&self) -> &str {
        let status = self.header("cache-status");
        status.strip_prefix("bazel-proxy; ").unwrap_or(status)
    }

    /// Whether it came from the cache.
    pub(crate) fn is_hit(&self) -> bool {
        self.cache_status().split(';').next() == Some("hit")
    }

    /// Whether it waited for a login.
    pub(crate) fn was_held(&self) -> bool {
        self.cache_status().ends_with("; held")
    }

    /// Whether it is a whole and good copy of `content`.
    pub(crate) fn is_copy_of(&self, content: &[u8]) -> bool {
        self.status == StatusCode::OK && self.body == content
    }

    /// The explanation in a problem document (RFC 9457), else the body as it is.
    pub(crate) fn explanation(&self) -> String {
        let problem: Option<serde_json::Value> = serde_json::from_slice(&self.body).ok();
        let detail = problem
            .as_ref()
            .and_then(|problem| problem["detail"].as_str());
        detail.map_or_else(
            || String::from_utf8_lossy(&self.body).trim().to_owned(),
            str::to_owned,
        )
    }
}

fn content_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
