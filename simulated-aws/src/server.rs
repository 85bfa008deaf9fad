//! The accept loop: connections live and die with it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use crate::Error;
use crate::connection::{Ending, MortalStream};
use crate::exchange::Exchange;

/// What the owner asks of the loop; the answer is sent once it is so.
pub(crate) enum Command {
    /// Close the port and every connection; new connections are refused.
    GoOffline(oneshot::Sender<Result<(), Error>>),
    /// Open the port again.
    GoOnline(oneshot::Sender<Result<(), Error>>),
}

/// A listening port and what is behind it.
pub(crate) struct Server {
    address: SocketAddr,
    listener: Option<TcpListener>,
    exchange: Arc<Exchange>,
    connections: JoinSet<()>,
}

impl Server {
    pub(crate) async fn bind(address: SocketAddr, exchange: Arc<Exchange>) -> Result<Self, Error> {
        let listener = listen(address).await?;
        let address = listener
            .local_addr()
            .map_err(|source| Error::Bind { address, source })?;
        Ok(Self {
            address,
            listener: Some(listener),
            exchange,
            connections: JoinSet::new(),
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until the owner lets go of the commands; then, or when dropped, every connection is gone.
    pub(crate) async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        loop {
            tokio::select! {
                command = commands.recv() => match command {
                    Some(command) => self.obey(command).await,
                    None => break,
                },
                stream = accept(self.listener.as_ref()) => self.serve(stream),
                Some(_) = self.connections.join_next(), if !self.connections.is_empty() => {}
            }
        }
        self.listener = None;
        self.connections.shutdown().await;
    }

    async fn obey(&mut self, command: Command) {
        // An owner that no longer waits for the answer has lost nothing.
        match command {
            Command::GoOffline(done) => {
                self.listener = None;
                self.connections.shutdown().await;
                let _ = done.send(Ok(()));
            }
            Command::GoOnline(done) => {
                let bound = match self.listener {
                    Some(_) => Ok(()),
                    None => listen(self.address)
                        .await
                        .map(|listener| self.listener = Some(listener)),
                };
                let _ = done.send(bound);
            }
        }
    }

    fn serve(&mut self, stream: TcpStream) {
        self.exchange.counters.connection();
        let exchange = Arc::clone(&self.exchange);
        self.connections.spawn(serve_connection(stream, exchange));
    }
}

async fn serve_connection(stream: TcpStream, exchange: Arc<Exchange>) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "the connection keeps its delay");
    }
    let ending = Ending::default();
    let io = TokioIo::new(MortalStream::new(stream, ending.clone()));
    let service = service_fn(|request| Arc::clone(&exchange).answer(request, ending.clone()));
    if let Err(error) = http1::Builder::new().serve_connection(io, service).await {
        tracing::debug!(%error, "a connection ended early");
    }
    ending.finish().await;
}

async fn listen(address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address)
        .await
        .map_err(|source| Error::Bind { address, source })
}

/// The next connection; never, without a listener.
async fn accept(listener: Option<&TcpListener>) -> TcpStream {
    let Some(listener) = listener else {
        let never: Infallible = std::future::pending().await;
        match never {}
    };
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => {
                tracing::warn!(%error, "a connection was lost before it was accepted");
                // Out of file descriptors, accept fails at once; let the others finish meanwhile.
                tokio::task::yield_now().await;
            }
        }
    }
}
