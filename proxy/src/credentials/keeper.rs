//! The task that owns the credentials of one profile: it decides when to fetch them and publishes what
//! came.
//!
//! It fetches when it starts, when a watched file or the SSO token changes, when AWS refused what it
//! had, ahead of an expiry, and again and again while something passing is wrong. Old values serve
//! until there are better ones; no failure ends the task.

mod login;
mod publishing;

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials as AwsCredentials;
use futures_util::FutureExt as _;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tracing::field::Empty;
use tracing::{Instrument as _, Span, error, info, info_span};

use super::files::{Content, WatchedFiles};
use super::publisher::Publisher;
use super::schedule::{self, Pace};
use super::session::{LoginNeed, Session};
use super::signalling::Signalling;
use super::source::{Attempt, Failed, Principal, Source};
use super::waiting::Waiting;
use super::{Credentials, State, Valid};
use crate::config::RenewalConfig;
use crate::error::Trouble;
use crate::telemetry;

/// How often files are looked at; with the time of a fetch, a change takes effect within 2 s.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// Whatever asks for a fetch causes at most one in this time, but for changed files.
const LEAST_BETWEEN_FETCHES: Duration = Duration::from_secs(2);
/// While requests wait, bad credentials are looked at about every 2 s: at every second poll.
const LOOK_FOR_WAITERS_AFTER: Duration = Duration::from_millis(1500);
/// Passing trouble without credentials is tried again after this.
const RETRY_PASSING_AFTER: Duration = Duration::from_secs(5);

/// A keeper that panicked rests so long.
const BEGIN_AGAIN_AFTER: Duration = Duration::from_secs(5);
/// How long a shutdown waits for a renewal under way: nearly as long as its answer may take, and within
/// the 10 s after which `docker stop` kills.
const LAST_RENEWAL: Duration = Duration::from_secs(9);
/// Refused values are tried once more after this: AWS may have erred.
const TRY_REFUSED_AFTER: Duration = Duration::from_mins(5);

/// What others ask of the keeper.
#[derive(Debug)]
pub(super) enum Request {
    /// AWS refused the credentials of this generation.
    Rejected {
        /// The generation refused.
        generation: u64,
        /// AWS's word.
        reason: String,
    },
    /// A request met a state without credentials. The sender is dropped when there is nothing
    /// newer to wait for.
    LookAgain(oneshot::Sender<()>),
}

/// Why a keeper ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The process stops. The one after it may need the same login.
    Shutdown,
    /// Nobody wants its credentials any more, so nobody needs its login, either.
    Unwanted,
}

/// Values that AWS refused: the source's having them still is no reason to take them for good.
struct Rejected {
    credentials: AwsCredentials,
    /// AWS's word.
    reason: String,
    at: Instant,
}

/// The background task for one profile.
pub struct Keeper {
    source: Source,
    files: Arc<WatchedFiles>,
    /// What they held when last looked at.
    files_seen: Option<Content>,
    check_interval: Duration,
    publisher: Publisher,
    signalling: Signalling,
    requests: mpsc::Receiver<Request>,
    /// Whose credentials the last attempt was for.
    principal: Option<Principal>,
    /// The SSO token that was used or seen last.
    token_seen: Option<u64>,
    /// The login that the last attempt asked for.
    need: Option<LoginNeed>,
    rejected: Option<Rejected>,
    /// What replaces the old credentials when they have ended.
    last_failure: Option<State>,
    fetching: Option<JoinHandle<Attempt>>,
    /// Dropped when the fetch under way has been published.
    looking: Vec<oneshot::Sender<()>>,
    last_fetch: Instant,
    /// A fetch that has to wait for its time.
    is_fetch_owed: bool,
    waiting: Waiting,
    /// What the configuration file asks for.
    renewal: watch::Receiver<RenewalConfig>,
    /// See [`Pace`].
    chance: f64,
    /// What AWS denies is not handed on any more, as it is to artifacts while it works.
    evicts: bool,
}

impl Keeper {
    /// A keeper and its view; `vars` tells where the profile's files are.
    #[must_use]
    pub fn new(
        source: Source,
        check_interval: Duration,
        vars: &impl Fn(&str) -> Option<String>,
    ) -> (Self, Credentials) {
        const QUEUE: usize = 64;
        let (publisher, state, report) = Publisher::new(source.profile_name());
        let (sender, requests) = mpsc::channel(QUEUE);
        let waiting = Waiting::default();
        let login_requests = source.sessions().metrics().login_requests.clone();
        let signalling = Signalling::new(source.sessions().signal(), login_requests);
        let keeper = Self {
            files: source.sessions().watched(source.files(vars)),
            files_seen: None,
            signalling: if source.has_profiles_of_its_own() {
                // Whoever logs in reads the usual ones: the command is for the client to tell.
                signalling.silent()
            } else {
                signalling
            },
            source,
            check_interval,
            publisher,
            requests,
            principal: None,
            token_seen: None,
            need: None,
            rejected: None,
            last_failure: None,
            fetching: None,
            looking: Vec::new(),
            last_fetch: Instant::now(),
            is_fetch_owed: false,
            waiting: waiting.clone(),
            renewal: watch::channel(RenewalConfig::default()).1,
            chance: 0.0,
            evicts: false,
        };
        let rest = keeper.publisher.rest();
        let credentials = Credentials::new(state, report, rest, sender, waiting);
        (keeper, credentials)
    }

