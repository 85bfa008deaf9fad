//! A collector of traces: takes OTLP over HTTP as protobuf, and keeps what came.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Collected, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use prost::Message as _;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Ends with its owner.
pub(crate) struct Collector {
    address: SocketAddr,
    seen: Arc<Seen>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Seen {
    spans: Mutex<Vec<Span>>,
    headers: Mutex<Vec<HeaderMap>>,
    refuses: Mutex<bool>,
}

/// One span, with what matters here.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    pub(crate) name: String,
    pub(crate) trace: Vec<u8>,
    pub(crate) id: Vec<u8>,
    pub(crate) parent: Vec<u8>,
    pub(crate) is_error: bool,
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) resource: BTreeMap<String, String>,
    pub(crate) nanoseconds: u64,
}

impl Collector {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        Self::on(listener)
    }

    /// At an address that was free a moment ago.
    pub(crate) async fn start_at(address: SocketAddr) -> Self {
        Self::on(TcpListener::bind(address).await.expect("still free"))
    }

    fn on(listener: TcpListener) -> Self {
        let address = listener.local_addr().expect("its address");
        let seen = Arc::new(Seen::default());
        let shared = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let seen = Arc::clone(&shared);
                let service = service_fn(move |request| answer(Arc::clone(&seen), request));
                let connection = http1::Builder::new();
                connections.spawn(connection.serve_connection(TokioIo::new(stream), service));
            }
        });
        Self {
            address,
            seen,
            task,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether it answers 503 from now on.
    pub(crate) fn refuse(&self, refuses: bool) {
        *locked(&self.seen.refuses) = refuses;
    }

    /// All that came, whether it was taken or not.
    pub(crate) fn headers(&self) -> Vec<HeaderMap> {
        locked(&self.seen.headers).clone()
    }

    pub(crate) fn spans(&self) -> Vec<Span> {
        locked(&self.seen.spans).clone()
    }

    /// Waits for the span of the request for this path.
    pub(crate) async fn request(&self, path: &str) -> Span {
        self.find(path, |span| {
            span.attributes
                .get("url.path")
                .is_some_and(|found| found == path)
        })
        .await
    }

    /// Waits for a span.
    pub(crate) async fn find(&self, what: &str, wanted: impl Fn(&Span) -> bool) -> Span {
        let mut found = None;
        tests::eventually(&format!("the span of {what}"), async || {
            found = self.spans().into_iter().find(&wanted);
            found.is_some()
        })
        .await;
        found.expect("found above")
    }

    /// Waits for a child of a span, of this name.
    pub(crate) async fn child(&self, of: &Span, name: &str) -> Span {
        self.find(name, |span| span.name == name && span.parent == of.id)
            .await
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(
    seen: Arc<Seen>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body
        .collect()
        .await
        .map(Collected::to_bytes)
        .unwrap_or_default();
    locked(&seen.headers).push(head.headers.clone());
    let status = if *locked(&seen.refuses) {
        StatusCode::SERVICE_UNAVAILABLE
    } else if head.uri.path() != "/v1/traces" {
        StatusCode::NOT_FOUND
    } else {
        locked(&seen.spans).extend(spans(body));
        StatusCode::OK
    };
    let said = ExportTraceServiceResponse::default().encode_to_vec();
    let mut response = Response::new(Full::new(said.into()));
    *response.status_mut() = status;
    Ok(response)
}

fn spans(body: Bytes) -> Vec<Span> {
    let request = ExportTraceServiceRequest::decode(body).expect("OTLP");
    let mut spans = Vec::new();
    for of_resource in request.resource_spans {
        let resource = of_resource
            .resource
            .map(|resource| texts(resource.attributes));
        let resource = resource.unwrap_or_default();
        for span in of_resource
            .scope_spans
            .into_iter()
            .flat_map(|scope| scope.spans)
        {
            spans.push(Span {
                name: span.name,
                trace: span.trace_id,
                id: span.span_id,
                parent: span.parent_span_id,
                is_error: span.status.is_some_and(|status| status.code == 2),
                attributes: texts(span.attributes),
                resource: resource.clone(),
                nanoseconds: span.end_time_unix_nano - span.start_time_unix_nano,
            });
        }
    }
    spans
}

fn texts(attributes: Vec<KeyValue>) -> BTreeMap<String, String> {
    let text = |value: Option<AnyValue>| match value.and_then(|value| value.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::BoolValue(is)) => is.to_string(),
        Some(Value::DoubleValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    let pairs = attributes.into_iter();
    pairs.map(|pair| (pair.key, text(pair.value))).collect()
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
