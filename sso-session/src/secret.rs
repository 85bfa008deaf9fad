//! A text that must not leave its place.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

/// A secret text: shown by nobody, overwritten when dropped.
///
/// It has no `Display` and no serde: whoever writes it out says so with [`Secret::expose`].
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Secret(String);

impl Secret {
    /// Takes the text over, without leaving a copy behind.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("<secret>")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown() {
        let secret = Secret::new("aoa-hidden");
        assert_eq!(
            format!("{secret:?} {:?}", Some(&secret)),
            "<secret> Some(<secret>)"
        );
        assert_eq!(secret.expose(), "aoa-hidden");
    }
}
