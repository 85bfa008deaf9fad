//! The tokens of CodeArtifact: a value for each principal, region and domain. In memory only.
//!
//! * One call at a time gets one; whoever wants it meanwhile waits for that one, and a client that leaves ends
//!   nothing.
//! * It is renewed ahead, while the old one serves, also where nobody asks for it then. It outlives the login: nobody waits for anything while it is
//!   good.
//! * A failure is remembered for two seconds at most, and never one that a login cures.

mod schedule;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sso_session::secret::Secret;
use tokio::time::{Instant, timeout};
use tracing::{Instrument as _, debug, info, info_span, warn};
use url::Url;

use super::control::{Control, Operation};
use super::{TokenReport, Upstream};
use crate::credentials::{State, Valid, now};
use crate::error::Error;
use crate::request;

/// How long a token is asked for.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long whoever comes gets the failure of whoever came before.
const FAILURE_MEMORY: Duration = Duration::from_secs(2);
/// Renewals ahead that fail are that far apart: the old token serves meanwhile.
const RENEWAL_REST: Duration = Duration::from_secs(10);
/// A token of this age at most is not suspected: it was just made for that reason.
const FORCED_AT_MOST_EVERY: Duration = Duration::from_secs(30);
/// How long a success speaks for a token.
const PROOF_MEMORY: Duration = Duration::from_mins(1);
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

/// What a token is good for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Scope {
    principal: Principal,
    region: String,
    owner: String,
    domain: String,
    duration: Duration,
}

/// Whose credentials it is made with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Principal(String);

/// One token.
pub(super) struct Token {
    /// The value of `Authorization`.
    authorization: Secret,
    life: Duration,
    made: Instant,
    made_at: SystemTime,
    /// When it last was shown to be good, or was replaced for a doubt that the new one did not clear.
    proven: Mutex<Option<Instant>>,
    /// What was found with it last.
    found: Mutex<Option<Url>>,
}

/// Why a token is replaced before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Suspicion {
    /// It was refused: it is of no use to anybody.
    Refused,
    /// Nothing was found with it, which may be its fault: it serves on until there is another.
    Doubted,
}

/// The place of one token, and of those who wait for it.
struct Slot {
    state: Mutex<SlotState>,
    /// Held by whoever asks for a token.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct SlotState {
    token: Option<Arc<Token>>,
    /// The last failure: when, with credentials of which generation, and why.
    failure: Option<(Instant, Option<u64>, Error)>,
    /// Whether a renewal ahead is under way.
    is_renewing: bool,
    renewals: u64,
    /// When one was last made for a suspicion.
    forced: Option<Instant>,
}

impl Token {
    fn new(value: &str, life: Duration) -> Self {
        // As documented: the user is `aws`, whatever the client.
        let pair = Secret::new(format!("aws:{value}"));
        Self {
            authorization: Secret::new(format!("Basic {}", BASE64.encode(pair.expose()))),
            life,
            made: Instant::now(),
            made_at: now(),
            proven: Mutex::default(),
            found: Mutex::default(),
        }
    }

    #[cfg(test)]
    pub(super) fn for_tests(value: &str) -> Self {
        Self::new(value, Duration::from_hours(12))
    }

    /// The value of `Authorization`, for requests to CodeArtifact alone.
    pub(super) fn authorization(&self) -> &Secret {
        &self.authorization
    }

