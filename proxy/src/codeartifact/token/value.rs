//! One token: its value, its life, and what is known of whether it is taken.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sso_session::secret::Secret;
use tokio::time::Instant;
use url::Url;

use super::{Suspicion, schedule};
use crate::credentials::now;

/// How long a success speaks for a token.
const PROOF_MEMORY: Duration = Duration::from_mins(1);
/// One that was made because another one was under suspicion is beyond it for so long: the same answer is not about
/// tokens.
const BEYOND_SUSPICION: Duration = Duration::from_secs(30);
/// A 401 is about the token whatever else is wrong: another one may be had this soon.
const BEYOND_REFUSAL: Duration = Duration::from_secs(2);

/// One token.
pub(in crate::codeartifact) struct Token {
    /// The value of `Authorization`.
    authorization: Secret,
    pub(super) life: Duration,
    made: Instant,
    made_at: SystemTime,
    /// Whether it was made because another one was under suspicion.
    is_replacement: bool,
    /// When it last was shown to be good, or was believed as the replacement that it is.
    proven: Mutex<Option<Instant>>,
    /// What was found with it last.
    found: Mutex<Option<Url>>,
    /// Held by whoever looks whether it still finds that: when it was looked last, and whether it did.
    pub(in crate::codeartifact) looked: tokio::sync::Mutex<Option<(Instant, bool)>>,
}

impl Token {
    pub(super) fn new(value: &str, life: Duration) -> Self {
        // As documented: the user is `aws`, whatever the client.
        let pair = Secret::new(format!("aws:{value}"));
        Self {
            authorization: Secret::new(format!("Basic {}", BASE64.encode(pair.expose()))),
            life,
            made: Instant::now(),
            made_at: now(),
            is_replacement: false,
            proven: Mutex::default(),
            found: Mutex::default(),
            looked: tokio::sync::Mutex::default(),
        }
    }

    /// The same, made because another one was under suspicion.
    pub(super) fn in_place_of_another(self) -> Self {
        Self {
            is_replacement: true,
            ..self
        }
    }

    /// Whether it is too young, as the replacement that it is, to be at fault for such an answer.
    pub(super) fn is_beyond(&self, suspicion: Suspicion) -> bool {
        let rest = match suspicion {
            Suspicion::Unauthorized => BEYOND_REFUSAL,
            Suspicion::Forbidden | Suspicion::Missing => BEYOND_SUSPICION,
        };
        self.is_replacement && self.age() < rest
    }

    #[cfg(test)]
    pub(in crate::codeartifact) fn for_tests(value: &str) -> Self {
        Self::new(value, Duration::from_hours(12))
    }

    /// The value of `Authorization`, for requests to CodeArtifact alone.
    pub(in crate::codeartifact) fn authorization(&self) -> &Secret {
        &self.authorization
    }

    /// It has just worked.
    pub(in crate::codeartifact) fn prove(&self) {
        *self.proven.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// It has just found something of CodeArtifact's own there.
    pub(in crate::codeartifact) fn prove_by(&self, url: Url) {
        self.prove();
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = Some(url);
    }

    /// What was found with it last, and is so still if it is good.
    pub(in crate::codeartifact) fn found(&self) -> Option<Url> {
        self.found
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Whether it has worked lately: then what is not found with it is not there.
    pub(in crate::codeartifact) fn is_proven(&self) -> bool {
        let proven = *self.proven.lock().unwrap_or_else(PoisonError::into_inner);
        proven.is_some_and(|at| at.elapsed() < PROOF_MEMORY)
    }

    /// By the clock that runs further: one stands still while the machine sleeps, the other one may be set.
    fn age(&self) -> Duration {
        let by_wall = now().duration_since(self.made_at).unwrap_or_default();
        self.made.elapsed().max(by_wall)
    }

    pub(super) fn is_good(&self) -> bool {
        self.age() < schedule::last_age(self.life)
    }

    pub(super) fn is_due(&self) -> bool {
        self.age() >= schedule::renewal_age(self.life)
    }

    /// When it ends, by this machine's clock.
    pub(in crate::codeartifact) fn until(&self) -> SystemTime {
        self.made_at + self.life
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("life", &self.life)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_success_speaks_for_a_token_for_a_minute() {
        let token = Token::new("x", Duration::from_hours(12));
        assert!(!token.is_proven());
        token.prove();
        assert!(token.is_proven());
        tokio::time::advance(PROOF_MEMORY).await;
        assert!(!token.is_proven());
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_is_due_before_it_ends() {
        let token = Token::new("x", Duration::from_hours(1));
        assert!(token.is_good() && !token.is_due());
        tokio::time::advance(Duration::from_mins(54)).await;
        assert!(token.is_good() && token.is_due());
        tokio::time::advance(Duration::from_mins(6)).await;
        assert!(!token.is_good());
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_young_replacement_is_beyond_suspicion() {
        let all = [
            Suspicion::Unauthorized,
            Suspicion::Forbidden,
            Suspicion::Missing,
        ];
        let first = Token::new("x", Duration::from_hours(12));
        assert!(all.iter().all(|suspicion| !first.is_beyond(*suspicion)));
        let other = Token::new("y", Duration::from_hours(12)).in_place_of_another();
        assert!(all.iter().all(|suspicion| other.is_beyond(*suspicion)));
        tokio::time::advance(BEYOND_REFUSAL).await;
        assert!(!other.is_beyond(Suspicion::Unauthorized));
        assert!(other.is_beyond(Suspicion::Missing) && other.is_beyond(Suspicion::Forbidden));
        tokio::time::advance(BEYOND_SUSPICION).await;
        assert!(all.iter().all(|suspicion| !other.is_beyond(*suspicion)));
    }

    #[test]
    fn nobody_is_shown_a_token() {
        let token = Token::new("top-secret", Duration::from_hours(1));
        let shown = format!("{token:?} {:?}", token.authorization());
        assert!(!shown.contains("top-secret"), "{shown}");
        assert!(!shown.contains(&BASE64.encode("aws:top-secret")), "{shown}");
        assert_eq!(token.authorization().expose(), "Basic YXdzOnRvcC1zZWNyZXQ=");
    }
}
