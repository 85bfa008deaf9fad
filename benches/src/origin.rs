//! An origin that speaks as much of S3 as a cache needs, from memory, on loopback.
//!
//! `simulated-aws` verifies signatures, keeps its objects in files and is built for faults; here speed counts:
//! this origin has to be far from being the limit of whatever is measured before it, on the same two cores. So
//! signatures are not looked at (nginx, the proxy and a plain client can all use it), bodies are written to the
//! socket right out of the memory they share, and every connection is a thread that blocks: no timer's grain,
//! no wakeups of a runtime, and latency and pace as exact as the kernel's own sleep.
//!
//! ```text
//! acceptor ─► connection (a thread each) ─► request ─► answer ─► pace ─► socket
//!                                             objects ┘   └─► record (asked, written)
//! ```

mod answer;
mod connection;
mod content;
mod pace;
mod record;
mod request;

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

pub(crate) use content::Content;
pub(crate) use record::Asked;

use connection::Connection;
use record::Record;

/// The one bucket; an object is at `/<bucket>/<key>`.
pub(crate) const BUCKET: &str = "artifacts";
/// Served at once; what comes beyond is closed again. More than any row opens.
const MOST_CONNECTIONS: usize = 2_000;
/// A thread that only writes needs little.
const STACK_BYTES: usize = 128 * 1024;
/// How long the last bytes of an answer may still be on their way to the socket.
const SETTLED_WITHIN: Duration = Duration::from_secs(10);

/// A running origin; ends with its connections when it is dropped.
#[derive(Debug)]
pub(crate) struct Origin {
    shared: Arc<Shared>,
    address: SocketAddr,
    acceptor: Option<JoinHandle<()>>,
}

/// What all connections look at.
#[derive(Debug, Default)]
struct Shared {
    objects: Mutex<HashMap<String, Content>>,
    record: Record,
    /// Before the head of each answer.
    latency_micros: AtomicU64,
    /// Of one connection; 0 for as fast as it goes.
    bytes_per_second: AtomicU64,
    stopping: AtomicBool,
    /// Sockets of the open connections, to shut them down.
    open: Mutex<HashMap<u64, TcpStream>>,
}

impl Origin {
    /// Listens on a free port of 127.0.0.1, without latency, limit or objects.
    pub(crate) fn start() -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
        // A herd connects at once: the 128 places of std would make some of it wait a second.
        socket.listen(1024)?;
        let listener = TcpListener::from(socket);
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let acceptor = thread::Builder::new().name("origin".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        })?;
        Ok(Self {
            shared,
            address,
            acceptor: Some(acceptor),
        })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Puts an object at `key`. The same content at many keys takes memory once.
    pub(crate) fn put(&self, key: impl Into<String>, content: &Content) {
        self.shared.objects().insert(key.into(), content.clone());
    }

    /// Waits so long before each answer from now on.
    pub(crate) fn set_latency(&self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.shared.latency_micros.store(micros, Ordering::Relaxed);
    }

    /// Limits each connection from now on, `None` for as fast as it goes.
    pub(crate) fn set_rate(&self, bytes_per_second: Option<u64>) {
        let rate = bytes_per_second.unwrap_or(0);
        self.shared.bytes_per_second.store(rate, Ordering::Relaxed);
    }

    /// What was asked for `key`, and written, so far. Waits until no answer for it is under way.
    ///
    /// Fails if one still is after ten seconds: somebody holds a connection and does not read.
    pub(crate) fn asked(&self, key: &str) -> io::Result<Vec<Asked>> {
        let deadline = Instant::now() + SETTLED_WITHIN;
        loop {
            if let Some(asked) = self.shared.record.settled(key) {
                return Ok(asked);
            }
            if Instant::now() > deadline {
                let waited = format!("the origin is still writing {key}: its body is not read");
                return Err(io::Error::new(io::ErrorKind::TimedOut, waited));
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        // Wakes the acceptor, which then sees the flag.
        drop(TcpStream::connect(self.address));
        for stream in self.shared.open().values() {
            // One that is gone already is what is wanted.
            let _gone = stream.shutdown(Shutdown::Both);
        }
        if let Some(acceptor) = self.acceptor.take() {
            let _panicked = acceptor.join();
        }
    }
}

impl Shared {
    fn objects(&self) -> MutexGuard<'_, HashMap<String, Content>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self) -> MutexGuard<'_, HashMap<u64, TcpStream>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn latency(&self) -> Duration {
        Duration::from_micros(self.latency_micros.load(Ordering::Relaxed))
    }

    fn bytes_per_second(&self) -> Option<u64> {
        Some(self.bytes_per_second.load(Ordering::Relaxed)).filter(|rate| *rate > 0)
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut threads: Vec<JoinHandle<()>> = Vec::new();
    for number in 0.. {
        let accepted = listener.accept();
        if shared.is_stopping() {
            break;
        }
        threads.retain(|thread| !thread.is_finished());
        let served = accepted.and_then(|(stream, _)| {
            if threads.len() >= MOST_CONNECTIONS {
                return Err(io::Error::other("too many connections at once"));
            }
            serve(number, stream, shared)
        });
        match served {
            Ok(thread) => threads.push(thread),
            Err(error) => {
                eprintln!("the origin has turned a connection away: {error}");
                // Out of file descriptors, it would be turned away again at once.
                thread::sleep(Duration::from_millis(1));
            }
        }
    }
    // One that was accepted while the others were shut down.
    for stream in shared.open().values() {
        let _gone = stream.shutdown(Shutdown::Both);
    }
    for thread in threads {
        let _panicked = thread.join();
    }
}

fn serve(number: u64, stream: TcpStream, shared: &Arc<Shared>) -> io::Result<JoinHandle<()>> {
    stream.set_nodelay(true)?;
    shared.open().insert(number, stream.try_clone()?);
    let thread = thread::Builder::new()
        .name("origin-client".to_owned())
        .stack_size(STACK_BYTES);
    let spawned = thread.spawn({
        let shared = Arc::clone(shared);
        move || {
            // Its end, for whatever reason, is the client's to notice.
            let _ended = Connection::new(stream, &shared).run();
            shared.open().remove(&number);
        }
    });
    if spawned.is_err() {
        shared.open().remove(&number);
    }
    spawned
}
