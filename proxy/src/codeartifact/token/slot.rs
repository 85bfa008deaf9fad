//! The place of one token, and of those who wait for it; and whose it is.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::time::Instant;

use super::Token;
use crate::codeartifact::Upstream;
use crate::credentials::Valid;
use crate::error::Error;

/// How long whoever comes gets the failure of whoever came before.
const FAILURE_MEMORY: Duration = Duration::from_secs(2);

/// What a token is good for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Scope {
    principal: Principal,
    region: String,
    owner: String,
    domain: String,
}

/// Whose credentials it is made with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Principal(String);

/// The place of one token, and of those who wait for it.
pub(super) struct Slot {
    state: Mutex<SlotState>,
    /// Held by whoever asks for a token.
    pub(super) turn: tokio::sync::Mutex<()>,
}

#[derive(Default)]
pub(super) struct SlotState {
    pub(super) token: Option<Arc<Token>>,
    /// The last failure: when, with credentials of which generation, and why.
    pub(super) failure: Option<(Instant, Option<u64>, Error)>,
    /// Whether a renewal ahead is under way.
    pub(super) is_renewing: bool,
    pub(super) renewals: u64,
    /// One of the repositories that it is for: renewals in time ask in its name, as long as it is served.
    pub(super) upstream: Weak<Upstream>,
}

impl Scope {
    pub(super) fn of(principal: Principal, upstream: &Upstream) -> Self {
        let config = &upstream.config;
        Self {
            principal,
            region: config.region.clone(),
            owner: config.domain_owner.clone(),
            domain: config.domain.clone(),
        }
    }
}

impl Principal {
    /// A role is the same one with each new set of keys. Of whom nothing is known, the key tells.
    pub(super) fn of(valid: &Valid) -> Self {
        let identity = &valid.identity;
        let account = valid.account_id().unwrap_or_default();
        let role = identity.role_name.as_deref().unwrap_or_default();
        let assumed = identity.assumed_role_arn.as_deref().unwrap_or_default();
        let key = if role.is_empty() && assumed.is_empty() {
            valid.credentials.access_key_id()
        } else {
            ""
        };
        Self([&identity.profile, account, role, assumed, key].join("\n"))
    }
}

impl Default for Slot {
    fn default() -> Self {
        Self {
            state: Mutex::default(),
            turn: tokio::sync::Mutex::new(()),
        }
    }
}

impl Slot {
    pub(super) fn state(&self) -> MutexGuard<'_, SlotState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn good(&self) -> Option<Arc<Token>> {
        self.state().token.clone().filter(|token| token.is_good())
    }

    /// What somebody has found out meanwhile: another token than `than`, or that there is none.
    pub(super) fn known(
        &self,
        than: Option<&Arc<Token>>,
        generation: Option<u64>,
    ) -> Option<Result<Arc<Token>, Error>> {
        let state = self.state();
        let is_other = |token: &&Arc<Token>| than.is_none_or(|than| !Arc::ptr_eq(than, token));
        let good = state.token.as_ref().filter(|token| token.is_good());
        if let Some(token) = good.filter(is_other) {
            return Some(Ok(Arc::clone(token)));
        }
        let (at, with, error) = state.failure.as_ref()?;
        // A login, or new credentials, change what can be had at once.
        let is_the_services = !matches!(error, Error::LoginRequired(_)) && *with == generation;
        (is_the_services && at.elapsed() < FAILURE_MEMORY).then(|| Err(error.clone()))
    }
}

impl SlotState {
    /// Renewals ask in this one's name, unless there is one already.
    pub(super) fn is_asked_for_by(&mut self, upstream: &Arc<Upstream>) {
        if self.upstream.strong_count() == 0 {
            self.upstream = Arc::downgrade(upstream);
        }
    }

    pub(super) fn is_current(&self, token: &Arc<Token>) -> bool {
        self.token
            .as_ref()
            .is_some_and(|current| Arc::ptr_eq(current, token))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_failure_is_for_those_who_come_within_two_seconds_with_the_same_credentials() {
        let slot = Slot::default();
        let failed = |error: Error| Some((Instant::now(), Some(1), error));
        slot.state().failure = failed(Error::unavailable("x"));
        assert!(slot.known(None, Some(1)).is_some());
        assert!(slot.known(None, Some(2)).is_none(), "others may be better");
        let login = crate::error::Trouble::new("it ended", "Run this.");
        slot.state().failure = failed(Error::LoginRequired(login));
        assert!(slot.known(None, Some(1)).is_none(), "a login may have come");
        tokio::time::pause();
        slot.state().failure = failed(Error::unavailable("x"));
        tokio::time::advance(FAILURE_MEMORY).await;
        assert!(slot.known(None, Some(1)).is_none());
    }
}