    /// The same, but the host is not told about logins.
    #[must_use]
    pub fn silent(self) -> Self {
        Self {
            signalling: self.signalling.silent(),
            ..self
        }
    }

    /// The same, where no request waits for a login: the log says so.
    #[must_use]
    pub fn unawaited(self) -> Self {
        Self {
            publisher: self.publisher.unawaited(),
            ..self
        }
    }

    /// The same, for credentials that are handed on to others: renewed as the configuration file asks, each keeper
    /// at moments of its own, and not kept when AWS denies them.
    #[must_use]
    pub fn for_containers(self, renewal: watch::Receiver<RenewalConfig>) -> Self {
        let (source, role) = (self.source.described(), self.source.role_arn());
        Self {
            publisher: self.publisher.for_containers(source, role),
            renewal,
            chance: fastrand::f64(),
            evicts: true,
            ..self
        }
    }

    /// Runs until `ending` says why not any more. After a panic it begins again.
    pub async fn run(mut self, ending: impl Future<Output = Ending>) {
        tokio::pin!(ending);
        let ending = loop {
            let work = AssertUnwindSafe(self.work(ending.as_mut()));
            if let Ok(ending) = work.catch_unwind().await {
                break ending;
            }
            error!("a keeper of credentials ended unexpectedly and begins again");
            tokio::select! {
                () = sleep(BEGIN_AGAIN_AFTER) => {}
                ending = &mut ending => break ending,
            }
        };
        if ending == Ending::Unwanted {
            self.signalling.take_back().await;
        }
        self.stop_fetching();
        self.source.finish_renewals(LAST_RENEWAL).await;
    }

    async fn work(&mut self, mut ending: Pin<&mut impl Future<Output = Ending>>) -> Ending {
        let mut poll = interval(POLL_INTERVAL);
        let mut check = interval(self.check_interval);
        for timer in [&mut poll, &mut check] {
            timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        }
        check.reset();
        self.files_seen = self.files.look().await;
        self.fetch_anew();
        loop {
            let session = self.session();
            tokio::select! {
                _ = poll.tick() => self.poll().await,
                () = next_renewal(session.as_deref()) => self.look_at_token().await,
                _ = check.tick() => self.check().await,
                // Without a view of its credentials there is nobody who could ask.
                Some(request) = self.requests.recv() => self.handle(request),
                attempt = fetched(&mut self.fetching) => {
                    self.publish(attempt).await;
                    self.looking.clear();
                }
                ending = &mut ending => return ending,
            }
        }
    }

    async fn poll(&mut self) {
        if self.files_changed().await {
            info!("the AWS configuration changed: credentials are read again");
            self.rejected = None;
            return self.fetch_anew();
        }
        self.look_at_token().await;
        self.end_old_credentials().await;
        if self.fetch_is_due() {
            self.fetch();
        }
    }

    async fn files_changed(&mut self) -> bool {
        let Some(now) = self.files.look().await else {
            return false;
        };
        // A session reads its own token file, and keys need none; other sources may do so through a program.
        let reads_folder = match &self.principal {
            Some(Principal::Sso(..) | Principal::Keys) => false,
            Some(Principal::Chain { .. }) | None => true,
        };
        let seen = self.files_seen.replace(now.clone());
        let is_other =
            |seen: Content| seen.files != now.files || (reads_folder && seen.folder != now.folder);
        seen.is_none_or(is_other)
    }

    fn pace(&self) -> Pace {
        Pace {
            config: *self.renewal.borrow(),
            chance: self.chance,
        }
    }

    async fn end_old_credentials(&mut self) {
        let has_ended = |valid: &Arc<Valid>| schedule::have_ended(valid, now(), Instant::now());
        if self.publisher.valid().as_ref().is_some_and(has_ended) {
            let next = self.last_failure.take().unwrap_or(State::Refreshing);
            self.publisher.publish(next);
            self.tell_host().await;
        }
    }

