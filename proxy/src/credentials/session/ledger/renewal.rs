//! When the newest token is renewed, and what its renewal, or the portal, says of it.

use std::time::Duration;

use sso_session::refresh::{RenewalError, Renewed};
use sso_session::token::Token;
use tokio::time::Instant;

use super::Ledger;
use crate::credentials::session::LoginNeed;
use crate::credentials::session::known::Moment;

/// A renewal that failed is tried again after this, doubling …
const FIRST_RETRY: Duration = Duration::from_secs(5);
/// … up to this; without the doubling where requests may be waiting for it.
const LAST_RETRY: Duration = Duration::from_mins(1);

/// The renewal of the newest token.
#[derive(Debug, Default)]
pub(super) struct Renewal {
    pub(super) is_running: bool,
    pub(super) failures: u32,
    pub(super) error: Option<RenewalError>,
    pub(super) again_at: Option<Instant>,
}

impl Ledger {
    /// Whether a renewal is under way.
    pub(in crate::credentials::session) fn is_renewing(&self) -> bool {
        self.renewal.is_running
    }

    /// The token to renew, if it is time. Whoever asks renews it, and reports to [`Self::settle`].
    pub(in crate::credentials::session) fn begin_renewal(&mut self, now: Moment) -> Option<Token> {
        let known = self.known.as_ref()?;
        let pauses = self
            .renewal
            .again_at
            .is_some_and(|again| now.monotonic < again);
        let begins = !self.renewal.is_running
            && !pauses
            && self.unsaved.is_none()
            && known.refused.is_none()
            && known.token.can_refresh(now.wall)
            && known.renewal_is_due(self.threshold, now);
        self.renewal.is_running |= begins;
        begins.then(|| known.token.clone())
    }

    /// Takes note of how the renewal of `spent` ended.
    pub(in crate::credentials::session) fn settle(
        &mut self,
        spent: &Token,
        outcome: Result<Renewed, RenewalError>,
        now: Moment,
        jitter: f64,
    ) {
        self.renewal.is_running = false;
        let error = match outcome {
            Ok(renewed) => {
                let (token, unsaved) = match renewed {
                    Renewed::Found(token) | Renewed::Granted(token) => (token, None),
                    Renewed::Unsaved(token, why) => (token, Some(why)),
                };
                if !token.is_same_login(spent) && !self.is_spent(&token) {
                    self.replace(spent, token, unsaved, now, jitter);
                } else {
                    // Nothing came of it, and nothing will in a loop.
                    self.renewal.again_at = Some(now.monotonic + pause(0, jitter));
                }
                self.hoped_for = false;
                return;
            }
            Err(error) => error,
        };
        // The refusal of an older token says nothing about a newer one.
        let concerned = self
            .known
            .as_mut()
            .filter(|known| known.token.is_same_login(spent));
        let Some(known) = concerned else { return };
        match &error {
            RenewalError::LoginRequired { code, reason } => {
                known.refused = Some(LoginNeed::new(code, reason));
            }
            RenewalError::LoginOnce { code, reason } if !self.hoped_for => {
                known.refused = Some(LoginNeed::new(code, reason));
                known.refused_in_hope = true;
            }
            RenewalError::LoginOnce { .. }
            | RenewalError::ReadOnly(_)
            | RenewalError::Denied(_)
            | RenewalError::Misconfigured(_)
            | RenewalError::Passing(_) => {}
        }
        let doublings = if known.is_spent(now) {
            0
        } else {
            self.renewal.failures
        };
        self.renewal.failures += 1;
        self.renewal.again_at = Some(now.monotonic + pause(doublings, jitter));
        self.renewal.error = Some(error);
    }

    /// The portal took this token.
    pub(in crate::credentials::session) fn accept(&mut self, number: u64) {
        if self
            .known
            .as_ref()
            .is_some_and(|known| known.number == number)
        {
            self.rejections = 0;
        }
    }

    /// The portal did not take this token. It is renewed at once; where the portal does not take
    /// what comes of that either, a pause follows, as an AWS that refuses whatever it gives must not
    /// be asked in a loop.
    pub(in crate::credentials::session) fn reject(
        &mut self,
        number: u64,
        reason: &str,
        now: Moment,
        jitter: f64,
    ) {
        let concerned = self.known.as_mut().filter(|known| known.number == number);
        let Some(known) = concerned.filter(|known| known.rejected.is_none()) else {
            return;
        };
        known.rejected = Some(reason.to_owned());
        if self.rejections == 0 {
            // The portal answers: what kept the renewal back may have passed.
            self.renewal.again_at = None;
        } else if known.token.can_refresh(now.wall) {
            let pause = pause(self.rejections - 1, jitter);
            self.renewal.again_at = Some(now.monotonic + pause);
            self.renewal.error = Some(RenewalError::Passing(format!(
                "the SSO portal takes no access token, however new: {reason}"
            )));
        }
        self.rejections += 1;
    }
}

/// Between half of the pause and all of it.
fn pause(doublings: u32, jitter: f64) -> Duration {
    let pause = FIRST_RETRY.saturating_mul(1 << doublings.min(8));
    let pause = pause.min(LAST_RETRY);
    pause.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
}
