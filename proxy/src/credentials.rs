//! Credentials are a value, not a call: one keeper task publishes them, everyone else reads.
//!
//! ```text
//! files, timers, rejections ─► Keeper ─► watch<State> ─► Credentials ─► origin, hold, readiness
//! requests that wait ──────────► │  └─► Signalling (login-required.json)
//!                                └─► Source ─► Session (SSO token, shared) ─► portal, STS
//!                                          └─► aws-config, built afresh for each attempt
//! ```
//!
//! The AWS clients live as long as the process and read the current value for every request.

mod files;
mod inspection;
mod keeper;
mod provider;
mod publisher;
mod schedule;
mod session;
mod sessions;
mod signalling;
mod source;
mod state;
mod turns;
mod waiting;

use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::provider::SharedCredentialsProvider;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, timeout, timeout_at};

pub(crate) use inspection::{Basis, SsoBasis};
pub(crate) use keeper::now;
pub use keeper::{Ending, Keeper};
pub(crate) use session::{Outlook, RenewalOutcome};
pub use sessions::Sessions;
pub use source::Source;
pub use state::{Identity, Report, State, StateName, TokenReport, Valid};

use crate::error::Error;
use keeper::Request;
use schedule::Pace;
use waiting::Waiting;

/// A request waits so long for a new look at credentials that were bad at the last one.
const LOOK_PATIENCE: Duration = Duration::from_secs(2);

/// A view of the keeper's value; cheap to clone.
#[derive(Clone, Debug)]
pub struct Credentials {
    state: watch::Receiver<State>,
    report: watch::Receiver<Report>,
    rest: watch::Receiver<Option<Instant>>,
    requests: mpsc::Sender<Request>,
    waiting: Waiting,
}

impl Credentials {
    fn new(
        state: watch::Receiver<State>,
        report: watch::Receiver<Report>,
        rest: watch::Receiver<Option<Instant>>,
        requests: mpsc::Sender<Request>,
        waiting: Waiting,
    ) -> Self {
        Self {
            state,
            report,
            rest,
            requests,
            waiting,
        }
    }

    /// The state with what a person wants to know beside it.
    #[must_use]
    pub fn report(&self) -> Report {
        self.report.borrow().clone()
    }

    /// The state as it is now.
    #[must_use]
    pub fn state(&self) -> State {
        self.state.borrow().clone()
    }