    /// It has just worked.
    pub(super) fn prove(&self) {
        *self.proven.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// It has just found something of CodeArtifact's own there.
    pub(super) fn prove_by(&self, url: Url) {
        self.prove();
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = Some(url);
    }

    /// What was found with it last, and is so still if it is good.
    pub(super) fn found(&self) -> Option<Url> {
        self.found
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Whether it has worked lately: then what is not found with it is not there.
    pub(super) fn is_proven(&self) -> bool {
        let proven = *self.proven.lock().unwrap_or_else(PoisonError::into_inner);
        proven.is_some_and(|at| at.elapsed() < PROOF_MEMORY)
    }

    /// By the clock that runs further: one stands still while the machine sleeps, the other one may be set.
    fn age(&self) -> Duration {
        let by_wall = now().duration_since(self.made_at).unwrap_or_default();
        self.made.elapsed().max(by_wall)
    }

    fn is_good(&self) -> bool {
        self.age() < schedule::last_age(self.life)
    }

    fn is_due(&self) -> bool {
        self.age() >= schedule::renewal_age(self.life)
    }

    /// When it ends, by this machine's clock.
    pub(super) fn until(&self) -> SystemTime {
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

impl Principal {
    /// A role is the same one with each new set of keys. Of whom nothing is known, the key tells.
    fn of(valid: &Valid) -> Self {
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
        if let Some(token) = slot.good() {
            if token.is_due() {
                self.renew_ahead(&slot, upstream, &token);
            }
            return Ok(token);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        self.obtained(&slot, upstream, None, left).await
    }

    /// Another token than this one, which CodeArtifact seems not to take. `None`: there is no sense in one, as
    /// this one was made for such a reason a moment ago.
    pub(super) async fn replace(
        &self,
        upstream: &Arc<Upstream>,
        token: &Arc<Token>,
        suspicion: Suspicion,
        patience: Duration,
    ) -> Result<Option<Arc<Token>>, Error> {
        let Some(slot) = self.slot(upstream) else {
            return Ok(None);
        };
        {
            let mut state = slot.state();
            if state.is_current(token) {
                // One that has worked and is refused now is dead, however young it is.
                let rest = match suspicion {
                    Suspicion::Refused if token.is_proven() => FAILURE_MEMORY,
                    Suspicion::Refused | Suspicion::Doubted => FORCED_AT_MOST_EVERY,
                };
                let lately = |at: Instant| at.elapsed() < rest;
                if state.forced.is_some_and(lately) {
                    return Ok(None);
                }
                state.forced = Some(Instant::now());
                if suspicion == Suspicion::Refused {
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
        if replaced.is_err() {
            // No other one was made: the next suspicion may ask again.
            slot.state().forced = None;
        }
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
        let config = &upstream.config;
        let scope = Scope {
            principal,
            region: config.region.clone(),
            owner: config.domain_owner.clone(),
            domain: config.domain.clone(),
            duration: config.token_duration,
        };
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= MOST_SLOTS && !slots.contains_key(&scope) {
            slots.retain(|_, slot| slot.good().is_some() || Arc::strong_count(slot) > 1);
        }
        Some(Arc::clone(slots.entry(scope).or_default()))
    }

    /// Renews a token behind the backs of those who go on with the old one.
    fn renew_ahead(&self, slot: &Arc<Slot>, upstream: &Arc<Upstream>, token: &Arc<Token>) {
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
            let _outcome = this.obtain(&slot, &upstream, Some(&token)).await;
            drop(renewing);
        });
    }

    /// Renews a token when its time has come, whether somebody asks or not: a token that is young when the login
    /// ends serves the longer. Ends with the token, or when it is not the one in use any more.
    fn renew_in_time(&self, slot: &Arc<Slot>, upstream: &Arc<Upstream>, token: &Arc<Token>) {
        let (this, token) = (self.clone(), Arc::clone(token));
        let span = info_span!("token", upstream = upstream.config.alias);
        let (slot, upstream) = (Arc::downgrade(slot), Arc::downgrade(upstream));
        let renewing = async move {
            let mut pause = schedule::renewal_age(token.life);
            loop {
                tokio::time::sleep(pause).await;
                let (Some(slot), Some(upstream)) = (slot.upgrade(), upstream.upgrade()) else {
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
        let task =
            request::spawn(async move { this.obtain(&slot, &upstream, than.as_ref()).await });
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
                debug!(upstream = alias, life = ?token.life, "CodeArtifact has given a token");
                let token = Arc::new(token);
                state.token = Some(Arc::clone(&token));
                state.failure = None;
                state.renewals += 1;
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

impl Default for Slot {
    fn default() -> Self {
        Self {
            state: Mutex::default(),
            turn: tokio::sync::Mutex::new(()),
        }
    }
}

impl Slot {
    fn state(&self) -> MutexGuard<'_, SlotState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn good(&self) -> Option<Arc<Token>> {
        self.state().token.clone().filter(|token| token.is_good())
    }

    /// What somebody has found out meanwhile: another token than `than`, or that there is none.
    fn known(
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
    fn is_current(&self, token: &Arc<Token>) -> bool {
        self.token
            .as_ref()
            .is_some_and(|current| Arc::ptr_eq(current, token))
    }
}

/// A renewal ahead: over when dropped.
struct Renewing(Arc<Slot>);

impl Drop for Renewing {
    fn drop(&mut self) {
        self.0.state().is_renewing = false;
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

    #[test]
    fn nobody_is_shown_a_token() {
        let token = Token::new("top-secret", Duration::from_hours(1));
        let shown = format!("{token:?} {:?}", token.authorization());
        assert!(!shown.contains("top-secret"), "{shown}");
        assert!(!shown.contains(&BASE64.encode("aws:top-secret")), "{shown}");
        assert_eq!(token.authorization().expose(), "Basic YXdzOnRvcC1zZWNyZXQ=");
    }
}
