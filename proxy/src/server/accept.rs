//! The accept loop: our own, as an aborted answer has to be a reset, and waits have to end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use nix::sys::resource::{Resource, getrlimit};
use prometheus::IntGauge;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tracing::{debug, info, warn};

use super::access::ObservedBody;
use super::connection::{AbortAll, AbortHandle, Connection};
use super::service::Service;
use crate::config::Listen;

/// A connection that sends no (further) request for so long is closed.
const HEADER_TIMEOUT: Duration = Duration::from_secs(75);
/// Open at once; further ones wait in the backlog. Fewer where descriptors are scarce.
const MOST_CONNECTIONS: usize = 8192;
/// Kept from connections, for files and calls to S3.
const OTHER_DESCRIPTORS: u64 = 256;
const MOST_HEADERS: usize = 100;
/// Request line and headers together.
const HEADER_BYTES: usize = 64 * 1024;
/// Answers under way at shutdown get so long; then their connections are reset.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
const BACKLOG: i32 = 1024;

/// An address that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}")]
pub struct BindError {
    address: SocketAddr,
    source: std::io::Error,
}

impl BindError {
    fn is_taken(&self) -> bool {
        self.source.kind() == std::io::ErrorKind::AddrInUse
    }
}

/// Bound sockets.
#[derive(Debug)]
pub struct Listeners(Vec<TcpListener>);

impl Listeners {
    /// Binds all addresses. Of the default ones, one that the machine does not have (no IPv6) is
    /// left out.
    pub fn bind(listen: &Listen) -> Result<Self, BindError> {
        /// A port that is free on one address may be taken on the next one.
        const FREE_PORTS_TRIED: u32 = 16;
        let mut tried = 1;
        loop {
            match Self::bind_once(listen) {
                Err(error) if listen.port == 0 && error.is_taken() && tried < FREE_PORTS_TRIED => {
                    tried += 1;
                }
                bound => return bound,
            }
        }
    }

    fn bind_once(listen: &Listen) -> Result<Self, BindError> {
        let mut listeners: Vec<TcpListener> = Vec::new();
        let mut port = listen.port;
        for ip in &listen.addresses {
            let address = SocketAddr::new(*ip, port);
            match bind(address) {
                Ok(listener) => {
                    // With port 0, all addresses share the one that the first was given.
                    port = listener.local_addr().map_or(port, |bound| bound.port());
                    listeners.push(listener);
                }
                Err(error) if !listen.explicit && is_absent(&error) && ip.is_ipv6() => {
                    info!(%address, "this machine has no IPv6 loopback");
                }
                Err(source) => return Err(BindError { address, source }),
            }
        }
        Ok(Self(listeners))
    }

    /// What is listened on.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.0
            .iter()
            .filter_map(|listener| listener.local_addr().ok())
            .collect()
    }

    /// Serves until `shutdown` ends, then lets running answers end. `open` counts connections.
    pub async fn serve(self, service: Service, open: IntGauge, shutdown: impl Future<Output = ()>) {
        let graceful = Arc::new(GracefulShutdown::new());
        let places = Arc::new(Semaphore::new(most_connections()));
        let aborts = AbortAll::default();
        let loops: Vec<_> = self
            .0
            .into_iter()
            .map(|listener| {
                let (service, graceful) = (service.clone(), Arc::clone(&graceful));
                let (places, aborts) = (Arc::clone(&places), aborts.clone());
                let open = open.clone();
                tokio::spawn(accept(listener, service, graceful, places, aborts, open))
            })
            .collect();
        shutdown.await;
        for accepting in loops {
            accepting.abort();
            let _aborted = accepting.await;
        }
        let Ok(graceful) = Arc::try_unwrap(graceful) else {
            return;
        };
        if tokio::time::timeout(DRAIN_TIMEOUT, graceful.shutdown())
            .await
            .is_err()
        {
            warn!("answers still under way are cut off");
            // Their tasks end with the runtime, and a short body must not end in order.
            aborts.abort();
        }
    }
}

/// Every answer may need a file beside its connection.
fn most_connections() -> usize {
    const LEAST: u64 = 16;
    let descriptors = getrlimit(Resource::RLIMIT_NOFILE).map_or(1024, |(soft, _)| soft);
    let for_connections = (descriptors.saturating_sub(OTHER_DESCRIPTORS) / 2).max(LEAST);
    usize::try_from(for_connections)
        .unwrap_or(usize::MAX)
        .min(MOST_CONNECTIONS)
}

fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        // 127.0.0.1 and ::1 are bound apart.
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

fn is_absent(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{AddrNotAvailable, Unsupported};
    matches!(error.kind(), AddrNotAvailable | Unsupported)
        || error.raw_os_error() == Some(nix::errno::Errno::EAFNOSUPPORT as i32)
}

async fn accept(
    listener: TcpListener,
    service: Service,
    graceful: Arc<GracefulShutdown>,
    places: Arc<Semaphore>,
    aborts: AbortAll,
    open: IntGauge,
) {
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of file descriptors, or a client gone before its turn: neither is the end.
                warn!(%error, "accepting a connection failed");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let counted = Counted::new(&open);
        let connection = connection(stream, service.clone(), aborts.handle());
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                debug!(%error, "a connection ended early");
            }
            drop((counted, place));
        });
    }
}

/// One of the open connections, however its task ends.
struct Counted(IntGauge);

impl Counted {
    fn new(open: &IntGauge) -> Self {
        open.inc();
        Self(open.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn connection(
    stream: TcpStream,
    service: Service,
    abort: AbortHandle,
) -> http1::Connection<
    TokioIo<Connection>,
    impl hyper::service::Service<
        Request<Incoming>,
        Response = http::Response<ObservedBody>,
        Error = std::convert::Infallible,
        Future: Send + 'static,
    >,
> {
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "TCP_NODELAY");
    }
    let connection = Connection::new(stream, abort.clone());
    let service = Arc::new(service);
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let (service, abort) = (Arc::clone(&service), abort.clone());
        async move { Ok(service.answer(request, abort).await) }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_headers(MOST_HEADERS)
        .max_buf_size(HEADER_BYTES)
        .serve_connection(TokioIo::new(connection), service)
}
