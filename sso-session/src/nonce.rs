//! Names that no other process, on no other kernel, ever makes.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

/// 32 lower-case hex digits from the keys that the standard library takes from the system.
///
/// `fastrand` seeds itself from time and thread, which processes started together may share.
pub(crate) fn nonce() -> String {
    let half = || {
        let mut hasher = RandomState::new().build_hasher();
        hasher.write_u32(std::process::id());
        hasher.finish()
    };
    format!("{:016x}{:016x}", half(), half())
}

/// Whether a text read from a file can be one: it is about to become part of a path.
pub(crate) fn is_nonce(text: &str) -> bool {
    let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.len() == 32 && text.bytes().all(hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonces_differ_and_are_recognised() {
        let (one, two) = (nonce(), nonce());
        assert_ne!(one, two);
        assert!(is_nonce(&one) && is_nonce(&two));
        assert!(!is_nonce("../../../../etc/passwd/000000000"));
        assert!(!is_nonce(""));
    }
}
