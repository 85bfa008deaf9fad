//! One request over TLS to the running proxy on this machine: it is known by the very certificate that lies in
//! its file, so neither that one's issuer nor the names in it matter.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use http::header::{CONNECTION, HOST};
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme};
use sso_session::disk;
use sso_session::failure::causes;
use sso_session::secret::Secret;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::asking;

const MOST_CERTIFICATE_BYTES: u64 = 1024 * 1024;

/// Which certificate has to be shown.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shown<'a> {
    /// Whichever; for what is no secret.
    Any,
    /// The first one in this file.
    In(&'a Path),
}

/// Gets `path` at `address`, within `limit`: the status, and all of the body.
///
/// # Errors
/// Why there is no answer; without the token.
pub(super) async fn get(
    address: SocketAddr,
    path: &str,
    token: Option<&Secret>,
    shown: Shown<'_>,
    limit: Duration,
) -> Result<(StatusCode, Vec<u8>), String> {
    let request = asking::request(path, token)?
        .header(HOST, address.to_string())
        .header(CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|error| error.to_string())?;
    let config = Arc::new(config(shown)?);
    let asked = async {
        let stream = TcpStream::connect(address).await;
        let stream = stream.map_err(|error| causes(&error))?;
        let name = ServerName::IpAddress(address.ip().into());
        let shaken = TlsConnector::from(config).connect(name, stream).await;
        let stream = TokioIo::new(shaken.map_err(|error| causes(&error))?);
        let opened = http1::handshake(stream).await;
        let (mut sender, connection) = opened.map_err(|error| causes(&error))?;
        let answered = async {
            let answer = sender.send_request(request).await;
            let (head, body) = answer.map_err(|error| causes(&error))?.into_parts();
            Ok((head.status, asking::all_of(body).await?))
        };
        // The connection moves while the answer is awaited; what ends it is told by the answer.
        let (answer, _ended) = tokio::join!(answered, connection);
        answer
    };
    let answer = timeout(limit, asked).await;
    answer.unwrap_or_else(|_| Err(asking::too_late(limit)))
}

fn config(shown: Shown<'_>) -> Result<ClientConfig, String> {
    let only = match shown {
        Shown::Any => None,
        Shown::In(file) => Some(certificate(file)?),
    };
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = Arc::new(Verifier {
        only,
        provider: Arc::clone(&provider),
    });
    let config = ClientConfig::builder_with_provider(provider);
    let config = config
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let config = config
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    Ok(config.with_no_client_auth())
}

fn certificate(file: &Path) -> Result<CertificateDer<'static>, String> {
    let pem = disk::read_bounded(file, MOST_CERTIFICATE_BYTES);
    let pem = pem.map_err(|error| error.to_string())?;
    let certificate = CertificateDer::from_pem_slice(&pem);
    certificate.map_err(|_| format!("{} holds no certificate", file.display()))
}

#[derive(Debug)]
struct Verifier {
    only: Option<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.only.as_ref().is_none_or(|only| only == shown) {
            return Ok(ServerCertVerified::assertion());
        }
        let text = "it shows another certificate than the one in `server.tls.certificate_file`";
        Err(rustls::Error::General(text.to_owned()))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}
