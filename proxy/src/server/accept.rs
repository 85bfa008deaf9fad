//! The accept loop: our own, as an aborted answer has to be a reset, and waits have to end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use nix::sys::resource::{Resource, getrlimit};
use prometheus::IntGauge;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tracing::{debug, info, warn};

use super::answering::{Answers, Bounds, Client};
use super::connection::{AbortAll, Connection};
use super::tls::Tls;
use crate::config::Listen;

/// Kept from connections, for files and calls to S3.
const OTHER_DESCRIPTORS: u64 = 256;
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
    /// What to do, where these settings name the address.
    #[must_use]
    pub fn cure(&self, host: &str, port: &str) -> String {
        if is_absent(&self.source) {
            let ip = self.address.ip();
            return format!(
                "This machine has no address {ip}. Set {host} to one of its own, or give it that one."
            );
        }
        format!("Set {port} or {host} to something free.")
    }

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

    /// Serves until `shutdown` ends, then lets running answers end. `open` counts connections. With `tls`,
    /// they begin with a handshake, and changes of its files are taken up.
    pub async fn serve<S: Answers>(
        self,
        service: S,
        tls: Option<Tls>,
        open: IntGauge,
        shutdown: impl Future<Output = ()>,
    ) {
        let graceful = Arc::new(GracefulShutdown::new());
        let (stop, stopping) = watch::channel(false);
        let reception = Reception {
            service,
            tls: tls.clone(),
            places: Arc::new(Semaphore::new(most_connections(&S::BOUNDS))),
            aborts: AbortAll::default(),
            open,
            stopping,
        };
        let loops: Vec<_> = self
            .0
            .into_iter()
            .map(|listener| tokio::spawn(reception.clone().accept(listener, Arc::clone(&graceful))))
            .collect();
        match tls {
            None => shutdown.await,
            Some(tls) => tokio::select! {
                () = shutdown => {}
                () = tls.keep_current() => {}
            },
        }
        stop.send_replace(true);
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
            reception.aborts.abort();
        }
    }
}

/// Fewer where descriptors are scarce.
fn most_connections(bounds: &Bounds) -> usize {
    const LEAST: u64 = 16;
    let descriptors = getrlimit(Resource::RLIMIT_NOFILE).map_or(1024, |(soft, _)| soft);
    let there = descriptors.saturating_sub(OTHER_DESCRIPTORS);
    let for_connections = (there / bounds.descriptors).max(LEAST);
    usize::try_from(for_connections)
        .unwrap_or(usize::MAX)
        .min(bounds.connections)
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

/// Takes connections in.
#[derive(Clone)]
struct Reception<S> {
    service: S,
    tls: Option<Tls>,
    places: Arc<Semaphore>,
    aborts: AbortAll,
    open: IntGauge,
    stopping: watch::Receiver<bool>,
}

impl<S: Answers> Reception<S> {
    async fn accept(self, listener: TcpListener, graceful: Arc<GracefulShutdown>) {
        loop {
            let Ok(place) = Arc::clone(&self.places).acquire_owned().await else {
                return;
            };
            let (stream, peer) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, or a client gone before its turn: neither is the end.
                    warn!(%error, "accepting a connection failed");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            if let Err(error) = stream.set_nodelay(true) {
                debug!(%error, "TCP_NODELAY");
            }
            let held = (Counted::new(&self.open), place);
            let abort = self.aborts.handle();
            let connection = Connection::new(stream, abort.clone());
            let client = Client { peer, abort };
            // Two tasks, so that one without TLS does not have the size of one with it.
            if let Some(tls) = self.tls.clone() {
                let service = self.service.clone();
                let (watcher, stopping) = (graceful.watcher(), self.stopping.clone());
                tokio::spawn(async move {
                    over_tls(connection, tls, service, client, watcher, stopping).await;
                    drop(held);
                });
            } else {
                let serving = http(connection, self.service.clone(), client);
                let serving = graceful.watch(serving);
                tokio::spawn(async move {
                    note_end(serving.await);
                    drop(held);
                });
            }
        }
    }
}

async fn over_tls<S: Answers>(
    connection: Connection,
    tls: Tls,
    service: S,
    client: Client,
    watcher: Watcher,
    mut stopping: watch::Receiver<bool>,
) {
    let shaken = tokio::select! {
        shaken = tls.shake_hands(connection) => shaken,
        // Nothing was asked yet, so nothing is waited for.
        _ = stopping.wait_for(|stopping| *stopping) => return,
    };
    match shaken {
        Ok(stream) => note_end(watcher.watch(http(stream, service, client)).await),
        Err(error) => debug!(%error, peer = %client.peer, "a TLS handshake failed"),
    }
}

fn note_end(ended: Result<(), hyper::Error>) {
    if let Err(error) = ended {
        debug!(%error, "a connection ended early");
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

fn http<S: Answers, C: AsyncRead + AsyncWrite + Unpin>(
    connection: C,
    service: S,
    client: Client,
) -> http1::Connection<
    TokioIo<C>,
    impl hyper::service::Service<
        Request<Incoming>,
        Response = http::Response<S::Body>,
        Error = std::convert::Infallible,
        Future: Send + 'static,
    >,
> {
    let service = Arc::new(service);
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let (service, client) = (Arc::clone(&service), client.clone());
        async move { Ok(service.answer(request, client).await) }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(S::BOUNDS.idle)
        .max_headers(S::BOUNDS.headers)
        .max_buf_size(S::BOUNDS.head_bytes)
        .serve_connection(TokioIo::new(connection), service)
}

#[cfg(test)]
mod tests;
