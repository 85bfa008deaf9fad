//! Signature Version 4, verified. S3 leaves that to s3s; STS and CodeArtifact have it from here.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>

use http::request::Parts;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest, Sha256};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The bytes of a block of SHA-256, which HMAC pads its key to.
const BLOCK_BYTES: usize = 64;

/// What a canonical query has encoded: all but the unreserved characters.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Whether the `Authorization` header of a request is right for its head and body. The path must be one that
/// needs no encoding.
pub(crate) fn is_right(head: &Parts, body: &[u8], secret: &str) -> bool {
    verdict(head, body, secret).unwrap_or(false)
}

fn verdict(head: &Parts, body: &[u8], secret: &str) -> Option<bool> {
    let authorization = head.headers.get("authorization")?.to_str().ok()?;
    let authorization = authorization.strip_prefix(ALGORITHM)?;
    let field = |name: &str| {
        authorization
            .split(',')
            .find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='))
    };
    let (_, scope) = field("Credential")?.split_once('/')?;
    let (signed, signature) = (field("SignedHeaders")?, field("Signature")?);
    let date = head.headers.get("x-amz-date")?.to_str().ok()?;
    let request = canonical_request(head, body, signed)?;
    let hash = hex::encode(Sha256::digest(request));
    let text = format!("{ALGORITHM}\n{date}\n{scope}\n{hash}");
    // The scope is <date>/<region>/<service>/aws4_request: each part keys the next.
    let mut key = format!("AWS4{secret}").into_bytes();
    for part in scope.split('/').chain([text.as_str()]) {
        key = hmac(&key, part.as_bytes());
    }
    Some(hex::encode(key) == signature)
}

fn canonical_request(head: &Parts, body: &[u8], signed: &str) -> Option<String> {
    let query = canonical_query(head.uri.query().unwrap_or_default());
    let mut request = format!("{}\n{}\n{query}\n", head.method, head.uri.path());
    for name in signed.split(';') {
        let values = head.headers.get_all(name).iter();
        let values = values
            .map(|value| value.to_str().ok().map(collapse))
            .collect::<Option<Vec<_>>>()?;
        request.push_str(name);
        request.push(':');
        request.push_str(&values.join(","));
        request.push('\n');
    }
    let hash = hex::encode(Sha256::digest(body));
    Some(format!("{request}\n{signed}\n{hash}"))
}

/// Sorted by name and value, each encoded in the one way there is.
fn canonical_query(query: &str) -> String {
    let encoded = |text: &str| {
        let decoded = percent_decode_str(text).decode_utf8_lossy();
        utf8_percent_encode(&decoded, ENCODED).to_string()
    };
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let mut pairs: Vec<_> = pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (encoded(name), encoded(value)))
        .collect();
    pairs.sort();
    let pairs: Vec<_> = pairs
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    pairs.join("&")
}

/// Runs of spaces count as one.
fn collapse(value: &str) -> String {
    let words: Vec<_> = value.split(' ').filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// <https://www.rfc-editor.org/rfc/rfc2104>
fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut block = [0; BLOCK_BYTES];
    if key.len() > BLOCK_BYTES {
        let hash = Sha256::digest(key);
        block[..hash.len()].copy_from_slice(&hash);
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let inner = Sha256::new()
        .chain_update(block.map(|byte| byte ^ 0x36))
        .chain_update(text)
        .finalize();
    let outer = Sha256::new()
        .chain_update(block.map(|byte| byte ^ 0x5c))
        .chain_update(inner);
    outer.finalize().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_sorted_and_encoded_in_one_way() {
        assert_eq!(canonical_query(""), "");
        let query = "format=pypi&domain=acme&a=%7e&a=/%2B+";
        assert_eq!(
            canonical_query(query),
            "a=%2F%2B%2B&a=~&domain=acme&format=pypi"
        );
    }

    #[test]
    fn the_code_is_that_of_the_standard() {
        // RFC 4231, test cases 2 and 6.
        let short = hmac(b"Jefe", b"what do ya want for nothing?");
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(hex::encode(short), expected);
        let text = b"Test Using Larger Than Block-Size Key - Hash Key First";
        let expected = "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54";
        assert_eq!(hex::encode(hmac(&[0xaa; 131], text)), expected);
    }
}