    /// How many requests wait for credentials now: for a login, or for passing trouble to pass.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.count()
    }

    /// The generation of the credentials in use, if they count as valid.
    #[must_use]
    pub fn generation(&self) -> Option<u64> {
        self.state.borrow().valid().map(|valid| valid.generation)
    }

    /// Valid credentials, waiting at most `patience` for a refresh under way and for passing
    /// trouble to pass.
    ///
    /// Where only a person can help, the error comes at once, as whoever asks may have something
    /// better to do than to wait. Other trouble may be an old one: the keeper looks again first.
    pub async fn usable(&self, patience: Duration) -> Result<Arc<Valid>, Error> {
        // What is waited for is the answer, whatever the state becomes meanwhile.
        let settled = async {
            match self.state() {
                valid @ State::Valid(_) => return valid,
                ended @ State::LoginRequired(_) => {
                    self.ask_for_a_look();
                    return ended;
                }
                State::Refreshing | State::Offline(_) => self.ask_for_a_look(),
                State::ClockSkew(_) | State::Denied(_) | State::ConfigError(_) => {
                    let _in_time = timeout(LOOK_PATIENCE, self.look_again()).await;
                }
            }
            let _waiter = self.waiting.enter();
            let mut state = self.state.clone();
            let passes = |state: &State| matches!(state, State::Refreshing | State::Offline(_));
            let settled = state.wait_for(|state| !passes(state)).await;
            settled.map_or(State::Refreshing, |state| state.clone())
        };
        let settled = timeout(patience, settled).await;
        let state = settled.unwrap_or_else(|_| self.state());
        if state.valid().is_some() {
            self.waiting.announce_login();
        }
        state.into_result()
    }

    /// What the first look came to, waiting for it at most `patience`. For `check`, which waits for
    /// nothing to pass.
    pub async fn looked_at(&self, patience: Duration) -> Result<Arc<Valid>, Error> {
        let mut state = self.state.clone();
        let looked = state.wait_for(|state| !matches!(state, State::Refreshing));
        let _in_time = timeout(patience, looked).await;
        self.state().into_result()
    }

    /// [`Error::LoginRequired`] where that is known already, and the keeper is asked to look again.
    pub fn refuse_without_login(&self) -> Result<(), Error> {
        let State::LoginRequired(trouble) = self.state() else {
            return Ok(());
        };
        self.ask_for_a_look();
        Err(Error::LoginRequired(trouble))
    }

    /// What follows from a refusal of credentials: that a login is needed, where the keeper says so, else `otherwise`.
    #[must_use]
    pub fn login_required_or(&self, otherwise: Error) -> Error {
        match self.state() {
            State::LoginRequired(trouble) => Error::LoginRequired(trouble),
            State::Refreshing
            | State::Valid(_)
            | State::Offline(_)
            | State::ClockSkew(_)
            | State::Denied(_)
            | State::ConfigError(_) => otherwise,
        }
    }

    /// Waits, at most until `until`, for a reason to try again what failed for want of a login: other
    /// credentials than those of the generation `tried`, or trouble that a login does not cure. Where
    /// there is another way than a login, the time `again` is reason enough.
    ///
    /// Costs a place in memory. `false`: there is none, or the process stops.
    pub async fn login_returned(
        &self,
        tried: Option<u64>,
        until: Instant,
        again: Option<Duration>,
    ) -> bool {
        let mut state = self.state.clone();
        if let State::LoginRequired(trouble) = self.state() {
            self.waiting.announce(&trouble.reason);
        }
        let _waiter = self.waiting.enter();
        let returned = state.wait_for(|state| match state {
            State::Valid(valid) => Some(valid.generation) != tried,
            State::Refreshing | State::LoginRequired(_) => false,
            State::Offline(_) | State::ClockSkew(_) | State::Denied(_) | State::ConfigError(_) => {
                true
            }
        });
        let again = again.map(|again| Instant::now() + again);
        let again = again.filter(|again| *again < until);
        let returned = match timeout_at(again.unwrap_or(until), returned).await {
            Ok(outcome) => outcome.is_ok(),
            Err(_) => again.is_some(),
        };
        if self.generation().is_some() {
            self.waiting.announce_login();
        }
        returned
    }

    /// Whether it is time for new ones. The keeper may begin earlier, if a configuration file says so.
    #[must_use]
    pub fn is_renewal_due(&self, valid: &Valid) -> bool {
        schedule::renewal_is_due(valid, Pace::default(), now(), Instant::now())
    }

    /// Others than these, which the keeper is asked for now; `None` if there are none within `patience`.
    ///
    /// After an attempt that brought nothing newer the answer comes at once, until the keeper makes the
    /// next one by itself: callers who are many, and who come again at once, wait for nothing.
    pub async fn newer(&self, than: &Valid, patience: Duration) -> Option<Arc<Valid>> {
        let rests = |rest: &Option<Instant>| rest.is_some_and(|until| Instant::now() < until);
        let renewed = async {
            let (mut state, mut rest) = (self.state.clone(), self.rest.clone());
            if rests(&rest.borrow()) {
                return;
            }
            self.ask_for_a_look();
            let _waiter = self.waiting.enter();
            let is_other = |state: &State| match state.valid() {
                Some(valid) => valid.generation != than.generation,
                None => !matches!(state, State::Refreshing),
            };
            tokio::select! {
                _changed = state.wait_for(is_other) => {}
                _nothing = rest.wait_for(rests) => {}
            }
        };
        let _in_time = timeout(patience, renewed).await;
        let valid = self.state().valid().cloned()?;
        (valid.generation != than.generation).then_some(valid)
    }

    /// Why there are no others than those that have ended.
    #[must_use]
    pub fn why_not_renewed(&self) -> Error {
        let Report {
            state,
            renewal_failure,
            ..
        } = self.report();
        let renewing = || Error::unavailable("the credentials have ended and are being renewed");
        // By this machine's wall clock they have ended, and by the keeper's other one they have not.
        let state = match (state, renewal_failure) {
            (State::Valid(_), None) => return renewing(),
            (State::Valid(_), Some(failure)) => failure,
            (state, _) => state,
        };
        state.into_result().err().unwrap_or_else(renewing)
    }

    /// Has the keeper look again, if that is some time ago, without waiting for it. With a full queue
    /// others have asked already.
    fn ask_for_a_look(&self) {
        let (done, _) = oneshot::channel();
        let _asked = self.requests.try_send(Request::LookAgain(done));
    }

    /// Has the keeper look again, if that is some time ago, and waits for what it finds.
    async fn look_again(&self) {
        let (done, looked) = oneshot::channel();
        if self.requests.send(Request::LookAgain(done)).await.is_ok() {
            // The sender is never used, only dropped.
            let _dropped = looked.await;
        }
    }

    /// Reports that AWS refused these credentials, and waits for others at most `patience`, through
    /// passing trouble, too: the network may have come back for S3 a moment ago, and for SSO not yet.
    ///
    /// However many report, the keeper reloads once; whoever has newer credentials gets them
    /// at once.
    pub async fn replace(
        &self,
        rejected: &Valid,
        reason: String,
        patience: Duration,
    ) -> Result<Arc<Valid>, Error> {
        let generation = rejected.generation;
        let mut state = self.state.clone();
        let waiting = async {
            let report = Request::Rejected { generation, reason };
            if self.requests.send(report).await.is_err() {
                return Err(Error::unavailable("the proxy is shutting down"));
            }
            let _waiter = self.waiting.enter();
            let other = state.wait_for(|state| match state {
                State::Valid(valid) => valid.generation != generation,
                State::Refreshing | State::Offline(_) => false,
                State::LoginRequired(_)
                | State::ClockSkew(_)
                | State::Denied(_)
                | State::ConfigError(_) => true,
            });
            let other = other.await;
            other
                .map_or(State::Refreshing, |state| state.clone())
                .into_result()
        };
        if let Ok(outcome) = timeout(patience, waiting).await {
            return outcome;
        }
        if let State::Offline(trouble) = self.state() {
            return Err(Error::Unavailable(trouble));
        }
        Err(Error::unavailable(
            "the credentials were refused and are still being renewed",
        ))
    }

    /// A provider for AWS clients that reads the current value at every request. Use it with
    /// `IdentityCache::no_cache()`, as the SDK's own cache would keep the old value.
    #[must_use]
    pub fn provider(&self) -> SharedCredentialsProvider {
        SharedCredentialsProvider::new(provider::CurrentCredentials(self.state.clone()))
    }
}

