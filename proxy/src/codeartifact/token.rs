//! The tokens of CodeArtifact: a value for each principal, region and domain. In memory only.
//!
//! * One call at a time gets one; whoever wants it meanwhile waits for that one, and a client that leaves ends
//!   nothing.
//! * It is renewed ahead, while the old one serves, also where nobody asks for it then. It outlives the login: nobody waits for anything while it is
//!   good.
//! * A failure is remembered for two seconds at most, and never one that a login cures.

mod renewal;
mod schedule;
mod slot;
mod value;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use http::StatusCode;
use tokio::time::{Instant, timeout};
use tracing::{debug, info, warn};

use super::control::{Control, Operation};
use super::{TokenReport, Upstream};
use crate::credentials::{State, now};
use crate::error::Error;
use crate::request;
use slot::{Principal, Scope, Slot};
pub(super) use value::Token;

/// How long a token is asked for.
const PATIENCE: Duration = Duration::from_secs(10);
/// Principals change, and what they had must not pile up.
const MOST_SLOTS: usize = 256;

/// All tokens. Cheap to clone.
#[derive(Clone)]
pub(super) struct Tokens {
    control: Arc<Control>,
    slots: Arc<Mutex<HashMap<Scope, Arc<Slot>>>>,
    /// Whose credentials were the last good ones: while there are none, their tokens serve on.
    principal: Arc<Mutex<Option<Principal>>>,
}

/// Why a token is replaced before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Suspicion {
    /// 401: it was refused. One that has not worked lately is of no use to anybody.
    Unauthorized,
    /// 403: perhaps it was refused; perhaps this repository is not for its principal, as others of the domain are.
    Forbidden,
    /// 404: nothing was found with it, which may be its fault.
    Missing,
}

impl Suspicion {
    /// What a status that may be about the token makes of it.
    pub(super) fn of(status: StatusCode) -> Self {
        match status.as_u16() {
            401 => Self::Unauthorized,
            403 => Self::Forbidden,
            _ => Self::Missing,
        }
    }
}

impl Tokens {
    pub(super) fn new(control: Arc<Control>) -> Self {
        Self {
            control,
            slots: Arc::default(),
            principal: Arc::default(),
        }
    }

    /// A good token, waiting for one at most `patience`.
    pub(super) async fn get(
        &self,
        upstream: &Arc<Upstream>,
        patience: Duration,
    ) -> Result<Arc<Token>, Error> {
        let deadline = Instant::now() + patience;
        if self.slot(upstream).is_none() {
            // The first credentials of the process.
            self.control.credentials().usable(patience).await?;
        }
        let unknown = || Error::unavailable("the credentials are being fetched");
        let slot = self.slot(upstream).ok_or_else(unknown)?;
        slot.state().is_asked_for_by(upstream);
        if let Some(token) = slot.good() {
            if token.is_due() {
                self.renew_ahead(&slot, upstream, &token);
            }
            return Ok(token);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        self.obtained(&slot, upstream, None, left).await
    }

    /// Another token than this one, which CodeArtifact seems not to take. `None`: there is no sense in one, as this
    /// very one was made for such a reason a moment ago. Whoever comes meanwhile waits for the same one.
    pub(super) async fn replace(
        &self,
        upstream: &Arc<Upstream>,
        token: &Arc<Token>,
        suspicion: Suspicion,
        patience: Duration,
    ) -> Result<Option<Arc<Token>>, Error> {
        let unknown = || Error::unavailable("the credentials are being fetched");
        let slot = self.slot(upstream).ok_or_else(unknown)?;
        {
            let mut state = slot.state();
            if state.is_current(token) {
                if token.is_beyond(suspicion) {
                    return Ok(None);
                }
                // Any other one serves on until there is another: it is the domain's, and what one repository
                // answers says little of it.
                if suspicion == Suspicion::Unauthorized && !token.is_proven() {
                    state.token = None;
                }
            }
        }
        info!(
            upstream = upstream.config.alias,
            ?suspicion,
            "a token of CodeArtifact is replaced before its time"
        );
        let replaced = self.obtained(&slot, upstream, Some(token), patience).await;
        replaced.map(Some)
    }

    /// Whether there is a good token for any of these: then not all is in vain without a login.
    pub(super) fn any_good(&self, upstreams: &[Arc<Upstream>]) -> bool {
        let mut slots = upstreams.iter().filter_map(|upstream| self.slot(upstream));
        slots.any(|slot| slot.good().is_some())
    }

    /// How a repository's token stands, and how many have been had.
    pub(super) fn report(&self, upstream: &Upstream) -> (TokenReport, u64) {
        let Some(slot) = self.slot(upstream) else {
            let state = self.control.credentials().state();
            let is_known = !matches!(state, State::Refreshing);
            let error = state.into_result().err().filter(|_| is_known);
            return (error.map_or(TokenReport::NoneYet, TokenReport::Missing), 0);
        };
        let generation = self.control.credentials().generation();
        let state = slot.state();
        // What was wrong with other credentials says nothing of these.
        let failure = state
            .failure
            .as_ref()
            .filter(|(_, with, _)| *with == generation);
        let failure = failure.map(|(_, _, error)| error.clone());
        let good = state.token.as_ref().filter(|token| token.is_good());
        let report = match (good, failure) {
            (Some(token), trouble) => TokenReport::Good {
                until: token.until(),
                trouble,
            },
            (None, Some(failure)) => TokenReport::Missing(failure),
            (None, None) => TokenReport::NoneYet,
        };
        (report, state.renewals)
    }

    /// The place of a repository's token, for whoever the credentials are of: `None` before the first ones.
    fn slot(&self, upstream: &Upstream) -> Option<Arc<Slot>> {
        let principal = {
            let mut last = self
                .principal
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            if let State::Valid(valid) = self.control.credentials().state() {
                *last = Some(Principal::of(&valid));
            }
            last.clone()?
        };
        let scope = Scope::of(principal, upstream);
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= MOST_SLOTS && !slots.contains_key(&scope) {
            slots.retain(|_, slot| slot.good().is_some() || Arc::strong_count(slot) > 1);
        }
        Some(Arc::clone(slots.entry(scope).or_default()))
    }

    /// Another token than `than`, got in a task of its own.
    async fn obtained(
        &self,
        slot: &Arc<Slot>,
        upstream: &Arc<Upstream>,
        than: Option<&Arc<Token>>,
        patience: Duration,
    ) -> Result<Arc<Token>, Error> {
        let (this, slot) = (self.clone(), Arc::clone(slot));
        let (upstream, than) = (Arc::clone(upstream), than.cloned());
        let task = request::spawn(async move {
            let is_suspected = than.is_some();
            this.obtain(&slot, &upstream, than.as_ref(), is_suspected)
                .await
        });
        match timeout(patience, task).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(Error::unavailable("asking for a token ended unexpectedly")),
            Err(_) => {
                self.control.credentials().refuse_without_login()?;
                Err(Error::unavailable(
                    "CodeArtifact's token is still being asked for",
                ))
            }
        }
    }

