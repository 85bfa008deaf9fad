//! Tokens of services, of which only digests are kept: those can be compared in constant time, whatever
//! the length of what a client says.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use sso_session::secret::Secret;
use subtle::{Choice, ConstantTimeEq as _};
use tokio::time::Instant;

/// Shorter ones can be guessed.
pub const SHORTEST_TOKEN: usize = 16;

/// So long after a rotation the token before is still good: clients read their files again when they like.
const OVERLAP: Duration = Duration::from_mins(10);
/// Of a file that changes again and again, the last so many are still good.
const MOST_BEFORE: usize = 4;

type Hashed = [u8; 32];

/// What a client says, ready to be compared.
#[derive(Clone, Copy)]
pub struct Presented(Hashed);

/// What a service says of it. Neither depends on the other, so both take the same time for any token.
#[derive(Clone, Copy)]
pub struct Accepted {
    /// It is the token in force.
    pub current: Choice,
    /// It is one of those before that, which are still good for a while.
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

/// The tokens of one service: the one in force, and for a while those before it.
pub struct Tokens {
    current: Hashed,
    /// The newest last, each with its end.
    before: Mutex<Vec<(Hashed, Instant)>>,
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

    /// After a rotation: what was in force before is good for ten more minutes, and what overlaps already until
    /// its own end.
    #[must_use]
    pub fn rotated(token: &Secret, before: &Self) -> Self {
        let new = Self::new(token);
        let mut overlapping = before.still_good().clone();
        overlapping.push((before.current, Instant::now() + OVERLAP));
        overlapping.retain(|(hash, _)| *hash != new.current);
        let too_many = overlapping.len().saturating_sub(MOST_BEFORE);
        overlapping.drain(..too_many);
        Self {
            before: Mutex::new(overlapping),
            ..new
        }
    }

    /// Whether that is one of them. Takes as long for a wrong one as for a right one.
    #[must_use]
    pub fn accept(&self, presented: &Presented) -> Accepted {
        let before = self.still_good();
        let before = before.iter().map(|(hash, _)| hash.ct_eq(&presented.0));
        Accepted {
            current: self.current.ct_eq(&presented.0),
            overlapping: before.fold(Choice::from(0), |any, one| any | one),
        }
    }

    fn still_good(&self) -> MutexGuard<'_, Vec<(Hashed, Instant)>> {
        let mut before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        before.retain(|(_, until)| now < *until);
        before
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
    async fn each_token_before_has_ten_minutes_of_its_own() {
        let [first, second, third] = [
            "first-token-of-three",
            "second-token-of-three",
            "third-token-of-three",
        ];
        let tokens = Tokens::new(&Secret::new(first));
        let tokens = Tokens::rotated(&Secret::new(second), &tokens);
        tokio::time::advance(Duration::from_mins(4)).await;
        let tokens = Tokens::rotated(&Secret::new(third), &tokens);
        assert!(
            [first, second, third]
                .iter()
                .all(|token| accepts(&tokens, token))
        );
        tokio::time::advance(Duration::from_mins(6)).await;
        assert!(!accepts(&tokens, first) && accepts(&tokens, second));
        // Back again: it is in force, and no longer one that ends.
        let tokens = Tokens::rotated(&Secret::new(second), &tokens);
        tokio::time::advance(OVERLAP).await;
        assert!(accepts(&tokens, second) && !accepts(&tokens, third));
    }

    #[tokio::test(start_paused = true)]
    async fn of_a_file_that_changes_all_the_time_few_are_kept() {
        let token = |number: usize| Secret::new(format!("token-of-a-service-{number}"));
        let mut tokens = Tokens::new(&token(0));
        for number in 1..=10 {
            tokens = Tokens::rotated(&token(number), &tokens);
        }
        let good = (0..=10).filter(|number| accepts(&tokens, token(*number).expose()));
        assert_eq!(good.collect::<Vec<_>>(), [6, 7, 8, 9, 10]);
    }
}
