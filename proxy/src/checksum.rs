//! Checksums of a download: computed while it streams, compared with what was promised.
//!
//! [`Tally::finish`] is the only way to a [`Verified`], and the cache commits nothing without one. All of a
//! body is given away once [`Tally::check`] and, if they are promised, its [`Digests`] are right.

mod digests;
mod headers;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use crc_fast::{CrcAlgorithm, Digest as CrcDigest};
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use digests::Digests;

/// What clients are told of an object, lower-case hexadecimal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checksums {
    /// `X-Checksum-SHA1`.
    pub sha1: String,
    /// `X-Checksum-MD5`.
    pub md5: String,
    /// `X-Checksum-SHA256`.
    pub sha256: String,
}

impl Checksums {
    /// Values of the right lengths that match nothing, to reserve their place in a file.
    #[must_use]
    pub fn placeholder() -> Self {
        Self {
            sha1: "0".repeat(40),
            md5: "0".repeat(32),
            sha256: "0".repeat(64),
        }
    }
}

/// What the origin says the body will be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// The `Content-Length`.
    pub length: u64,
    /// The origin's own checksums of the whole object, at most one of each kind.
    pub checksums: Vec<ExpectedChecksum>,
}

/// One checksum of the whole object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExpectedChecksum {
    /// From an ETag that is an MD5, hexadecimal.
    Md5Hex(String),
    /// `x-amz-checksum-sha1`, base64.
    Sha1(String),
    /// `x-amz-checksum-sha256`, base64.
    Sha256(String),
    /// As npm's `dist.integrity` has it, base64: computed only where it is promised.
    Sha512(String),
    /// `x-amz-checksum-crc32`, base64.
    Crc32(String),
    /// `x-amz-checksum-crc32c`, base64.
    Crc32c(String),
    /// `x-amz-checksum-crc64nvme`, base64.
    Crc64Nvme(String),
}

/// The body is not what the origin promised.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{kind}: the origin promised {promised}, the bytes received have {received}")]
pub struct Mismatch {
    /// `length` or the checksum's name.
    pub kind: &'static str,
    /// As the origin wrote it.
    pub promised: String,
    /// As computed, in the same form.
    pub received: String,
}

/// Proof that a body has its promised length and checksums.
#[derive(Clone, Debug)]
pub struct Verified {
    checksums: Checksums,
    length: u64,
}

impl Verified {
    /// The checksums computed on the way.
    #[must_use]
    pub fn checksums(&self) -> &Checksums {
        &self.checksums
    }

    /// The body's length in bytes.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }
}

/// Computes everything that is needed to verify and describe one body.
pub struct Hasher {
    tally: Tally,
    digests: Digests,
}

impl Hasher {
    /// Starts on an empty body.
    #[must_use]
    pub fn new(expected: Expected) -> Self {
        Self {
            digests: Digests::for_promises(&expected.checksums),
            tally: Tally::new(expected),
        }
    }

    /// Takes the next bytes of the body.
    pub fn update(&mut self, bytes: &[u8]) {
        self.tally.update(bytes);
        self.digests.update(bytes);
    }

    /// Whether as many bytes have come as were promised, or more.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.tally.is_complete()
    }

    /// Its two halves, for whoever computes the dear one beside.
    #[must_use]
    pub fn split(self) -> (Tally, Digests) {
        (self.tally, self.digests)
    }

    /// Compares the whole body with every promise.
    pub fn finish(self) -> Result<Verified, Mismatch> {
        self.tally.finish(self.digests)
    }
}

/// What is promised of a body, and as much of the comparison as costs next to nothing: its length and its
/// CRCs, at the speed of memory.
pub struct Tally {
    expected: Expected,
    length: u64,
    crcs: Vec<CrcDigest>,
}

impl Tally {
    fn new(expected: Expected) -> Self {
        let crcs = expected
            .checksums
            .iter()
            .filter_map(ExpectedChecksum::crc)
            .map(CrcDigest::new);
        Self {
            crcs: crcs.collect(),
            expected,
            length: 0,
        }
    }

    /// Takes the next bytes of the body.
    pub fn update(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        for crc in &mut self.crcs {
            crc.update(bytes);
        }
    }

