//! A certificate for loopback, and the authority that vouches for it.

/// A server's certificate.
#[derive(Debug)]
pub struct Certified {
    /// The authority's certificate, PEM.
    pub authority: String,
    /// The server's.
    pub certificate: rcgen::Certificate,
    /// Its key.
    pub key: rcgen::KeyPair,
}

impl Certified {
    /// For 127.0.0.1, by an authority of its own.
    ///
    /// # Panics
    /// If there is no randomness.
    #[must_use]
    pub fn for_loopback() -> Self {
        let authority_key = rcgen::KeyPair::generate().expect("a key");
        let mut authority = rcgen::CertificateParams::default();
        authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        // OpenSSL takes a certificate with its issuer's name for self-signed, and Python wants the rest.
        let name = (rcgen::DnType::CommonName, "Corporate roots");
        authority.distinguished_name.push(name.0, name.1);
        authority.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign];
        let signed = authority.self_signed(&authority_key).expect("signed");
        let issuer = rcgen::Issuer::new(authority, authority_key);
        let key = rcgen::KeyPair::generate().expect("a key");
        let mut server = rcgen::CertificateParams::new(["127.0.0.1".to_owned()]).expect("a name");
        server.use_authority_key_identifier_extension = true;
        let certificate = server.signed_by(&key, &issuer).expect("signed");
        Self {
            authority: signed.pem(),
            certificate,
            key,
        }
    }

    /// Certificate and key in one file's text, as HAProxy wants them.
    #[must_use]
    pub fn pem(&self) -> String {
        self.certificate.pem() + &self.key.serialize_pem()
    }
}
