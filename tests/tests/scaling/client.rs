//! A client as build tools are: it keeps its connection, and asks for the rest of what broke off.

use std::net::SocketAddr;

use bytes::{Bytes, BytesMut};
use http::header::{ETAG, HOST, IF_MATCH, RANGE};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tests::{PATIENCE, within};
use tokio::net::TcpStream;

use crate::artifacts::Artifact;

/// An answer that breaks off more often is a failure.
const MOST_CUTS: u32 = 4;

/// One connection at a time.
pub(crate) struct Client {
    address: SocketAddr,
    connection: Option<SendRequest<Empty<Bytes>>>,
}

/// An artifact that arrived whole.
#[derive(Debug)]
pub(crate) struct Fetched {
    /// Which proxy began to serve it.
    pub(crate) home: String,
    /// How often its body broke off, and the rest was asked for.
    pub(crate) cuts: u32,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self {
            address,
            connection: None,
        }
    }

    /// GETs all bytes of an artifact, and compares them.
    pub(crate) async fn fetch(&mut self, artifact: &Artifact) -> Result<Fetched, String> {
        let fetched = self.fetch_in_parts(artifact);
        within(PATIENCE * 2, &artifact.key, fetched)
            .await
            .map_err(|problem| format!("{}: {problem}", artifact.key))
    }

    async fn fetch_in_parts(&mut self, artifact: &Artifact) -> Result<Fetched, String> {
        let mut body = BytesMut::with_capacity(artifact.body.len());
        let mut first: Option<(String, String)> = None;
        for cuts in 0..=MOST_CUTS {
            let etag = first.as_ref().map(|(_, etag)| etag.as_str());
            let answer = self.ask(&artifact.key, body.len(), etag).await?;
            let expected = if body.is_empty() {
                StatusCode::OK
            } else {
                StatusCode::PARTIAL_CONTENT
            };
            if answer.status() != expected {
                return Err(format!("{} instead of {expected}", answer.status()));
            }
            let (home, _) = first.get_or_insert_with(|| about(&answer));
            let home = home.clone();
            if receive(answer.into_body(), &mut body).await {
                if body != artifact.body {
                    return Err(format!("{} wrong bytes", body.len()));
                }
                return Ok(Fetched { home, cuts });
            }
            self.connection = None;
        }
        Err("it broke off again and again".to_owned())
    }

    /// Asks for what follows `from`. A kept connection that has ended meanwhile is no failure; a new
    /// one is.
    async fn ask(
        &mut self,
        key: &str,
        from: usize,
        etag: Option<&str>,
    ) -> Result<Response<Incoming>, String> {
        let request = || {
            let mut request = Request::get(format!("/{key}")).header(HOST, "localhost");
            if from > 0 {
                request = request.header(RANGE, format!("bytes={from}-"));
                request = request.header(IF_MATCH, etag.unwrap_or_default());
            }
            request.body(Empty::new()).expect("a request")
        };
        if let Some(kept) = &mut self.connection
            && kept.ready().await.is_ok()
            && let Ok(answer) = kept.send_request(request()).await
        {
            return Ok(answer);
        }
        let mut connection = self.connect().await?;
        let answer = connection.send_request(request()).await;
        self.connection = Some(connection);
        answer.map_err(|error| format!("no answer: {error}"))
    }

    async fn connect(&self) -> Result<SendRequest<Empty<Bytes>>, String> {
        let stream = TcpStream::connect(self.address).await;
        let stream = stream.map_err(|error| format!("no connection: {error}"))?;
        stream.set_nodelay(true).expect("a socket");
        let (sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| format!("no connection: {error}"))?;
        tokio::spawn(connection);
        Ok(sender)
    }
}

/// Which proxy answers, and the object's ETag.
fn about(answer: &Response<Incoming>) -> (String, String) {
    let header = |name: &str| {
        let value = answer.headers().get(name);
        let text = value.and_then(|value| value.to_str().ok());
        text.unwrap_or_default().to_owned()
    };
    (header("x-served-by"), header(ETAG.as_str()))
}

/// Whether the body came to its end.
async fn receive(mut body: Incoming, received: &mut BytesMut) -> bool {
    while let Some(frame) = body.frame().await {
        match frame.map(hyper::body::Frame::into_data) {
            Ok(Ok(data)) => received.extend_from_slice(&data),
            Ok(Err(_trailers)) => {}
            Err(_) => return false,
        }
    }
    true
}