    /// Whether as many bytes have come as were promised, or more.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.length >= self.expected.length
    }

    /// Whether nothing short of the [`Digests`] can tell a right body from a wrong one, though something is
    /// promised that could. A CRC-64 of the whole object, which S3 has of each since the end of 2024, can:
    /// of 2^64 alterations it misses one. Whether the digests are right, too, then decides about keeping it.
    #[must_use]
    pub fn needs_digests(&self) -> bool {
        let is_crc64 =
            |promise: &ExpectedChecksum| matches!(promise, ExpectedChecksum::Crc64Nvme(_));
        self.has_digests_promised() && !self.expected.checksums.iter().any(is_crc64)
    }

    /// Whether something is promised that [`Self::check`] does not look at.
    #[must_use]
    pub fn has_digests_promised(&self) -> bool {
        let mut promises = self.expected.checksums.iter();
        promises.any(|promise| promise.crc().is_none())
    }

    /// Compares the whole body with the promises that need no digests.
    pub fn check(&self) -> Result<(), Mismatch> {
        compare(
            "length",
            &self.expected.length.to_string(),
            self.length.to_string(),
        )?;
        let mut crcs = self.crcs.iter();
        for expected in &self.expected.checksums {
            match expected {
                ExpectedChecksum::Crc32(promised) | ExpectedChecksum::Crc32c(promised) => {
                    let received = crcs.next().map_or(0, CrcDigest::finalize).to_be_bytes();
                    compare("CRC-32", promised, BASE64.encode(&received[4..]))?;
                }
                ExpectedChecksum::Crc64Nvme(promised) => {
                    let received = crcs.next().map_or(0, CrcDigest::finalize).to_be_bytes();
                    compare("CRC-64/NVME", promised, BASE64.encode(received))?;
                }
                ExpectedChecksum::Md5Hex(_)
                | ExpectedChecksum::Sha1(_)
                | ExpectedChecksum::Sha256(_)
                | ExpectedChecksum::Sha512(_) => {}
            }
        }
        Ok(())
    }

    /// Compares the whole body with every promise.
    pub fn finish(&self, digests: Digests) -> Result<Verified, Mismatch> {
        self.check()?;
        compare(
            "length of what was hashed",
            &self.length.to_string(),
            digests.length().to_string(),
        )?;
        let finished = digests.finish();
        let checksums = finished.checksums();
        for expected in &self.expected.checksums {
            match expected {
                ExpectedChecksum::Md5Hex(promised) => {
                    compare(
                        "ETag (MD5)",
                        &promised.to_ascii_lowercase(),
                        checksums.md5.clone(),
                    )?;
                }
                ExpectedChecksum::Sha1(promised) => {
                    compare("SHA-1", promised, BASE64.encode(finished.sha1))?;
                }
                ExpectedChecksum::Sha256(promised) => {
                    compare("SHA-256", promised, BASE64.encode(finished.sha256))?;
                }
                ExpectedChecksum::Sha512(promised) => {
                    // Digests of another body's making have none: that is no proof.
                    let received = finished.sha512.map(|sha512| BASE64.encode(sha512));
                    compare("SHA-512", promised, received.unwrap_or_default())?;
                }
                ExpectedChecksum::Crc32(_)
                | ExpectedChecksum::Crc32c(_)
                | ExpectedChecksum::Crc64Nvme(_) => {}
            }
        }
        Ok(Verified {
            checksums,
            length: self.length,
        })
    }
}

impl ExpectedChecksum {
    /// Whether the value is a checksum of the checksums of an upload's parts (`…-<parts>`).
    #[must_use]
    pub fn is_composite(&self) -> bool {
        match self {
            Self::Md5Hex(value)
            | Self::Sha1(value)
            | Self::Sha256(value)
            | Self::Sha512(value)
            | Self::Crc32(value)
            | Self::Crc32c(value)
            | Self::Crc64Nvme(value) => value.contains('-'),
        }
    }

    fn crc(&self) -> Option<CrcAlgorithm> {
        match self {
            Self::Crc32(_) => Some(CrcAlgorithm::Crc32IsoHdlc),
            Self::Crc32c(_) => Some(CrcAlgorithm::Crc32Iscsi),
            Self::Crc64Nvme(_) => Some(CrcAlgorithm::Crc64Nvme),
            Self::Md5Hex(_) | Self::Sha1(_) | Self::Sha256(_) | Self::Sha512(_) => None,
        }
    }
}

