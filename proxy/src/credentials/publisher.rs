//! The one door through which a keeper publishes: the state for requests, and beside it what a person
//! wants to know.

use std::sync::Arc;

use aws_credential_types::Credentials as AwsCredentials;
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{info, warn};

use super::keeper::now;
use super::{Identity, Report, State, TokenReport, Valid};
use crate::error::Trouble;

/// The keeper's side of the channels.
#[derive(Debug)]
pub(super) struct Publisher {
    state: watch::Sender<State>,
    report: watch::Sender<Report>,
    /// Before that, nothing newer than the credentials in use is to be had.
    rest: watch::Sender<Option<Instant>>,
    identity: Identity,
    generation: u64,
    containers: Option<Containers>,
    /// Whether requests wait for a login.
    is_awaited: bool,
}

/// Whom credentials for containers come from: one keeper of many, so its log lines say which.
#[derive(Debug)]
struct Containers {
    source: String,
    role_arn: Option<String>,
}

impl Publisher {
    /// Nothing known yet; and the readers' sides.
    pub(super) fn new(profile: &str) -> (Self, watch::Receiver<State>, watch::Receiver<Report>) {
        let (state, state_view) = watch::channel(State::Refreshing);
        let (report, report_view) = watch::channel(Report::unknown(now()));
        let publisher = Self {
            state,
            report,
            rest: watch::Sender::new(None),
            identity: Identity::of_profile(profile),
            generation: 0,
            containers: None,
            is_awaited: true,
        };
        (publisher, state_view, report_view)
    }

    /// The same, for credentials that are handed on: of that source, with that role.
    pub(super) fn for_containers(self, source: String, role_arn: Option<&str>) -> Self {
        let role_arn = role_arn.map(str::to_owned);
        let containers = Some(Containers { source, role_arn });
        Self { containers, ..self }
    }

    /// The same, where no request waits for a login.
    pub(super) fn unawaited(self) -> Self {
        Self {
            is_awaited: false,
            ..self
        }
    }

    /// For readers who want newer credentials: how long there are none.
    pub(super) fn rest(&self) -> watch::Receiver<Option<Instant>> {
        self.rest.subscribe()
    }

    /// Nothing newer is to be had until then.
    pub(super) fn rest_until(&self, until: Instant) {
        self.rest.send_replace(Some(until));
    }

    pub(super) fn state(&self) -> State {
        self.state.borrow().clone()
    }

    pub(super) fn valid(&self) -> Option<Arc<Valid>> {
        self.state.borrow().valid().map(Arc::clone)
    }

    pub(super) fn is_valid(&self) -> bool {
        self.valid().is_some()
    }

    /// Whether the credentials in use are of whom the configuration names now: those may go on
    /// serving while new ones cannot be had.
    pub(super) fn holds_credentials_of_this_identity(&self) -> bool {
        self.valid()
            .is_some_and(|valid| valid.identity == self.identity)
    }

    /// Whose credentials come next.
    pub(super) fn set_identity(&mut self, identity: Identity) {
        self.report
            .send_modify(|report| report.identity = Some(identity.clone()));
        self.identity = identity;
    }

    /// Notes whether a login lies ahead; true if that is news.
    pub(super) fn set_login_ahead(&self, trouble: Option<Arc<Trouble>>) -> bool {
        let before = self.report.borrow().login_ahead.is_some();
        let is_news = before != trouble.is_some();
        if is_news {
            self.report
                .send_modify(|report| report.login_ahead = trouble);
        }
        is_news
    }

    /// Notes how the session's token stands.
    pub(super) fn set_token(&self, token: Option<TokenReport>) {
        self.report.send_if_modified(|report| {
            let is_news = report.token != token;
            report.token = token;
            is_news
        });
    }

    /// Notes what keeps the credentials in use from being renewed.
    pub(super) fn note_failed_renewal(&self, failure: &State) {
        let reason = failure.trouble().map(|trouble| trouble.reason.clone());
        match &self.containers {
            None => warn!(
                reason,
                "renewing the credentials failed; the old ones go on serving"
            ),
            Some(Containers { source, role_arn }) => warn!(
                source,
                role = role_arn,
                reason,
                "renewing the credentials for containers failed; the old ones are handed out until their end"
            ),
        }
        self.report.send_modify(|report| {
            report.renewal_trouble = failure.trouble().cloned();
            report.renewal_failure = Some(failure.clone());
        });
    }

    /// Nothing keeps them from being renewed any more.
    pub(super) fn note_renewal(&self) {
        self.report.send_modify(Report::forget_failed_renewal);
    }

    pub(super) fn publish_credentials(&mut self, credentials: AwsCredentials) {
        self.generation += 1;
        let generation = self.generation;
        let expiry = credentials.expiry().map(sso_session::date::format);
        match &self.containers {
            None => info!(generation, expiry, "credentials are valid"),
            Some(Containers { source, role_arn }) => info!(
                source,
                role = role_arn,
                generation,
                expiry,
                "credentials for containers are valid"
            ),
        }
        self.publish(State::Valid(Arc::new(Valid {
            credentials,
            generation,
            identity: self.identity.clone(),
            loaded_at: now(),
            loaded: Instant::now(),
        })));
    }

    pub(super) fn publish(&self, next: State) {
        let (name, is_same) = {
            let state = self.state.borrow();
            (state.name(), state.trouble() == next.trouble())
        };
        if let (false, Some(trouble)) = (is_same, next.trouble()) {
            self.log_trouble(&next, trouble);
        }
        self.report.send_modify(|report| {
            if name != next.name() {
                report.since = now();
            }
            if !matches!(next, State::Valid(_)) {
                report.login_ahead = None;
                report.forget_failed_renewal();
            }
            report.state = next.clone();
        });
        self.rest.send_replace(None);
        self.state.send_replace(next);
    }

    fn log_trouble(&self, next: &State, trouble: &Trouble) {
        let (state, Trouble { reason, cure, .. }) = (next.name(), trouble);
        match &self.containers {
            None => {
                let is_login = matches!(next, State::LoginRequired(_));
                let misses = if is_login && self.is_awaited {
                    "wait"
                } else {
                    "fail"
                };
                warn!(
                    state,
                    reason, cure, misses, "no credentials: hits are served"
                );
            }
            Some(Containers { source, role_arn }) => warn!(
                source,
                role = role_arn,
                state,
                reason,
                cure,
                "no credentials for containers: they are told so"
            ),
        }
    }
}
