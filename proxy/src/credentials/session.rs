//! One SSO session of this process, shared by the keepers of all its profiles.
//!
//! ```text
//! token file ─► look ─► Ledger (decides) ─► Standing ─► role credentials
//!                          │     ▲
//!                          └─► Renewer, in a task of its own that nobody aborts
//! ```
//!
//! A look reads the file, about once a second for each keeper; a renewal runs beside it, so that a new
//! login is seen while AWS hangs.

mod given;
mod known;
mod ledger;
mod outcome;
mod standing;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use sso_session::config::SsoProfile;
use sso_session::portal::Portal;
use sso_session::refresh::{RenewalError, Renewed, Renewer};
use sso_session::token::{Token, TokenFile};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tracing::field::Empty;
use tracing::{Instrument as _, info, info_span, warn};

pub(crate) use outcome::RenewalOutcome;
pub(crate) use standing::Outlook;
pub(super) use standing::{AccessToken, LoginNeed, Standing};

use super::TokenReport;
use super::turns::Turns;
use given::{Answer, Given};
use known::Moment;
use ledger::Ledger;

use crate::metrics::Metrics;
use crate::telemetry;

/// One session.
#[derive(Debug)]
pub(super) struct Session {
    renewer: Renewer,
    portal: Portal,
    ledger: Mutex<Ledger>,
    /// Readings are noted in the order in which they were made.
    looking: tokio::sync::Mutex<()>,
    renewals: watch::Sender<u64>,
    given: Given,
    metrics: Arc<Metrics>,
}

