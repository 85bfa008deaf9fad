//! What a listener needs of whoever answers behind it: artifacts, credentials and metrics share one accept loop.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::Incoming;

use super::connection::AbortHandle;

/// Answers requests. One value serves all connections: cloning it is cheap.
pub trait Answers: Clone + Send + Sync + 'static {
    /// What follows the head of an answer.
    type Body: http_body::Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>
        + Send
        + 'static;

    /// What its connections may take.
    const BOUNDS: Bounds;

    /// Answers one request.
    fn answer(
        &self,
        request: Request<Incoming>,
        client: Client,
    ) -> impl Future<Output = Response<Self::Body>> + Send;
}

/// What connections may take of the machine.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Open at once, at most; further ones wait in the backlog.
    pub(super) connections: usize,
    /// Of the file descriptors that are there for connections, one connection is counted as so many.
    pub(super) descriptors: u64,
    /// A connection that sends no (further) request for so long is closed.
    pub(super) idle: Duration,
    /// Headers of one request.
    pub(super) headers: usize,
    /// Request line and headers together.
    pub(super) head_bytes: usize,
}

/// Who asks.
#[derive(Clone, Debug)]
pub struct Client {
    pub(super) peer: SocketAddr,
    /// Ends the connection with a reset.
    pub(super) abort: AbortHandle,
}
