//! Tokens of services, of which only digests are kept: those can be compared in constant time, whatever
//! the length of what a client says.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use sso_session::secret::Secret;
use subtle::{Choice, ConstantTimeEq as _};
use tokio::time::Instant;

/// Shorter ones can be guessed.
pub const SHORTEST_TOKEN: usize = 16;

/// So long after a rotation the token before is still good: clients read their files again when they like.
const OVERLAP: Duration = Duration::from_mins(10);

type Hashed = [u8; 32];

/// What a client says, ready to be compared.
#[derive(Clone, Copy)]
pub struct Presented(Hashed);

/// What a service says of it. Neither depends on the other, so both take the same time for any token.
#[derive(Clone, Copy)]
pub struct Accepted {
    /// It is the token in force.
    pub current: Choice,
    /// It is the one before that, which is still good for a while.
    pub overlapping: Choice,
}

impl Presented {
    /// Of an `Authorization` header: the token itself, or `Bearer` and the token.
    #[must_use]
    pub fn of_header(header: &[u8]) -> Self {
        const SCHEME: &[u8] = b"bearer ";
        let token = match header.split_at_checked(SCHEME.len()) {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case(SCHEME) => token,
            Some(_) | None => header,
        };
        Self(Sha256::digest(token.trim_ascii()).into())
    }
}

/// The tokens of one service: the one in force, and for a while the one before it.
pub struct Tokens {
    current: Hashed,
    before: Mutex<Option<(Hashed, Instant)>>,
}

/// Digests are no tokens, but who has one can try tokens against it as often as they like.
impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens(…)")
    }
}

impl Tokens {
    /// The one that is configured.
    #[must_use]
    pub fn new(token: &Secret) -> Self {
        Self {
            current: Sha256::digest(token.expose()).into(),
            before: Mutex::default(),
        }
    }

    /// After a rotation: what was in force before is good for ten more minutes.
    #[must_use]
    pub fn rotated(token: &Secret, before: &Self) -> Self {
        let new = Self::new(token);
        let until = Instant::now() + OVERLAP;
        let before = (before.current != new.current).then_some((before.current, until));
        Self {
            before: Mutex::new(before),
            ..new
        }
    }

    /// Whether that is one of them. Takes as long for a wrong one as for a right one.
    #[must_use]
    pub fn accept(&self, presented: &Presented) -> Accepted {
        let mut before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
        if before
            .as_ref()
            .is_some_and(|(_, until)| *until <= Instant::now())
        {
            *before = None;
        }
        Accepted {
            current: self.current.ct_eq(&presented.0),
            overlapping: before.map_or(Choice::from(0), |(hash, _)| hash.ct_eq(&presented.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(tokens: &Tokens, header: &str) -> bool {
        let accepted = tokens.accept(&Presented::of_header(header.as_bytes()));
        bool::from(accepted.current | accepted.overlapping)
    }

    #[tokio::test]
    async fn no_digest_is_in_what_is_written_of_it() {
        let old = Tokens::new(&Secret::new("the-old-token-of-it"));
        let new = Tokens::rotated(&Secret::new("the-new-token-of-it"), &old);
        assert_eq!(format!("{new:?}"), "Tokens(…)");
    }

    #[test]
    fn a_token_may_come_raw_or_as_a_bearer() {
        let tokens = Tokens::new(&Secret::new("a-token-of-a-service"));
        for header in [
            "a-token-of-a-service",
            "Bearer a-token-of-a-service",
            "bearer   a-token-of-a-service ",
            "BEARER a-token-of-a-service",
        ] {
            assert!(accepts(&tokens, header), "{header}");
        }
        for header in [
            "",
            "Bearer",
            "Bearer ",
            "a-token-of-a-servic",
            "a-token-of-a-service-",
            "Basic a-token-of-a-service",
            "Bearera-token-of-a-service",
        ] {
            assert!(!accepts(&tokens, header), "{header}");
        }
    }

    #[test]
    fn a_token_that_begins_as_a_scheme_does_can_be_said() {
        let tokens = Tokens::new(&Secret::new("bearer-of-good-news"));
        assert!(accepts(&tokens, "bearer-of-good-news"));
        assert!(accepts(&tokens, "Bearer bearer-of-good-news"));
    }

    #[tokio::test(start_paused = true)]
    async fn the_token_before_a_rotation_is_good_for_ten_minutes() {
        let old = Tokens::new(&Secret::new("the-old-token-of-it"));
        let new = Tokens::rotated(&Secret::new("the-new-token-of-it"), &old);
        tokio::time::advance(OVERLAP.saturating_sub(Duration::from_secs(1))).await;
        assert!(accepts(&new, "the-old-token-of-it"));
        assert!(accepts(&new, "the-new-token-of-it"));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!accepts(&new, "the-old-token-of-it"));
        assert!(accepts(&new, "the-new-token-of-it"));
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_last_token_before_overlaps() {
        let first = Tokens::new(&Secret::new("first-token-of-three"));
        let second = Tokens::rotated(&Secret::new("second-token-of-three"), &first);
        let third = Tokens::rotated(&Secret::new("third-token-of-three"), &second);
        assert!(!accepts(&third, "first-token-of-three"));
        assert!(accepts(&third, "second-token-of-three"));
    }
}
