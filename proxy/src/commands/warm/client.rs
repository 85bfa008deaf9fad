//! HTTP to the repository, with a limit to every wait.

use std::time::Duration;

use aws_smithy_runtime_api::client::http::{HttpConnector as _, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http::header::{IF_NONE_MATCH, USER_AGENT};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use sso_session::failure::causes;
use sso_session::http_client::http_connector;
use tokio::time::timeout;

use super::target::Target;
use crate::artifact::ArtifactKey;
use crate::cache_status::{CACHE_STATUS, CacheStatus};

const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// Longer than anybody sets `LOGIN_WAIT`, for which the proxy holds a request.
const HEAD_WITHIN: Duration = Duration::from_hours(2);
/// The proxy asks S3 again long before.
const NEXT_BYTES_WITHIN: Duration = Duration::from_mins(5);
/// For its pages about itself.
const PAGE_WITHIN: Duration = Duration::from_secs(10);
/// The texts that are shown to people are shorter.
const MOST_TEXT_BYTES: usize = 64 * 1024;
const PROGRAM: &str = concat!("bazel-proxy-warm/", env!("CARGO_PKG_VERSION"));

/// A connection that failed: what is to be told.
#[derive(Debug)]
pub(super) struct Broken(pub(super) String);

pub(super) struct Client {
    connector: SharedHttpConnector,
    base: String,
    /// Where the proxy's pages about itself are.
    top: String,
}

/// The head of an answer, and its body to be read.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    headers: HeaderMap,
    body: SdkBody,
}

impl Client {
    pub(super) fn new(target: &Target, ca_bundle: Option<&[u8]>) -> Self {
        Self {
            connector: http_connector(ca_bundle, target.forward_proxy(), CONNECT_WITHIN),
            base: target.base(),
            top: target.top.clone(),
        }
    }

    /// Asks for an artifact.
    pub(super) async fn get(&self, key: &ArtifactKey) -> Result<Answer, Broken> {
        let url = format!("{}{}", self.base, key.url_path());
        self.send(url, false, HEAD_WITHIN).await
    }

    /// Makes the repository have an artifact, without its bytes: 304 says that it does.
    pub(super) async fn ask_for(&self, key: &ArtifactKey) -> Result<Answer, Broken> {
        let url = format!("{}{}", self.base, key.url_path());
        self.send(url, true, HEAD_WITHIN).await
    }

    /// A page of the proxy about itself, and its status.
    pub(super) async fn page(&self, path: &str) -> Result<(StatusCode, String), Broken> {
        let url = format!("{}{path}", self.top);
        let answer = self.send(url, false, PAGE_WITHIN).await?;
        Ok((answer.status, answer.text().await))
    }

    async fn send(&self, url: String, is_known: bool, limit: Duration) -> Result<Answer, Broken> {
        let mut request = Request::get(url).header(USER_AGENT, PROGRAM);
        if is_known {
            // RFC 9110, section 13.1.2: "not, if there is any".
            request = request.header(IF_NONE_MATCH, "*");
        }
        let request = request.body(SdkBody::empty());
        let request = request.map_err(|error| Broken(error.to_string()))?;
        let request = HttpRequest::try_from(request).map_err(|error| Broken(error.to_string()))?;
        let answer = timeout(limit, self.connector.call(request)).await;
        let answer =
            answer.map_err(|_| Broken(format!("no answer within {} s", limit.as_secs())))?;
        let answer = answer.map_err(|error| Broken(causes(&error)))?;
        let answer = answer.try_into_http1x();
        let (head, body) = answer.map_err(|error| Broken(causes(&error)))?.into_parts();
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body,
        })
    }
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Whether the cache had it already.
    pub(super) fn is_hit(&self) -> bool {
        self.cache_status().is_some_and(|status| status.has("hit"))
    }

    /// Whether it reads along with a download under way.
    pub(super) fn is_collapsed(&self) -> bool {
        self.cache_status()
            .is_some_and(|status| status.has("collapsed"))
    }

    /// Whether a cache says where the answer is from.
    pub(super) fn is_from_a_cache(&self) -> bool {
        self.headers.contains_key(CACHE_STATUS)
    }

    /// The `detail` of what the proxy says about the answer.
    pub(super) fn detail(&self) -> Option<&str> {
        self.cache_status()?.detail()
    }

    fn cache_status(&self) -> Option<CacheStatus<'_>> {
        CacheStatus::of(&self.headers)
    }

    /// The next bytes of the body; `None` at its end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Broken> {
        loop {
            let frame = timeout(NEXT_BYTES_WITHIN, self.body.frame()).await;
            let frame = frame.map_err(|_| Broken("the download stands still".to_owned()))?;
            match frame {
                None => return Ok(None),
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Ok(Some(bytes));
                    }
                }
                Some(Err(error)) => {
                    return Err(Broken(format!("the download broke off: {error}")));
                }
            }
        }
    }

    /// What a body says to people: of a problem document (RFC 9457) its detail.
    pub(super) async fn text(mut self) -> String {
        let mut bytes = Vec::new();
        while bytes.len() < MOST_TEXT_BYTES {
            match timeout(PAGE_WITHIN, self.next()).await {
                Ok(Ok(Some(more))) => bytes.extend_from_slice(&more),
                Ok(Ok(None) | Err(_)) | Err(_) => break,
            }
        }
        let text = String::from_utf8_lossy(&bytes);
        let problem: Option<serde_json::Value> = serde_json::from_str(&text).ok();
        let detail = problem
            .as_ref()
            .and_then(|problem| problem["detail"].as_str());
        detail.unwrap_or(&text).trim().to_owned()
    }
}
