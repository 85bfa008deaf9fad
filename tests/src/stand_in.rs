//! Small servers on loopback: an HTTP service with answers of the test's own, TLS before another
//! server, and a forward proxy.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::certified::Certified;

/// A server that ends with its owner, and counts what it was asked.
#[derive(Debug)]
pub struct StandIn {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

/// What an HTTP service answers.
#[derive(Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// A further header with the end of its line, or nothing.
    pub header: String,
    /// The body.
    pub text: String,
}

impl From<(u16, String)> for Reply {
    fn from((status, text): (u16, String)) -> Self {
        Self {
            status,
            header: String::new(),
            text,
        }
    }
}

impl StandIn {
    async fn start<Fut>(serve: impl Fn(TcpStream, Arc<AtomicUsize>) -> Fut + Send + 'static) -> Self
    where
        Fut: Future<Output = std::io::Result<()>> + Send + 'static,
    {
        Self::start_at("127.0.0.1:0", serve).await
    }

    async fn start_at<Fut>(
        address: &str,
        serve: impl Fn(TcpStream, Arc<AtomicUsize>) -> Fut + Send + 'static,
    ) -> Self
    where
        Fut: Future<Output = std::io::Result<()>> + Send + 'static,
    {
        let listener = TcpListener::bind(address).await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let asked = Arc::<AtomicUsize>::default();
        let counted = Arc::clone(&asked);
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&counted)));
            }
        });
        Self {
            address,
            asked,
            task,
        }
    }

    /// An HTTP service that answers each request (head and body).
    ///
    /// # Panics
    /// If it cannot be started.
    pub async fn http<R: Into<Reply>>(
        answer: impl Fn(&str, &str) -> R + Send + Sync + 'static,
    ) -> Self {
        Self::http_at("127.0.0.1:0", answer).await
    }

    /// The same, at a given address and port.
    ///
    /// # Panics
    /// If it cannot be started.
    pub async fn http_at<R: Into<Reply>>(
        address: &str,
        answer: impl Fn(&str, &str) -> R + Send + Sync + 'static,
    ) -> Self {
        let answer = Arc::new(answer);
        Self::start_at(address, move |mut stream, asked| {
            let answer = Arc::clone(&answer);
            async move {
                let (head, mut body) = read_head(&mut stream).await?;
                let length = head.lines().find_map(|line| {
                    let (name, value) = line.split_once(':')?;
                    let is_length = name.eq_ignore_ascii_case("content-length");
                    is_length.then(|| value.trim().parse::<usize>().ok())?
                });
                let rest = length.unwrap_or(0).saturating_sub(body.len());
                let start = body.len();
                body.resize(start + rest, 0);
                stream.read_exact(&mut body[start..]).await?;
                asked.fetch_add(1, Ordering::Relaxed);
                let Reply {
                    status,
                    header,
                    text,
                } = answer(&head, &String::from_utf8_lossy(&body)).into();
                let head = format!(
                    "HTTP/1.1 {status} Answer\r\ncontent-length: {}\r\n{header}connection: close\r\n\r\n",
                    text.len()
                );
                stream.write_all((head + &text).as_bytes()).await
            }
        })
        .await
    }

    /// TLS with a certificate for 127.0.0.1 before a server that speaks plain HTTP; and the
    /// certificate of the authority that signed it, PEM.
    ///
    /// # Panics
    /// If it cannot be started.
    pub async fn tls(behind: SocketAddr) -> (Self, String) {
        let Certified {
            authority,
            certificate,
            key,
        } = Certified::for_loopback();
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        let config = ServerConfig::builder_with_provider(aws_lc_rs::default_provider().into())
            .with_safe_default_protocol_versions()
            .expect("protocols")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .expect("a certificate");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let front = Self::start(move |stream, asked| {
            let acceptor = acceptor.clone();
            async move {
                let mut stream = acceptor.accept(stream).await?;
                asked.fetch_add(1, Ordering::Relaxed);
                let mut behind = TcpStream::connect(behind).await?;
                copy_bidirectional(&mut stream, &mut behind).await?;
                Ok(())
            }
        })
        .await;
        (front, authority)
    }

    /// A server that takes connections and never says a word.
    ///
    /// # Panics
    /// If it cannot be started.
    pub async fn silent() -> Self {
        Self::start(|mut stream, asked| async move {
            asked.fetch_add(1, Ordering::Relaxed);
            let mut heard = [0; 1024];
            while stream.read(&mut heard).await? > 0 {}
            Ok(())
        })
        .await
    }

    /// Hands each request on to another server, and gives back of its answer what `change` makes of
    /// that; then the connection ends.
    ///
    /// # Panics
    /// If it cannot be started.
    pub async fn between(
        behind: SocketAddr,
        change: impl Fn(&str, Vec<u8>) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        let change = Arc::new(change);
        Self::start(move |mut stream, asked| {
            let change = Arc::clone(&change);
            async move {
                let (head, _) = read_head(&mut stream).await?;
                asked.fetch_add(1, Ordering::Relaxed);
                let mut behind = TcpStream::connect(behind).await?;
                let last = format!("{}\r\nconnection: close\r\n\r\n", head.trim_end());
                behind.write_all(last.as_bytes()).await?;
                let mut answer = Vec::new();
                behind.read_to_end(&mut answer).await?;
                stream.write_all(&change(&head, answer)).await
            }
        })
        .await
    }

    /// Hands each request on to another server, gives back the head of its answer, and then nothing more: a
    /// network that loses large packets.
    ///
    /// # Panics
    /// If it cannot be started.
    pub async fn without_bodies(behind: SocketAddr) -> Self {
        Self::start(move |mut stream, asked| async move {
            let (request, _) = read_head(&mut stream).await?;
            asked.fetch_add(1, Ordering::Relaxed);
            let mut behind = TcpStream::connect(behind).await?;
            behind.write_all(request.as_bytes()).await?;
            let (answer, _lost) = read_head(&mut behind).await?;
            stream.write_all(answer.as_bytes()).await?;
            let mut heard = [0; 1024];
            while stream.read(&mut heard).await? > 0 {}
            Ok(())
        })
        .await
    }

    /// A forward proxy that tunnels (CONNECT).
    ///
    /// # Panics
    /// If it cannot be started.
    pub async fn forward_proxy() -> Self {
        Self::start(|mut stream, asked| async move {
            let (head, _) = read_head(&mut stream).await?;
            let target = head
                .strip_prefix("CONNECT ")
                .and_then(|rest| rest.split_whitespace().next())
                .ok_or_else(|| std::io::Error::other("not CONNECT"))?;
            asked.fetch_add(1, Ordering::Relaxed);
            let mut behind = TcpStream::connect(target).await?;
            stream.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").await?;
            copy_bidirectional(&mut stream, &mut behind).await?;
            Ok(())
        })
        .await
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same as a URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Requests answered, or connections taken.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The head of a request, and what has come of its body.
async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<(String, Vec<u8>)> {
    const END: &[u8] = b"\r\n\r\n";
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(END.len()).position(|window| window == END) {
            let body = bytes.split_off(end + END.len());
            return Ok((String::from_utf8_lossy(&bytes).into_owned(), body));
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
}
