//! Asking over TLS whoever shows the very certificate that lies in the proxy's file: it is this machine's
//! own, so neither its issuer nor the names in it matter.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};
use sso_session::disk;

const MOST_CERTIFICATE_BYTES: u64 = 1024 * 1024;

/// Whether the status of `path` at `address` is 200. Each wait is at most `limit`.
///
/// # Errors
/// Why there is no answer.
pub(super) fn is_ok(
    address: SocketAddr,
    path: &str,
    certificate_file: &Path,
    limit: Duration,
) -> io::Result<bool> {
    let stream = TcpStream::connect_timeout(&address, limit)?;
    stream.set_read_timeout(Some(limit))?;
    stream.set_write_timeout(Some(limit))?;
    let name = ServerName::IpAddress(address.ip().into());
    let client = ClientConnection::new(Arc::new(config(certificate_file)?), name);
    let mut stream = StreamOwned::new(client.map_err(io::Error::other)?, stream);
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )?;
    let mut start = [0; 12];
    stream.read_exact(&mut start)?;
    Ok(start.ends_with(b" 200"))
}

fn config(certificate_file: &Path) -> io::Result<ClientConfig> {
    let pem = disk::read_bounded(certificate_file, MOST_CERTIFICATE_BYTES);
    let pem = pem.map_err(io::Error::other)?;
    let certificate = CertificateDer::from_pem_slice(&pem).map_err(io::Error::other)?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let pinned = Arc::new(Pinned {
        certificate,
        provider: Arc::clone(&provider),
    });
    let config = ClientConfig::builder_with_provider(provider);
    let config = config
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    let config = config.dangerous().with_custom_certificate_verifier(pinned);
    Ok(config.with_no_client_auth())
}

#[derive(Debug)]
struct Pinned {
    certificate: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if *shown == self.certificate {
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
