//! What an origin promises, as headers: S3's own names, by which one proxy passes it on to another.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::HeaderMap;
use http::header::HeaderName;

use super::ExpectedChecksum;

const MD5: HeaderName = HeaderName::from_static("x-amz-checksum-md5");
const SHA1: HeaderName = HeaderName::from_static("x-amz-checksum-sha1");
const SHA256: HeaderName = HeaderName::from_static("x-amz-checksum-sha256");
const CRC32: HeaderName = HeaderName::from_static("x-amz-checksum-crc32");
const CRC32C: HeaderName = HeaderName::from_static("x-amz-checksum-crc32c");
const CRC64NVME: HeaderName = HeaderName::from_static("x-amz-checksum-crc64nvme");
/// Ours, of a body that was verified: hexadecimal.
const VERIFIED_SHA256: HeaderName = HeaderName::from_static("x-checksum-sha256");

impl ExpectedChecksum {
    /// The header that says the same; none of a SHA-512, as S3 has no name for it: whoever has it verified
    /// sends the SHA-256 that was computed beside it.
    #[must_use]
    pub fn header(&self) -> Option<(HeaderName, String)> {
        let (name, value) = match self {
            Self::Md5Hex(hexadecimal) => {
                let bytes = hex::decode(hexadecimal).unwrap_or_default();
                return Some((MD5, BASE64.encode(bytes)));
            }
            Self::Sha1(value) => (SHA1, value),
            Self::Sha256(value) => (SHA256, value),
            Self::Sha512(_) => return None,
            Self::Crc32(value) => (CRC32, value),
            Self::Crc32c(value) => (CRC32C, value),
            Self::Crc64Nvme(value) => (CRC64NVME, value),
        };
        Some((name, value.clone()))
    }

    /// What a proxy promises of a body: the SHA-256 that it has verified, or what S3 has promised it.
    #[must_use]
    pub fn promised_by_proxy(headers: &HeaderMap) -> Vec<Self> {
        let text = |name: &HeaderName| headers.get(name)?.to_str().ok();
        let rewritten = |text: &str| Some(BASE64.encode(hex::decode(text).ok()?));
        if let Some(sha256) = text(&VERIFIED_SHA256).and_then(rewritten) {
            return vec![Self::Sha256(sha256)];
        }
        let md5 = |text: &str| Some(hex::encode(BASE64.decode(text).ok()?));
        let owned = |name| text(name).map(str::to_owned);
        let promised = [
            text(&MD5).and_then(md5).map(Self::Md5Hex),
            owned(&SHA1).map(Self::Sha1),
            owned(&SHA256).map(Self::Sha256),
            owned(&CRC32).map(Self::Crc32),
            owned(&CRC32C).map(Self::Crc32c),
            owned(&CRC64NVME).map(Self::Crc64Nvme),
        ];
        promised.into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_promise_is_read_as_it_was_written() {
        let promised = [
            ExpectedChecksum::Md5Hex("25f9e794323b453885f5181f1b624d0b".to_owned()),
            ExpectedChecksum::Sha1("98O8HYCOBHMq32eZZczDTKeuNEE=".to_owned()),
            ExpectedChecksum::Sha256("FeKw09sr+NoBtSyRM6FYwDvZiGUXFTnGoB++eIqYjvM=".to_owned()),
            ExpectedChecksum::Crc32("y/Q5Jg==".to_owned()),
            ExpectedChecksum::Crc32c("4waSgw==".to_owned()),
            ExpectedChecksum::Crc64Nvme("rosUhgp5mIg=".to_owned()),
        ];
        let headers = promised.iter().map(|promise| {
            let (name, value) = promise.header().expect("S3 has a name for it");
            (name, value.parse().expect("a header value"))
        });
        assert_eq!(
            ExpectedChecksum::promised_by_proxy(&headers.collect()),
            promised
        );
    }

    #[test]
    fn what_a_proxy_has_verified_says_it_all() {
        let sha256 = "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225";
        let headers = [(VERIFIED_SHA256, sha256), (CRC32, "y/Q5Jg==")]
            .into_iter()
            .map(|(name, value)| (name, value.parse().expect("a header value")))
            .collect();
        let promised = ExpectedChecksum::promised_by_proxy(&headers);
        let bytes = hex::decode(sha256).expect("hexadecimal");
        assert_eq!(promised, [ExpectedChecksum::Sha256(BASE64.encode(bytes))]);
    }
}
