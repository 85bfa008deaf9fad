//! A wire between the proxy and the gateway that breaks once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Passes bytes on, and cuts the first connection after so many bytes of answers.
pub(super) struct CutOnce {
    address: std::net::SocketAddr,
    has_cut: Arc<AtomicBool>,
    accepting: JoinHandle<()>,
}

impl CutOnce {
    /// Before `endpoint`, an `http://` URL; cuts after `bytes`.
    pub(super) async fn start(endpoint: &str, bytes: usize) -> Self {
        let target = endpoint.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await;
        let listener = listener.expect("a free port");
        let address = listener.local_addr().expect("its address");
        let has_cut = Arc::new(AtomicBool::new(false));
        let cut = Arc::clone(&has_cut);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&target).await.expect("the gateway");
                tokio::spawn(pass(client, server, bytes, Arc::clone(&cut)));
            }
        });
        Self {
            address,
            has_cut,
            accepting,
        }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn has_cut(&self) -> bool {
        self.has_cut.load(Ordering::SeqCst)
    }
}

impl Drop for CutOnce {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn pass(client: TcpStream, server: TcpStream, limit: usize, has_cut: Arc<AtomicBool>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let asking = tokio::spawn(async move {
        let _ended = tokio::io::copy(&mut from_client, &mut to_server).await;
    });
    let mut buffer = vec![0; 64 * 1024];
    let mut passed = 0;
    while let Ok(read @ 1..) = from_server.read(&mut buffer).await {
        if to_client.write_all(&buffer[..read]).await.is_err() {
            break;
        }
        passed += read;
        // Only the connection that is the first to come so far.
        if passed >= limit && !has_cut.swap(true, Ordering::SeqCst) {
            break;
        }
    }
    asking.abort();
}