    async fn obtain(
        &self,
        slot: &Arc<Slot>,
        upstream: &Arc<Upstream>,
        than: Option<&Arc<Token>>,
        is_suspected: bool,
    ) -> Result<Arc<Token>, Error> {
        let _turn = slot.turn.lock().await;
        let generation = self.control.credentials().generation();
        if let Some(known) = slot.known(than, generation) {
            // Whoever had the turn before has found out.
            return known;
        }
        let made = self.make(upstream).await;
        let outcome = if made.is_ok() { "ok" } else { "failed" };
        let alias: &str = &upstream.config.alias;
        let renewals = &self.control.metrics().codeartifact.token_renewals;
        renewals.with_label_values(&[alias, outcome]).inc();
        let mut state = slot.state();
        match made {
            Ok(token) => {
                let token = if is_suspected {
                    token.in_place_of_another()
                } else {
                    token
                };
                debug!(upstream = alias, life = ?token.life, "CodeArtifact has given a token");
                let token = Arc::new(token);
                state.token = Some(Arc::clone(&token));
                state.failure = None;
                state.renewals += 1;
                state.is_asked_for_by(upstream);
                self.renew_in_time(slot, upstream, &token);
                Ok(token)
            }
            Err(error) => {
                // Each trouble once; the keeper has said that a login is needed.
                let is_known = matches!(error, Error::LoginRequired(_)) || state.failure.is_some();
                if !is_known {
                    warn!(upstream = alias, %error, "no token of CodeArtifact could be had");
                }
                state.failure = Some((Instant::now(), generation, error.clone()));
                Err(error)
            }
        }
    }

    async fn make(&self, upstream: &Upstream) -> Result<Token, Error> {
        let config = &upstream.config;
        let operation = Operation::GetAuthorizationToken;
        let seconds = i64::try_from(config.token_duration.as_secs()).unwrap_or(i64::MAX);
        let answer = self
            .control
            .call(upstream, operation, PATIENCE, |client| {
                client
                    .get_authorization_token()
                    .domain(&config.domain)
                    .domain_owner(&config.domain_owner)
                    .duration_seconds(seconds)
                    .send()
            })
            .await
            .map_err(|refusal| self.control.explain(upstream, operation, refusal))?;
        let value = answer
            .authorization_token()
            .filter(|value| !value.is_empty());
        let value =
            value.ok_or_else(|| Error::unavailable("CodeArtifact has answered without a token"))?;
        let end = answer
            .expiration()
            .and_then(|end| SystemTime::try_from(*end).ok());
        Ok(Token::new(
            value,
            schedule::life(config.token_duration, end, now()),
        ))
    }
}
