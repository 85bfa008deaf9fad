//! TLS before a listener: the certificate is read again when its files change, and the last good one is shown
//! until then.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest as _, Sha256};
use sso_session::disk::{self, DiskError};
use sso_session::secret::Secret;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::{info, warn};

use super::connection::Connection;
use crate::config::TlsConfig;
use crate::disk::Disk;

/// A client that needs longer for its handshake is given up.
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(10);
/// Events get lost on bind mounts, so the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Chains have some kilobytes; more is another file.
const MOST_BYTES: u64 = 1 << 20;

/// Why a certificate cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// One of the files.
    #[error("{0}. Name a PEM file of at most 1 MiB that this process may read.")]
    Unreadable(DiskError),
    /// The file of the chain.
    #[error("{0} holds no certificate. It has to be PEM, the server's own certificate first.")]
    NoCertificate(PathBuf),
    /// The file of the key.
    #[error(
        "{0} holds no private key. It has to be PEM: PKCS#8, PKCS#1 or SEC1, without a passphrase."
    )]
    NoKey(PathBuf),
    /// They do not belong together, or are of a kind that is not supported.
    #[error("{certificate} and {key} cannot be used: {problem}. Give the key of that certificate.")]
    Unfit {
        /// The file of the chain.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
        /// What is wrong.
        problem: rustls::Error,
    },
}

/// The certificate in use. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Tls(Arc<Shown>);

#[derive(Debug)]
struct Shown {
    files: TlsConfig,
    current: RwLock<Arc<ServerConfig>>,
    /// Of the files that `current` was made of.
    first: Fingerprint,
}

/// By what changes are known, without keeping a key.
type Fingerprint = [u8; 32];

/// Both files as they were read.
struct Pair {
    certificate: Vec<u8>,
    key: Secret,
}

impl Tls {
    /// Reads both files.
    ///
    /// # Errors
    /// With the file and what to do.
    pub fn load(files: &TlsConfig) -> Result<Self, TlsError> {
        let pair = Pair::read(files)?;
        Ok(Self(Arc::new(Shown {
            current: RwLock::new(pair.parse(files)?),
            first: pair.fingerprint(),
            files: files.clone(),
        })))
    }

    /// The handshake of one connection.
    pub(super) async fn shake_hands(
        &self,
        connection: Connection,
    ) -> std::io::Result<TlsStream<Connection>> {
        let current = {
            let current = self.0.current.read();
            Arc::clone(&current.unwrap_or_else(PoisonError::into_inner))
        };
        let shaken = TlsAcceptor::from(current).accept(connection);
        timeout(HANDSHAKE_PATIENCE, shaken).await?
    }

    /// Takes up other contents of the files, for ever. Both are looked at until they stay as they are: who
    /// renews a certificate writes one file after the other.
    pub(super) async fn keep_current(&self) {
        let disk = Disk::default();
        let mut ticks = interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut decided, mut before) = (Some(self.0.first), None);
        loop {
            ticks.tick().await;
            let files = self.0.files.clone();
            // A disk that does not answer changes nothing.
            let Ok(read) = disk.run(move || Pair::read(&files)).await else {
                continue;
            };
            // What cannot be read is a state like any other: it is told once.
            let seen = read.as_ref().ok().map(Pair::fingerprint);
            if seen != decided && before == Some(seen) {
                self.take_up(read);
                decided = seen;
            }
            before = Some(seen);
        }
    }

    fn take_up(&self, read: Result<Pair, TlsError>) {
        match read.and_then(|pair| pair.parse(&self.0.files)) {
            Ok(config) => {
                let current = self.0.current.write();
                *current.unwrap_or_else(PoisonError::into_inner) = config;
                let file = self.0.files.certificate_file.display();
                info!(%file, "a new certificate is shown from now on");
            }
            Err(problem) => {
                warn!(%problem, "the certificate is not replaced: the one before is shown on");
            }
        }
    }
}

impl Pair {
    fn read(files: &TlsConfig) -> Result<Self, TlsError> {
        let read = |file| disk::read_bounded(file, MOST_BYTES).map_err(TlsError::Unreadable);
        let certificate = read(&files.certificate_file)?.to_vec();
        // PEM is text; what is none is no key either.
        let key = read(&files.key_file)?;
        let key = Secret::new(String::from_utf8_lossy(&key));
        Ok(Self { certificate, key })
    }

    fn fingerprint(&self) -> Fingerprint {
        let mut hash = Sha256::new();
        // The length keeps what one file loses apart from what the other gains.
        hash.update(self.certificate.len().to_le_bytes());
        hash.update(&self.certificate);
        hash.update(self.key.expose());
        hash.finalize().into()
    }

    fn parse(&self, files: &TlsConfig) -> Result<Arc<ServerConfig>, TlsError> {
        let (certificate, key) = (&files.certificate_file, &files.key_file);
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.certificate).collect();
        let chain = chain.unwrap_or_default();
        if chain.is_empty() {
            return Err(TlsError::NoCertificate(certificate.clone()));
        }
        let private = PrivateKeyDer::from_pem_slice(self.key.expose().as_bytes())
            .map_err(|_| TlsError::NoKey(key.clone()))?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| {
                builder
                    .with_no_client_auth()
                    .with_single_cert(chain, private)
            });
        let mut config = config.map_err(|problem| TlsError::Unfit {
            certificate: certificate.clone(),
            key: key.clone(),
            problem,
        })?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}
