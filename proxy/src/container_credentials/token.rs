//! Tokens of services, of which only digests are kept: those can be compared in constant time, whatever
//! the length of what a client says.

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
#[derive(Debug)]
pub struct Tokens {
    current: Hashed,
    before: Mutex<Option<(Hashed, Instant)>>,
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
    pub fn accept(&self, presented: &Presented) -> Choice {
        let mut before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
        if before
            .as_ref()
            .is_some_and(|(_, until)| *until <= Instant::now())
        {
            *before = None;
        }
        let overlapping = before.map_or(Choice::from(0), |(hash, _)| hash.ct_eq(&presented.0));
        self.current.ct_eq(&presented.0) | overlapping
    }
}
