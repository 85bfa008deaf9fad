//! Requests to public indexes: nothing of ours goes along.

use std::time::Duration;

use aws_sdk_s3::primitives::SdkBody;
use http::header::{ACCEPT_ENCODING, LOCATION, USER_AGENT};
use http::request::Builder;
use http::{Request, Response, StatusCode};
use tokio::time::timeout;
use url::Url;

use super::super::Upstream;
use super::super::body::text;
use super::super::client::Client;
use crate::error::Error;
use crate::peer;

/// How long one answer may take to begin.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
const MOST_HOPS: usize = 3;

/// Asks, and follows redirects to where `may_be` allows them. The error holds no URL.
pub(super) async fn ask(
    client: &Client,
    upstream: &Upstream,
    (operation, url): (&str, &Url),
    may_be: impl Fn(&Url) -> bool,
    with: impl Fn(Builder) -> Builder,
) -> Result<Response<SdkBody>, Error> {
    let mut url = url.clone();
    for _ in 0..=MOST_HOPS {
        let request = Request::get("/")
            .header(USER_AGENT, peer::USER_AGENT)
            .header(ACCEPT_ENCODING, "identity");
        let sent = timeout(ATTEMPT_TIMEOUT, client.wire.ask(&url, with(request))).await;
        let sent = sent.unwrap_or_else(|_| Err(format!("no answer within {ATTEMPT_TIMEOUT:?}")));
        let response = sent.map_err(|why| {
            client.count(upstream, operation, "none");
            Error::unavailable(format!("the public index could not be asked ({why})"))
        })?;
        if !response.status().is_redirection() || response.status() == StatusCode::NOT_MODIFIED {
            let outcome = match response.status().as_u16() {
                200 | 206 => "ok",
                304 => "not-modified",
                404 => "not-found",
                _ => "failed",
            };
            client.count(upstream, operation, outcome);
            return Ok(response);
        }
        let to = text(response.headers(), &LOCATION).and_then(|to| url.join(to).ok());
        url = match to {
            Some(to) if may_be(&to) => to,
            Some(to) => {
                let host = to.host_str().unwrap_or("no host").to_owned();
                let why =
                    format!("the public index redirects to {host}, where nothing may come from");
                return Err(Error::unavailable(why));
            }
            None => return Err(Error::unavailable("the public index redirects to nowhere")),
        };
    }
    Err(Error::unavailable(
        "the public index redirects again and again",
    ))
}
