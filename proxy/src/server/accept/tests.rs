//! Listeners over real sockets, plain and with TLS.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use http_body_util::Full;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

use super::*;
use crate::config::TlsConfig;

/// Says who asks.
#[derive(Clone)]
struct Echo;

impl Answers for Echo {
    type Body = Full<Bytes>;

    const BOUNDS: Bounds = Bounds {
        connections: 2,
        descriptors: 8,
        idle: Duration::from_secs(1),
        headers: 8,
        head_bytes: 8192,
    };

    async fn answer(
        &self,
        request: Request<Incoming>,
        client: Client,
    ) -> http::Response<Full<Bytes>> {
        let said = format!("{} {}", request.uri().path(), client.peer.ip());
        http::Response::new(Full::new(said.into()))
    }
}

struct Server {
    address: SocketAddr,
    open: IntGauge,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Server {
    fn start(tls: Option<Tls>) -> Self {
        let listen = Listen {
            addresses: vec![[127, 0, 0, 1].into()],
            port: 0,
            explicit: true,
        };
        let listeners = Listeners::bind(&listen).expect("a free port");
        let address = listeners.addresses()[0];
        let open = IntGauge::new("open", "open").expect("a name");
        let (stop, stopped) = oneshot::channel();
        let shutdown = async {
            let _stopped = stopped.await;
        };
        let task = tokio::spawn(listeners.serve(Echo, tls, open.clone(), shutdown));
        Self {
            address,
            open,
            stop,
            task,
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address)
            .await
            .expect("a connection")
    }

    async fn stop(self) {
        self.stop.send(()).expect("it runs");
        self.task.await.expect("no panic");
    }
}

async fn ask(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.expect("written");
    let mut answer = Vec::new();
    // A reset behind the answer takes nothing of it away.
    let _end = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).expect("UTF-8")
}

const ONCE: &str = "GET /x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn any_service_is_told_who_asks() {
    let server = Server::start(None);
    let answer = ask(server.connect().await, ONCE).await;
    assert!(
        answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("/x 127.0.0.1"),
        "{answer}"
    );
    server.stop().await;
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_its_place_is_free_again() {
    let server = Server::start(None);
    let mut idle = [server.connect().await, server.connect().await];
    // Both places are taken, so this one waits until one is closed for its silence.
    let answer = ask(server.connect().await, ONCE).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    let mut nothing = Vec::new();
    idle[0]
        .read_to_end(&mut nothing)
        .await
        .expect("an orderly end");
    drop(idle);
    while server.open.get() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    server.stop().await;
}

#[tokio::test]
async fn a_body_that_nobody_reads_costs_only_its_connection() {
    let server = Server::start(None);
    let request = format!(
        "POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000000000\r\n\r\n{}",
        "x".repeat(1000)
    );
    let answer = ask(server.connect().await, &request).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    server.stop().await;
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let server = Server::start(None);
    let request = format!(
        "GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "x".repeat(10_000)
    );
    let answer = ask(server.connect().await, &request).await;
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    server.stop().await;
}

/// A certificate for `localhost` in two files.
struct Certificate {
    folder: tempfile::TempDir,
}