    fn fetch_is_due(&self) -> bool {
        let since_fetch = self.last_fetch.elapsed();
        if self.is_fetch_owed && since_fetch >= LEAST_BETWEEN_FETCHES {
            return true;
        }
        let is_waited_for = self.waiting.count() > 0 && since_fetch >= LOOK_FOR_WAITERS_AFTER;
        match self.publisher.state() {
            State::Valid(valid) => self.renewal_may_begin(&valid),
            State::Refreshing | State::Offline(_) => {
                is_waited_for || since_fetch >= self.pace().pause(RETRY_PASSING_AFTER)
            }
            State::LoginRequired(_)
            | State::ClockSkew(_)
            | State::Denied(_)
            | State::ConfigError(_) => is_waited_for,
        }
    }

    /// Whether it is time for new ones, and the last attempt is long enough ago. One that brought these is no
    /// reason to wait: a machine may have slept through their life right behind it.
    fn renewal_may_begin(&self, valid: &Valid) -> bool {
        let has_rested = valid.loaded >= self.last_fetch
            || self.last_fetch.elapsed() >= schedule::retry_pause(valid, self.pace());
        has_rested && schedule::renewal_is_due(valid, self.pace(), now(), Instant::now())
    }

    /// The check of `CHECK_INTERVAL`: whatever is wrong gets a new chance, and the host is told again.
    async fn check(&mut self) {
        self.look_at_token().await;
        if !self.publisher.is_valid() {
            self.fetch();
        }
        self.tell_host().await;
    }

    fn handle(&mut self, request: Request) {
        match request {
            Request::Rejected { generation, reason } => self.reject(generation, reason),
            Request::LookAgain(done) => {
                let may_begin = match self.publisher.valid() {
                    Some(valid) => self.renewal_may_begin(&valid),
                    None => self.last_fetch.elapsed() > LEAST_BETWEEN_FETCHES,
                };
                if may_begin {
                    self.fetch();
                }
                self.looking.retain(|looking| !looking.is_closed());
                if self.fetching.is_some() && !done.is_closed() {
                    self.looking.push(done);
                }
            }
        }
    }

    fn reject(&mut self, generation: u64, reason: String) {
        // Else someone else reported it first, or better ones have come meanwhile.
        let current = self
            .publisher
            .valid()
            .filter(|valid| valid.generation == generation);
        if let Some(valid) = current {
            info!(reason, "AWS refused the credentials: they are read again");
            self.rejected = Some(Rejected {
                credentials: valid.credentials.clone(),
                reason,
                at: Instant::now(),
            });
            let are_fresh = valid.loaded.elapsed() < LEAST_BETWEEN_FETCHES;
            self.publisher.publish(State::Refreshing);
            if are_fresh {
                // An AWS that refuses whatever it gives is not asked without a pause.
                self.stop_fetching();
                self.is_fetch_owed = true;
            } else {
                self.fetch_anew();
            }
        }
    }

    fn fetch_anew(&mut self) {
        self.stop_fetching();
        self.fetch();
    }

    fn fetch(&mut self) {
        if self.fetching.is_none() {
            let source = self.source.clone();
            self.last_fetch = Instant::now();
            self.is_fetch_owed = false;
            let span = info_span!(
                target: telemetry::SPANS,
                parent: None,
                "credentials.fetch",
                bazel_proxy.outcome = Empty,
                otel.status_code = Empty,
            );
            let patience = schedule::attempt_timeout(self.pace().config);
            let load = async move {
                let attempt = source.load(patience).await;
                let span = Span::current();
                span.record("bazel_proxy.outcome", attempt.outcome_name());
                if attempt.outcome.is_err() {
                    span.record("otel.status_code", "ERROR");
                }
                attempt
            };
            self.fetching = Some(tokio::spawn(load.instrument(span)));
        }
    }

    fn stop_fetching(&mut self) {
        if let Some(fetching) = self.fetching.take() {
            fetching.abort();
        }
    }
}

/// Waits for the fetch under way, for ever if there is none. A panic in it is passing trouble.
async fn fetched(fetching: &mut Option<JoinHandle<Attempt>>) -> Attempt {
    let Some(handle) = fetching else {
        return std::future::pending().await;
    };
    handle.await.unwrap_or_else(|error| Attempt {
        principal: None,
        token: None,
        outcome: Err(Failed::from(State::Offline(Trouble::new(
            format!("fetching credentials ended unexpectedly: {error}"),
            "It is tried again by itself.",
        )))),
    })
}

/// Ends with the next renewal of the session's token; never without a session.
async fn next_renewal(session: Option<&Session>) {
    match session {
        Some(session) => session.next_renewal().await,
        None => std::future::pending().await,
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the keeper's rim: expiries are wall-clock times"
)]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}
