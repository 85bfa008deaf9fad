//! One request to the running proxy on this machine, with a limit to all of it.

use std::error::Error;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use http::header::{AUTHORIZATION, USER_AGENT};
use http::request::Builder;
use http::{HeaderValue, Request, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt as _, Limited};
use sso_session::failure::causes;
use sso_session::http_client::{ForwardProxy, http_connector};
use sso_session::secret::Secret;
use tokio::time::timeout;

/// More than any document about credentials.
const MOST_BYTES: usize = 64 * 1024;
const PROGRAM: &str = concat!("bazel-proxy/", env!("CARGO_PKG_VERSION"));

/// Gets `url`, within `limit`: the status, and all of the body. No forward proxy is in between, whatever the
/// environment says: it would not find this machine's addresses, and is not to see the token.
///
/// # Errors
/// Why there is no answer; without the token.
pub(super) async fn get(
    url: &str,
    token: Option<&Secret>,
    limit: Duration,
) -> Result<(StatusCode, Vec<u8>), String> {
    let request = request(url, token)?.body(SdkBody::empty());
    let request = request.map_err(|error| error.to_string())?;
    let request = HttpRequest::try_from(request).map_err(|error| error.to_string())?;
    let connector = http_connector(None, ForwardProxy::None, limit);
    let asked = async {
        let answer = connector.call(request).await;
        let answer = answer.map_err(|error| causes(&error))?.try_into_http1x();
        let (head, body) = answer.map_err(|error| causes(&error))?.into_parts();
        Ok((head.status, all_of(body).await?))
    };
    let answer = timeout(limit, asked).await;
    answer.unwrap_or_else(|_| Err(too_late(limit)))
}

/// A request of `target`, with the token that it shows.
pub(super) fn request(target: &str, token: Option<&Secret>) -> Result<Builder, String> {
    let request = Request::get(target).header(USER_AGENT, PROGRAM);
    let Some(token) = token else {
        return Ok(request);
    };
    let mut token = HeaderValue::from_str(token.expose())
        .map_err(|_| "the token cannot stand in a header".to_owned())?;
    token.set_sensitive(true);
    Ok(request.header(AUTHORIZATION, token))
}

/// A body that is no longer than an answer of ours.
pub(super) async fn all_of<B>(body: B) -> Result<Vec<u8>, String>
where
    B: Body,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let body = Limited::new(body, MOST_BYTES).collect().await;
    let body = body.map_err(|error| format!("the answer broke off: {error}"))?;
    Ok(body.to_bytes().to_vec())
}

pub(super) fn too_late(limit: Duration) -> String {
    format!("no answer within {} s", limit.as_secs())
}
