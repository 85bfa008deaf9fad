//! What all tests of a run share: one engine, one image.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use tests::Engine;
use tokio::sync::{Mutex, OnceCell};
use tokio::time::{Instant, sleep};

/// The image under test.
pub(crate) const IMAGE: &str = "bazel-proxy:under-test";

/// What a container may take to get ready, or anything in it to happen, on a busy machine.
pub(crate) const LIMIT: Duration = Duration::from_mins(2);

/// Whoever keeps two cores busy, or counts time, takes turns with the others.
pub(crate) static TURN: Mutex<()> = Mutex::const_new(());

/// The engine with [`IMAGE`], started by whichever test comes first; it ends with this process. `None` where
/// there can be none.
pub(crate) async fn engine() -> Option<&'static Engine> {
    static SHARED: OnceCell<Engine> = OnceCell::const_new();
    if !Engine::is_to_be_had() {
        return None;
    }
    let start = async || {
        let engine = Engine::start().await;
        engine.build(IMAGE, &[]).await;
        engine
    };
    Some(SHARED.get_or_init(start).await)
}

/// Waits until it is so, for [`LIMIT`] at most.
pub(crate) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + LIMIT;
    while !is_so().await {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        sleep(Duration::from_millis(100)).await;
    }
}

/// A port of 127.0.0.1 that nobody listens on.
pub(crate) fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("its address")
}
