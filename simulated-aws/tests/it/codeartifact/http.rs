//! Plain HTTP, one request a connection.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST, HeaderName};
use http::{HeaderValue, Method, Request, Response, Uri};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// One request.
pub(super) struct Call {
    request: http::request::Builder,
    uri: Uri,
}

impl Call {
    pub(super) fn new(method: Method, url: &str) -> Self {
        let uri: Uri = url.parse().unwrap();
        let authority = uri.authority().unwrap().to_string();
        let target = uri.path_and_query().unwrap().to_string();
        let request = Request::builder().method(method).uri(target);
        Self { request, uri }.host(&authority)
    }

    /// Another name than that of the address.
    pub(super) fn host(mut self, host: &str) -> Self {
        if let Some(headers) = self.request.headers_mut() {
            headers.insert(HOST, HeaderValue::from_str(host).unwrap());
        }
        self
    }

    pub(super) fn get(url: &str) -> Self {
        Self::new(Method::GET, url)
    }

    pub(super) fn token(self, token: &str) -> Self {
        let pair = STANDARD.encode(format!("aws:{token}"));
        self.header(AUTHORIZATION, &format!("Basic {pair}"))
    }

    pub(super) fn header(mut self, name: HeaderName, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    pub(super) async fn send(self) -> Answer {
        self.send_with(Bytes::new()).await
    }

    pub(super) async fn send_with(self, body: impl Into<Bytes>) -> Answer {
        let answer = self.response(body.into()).await;
        let (head, body) = answer.into_parts();
        let body = body
            .collect()
            .await
            .map(http_body_util::Collected::to_bytes);
        Answer {
            response: Response::from_parts(head, ()),
            body: body.map_err(|error| error.to_string()),
        }
    }

    async fn response(self, body: Bytes) -> Response<hyper::body::Incoming> {
        let address = self.uri.authority().unwrap().as_str();
        let stream = TcpStream::connect(address).await.unwrap();
        let io = TokioIo::new(stream);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
        tokio::spawn(connection);
        let request = self.request.body(Full::new(body)).unwrap();
        sender.send_request(request).await.unwrap()
    }
}

/// One answer; its body, or how that broke off.
pub(super) struct Answer {
    pub(super) response: Response<()>,
    pub(super) body: Result<Bytes, String>,
}

impl Answer {
    pub(super) fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    pub(super) fn header(&self, name: HeaderName) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }

    pub(super) fn text(&self) -> String {
        let body = self.body.as_ref().unwrap();
        String::from_utf8_lossy(body).into_owned()
    }

    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(self.body.as_ref().unwrap()).unwrap()
    }
}