fn compare(kind: &'static str, promised: &str, received: String) -> Result<(), Mismatch> {
    if promised == received {
        return Ok(());
    }
    Err(Mismatch {
        kind,
        promised: promised.to_owned(),
        received,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    // Of the nine bytes "123456789": the check values of the CRC catalogue (reveng.sourceforge.io)
    // and of FIPS 180-4 tools.
    fn promised(length: u64) -> Expected {
        let crc = |value: u64, bytes: usize| BASE64.encode(&value.to_be_bytes()[8 - bytes..]);
        Expected {
            length,
            checksums: vec![
                ExpectedChecksum::Crc32(crc(0xCBF4_3926, 4)),
                ExpectedChecksum::Md5Hex("25f9e794323b453885f5181f1b624d0b".to_owned()),
                ExpectedChecksum::Crc32c(crc(0xE306_9283, 4)),
                ExpectedChecksum::Crc64Nvme(crc(0xAE8B_1486_0A79_9888, 8)),
                ExpectedChecksum::Sha1("98O8HYCOBHMq32eZZczDTKeuNEE=".to_owned()),
                ExpectedChecksum::Sha512(
                    "2eZ2LdHI6vbWGzxhkvxAjU1tXxF20MKRabwk5xw/J0rSf81YEbMT1oH35V7ALXPUmclUVba1u1A6z1dPuo/+hQ=="
                        .to_owned(),
                ),
            ],
        }
    }

    fn finish(expected: Expected, body: &[u8]) -> Result<Verified, Mismatch> {
        let mut hasher = Hasher::new(expected);
        for byte in body.chunks(4) {
            hasher.update(byte);
        }
        hasher.finish()
    }

    #[test]
    fn a_body_that_keeps_every_promise_is_verified() {
        let verified = finish(promised(9), b"123456789").expect("all checksums match");
        assert_eq!(verified.length(), 9);
        assert_eq!(
            verified.checksums().sha1,
            "f7c3bc1d808e04732adf679965ccc34ca7ae3441"
        );
    }

    #[test]
    fn only_what_the_digests_promise_waits_for_them() {
        let mut expected = promised(9);
        let tally = |expected: &Expected, body: &[u8]| {
            let (mut tally, _) = Hasher::new(expected.clone()).split();
            tally.update(body);
            tally
        };
        assert!(!tally(&expected, b"123456789").needs_digests(), "a CRC-64");
        assert!(tally(&expected, b"123456789").has_digests_promised());
        assert_eq!(tally(&expected, b"123456789").check(), Ok(()));
        assert!(tally(&expected, b"123456780").check().is_err());
        assert!(tally(&expected, b"12345678").check().is_err());
        let is_crc64 =
            |checksum: &ExpectedChecksum| matches!(checksum, ExpectedChecksum::Crc64Nvme(_));
        expected.checksums.retain(|checksum| !is_crc64(checksum));
        assert!(tally(&expected, b"123456789").needs_digests());
        expected
            .checksums
            .retain(|checksum| checksum.crc().is_some());
        assert!(!tally(&expected, b"123456789").needs_digests());
        assert!(!tally(&expected, b"123456789").has_digests_promised());
    }

    #[test]
    fn a_digest_that_is_not_as_promised_is_no_proof_though_a_crc_is_right() {
        let wrong = ExpectedChecksum::Md5Hex("0".repeat(32));
        let mut expected = promised(9);
        expected.checksums[1] = wrong;
        let (mut tally, mut digests) = Hasher::new(expected).split();
        tally.update(b"123456789");
        digests.update(b"123456789");
        assert!(!tally.needs_digests());
        assert_eq!(tally.check(), Ok(()));
        assert_eq!(tally.finish(digests).expect_err("wrong").kind, "ETag (MD5)");
    }

    #[test]
    fn digests_that_were_not_to_have_a_sha512_prove_none() {
        let (mut tally, _) = Hasher::new(promised(9)).split();
        let mut digests = Digests::default();
        tally.update(b"123456789");
        digests.update(b"123456789");
        assert_eq!(tally.finish(digests).expect_err("none").kind, "SHA-512");
    }

    #[test]
    fn digests_of_a_part_prove_nothing() {
        let (mut tally, mut digests) = Hasher::new(Expected {
            length: 9,
            checksums: vec![],
        })
        .split();
        tally.update(b"123456789");
        digests.update(b"12345678");
        assert!(tally.finish(digests).is_err());
    }

    #[test]
    fn each_broken_promise_is_named() {
        assert_eq!(
            finish(promised(10), b"123456789").expect_err("short").kind,
            "length"
        );
        for index in 0..promised(9).checksums.len() {
            let mut expected = promised(9);
            expected.checksums = vec![expected.checksums.remove(index)];
            assert!(
                finish(expected, b"123456780").is_err(),
                "checksum {index} was not compared"
            );
        }
    }
}
