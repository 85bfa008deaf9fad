//! Renewals that nobody waits for.

use std::sync::Arc;
use std::time::Duration;

use tracing::{Instrument as _, info_span};

use super::slot::Slot;
use super::{Token, Tokens, schedule};
use crate::codeartifact::{Table, Upstream};
use crate::request;

/// Renewals ahead that fail are that far apart: the old token serves meanwhile.
const RENEWAL_REST: Duration = Duration::from_secs(10);

/// A renewal ahead: over when dropped.
struct Renewing(Arc<Slot>);

impl Drop for Renewing {
    fn drop(&mut self) {
        self.0.state().is_renewing = false;
    }
}

impl Tokens {
    /// Renews a token behind the backs of those who go on with the old one.
    pub(super) fn renew_ahead(
        &self,
        slot: &Arc<Slot>,
        upstream: &Arc<Upstream>,
        token: &Arc<Token>,
    ) {
        {
            let mut state = slot.state();
            let failed = state.failure.as_ref().map(|(at, ..)| *at);
            if state.is_renewing || failed.is_some_and(|at| at.elapsed() < RENEWAL_REST) {
                return;
            }
            state.is_renewing = true;
        }
        let (this, slot, token) = (self.clone(), Arc::clone(slot), Arc::clone(token));
        let upstream = Arc::clone(upstream);
        request::spawn(async move {
            let renewing = Renewing(Arc::clone(&slot));
            // A failure was logged; the old one serves meanwhile.
            let _outcome = this.obtain(&slot, &upstream, Some(&token), false).await;
            drop(renewing);
        });
    }

    /// Renews a token when its time has come, whether somebody asks or not: a token that is young when the login
    /// ends serves the longer. Ends with the token, or when it is not the one in use any more.
    pub(super) fn renew_in_time(
        &self,
        slot: &Arc<Slot>,
        upstream: &Arc<Upstream>,
        token: &Arc<Token>,
    ) {
        let (this, token) = (self.clone(), Arc::clone(token));
        let span = info_span!(parent: None, "token", upstream = upstream.config.alias);
        let slot = Arc::downgrade(slot);
        let renewing = async move {
            let mut pause = schedule::renewal_age(token.life);
            loop {
                tokio::time::sleep(pause).await;
                let Some(slot) = slot.upgrade() else { return };
                // Not the one that it was made for: configurations come and go while a token lives.
                let Some(upstream) = slot.state().upstream.upgrade() else {
                    return;
                };
                let is_in_use = slot.state().is_current(&token)
                    && this
                        .slot(&upstream)
                        .is_some_and(|current| Arc::ptr_eq(&current, &slot));
                if !is_in_use || !token.is_good() {
                    return;
                }
                this.renew_ahead(&slot, &upstream, &token);
                pause = RENEWAL_REST;
            }
        };
        tokio::spawn(renewing.instrument(span));
    }

    /// These are served from now on: what they have is renewed in their names.
    pub(in crate::codeartifact) fn serve(&self, table: &Table) {
        for upstream in table.upstreams() {
            if let Some(slot) = self.slot(upstream) {
                slot.state().upstream = Arc::downgrade(upstream);
            }
        }
    }
}
