//! A client of one request a connection, which shows what a careful client would see.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::wait::{PATIENCE, within};

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// All of its body that arrived.
    pub body: Bytes,
    /// Why the body broke off, if it did. A clean but short body is such an error, too.
    pub broken: Option<String>,
}

/// An answer whose head is there.
#[derive(Debug)]
pub struct Pending {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    body: Incoming,
}

impl Answer {
    /// A header's value, or an empty text.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// What the cache says of this answer.
    #[must_use]
    pub fn verdict(&self) -> &str {
        self.header("cache-status")
    }

    /// Whether it came from the cache.
    #[must_use]
    pub fn is_hit(&self) -> bool {
        self.verdict().starts_with("bazel-proxy; hit")
    }
}

impl Pending {
    /// Sends a request and waits for the head of the answer.
    ///
    /// # Panics
    /// If there is none.
    pub async fn begin(
        address: SocketAddr,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Self {
        let stream = TcpStream::connect(address)
            .await
            .expect("the proxy accepts");
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .expect("a connection");
        tokio::spawn(connection);
        let mut request = Request::builder().method(method).uri(path);
        if headers
            .iter()
            .all(|(name, _)| !name.eq_ignore_ascii_case("host"))
        {
            request = request.header("host", address.to_string());
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Empty::<Bytes>::new()).expect("a request");
        let answer = sender.send_request(request).await.expect("an answer");
        let (head, body) = answer.into_parts();
        Self {
            status: head.status,
            headers: head.headers,
            body,
        }
    }

    /// The next bytes of the body: `None` at its end, an error if it broke off.
    pub async fn next(&mut self) -> Option<Result<Bytes, String>> {
        loop {
            match self.body.frame().await? {
                Ok(frame) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Some(Ok(bytes));
                    }
                }
                Err(error) => return Some(Err(causes(&error))),
            }
        }
    }

    /// Reads the rest of the body.
    pub async fn finish(mut self) -> Answer {
        let mut body = BytesMut::new();
        let mut broken = None;
        while let Some(next) = self.next().await {
            match next {
                Ok(bytes) => body.extend_from_slice(&bytes),
                Err(error) => {
                    broken = Some(error);
                    break;
                }
            }
        }
        Answer {
            status: self.status,
            headers: self.headers,
            body: body.freeze(),
            broken,
        }
    }
}

/// GET, to the end of the body; it waits as long as the proxy does.
///
/// # Panics
/// If there is no answer.
pub async fn get(address: SocketAddr, path: &str) -> Answer {
    let answer = Pending::begin(address, "GET", path, &[]).await;
    answer.finish().await
}

/// Sends bytes as they are and returns all that comes back until the connection ends, or is
/// silent for two seconds. For requests that no client library would send.
///
/// # Panics
/// If the proxy does not accept.
pub async fn raw_request(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address)
        .await
        .expect("the proxy accepts");
    stream.write_all(bytes).await.expect("sent");
    let mut answer = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    let silence = Duration::from_secs(2);
    let reading = async {
        while let Ok(Ok(read)) = tokio::time::timeout(silence, stream.read(&mut buffer)).await {
            if read == 0 {
                break;
            }
            answer.extend_from_slice(&buffer[..read]);
        }
    };
    within(PATIENCE, "a raw request", reading).await;
    answer
}

fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let chain = std::iter::successors(Some(error), |error| error.source());
    chain
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}
