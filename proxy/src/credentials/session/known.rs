//! The newest token of a session, with the times by which it is renewed.

use std::time::{Duration, SystemTime};

use sso_session::token::Token;
use tokio::time::Instant;

use super::LoginNeed;

/// The moment of a decision, by both clocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// May be stepped.
    pub(super) wall: SystemTime,
    /// May stand still while the machine sleeps.
    pub(super) monotonic: Instant,
}

/// A token and what became of it.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) token: Token,
    /// Tokens are counted as they come.
    pub(super) number: u64,
    seen: Instant,
    left_when_seen: Duration,
    life: Duration,
    jitter: f64,
    /// The portal did not take it, and said why.
    pub(super) rejected: Option<String>,
    /// It cannot be renewed any more.
    pub(super) refused: Option<LoginNeed>,
    /// That refusal was of the kind that a login mends at most once.
    pub(super) refused_in_hope: bool,
}

impl Known {
    /// `written` is the file's time: a token is written when it is granted. `jitter` lies between 0
    /// and 1, so that processes on one machine do not renew in the same second.
    pub(super) fn new(
        token: Token,
        number: u64,
        written: Option<SystemTime>,
        now: Moment,
        jitter: f64,
    ) -> Self {
        let left = |from: SystemTime| token.expires_at.duration_since(from).unwrap_or_default();
        let left_when_seen = left(now.wall);
        Self {
            number,
            seen: now.monotonic,
            left_when_seen,
            life: written.map_or(left_when_seen, left).max(left_when_seen),
            jitter: 0.9 + jitter.clamp(0.0, 1.0) / 10.0,
            rejected: None,
            refused: None,
            refused_in_hope: false,
            token,
        }
    }

    fn left_by_wall(&self, now: Moment) -> Duration {
        let left = self.token.expires_at.duration_since(now.wall);
        left.unwrap_or_default()
    }

    fn left_by_monotonic(&self, now: Moment) -> Duration {
        let passed = now.monotonic.saturating_duration_since(self.seen);
        self.left_when_seen.saturating_sub(passed)
    }

    /// How long before its end it is renewed: the threshold, or half of a shorter life.
    fn window(&self, threshold: Duration) -> Duration {
        threshold.min(self.life / 2)
    }

    /// About when it is renewed, by the wall clock.
    pub(super) fn renewal_at(&self, threshold: Duration) -> SystemTime {
        let ends = self.token.expires_at;
        ends.checked_sub(self.window(threshold)).unwrap_or(ends)
    }

    /// Early is harmless: one clock is enough.
    pub(super) fn renewal_is_due(&self, threshold: Duration, now: Moment) -> bool {
        let left = self.left_by_wall(now).min(self.left_by_monotonic(now));
        self.rejected.is_some() || left <= self.window(threshold).mul_f64(self.jitter)
    }

    /// Asking a person too early is not: both clocks have to say so.
    pub(super) fn nears_its_end(&self, threshold: Duration, now: Moment) -> bool {
        let left = self.left_by_wall(now).max(self.left_by_monotonic(now));
        left <= self.window(threshold)
    }

    /// Whether both clocks say that it has ended.
    fn has_ended(&self, now: Moment) -> bool {
        self.left_by_wall(now).max(self.left_by_monotonic(now)) == Duration::ZERO
    }

    /// Whether nothing is left of it.
    pub(super) fn is_spent(&self, now: Moment) -> bool {
        self.rejected.is_some() || self.has_ended(now)
    }
}