#[cfg(test)]
impl Credentials {
    /// A view without a keeper: the test says what is published.
    pub(crate) fn published_by(state: &watch::Sender<State>) -> Self {
        let (requests, _) = mpsc::channel(1);
        let (_, report) = watch::channel(Report::unknown(std::time::UNIX_EPOCH));
        let (resting, rest) = watch::channel(None);
        // As long as a keeper lives, it may say that it rests.
        Box::leak(Box::new(resting));
        Self::new(
            state.subscribe(),
            report,
            rest,
            requests,
            Waiting::default(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;

    use crate::error::Trouble;

    const PATIENCE: Duration = Duration::from_millis(800);

    /// A keeper's side of the channels.
    struct Published {
        state: watch::Sender<State>,
        report: watch::Sender<Report>,
        rest: watch::Sender<Option<Instant>>,
        requests: mpsc::Receiver<Request>,
        credentials: Credentials,
    }

    fn published() -> (Published, Arc<Valid>) {
        let first = valid(1);
        let (state, state_view) = watch::channel(State::Valid(Arc::clone(&first)));
        let (report, report_view) = watch::channel(Report::unknown(UNIX_EPOCH));
        let (rest, rest_view) = watch::channel(None);
        let (sender, requests) = mpsc::channel(8);
        let waiting = Waiting::default();
        let credentials = Credentials::new(state_view, report_view, rest_view, sender, waiting);
        let published = Published {
            state,
            report,
            rest,
            requests,
            credentials,
        };
        (published, first)
    }

    fn valid(generation: u64) -> Arc<Valid> {
        let end = Some(UNIX_EPOCH + Duration::from_hours(1));
        Arc::new(Valid {
            credentials: aws_credential_types::Credentials::new("key", "s", None, end, "test"),
            generation,
            identity: Identity::of_profile("test"),
            loaded_at: UNIX_EPOCH,
            loaded: Instant::now(),
        })
    }

    async fn newer(credentials: &Credentials, than: &Valid) -> (Option<u64>, Duration) {
        let began = Instant::now();
        let newer = credentials.newer(than, PATIENCE).await;
        (newer.map(|newer| newer.generation), began.elapsed())
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_becomes_of_a_state_that_was_found_is_no_trouble() {
        let (keeper, first) = published();
        let credentials = keeper.credentials.clone();
        // As many requests do to each other whose credentials AWS refuses.
        let changing = std::thread::spawn(move || {
            for _ in 0..20_000 {
                keeper.state.send_replace(State::Refreshing);
                keeper.state.send_replace(State::Valid(Arc::clone(&first)));
            }
        });
        while !changing.is_finished() {
            let usable = credentials.usable(Duration::from_secs(30)).await;
            usable.expect("what was good when it was looked at");
        }
        changing.join().expect("no panic");
    }

    #[tokio::test(start_paused = true)]
    async fn newer_credentials_are_asked_for_and_waited_for() {
        let (mut keeper, first) = published();
        let work = Duration::from_millis(300);
        let fetched = async {
            let asked = keeper.requests.recv().await;
            assert!(matches!(asked, Some(Request::LookAgain(_))));
            tokio::time::sleep(work).await;
            keeper.state.send_replace(State::Valid(valid(2)));
        };
        let (found, ()) = tokio::join!(newer(&keeper.credentials, &first), fetched);
        assert_eq!(found.0, Some(2));
        assert!(found.1 >= work && found.1 < PATIENCE, "{:?}", found.1);
        // Whoever still has the first ones gets those at once.
        let again = newer(&keeper.credentials, &first).await;
        assert_eq!(again, (Some(2), Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_while_the_keeper_rests() {
        let (mut keeper, first) = published();
        let failed = async {
            let _asked = keeper.requests.recv().await;
            tokio::time::sleep(Duration::from_millis(100)).await;
            let until = Instant::now() + Duration::from_secs(30);
            keeper.rest.send_replace(Some(until));
        };
        let (found, ()) = tokio::join!(newer(&keeper.credentials, &first), failed);
        assert_eq!(found.0, None);
        assert!(found.1 < PATIENCE, "{:?}", found.1);
        for _ in 0..100 {
            let found = newer(&keeper.credentials, &first).await;
            assert_eq!(found, (None, Duration::ZERO));
        }
        assert!(keeper.requests.try_recv().is_err(), "nothing was asked");

        tokio::time::advance(Duration::from_secs(31)).await;
        let found = newer(&keeper.credentials, &first).await;
        assert_eq!(found, (None, PATIENCE));
        assert!(keeper.requests.try_recv().is_ok(), "it is asked again");
    }

    #[tokio::test(start_paused = true)]
    async fn a_renewal_is_due_by_either_clock() {
        let (keeper, first) = published();
        // Their end is in 1970, so the wall clock says so.
        assert!(keeper.credentials.is_renewal_due(&first));
        let mut fresh = valid(2);
        let fresh = Arc::get_mut(&mut fresh).expect("one owner");
        let now = now();
        fresh.loaded_at = now;
        *fresh.credentials.expiry_mut() = now.checked_add(Duration::from_hours(1));
        assert!(!keeper.credentials.is_renewal_due(fresh));
        tokio::time::advance(Duration::from_mins(40)).await;
        assert!(keeper.credentials.is_renewal_due(fresh));
    }

    #[tokio::test]
    async fn what_keeps_them_from_being_renewed_is_said_as_what_it_is() {
        let (keeper, first) = published();
        let report = |state: State, failure: Option<State>| {
            keeper.report.send_modify(|report| {
                report.state = state;
                report.renewal_failure = failure;
            });
            keeper.credentials.why_not_renewed()
        };
        let valid = || State::Valid(Arc::clone(&first));
        let trouble = || Trouble::new("reason", "Cure.");
        let renewing = report(valid(), None);
        assert!(matches!(renewing, Error::Unavailable(_)), "{renewing}");
        let login = report(valid(), Some(State::LoginRequired(trouble())));
        assert!(matches!(login, Error::LoginRequired(_)), "{login}");
        let offline = report(valid(), Some(State::Offline(trouble())));
        assert!(matches!(offline, Error::Unavailable(_)), "{offline}");
        let denied = report(State::Denied(trouble()), None);
        assert!(matches!(denied, Error::Misconfigured(_)), "{denied}");
    }
}
