//! A client that keeps its connection, and gives up nothing: whatever goes wrong is an error to count.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longer than a login takes here.
const PATIENCE: Duration = Duration::from_mins(2);

/// A whole answer.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// A header's value, or an empty text.
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default()
    }

    /// Whether it came from the cache.
    pub(crate) fn is_hit(&self) -> bool {
        self.header("cache-status").starts_with("bazel-proxy; hit")
    }
}

/// One connection at a time.
pub(crate) struct Client {
    address: SocketAddr,
    connection: Option<SendRequest<Empty<Bytes>>>,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        let connection = None;
        Self {
            address,
            connection,
        }
    }

    /// GET.
    pub(crate) async fn get(&mut self, path: &str) -> Result<Answer, String> {
        self.ask("GET", path, None).await
    }

    /// A request with at most one header, to the end of the answer.
    pub(crate) async fn ask(
        &mut self,
        method: &str,
        path: &str,
        header: Option<(&str, &str)>,
    ) -> Result<Answer, String> {
        let answer = timeout(PATIENCE, self.exchange(method, path, header)).await;
        let answer = answer.unwrap_or_else(|_| Err(format!("no answer within {PATIENCE:?}")));
        answer.map_err(|reason| {
            self.connection = None;
            format!("{method} {path}: {reason}")
        })
    }

    async fn exchange(
        &mut self,
        method: &str,
        path: &str,
        header: Option<(&str, &str)>,
    ) -> Result<Answer, String> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", self.address.to_string());
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        let request = request.body(Empty::new()).map_err(text)?;
        let answer = self.connection().await?.send_request(request).await;
        let (head, body) = answer.map_err(text)?.into_parts();
        let body = body.collect().await.map_err(text)?.to_bytes();
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body,
        })
    }

    async fn connection(&mut self) -> Result<&mut SendRequest<Empty<Bytes>>, String> {
        let mut usable = None;
        if let Some(mut kept) = self.connection.take()
            && kept.ready().await.is_ok()
        {
            usable = Some(kept);
        }
        if usable.is_none() {
            let stream = TcpStream::connect(self.address).await.map_err(text)?;
            stream.set_nodelay(true).map_err(text)?;
            let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(text)?;
            tokio::spawn(connection);
            usable = Some(sender);
        }
        Ok(self.connection.insert(usable.ok_or("no connection")?))
    }
}

fn text(error: impl std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
