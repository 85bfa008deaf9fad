//! Subresource integrity, as npm has it: one or more of `<algorithm>-<base64>[?<options>]`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::link::hexadecimal;
use crate::checksum::ExpectedChecksum;

/// The strongest promise that can be checked here; what is unknown or broken is no promise.
pub(super) fn strongest(integrity: &str) -> Option<ExpectedChecksum> {
    let known = integrity.split_ascii_whitespace().filter_map(|one| {
        let (algorithm, digest) = one.split_once('-')?;
        let digest = digest.split('?').next()?;
        let bytes = BASE64.decode(digest).ok()?;
        let digest = digest.to_owned();
        match (algorithm, bytes.len()) {
            ("sha512", 64) => Some((3, ExpectedChecksum::Sha512(digest))),
            ("sha256", 32) => Some((2, ExpectedChecksum::Sha256(digest))),
            ("sha1", 20) => Some((1, ExpectedChecksum::Sha1(digest))),
            (_, _) => None,
        }
    });
    known
        .max_by_key(|(strength, _)| *strength)
        .map(|(_, promise)| promise)
}

/// What a `dist.shasum` promises.
pub(super) fn of_shasum(shasum: &str) -> Option<ExpectedChecksum> {
    Some(ExpectedChecksum::Sha1(sha1_base64(shasum)?))
}

/// A `dist.shasum` as integrity, as npm itself and pnpm make it where there is none.
pub(super) fn integrity_of_shasum(shasum: &str) -> Option<String> {
    Some(format!("sha1-{}", sha1_base64(shasum)?))
}

fn sha1_base64(shasum: &str) -> Option<String> {
    let bytes = hex::decode(hexadecimal(shasum, 20)?).ok()?;
    Some(BASE64.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA1: &str = "98O8HYCOBHMq32eZZczDTKeuNEE=";
    const SHA256: &str = "FeKw09sr+NoBtSyRM6FYwDvZiGUXFTnGoB++eIqYjvM=";
    const SHA512: &str =
        "2eZ2LdHI6vbWGzxhkvxAjU1tXxF20MKRabwk5xw/J0rSf81YEbMT1oH35V7ALXPUmclUVba1u1A6z1dPuo/+hQ==";

    #[test]
    fn the_strongest_of_several_counts() {
        let sha1 = ExpectedChecksum::Sha1(SHA1.to_owned());
        let sha256 = ExpectedChecksum::Sha256(SHA256.to_owned());
        let sha512 = ExpectedChecksum::Sha512(SHA512.to_owned());
        for (integrity, expected) in [
            (format!("sha1-{SHA1}"), Some(&sha1)),
            (format!(" sha1-{SHA1}  sha512-{SHA512} "), Some(&sha512)),
            (format!("sha256-{SHA256}?x sha1-{SHA1}"), Some(&sha256)),
            (format!("sha384-{SHA512} sha1-{SHA1}"), Some(&sha1)),
            (format!("sha512-{SHA1}"), None),
            ("sha512-%".to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(strongest(&integrity).as_ref(), expected, "{integrity}");
        }
    }

    #[test]
    fn a_shasum_is_a_promise_too() {
        let shasum = "f7c3bc1d808e04732adf679965ccc34ca7ae3441";
        let integrity = integrity_of_shasum(shasum).expect("an integrity");
        assert_eq!(integrity, format!("sha1-{SHA1}"));
        assert_eq!(strongest(&integrity), of_shasum(shasum));
        assert_eq!(of_shasum("f7c3"), None);
        assert_eq!(of_shasum(&"ü".repeat(20)), None);
    }
}
