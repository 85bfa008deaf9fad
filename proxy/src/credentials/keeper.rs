//! The task that owns the credentials: it decides when to fetch them and publishes what came.
//!
//! It fetches when it starts, when a watched file changes, when AWS refused what it had, ahead of
//! an expiry, and at every check while something is wrong. Old values serve until there are better
//! ones; no failure ends the task.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials as AwsCredentials;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tracing::{debug, info, warn};

use super::files::WatchedFiles;
use super::source::{self, Source};
use super::waiting::Waiting;
use super::{Credentials, State, Valid};
use crate::error::Trouble;

/// How often files are looked at; with the time of a fetch, a change takes effect within 2 s.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// Misses that meet bad credentials cause at most one look in this time.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(2);
/// Renewal starts this long before the end, or at half of a shorter life.
const RENEW_BEFORE_END: Duration = Duration::from_mins(20);
/// While requests wait, bad credentials are looked at about every 2 s: at every second poll.
const LOOK_FOR_WAITERS_AFTER: Duration = Duration::from_millis(1500);
/// A renewal that failed is tried again after this.
const RETRY_RENEWAL_AFTER: Duration = Duration::from_secs(30);

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

/// The background task for one profile.
pub struct Keeper {
    source: Source,
    files: WatchedFiles,
    check_interval: Duration,
    state: watch::Sender<State>,
    requests: mpsc::Receiver<Request>,
    generation: u64,
    /// The values that AWS refused, and what it said.
    rejected: Option<(AwsCredentials, String)>,
    fetching: Option<JoinHandle<Result<AwsCredentials, State>>>,
    /// Dropped when the fetch under way has been published.
    looking: Vec<oneshot::Sender<()>>,
    last_fetch: Instant,
    waiting: Waiting,
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
        let (state, view) = watch::channel(State::Refreshing);
        let (sender, requests) = mpsc::channel(QUEUE);
        let waiting = Waiting::default();
        let keeper = Self {
            source,
            files: WatchedFiles::new(source::files(vars)),
            check_interval,
            state,
            requests,
            generation: 0,
            rejected: None,
            fetching: None,
            looking: Vec::new(),
            last_fetch: Instant::now(),
            waiting: waiting.clone(),
        };
        (keeper, Credentials::new(view, sender, waiting))
    }

    /// Runs until `shutdown` ends.
    pub async fn run(mut self, shutdown: impl Future<Output = ()>) {
        let mut poll = interval(POLL_INTERVAL);
        let mut check = interval(self.check_interval);
        for timer in [&mut poll, &mut check] {
            timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        }
        check.reset();
        tokio::pin!(shutdown);
        self.fetch();
        loop {
            tokio::select! {
                _ = poll.tick() => self.look_at_files().await,
                _ = check.tick() => self.check(),
                Some(request) = self.requests.recv() => self.handle(request),
                outcome = fetched(&mut self.fetching) => {
                    self.publish(outcome);
                    self.looking.clear();
                }
                () = &mut shutdown => break,
            }
        }
        self.stop_fetching();
    }

    async fn look_at_files(&mut self) {
        let mut files = std::mem::replace(&mut self.files, WatchedFiles::new(Vec::new()));
        let looked = tokio::task::spawn_blocking(move || (files.changed(), files)).await;
        if let Ok((changed, files)) = looked {
            self.files = files;
            if changed {
                info!("the AWS configuration changed: credentials are read again");
                self.rejected = None;
                self.stop_fetching();
                return self.fetch();
            }
        }
        if self.renewal_is_due(now()) && self.last_fetch.elapsed() > RETRY_RENEWAL_AFTER {
            self.fetch();
        }
        if self.waiting.count() > 0
            && !matches!(*self.state.borrow(), State::Valid(_))
            && self.last_fetch.elapsed() > LOOK_FOR_WAITERS_AFTER
        {
            self.fetch();
        }
    }

    /// The check of `CHECK_INTERVAL`: whatever is wrong gets a new chance.
    fn check(&mut self) {
        if !matches!(*self.state.borrow(), State::Valid(_)) {
            self.rejected = None;
            self.fetch();
        }
    }

    fn handle(&mut self, request: Request) {
        match request {
            Request::Rejected { generation, reason } => self.reject(generation, reason),
            Request::LookAgain(done) => {
                if self.last_fetch.elapsed() > LOOK_AGAIN_AFTER {
                    self.fetch();
                }
                if self.fetching.is_some() {
                    self.looking.push(done);
                }
            }
        }
    }

    fn reject(&mut self, generation: u64, reason: String) {
        let current = match &*self.state.borrow() {
            State::Valid(valid) if valid.generation == generation => valid.credentials.clone(),
            // Someone else reported it first, or better ones have come meanwhile.
            State::Valid(_)
            | State::Refreshing
            | State::LoginRequired(_)
            | State::Offline(_)
            | State::ClockSkew(_)
            | State::Denied(_)
            | State::ConfigError(_) => return,
        };
        info!(reason, "AWS refused the credentials: they are read again");
        self.rejected = Some((current, reason));
        self.state.send_replace(State::Refreshing);
        self.stop_fetching();
        self.fetch();
    }

    fn fetch(&mut self) {
        if self.fetching.is_none() {
            let source = self.source.clone();
            self.last_fetch = Instant::now();
            self.fetching = Some(tokio::spawn(async move { source.load().await }));
        }
    }

    fn stop_fetching(&mut self) {
        if let Some(fetching) = self.fetching.take() {
            fetching.abort();
        }
    }

    fn publish(&mut self, outcome: Result<AwsCredentials, State>) {
        self.fetching = None;
        let next = match outcome {
            Ok(credentials) => match self.refused(&credentials) {
                Some(reason) => State::LoginRequired(self.source.login_needed(&reason)),
                None => return self.publish_valid(credentials),
            },
            Err(state) => state,
        };
        let holds_good_ones = matches!(*self.state.borrow(), State::Valid(_));
        if holds_good_ones {
            warn!(
                reason = next.trouble().map(|trouble| trouble.reason.clone()),
                "renewing the credentials failed; the old ones go on serving"
            );
            return;
        }
        self.log_change(&next);
        self.state.send_replace(next);
    }

    /// Why these very credentials are known to be bad, if they are.
    fn refused(&self, credentials: &AwsCredentials) -> Option<String> {
        let (refused, reason) = self.rejected.as_ref()?;
        same(refused, credentials).then(|| reason.clone())
    }

    fn publish_valid(&mut self, credentials: AwsCredentials) {
        self.rejected = None;
        if let State::Valid(valid) = &*self.state.borrow()
            && same(&valid.credentials, &credentials)
        {
            return debug!("the credentials are the same as before");
        }
        self.generation += 1;
        info!(generation = self.generation, expiry = ?credentials.expiry(), "credentials are valid");
        let generation = self.generation;
        let valid = Valid {
            credentials,
            generation,
            loaded_at: now(),
        };
        self.state.send_replace(State::Valid(valid.into()));
    }

    fn log_change(&self, next: &State) {
        let same = self.state.borrow().trouble() == next.trouble();
        if let (false, Some(trouble)) = (same, next.trouble()) {
            let (state, Trouble { reason, cure }) = (next.name(), trouble.as_ref());
            warn!(
                state,
                reason, cure, "no credentials: hits are served, misses are not"
            );
        }
    }

    fn renewal_is_due(&self, now: SystemTime) -> bool {
        match &*self.state.borrow() {
            State::Valid(valid) => valid.credentials.expiry().is_some_and(|expiry| {
                let life = expiry.duration_since(valid.loaded_at).unwrap_or_default();
                let left = expiry.duration_since(now).unwrap_or_default();
                left <= RENEW_BEFORE_END.min(life / 2)
            }),
            State::Refreshing
            | State::LoginRequired(_)
            | State::Offline(_)
            | State::ClockSkew(_)
            | State::Denied(_)
            | State::ConfigError(_) => false,
        }
    }
}

/// Waits for the fetch under way, for ever if there is none. A panic in it is passing trouble.
async fn fetched(
    fetching: &mut Option<JoinHandle<Result<AwsCredentials, State>>>,
) -> Result<AwsCredentials, State> {
    let Some(handle) = fetching else {
        return std::future::pending().await;
    };
    handle.await.unwrap_or_else(|error| {
        Err(State::Offline(Trouble::new(
            format!("fetching credentials ended unexpectedly: {error}"),
            "It is tried again at the next check.",
        )))
    })
}

fn same(one: &AwsCredentials, other: &AwsCredentials) -> bool {
    one.access_key_id() == other.access_key_id()
        && one.secret_access_key() == other.secret_access_key()
        && one.session_token() == other.session_token()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the keeper's rim: expiries are wall-clock times"
)]
pub(super) fn now() -> SystemTime {
    SystemTime::now()
}
