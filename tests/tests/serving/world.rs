//! A proxy, its AWS and its files, as most of these tests want them.

use std::sync::Once;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use simulated_aws::{ObjectAttributes, Operation, SimulatedAws};
use tests::scratch::BUCKET;
use tests::{Answer, Proxy, ProxyBuilder, Scratch};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Everything that one test needs. Fields are dropped in this order.
pub(crate) struct World {
    pub(crate) proxy: Proxy,
    pub(crate) aws: SimulatedAws,
    pub(crate) scratch: Scratch,
}

impl World {
    /// A proxy as it comes, over an empty bucket.
    pub(crate) async fn new() -> Self {
        Self::with(|proxy| proxy).await
    }

    /// A proxy configured otherwise.
    pub(crate) async fn with(configure: impl FnOnce(ProxyBuilder) -> ProxyBuilder) -> Self {
        raise_file_limit();
        let scratch = Scratch::new();
        let aws = scratch.aws().await;
        let builder = configure(ProxyBuilder::new(&scratch).aws(&aws));
        let proxy = builder.start().await;
        Self {
            proxy,
            aws,
            scratch,
        }
    }

    /// Puts an object into the bucket.
    pub(crate) fn put(&self, key: &str, bytes: impl AsRef<[u8]>) {
        self.put_with(key, bytes, ObjectAttributes::default());
    }

    pub(crate) fn put_with(
        &self,
        key: &str,
        bytes: impl AsRef<[u8]>,
        attributes: ObjectAttributes,
    ) {
        let put = self.aws.s3().put_with(BUCKET, key, bytes, attributes);
        put.expect("an object");
    }

    /// How often the object was asked for with GET.
    pub(crate) fn gets(&self, key: &str) -> u64 {
        self.aws.counters().count_key(Operation::GetObject, key)
    }

    /// Fetches an artifact into the cache.
    pub(crate) async fn warm(&self, path: &str) -> Answer {
        let answer = self.proxy.get(path).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        tests::eventually("it is in the cache", async || {
            self.proxy.get(path).await.is_hit()
        })
        .await;
        answer
    }
}

/// Bytes that no two positions share by accident, always the same.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    fastrand::Rng::with_seed(length as u64).fill(&mut bytes);
    bytes
}

/// How a connection ended, as a client's kernel tells it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// In order: a FIN.
    Clean,
    /// With a reset.
    Reset,
}

/// Sends a request as it is and reads until the connection ends.
pub(crate) async fn read_to_end(proxy: &Proxy, request: &str) -> (Vec<u8>, End) {
    let mut stream = TcpStream::connect(proxy.address())
        .await
        .expect("the proxy accepts");
    let sent = stream.write_all(request.as_bytes()).await;
    sent.expect("sent");
    rest_of(&mut stream).await
}

/// Reads until the connection ends.
pub(crate) async fn rest_of(stream: &mut TcpStream) -> (Vec<u8>, End) {
    let mut received = Vec::new();
    let reading = stream.read_to_end(&mut received);
    let end = match tests::within(tests::PATIENCE * 2, "the connection's end", reading).await {
        Ok(_) => End::Clean,
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => End::Reset,
        Err(error) => panic!("an unexpected end: {error}"),
    };
    (received, end)
}

/// A GET that asks for the connection's end behind its answer.
pub(crate) fn get_and_close(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
}

pub(crate) fn raise_file_limit() {
    static RAISED: Once = Once::new();
    RAISED.call_once(|| {
        let limit = Resource::RLIMIT_NOFILE;
        let (_, hard) = getrlimit(limit).expect("the limit of open files");
        setrlimit(limit, hard, hard).expect("raised to what is allowed");
    });
}
