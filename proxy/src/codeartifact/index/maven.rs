//! Maven's companions of a file: `<file>.sha256` and the like.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::link::hexadecimal;
use crate::checksum::ExpectedChecksum;

/// No companion is longer, in bytes: a digest and, with some tools, the file's name.
const MOST_BYTES: usize = 4096;

/// What a companion promises of its file. `suffix` is its last extension (`sha1`, `sha256`, `sha512`), with or
/// without its dot.
///
/// Read as Maven's resolver does (`ChecksumUtils.read`): the first line that is not empty, `<digest>`,
/// `<digest>  <file>` or `<algorithm>(<file>)= <digest>`. `None` of anything else, which is no promise.
#[must_use]
pub fn promised(suffix: &str, sidecar: &[u8]) -> Option<ExpectedChecksum> {
    if sidecar.len() > MOST_BYTES {
        return None;
    }
    let text = std::str::from_utf8(sidecar).ok()?;
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    let digest = match line.rsplit_once("= ") {
        Some((_, digest)) => digest,
        None => line.split_ascii_whitespace().next()?,
    };
    let base64 = |bytes| {
        let digest = hex::decode(hexadecimal(digest.trim(), bytes)?).ok()?;
        Some(BASE64.encode(digest))
    };
    match suffix.trim_start_matches('.') {
        "sha1" => base64(20).map(ExpectedChecksum::Sha1),
        "sha256" => base64(32).map(ExpectedChecksum::Sha256),
        "sha512" => base64(64).map(ExpectedChecksum::Sha512),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn companions_are_read_as_maven_does() {
        let sha1 = "f7c3bc1d808e04732adf679965ccc34ca7ae3441";
        let expected = ExpectedChecksum::Sha1("98O8HYCOBHMq32eZZczDTKeuNEE=".to_owned());
        for text in [
            sha1.to_owned(),
            sha1.to_ascii_uppercase(),
            format!("\r\n {sha1}\n"),
            format!("{sha1}  a-1.0.jar\n"),
            format!("SHA1(a = b.jar)= {sha1}"),
        ] {
            let promised = promised(".sha1", text.as_bytes());
            assert_eq!(promised.as_ref(), Some(&expected), "{text}");
        }
    }

    #[test]
    fn anything_else_promises_nothing() {
        let sha1 = b"f7c3bc1d808e04732adf679965ccc34ca7ae3441";
        assert_eq!(promised("sha256", sha1), None);
        assert_eq!(promised("asc", sha1), None);
        assert_eq!(promised("sha1", b"<html>"), None);
        assert_eq!(promised("sha1", b"\xFF"), None);
        assert_eq!(promised("sha1", b""), None);
        assert_eq!(promised("sha1", &vec![b' '; MOST_BYTES + 1]), None);
    }
}