impl Certificate {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let certificate = Self { folder };
        certificate.renew();
        certificate
    }

    fn files(&self) -> TlsConfig {
        TlsConfig {
            certificate_file: self.path("cert.pem"),
            key_file: self.path("key.pem"),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn renew(&self) {
        let names = vec!["localhost".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
        write(&self.path("cert.pem"), &made.cert.pem());
        write(&self.path("key.pem"), &made.signing_key.serialize_pem());
    }

    /// A client that trusts this one, as it is now, and no other.
    fn client(&self) -> TlsConnector {
        let pem = std::fs::read(self.path("cert.pem")).expect("a file");
        let mut roots = RootCertStore::empty();
        let trusted = CertificateDer::from_pem_slice(&pem).expect("a certificate");
        roots.add(trusted).expect("a root");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        TlsConnector::from(Arc::new(config))
    }
}

#[expect(clippy::disallowed_methods, reason = "a file of a test")]
fn write(path: &Path, text: &str) {
    std::fs::write(path, text).expect("written");
}

async fn shake_hands(
    server: &Server,
    client: &TlsConnector,
) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let name = ServerName::try_from("localhost").expect("a name");
    client.connect(name, server.connect().await).await
}

#[tokio::test]
async fn tls_is_spoken_and_only_tls() {
    let certificate = Certificate::new();
    let tls = Tls::load(&certificate.files()).expect("a certificate");
    let server = Server::start(Some(tls));
    let stream = shake_hands(&server, &certificate.client())
        .await
        .expect("a handshake");
    let answer = ask(stream, ONCE).await;
    assert!(
        answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("/x 127.0.0.1"),
        "{answer}"
    );
    let plain = ask(server.connect().await, ONCE).await;
    assert!(!plain.contains("HTTP/1.1 200"), "{plain}");
    // One that never shakes hands does not keep the process.
    let _silent = server.connect().await;
    while server.open.get() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::timeout(Duration::from_secs(5), server.stop())
        .await
        .expect("it stops");
}

#[tokio::test]
async fn a_renewed_certificate_is_taken_up_and_a_broken_one_is_not() {
    let certificate = Certificate::new();
    let server = Server::start(Some(
        Tls::load(&certificate.files()).expect("a certificate"),
    ));
    let first = certificate.client();
    // The certificate of one pair and the key of another, as while both are being written.
    let key = std::fs::read_to_string(certificate.path("key.pem")).expect("a key");
    certificate.renew();
    let (second, second_key) = (
        certificate.client(),
        std::fs::read_to_string(certificate.path("key.pem")).expect("a key"),
    );
    write(&certificate.path("key.pem"), &key);
    tokio::time::sleep(Duration::from_secs(3)).await;
    shake_hands(&server, &first)
        .await
        .expect("the one before is shown");
    shake_hands(&server, &second).await.expect_err("it is not");
    write(&certificate.path("key.pem"), &second_key);
    let taken_up = async {
        while shake_hands(&server, &second).await.is_err() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), taken_up)
        .await
        .expect("it is taken up");
    shake_hands(&server, &first)
        .await
        .expect_err("the one before is not shown any more");
    server.stop().await;
}

#[test]
fn files_that_cannot_be_used_are_named_with_the_cure() {
    let certificate = Certificate::new();
    let files = certificate.files();
    let told = |files: &TlsConfig| Tls::load(files).expect_err("a fault").to_string();
    write(&files.key_file, "not a key");
    let text = told(&files);
    assert!(
        text.contains("key.pem") && text.contains("no private key"),
        "{text}"
    );
    let other = Certificate::new();
    let mixed = TlsConfig {
        key_file: other.files().key_file,
        ..files.clone()
    };
    let text = told(&mixed);
    assert!(
        text.contains("cert.pem") && text.contains("Give the key of that certificate"),
        "{text}"
    );
    write(&files.certificate_file, "");
    assert!(told(&files).contains("holds no certificate"));
    std::fs::remove_file(&files.certificate_file).expect("removed");
    let text = told(&files);
    assert!(
        text.contains("cert.pem") && text.contains("this process may read"),
        "{text}"
    );
}

#[tokio::test]
async fn an_address_of_another_machine_is_not_called_taken() {
    let listen = |ip: &str, port| Listen {
        addresses: vec![ip.parse().expect("an address")],
        port,
        explicit: true,
    };
    // Of documentation (RFC 5737), so of no machine.
    let foreign = Listeners::bind(&listen("192.0.2.1", 0)).expect_err("not ours");
    let cure = foreign.cure("`server.host`", "`server.port`");
    assert!(
        cure.contains("no address 192.0.2.1") && cure.contains("`server.host`"),
        "{cure}"
    );
    let first = Listeners::bind(&listen("127.0.0.1", 0)).expect("a free port");
    let port = first.addresses()[0].port();
    let taken = Listeners::bind(&listen("127.0.0.1", port)).expect_err("taken");
    let cure = taken.cure("`server.host`", "`server.port`");
    assert!(cure.contains("something free"), "{cure}");
}
