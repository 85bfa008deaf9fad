//! A request's id: the client's own where it sent a usable one, else one of ours.

use std::fmt;

use http::HeaderValue;

/// More is no id but a text.
const MOST_BYTES: usize = 64;

/// What a request is called in the log and in `X-Request-Id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(Origin);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Origin {
    /// Ours: kept as a number, as most are never written.
    Generated(u64),
    /// The client's: a copy that shares its bytes.
    Given(HeaderValue),
}

impl RequestId {
    /// A new one. Unique among those that one log holds, by chance.
    #[must_use]
    pub fn generate() -> Self {
        Self(Origin::Generated(fastrand::u64(..)))
    }

    /// The client's, if it can stand in a log line as it is: letters, digits, `-`, `_`, `.`, `~`, at
    /// most 64 of them.
    #[must_use]
    pub fn given(value: &HeaderValue) -> Option<Self> {
        let bytes = value.as_bytes();
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(byte);
        let is_usable = (1..=MOST_BYTES).contains(&bytes.len()) && bytes.iter().all(is_plain);
        is_usable.then(|| Self(Origin::Given(value.clone())))
    }

    /// As a header says it.
    #[must_use]
    pub fn to_header(&self) -> HeaderValue {
        match &self.0 {
            Origin::Given(value) => value.clone(),
            // Digits can stand in a header.
            Origin::Generated(number) => HeaderValue::from_bytes(&digits(*number))
                .unwrap_or_else(|_| HeaderValue::from_static("-")),
        }
    }
}

/// In hexadecimal, without an allocation: every answer says its id.
fn digits(number: u64) -> [u8; 16] {
    const HEXADECIMAL: &[u8; 16] = b"0123456789abcdef";
    let mut digits = [0; 16];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(number.to_be_bytes()) {
        pair[0] = HEXADECIMAL[usize::from(byte >> 4)];
        pair[1] = HEXADECIMAL[usize::from(byte & 0xf)];
    }
    digits
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Origin::Generated(number) => write!(f, "{number:016x}"),
            Origin::Given(value) => f.write_str(value.to_str().unwrap_or("-")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clients_id_is_taken_if_it_can_stand_in_a_line_of_the_log() {
        let long = "x".repeat(MOST_BYTES);
        for usable in ["a", "7f3c-11.b_~", "0123456789abcdef", &long] {
            let value = HeaderValue::from_str(usable).expect("a header");
            let id = RequestId::given(&value).expect(usable);
            assert_eq!((id.to_string(), id.to_header()), (usable.to_owned(), value));
        }
        let longer = "x".repeat(MOST_BYTES + 1);
        for unusable in ["", "a b", "a\"b", "{}", "a=b", "\u{e9}", &longer] {
            let value = HeaderValue::from_bytes(unusable.as_bytes()).expect("a header");
            assert_eq!(RequestId::given(&value), None, "{unusable}");
        }
    }

    #[test]
    fn ours_is_short_and_taken_back() {
        let id = RequestId::generate();
        assert_eq!(id.to_string().len(), 16);
        assert_eq!(id.to_header(), id.to_string());
        let few = RequestId(Origin::Generated(0x1f));
        assert_eq!(few.to_header(), "000000000000001f");
        let returned = RequestId::given(&id.to_header()).expect("usable");
        assert_eq!(returned.to_string(), id.to_string());
    }
}