impl Session {
    pub(super) fn new(
        renewer: Renewer,
        portal: Portal,
        threshold: Duration,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            renewer,
            portal,
            ledger: Mutex::new(Ledger::new(threshold)),
            looking: tokio::sync::Mutex::default(),
            renewals: watch::Sender::new(0),
            given: Given::default(),
            metrics,
        }
    }

    /// Reads the token file, begins a renewal if one is due, and says what can be done.
    pub(super) async fn look(self: &Arc<Self>) -> Standing {
        let guard = self.looking.lock().await;
        let file = self.renewer.token_file().clone();
        let read = tokio::task::spawn_blocking(move || (file.read(), written(&file))).await;
        if let Ok((reading, written)) = read {
            self.ledger().see(reading, written, now(), fastrand::f64());
        }
        drop(guard);
        self.save_unsaved().await;
        let due = self.ledger().begin_renewal(now());
        if let Some(token) = due {
            self.begin_renewal(token);
        }
        self.ledger().standing(now())
    }

    /// As [`Self::look`], waiting at most `patience` for a renewal under way.
    pub(super) async fn settled(self: &Arc<Self>, patience: Duration) -> Standing {
        let mut renewals = self.renewals.subscribe();
        let settled = async {
            loop {
                renewals.borrow_and_update();
                match self.look().await {
                    Standing::Renewing => {}
                    settled @ (Standing::Usable(_)
                    | Standing::LoginRequired(_)
                    | Standing::Passing(_)
                    | Standing::Denied(_)
                    | Standing::Misconfigured(_)) => return settled,
                }
                // The sender is in `self`, so it is not gone.
                let _changed = renewals.changed().await;
            }
        };
        let in_time = timeout(patience, settled).await;
        in_time
            .unwrap_or_else(|_| Standing::Passing("the access token is still being renewed".into()))
    }

    /// The portal took this token.
    pub(super) fn accept(&self, token: &AccessToken) {
        self.ledger().accept(token.number);
    }

    /// The portal did not take this token. What follows from it is the next [`Self::settled`].
    pub(super) fn reject(&self, token: &AccessToken, reason: &str) {
        self.ledger()
            .reject(token.number, reason, now(), fastrand::f64());
    }

    /// The login that will be needed although the token is still good.
    pub(super) fn login_ahead(&self) -> Option<LoginNeed> {
        self.ledger().login_ahead(now())
    }

    /// How the newest token stands, for people.
    pub(super) fn token_report(&self) -> Option<TokenReport> {
        self.ledger().outlook(now()).map(Outlook::into_report)
    }

    /// What the portal gives for this token now.
    pub(super) async fn role_credentials(
        &self,
        token: &AccessToken,
        profile: &SsoProfile,
    ) -> Answer {
        let (account, role) = (&profile.account_id, &profile.role_name);
        let asked = self.portal.role_credentials(&token.secret, account, role);
        asked.await
    }

    /// The same, asked once for all who want the same at about the same time, in their turn among all.
    pub(super) async fn shared_role_credentials(
        &self,
        token: &AccessToken,
        profile: &SsoProfile,
        turns: &Turns,
    ) -> Answer {
        let ask = turns.take(self.role_credentials(token, profile));
        self.given.or_ask(token.number, profile, ask).await
    }

    /// STS did not take them: the portal is asked for others next time.
    pub(super) fn forget_role_credentials(&self, profile: &SsoProfile) {
        self.given.forget(profile);
    }

    /// Ends with the next end of a renewal.
    pub(super) async fn next_renewal(&self) {
        // The sender is in `self`, so it is not gone.
        let _changed = self.renewals.subscribe().changed().await;
    }

    /// Begins a renewal if one is due, and waits for its end within `patience`.
    ///
    /// `None`: there is no token.
    pub(super) async fn renewed_if_due(self: &Arc<Self>, patience: Duration) -> Option<Outlook> {
        self.look().await;
        self.finish_within(patience).await;
        // Once more: a token that could not be written gets another chance.
        self.look().await;
        self.ledger().outlook(now())
    }

    pub(super) fn renewer(&self) -> &Renewer {
        &self.renewer
    }

    /// Takes nothing away from others that wait: whoever is cancelled here may be followed by one.
    pub(super) async fn finish_within(&self, patience: Duration) {
        let mut renewals = self.renewals.subscribe();
        let finished = async {
            while self.ledger().is_renewing() {
                // The sender is in `self`, so it is not gone.
                let _changed = renewals.changed().await;
            }
        };
        if timeout(patience, finished).await.is_err() {
            warn!("a renewal of the SSO token did not end in time and is left behind");
        }
    }

    fn begin_renewal(self: &Arc<Self>, token: Token) {
        let this = Arc::clone(self);
        let span = info_span!(
            target: telemetry::SPANS,
            parent: None,
            "credentials.renewal",
            bazel_proxy.outcome = Empty,
            otel.status_code = Empty,
        );
        // Awaited by its note in the ledger: see `finish_within`.
        tokio::spawn(async move {
            // However it ends, a panic included, the ledger hears of it.
            let renewal = tokio::spawn({
                let (this, token) = (Arc::clone(&this), token.clone());
                async move { this.renewer.renew(&token, || now().wall).await }
                    .instrument(span.clone())
            });
            let outcome = renewal.await.unwrap_or_else(|error| {
                Err(RenewalError::Passing(format!(
                    "the renewal ended unexpectedly: {error}"
                )))
            });
            log_outcome(&outcome);
            let label = RenewalOutcome::of(&outcome).label();
            span.record("bazel_proxy.outcome", label);
            if outcome.is_err() {
                span.record("otel.status_code", "ERROR");
            }
            let renewals = &this.metrics.sso_renewals;
            renewals.with_label_values(&[label]).inc();
            this.ledger()
                .settle(&token, outcome, now(), fastrand::f64());
            this.renewals.send_modify(|renewals| *renewals += 1);
        });
    }

    async fn save_unsaved(&self) {
        let unsaved = self.ledger().unsaved();
        if let Some((spent, token)) = unsaved {
            let file = self.renewer.token_file().clone();
            let new = token.clone();
            let write = move || file.replace_if_ours_is_newer(&spent, &new);
            match tokio::task::spawn_blocking(write).await {
                Ok(Ok(_)) => {
                    info!("the renewed token is in its file now");
                    self.ledger().saved(&token, now());
                }
                Ok(Err(error)) => self
                    .ledger()
                    .not_saved(&token, RenewalError::of_disk(&error)),
                Err(_) => {}
            }
        }
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn log_outcome(outcome: &Result<Renewed, RenewalError>) {
    match outcome {
        Ok(Renewed::Granted(token) | Renewed::Unsaved(token, _)) => {
            let expires_at = sso_session::date::format(token.expires_at);
            info!(expires_at, "the SSO access token was renewed");
        }
        Ok(Renewed::Found(_)) => info!("another program had renewed the SSO access token"),
        Err(error) => warn!(%error, "the SSO access token could not be renewed"),
    }
}

fn written(file: &TokenFile) -> Option<SystemTime> {
    std::fs::metadata(file.path()).ok()?.modified().ok()
}

fn now() -> Moment {
    Moment {
        wall: super::keeper::now(),
        monotonic: Instant::now(),
    }
}
