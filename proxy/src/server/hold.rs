//! Waiting instead of failing: a request that only a login can help is parked until there is one.
//!
//! ```text
//! attempt ─► answered, or failed otherwise ───────────────────────────► answer
//!    ▲  └──► login required ─► parked ─► patience ends ─► 307 to itself, at last 503
//!    │                           │  └──► the process stops ─► 503
//!    └── credentials changed ────┘   (or, with an upstream, some seconds later)
//! ```
//!
//! A parked request is a timer and a place on the keeper's channel: no thread, no call to S3, no file
//! and no download. How long it is parked is the client's way (`client`), bounded by `LOGIN_WAIT` over
//! all redirects (`plan`). A hit, a stale copy and a download under way are answers, so they never wait.

mod client;
mod parked;
mod plan;
mod redirect;

use std::time::Duration;

use http::Method;
use http::header::USER_AGENT;
use http::request::Parts;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::content::{Answer, page};
use super::troubles::Troubles;
use super::{status, verdict};
use crate::credentials::{Credentials, State};
use crate::error::Error;
use client::{Client, Way};
pub(super) use parked::Parked;
use parked::Want;
use plan::Plan;
pub(super) use redirect::{authority, without_count};

/// Credentials that change and are refused each time are not tried more often than this.
const TRY_EVERY: Duration = Duration::from_secs(1);

/// Parks requests. One for the process.
pub(super) struct Hold {
    login_wait: Duration,
    credentials: Credentials,
    /// Where artifacts can be had without a login, too: after so long a request is tried again.
    again: Option<Duration>,
    /// True once the process stops.
    stop: watch::Receiver<bool>,
    parked: Parked,
    troubles: Troubles,
}

/// What ended a request's time in the park.
enum End {
    Changed,
    PatienceEnded,
    Stopping,
}

impl Hold {
    pub(super) fn new(
        login_wait: Duration,
        credentials: Credentials,
        again: Option<Duration>,
        stop: watch::Receiver<bool>,
        troubles: Troubles,
    ) -> Self {
        Self {
            login_wait,
            credentials,
            again,
            stop,
            parked: Parked::default(),
            troubles,
        }
    }

    /// Who is parked.
    pub(super) fn parked(&self) -> &Parked {
        &self.parked
    }

    /// Answers with what `attempt` comes to, which is made again after a login. `name` is what is asked for, a
    /// key or a folder.
    ///
    /// However often new credentials turn out bad, the request's patience counts from its arrival.
    pub(super) async fn answer<F, Fut>(&self, request: &Parts, name: &str, attempt: F) -> Answer
    where
        F: Fn() -> Fut,
        Fut: Future<Output = Result<Answer, Error>>,
    {
        let arrived = Instant::now();
        let mut place = None;
        let outcome = loop {
            let started = Instant::now();
            let tried = self.credentials.generation();
            let error = match attempt().await {
                Ok(response) => break Ok(response),
                Err(error) => error,
            };
            let client = client(request);
            let count = redirect::count(request.uri.query());
            let plan = Plan::new(way(client, request), self.login_wait, count);
            if !self.is_for_a_login(&error, tried) || plan.hold.is_zero() {
                break Err(error);
            }
            let not_before = if place.is_some() {
                started + TRY_EVERY
            } else {
                started
            };
            place.get_or_insert_with(|| {
                self.parked.enter(Want {
                    key: name.to_owned(),
                    client,
                    since: arrived.checked_sub(plan.before).unwrap_or(arrived),
                })
            });
            match self.park(tried, not_before, arrived + plan.hold).await {
                End::Changed => {}
                End::PatienceEnded => break end_of_patience(request, plan, error),
                End::Stopping => break Err(error),
            }
        };
        let mut response = outcome.unwrap_or_else(|error| {
            self.troubles.note(&error, name);
            page(status::answer(&error))
        });
        if place.is_some() {
            verdict::mark_held(&mut response);
        }
        response
    }

    /// Whether waiting helps: a login is needed, or it is being found out whether one is. An S3 that
    /// refuses what counts as valid waits for no login.
    fn is_for_a_login(&self, error: &Error, tried: Option<u64>) -> bool {
        let state = self.credentials.state();
        let generation = state.valid().map(|valid| valid.generation);
        let is_renewing = matches!(state, State::Refreshing);
        match error {
            Error::LoginRequired(_) => generation.is_none() || generation != tried,
            Error::Unavailable(_) => is_renewing,
            Error::NotFound
            | Error::MissingOrDenied
            | Error::Denied(_)
            | Error::Misconfigured(_)
            | Error::ClockSkew(_)
            | Error::Rejected { .. }
            | Error::Throttled { .. }
            | Error::Changed
            | Error::Corrupt(_)
            | Error::Cache(_) => false,
        }
    }

    async fn park(&self, tried: Option<u64>, not_before: Instant, until: Instant) -> End {
        let mut stop = self.stop.clone();
        let changed = async {
            let waiting = self.credentials.login_returned(tried, until, self.again);
            let returned = waiting.await;
            sleep_until(not_before.min(until)).await;
            returned && Instant::now() < until
        };
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => End::Stopping,
            changed = changed => match changed {
                // The keeper ends with the process, perhaps between the look above and this one.
                _ if *self.stop.borrow() => End::Stopping,
                true => End::Changed,
                false => End::PatienceEnded,
            },
        }
    }
}

/// The client comes back by itself, if it bears that; else it is told what to run.
fn end_of_patience(request: &Parts, plan: Plan, error: Error) -> Result<Answer, Error> {
    let count = plan.redirect;
    let location = count.and_then(|count| redirect::location(request, count));
    location
        .map(|location| page(status::again(&location)))
        .ok_or(error)
}

/// Only what reads can be sent to the same place again: the body of anything else is given once.
fn way(client: Client, request: &Parts) -> Way {
    let way = client.way();
    let redirects = match request.method {
        Method::GET | Method::HEAD => way.redirects,
        _ => 0,
    };
    Way { redirects, ..way }
}

fn client(request: &Parts) -> Client {
    let user_agent = request.headers.get(USER_AGENT);
    let user_agent = user_agent.and_then(|agent| agent.to_str().ok());
    Client::of(user_agent.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::Arc;
    use std::time::UNIX_EPOCH;

    use http::StatusCode;
    use http::header::LOCATION;

    use super::super::content::Content;
    use super::*;
    use crate::credentials::{Identity, Valid};
    use crate::error::Trouble;

    /// A hold whose credentials and end the test decides.
    struct Park {
        hold: Hold,
        state: watch::Sender<State>,
        stop: watch::Sender<bool>,
        attempts: Cell<u32>,
    }

    fn valid(generation: u64) -> State {
        let credentials = aws_credential_types::Credentials::new("AKIA", "s", None, None, "test");
        let valid = Valid {
            credentials,
            generation,
            identity: Identity::of_profile("test"),
            loaded_at: UNIX_EPOCH,
            loaded: Instant::now(),
        };
        State::Valid(Arc::new(valid))
    }

    fn login_required() -> State {
        State::LoginRequired(Trouble::new("it ended", "Run this."))
    }

    fn asked(user_agent: &str, uri: &str) -> Parts {
        let request = http::Request::builder()
            .uri(uri)
            .header(USER_AGENT, user_agent);
        request.body(()).expect("a request").into_parts().0
    }

    impl Park {
        fn new(state: State) -> Self {
            let (state, stop) = (watch::Sender::new(state), watch::Sender::new(false));
            let credentials = Credentials::published_by(&state);
            Self {
                hold: Hold::new(
                    Duration::from_mins(9),
                    credentials,
                    None,
                    stop.subscribe(),
                    Troubles::default(),
                ),
                state,
                stop,
                attempts: Cell::new(0),
            }
        }

        /// What a request gets that any valid credentials serve, and after how many seconds.
        async fn ask(&self, user_agent: &str, uri: &str) -> (Answer, u64) {
            self.ask_for(user_agent, uri, || {
                self.hold.credentials.refuse_without_login()?;
                Ok(Answer::new(Content::empty()))
            })
            .await
        }

        async fn ask_for(
            &self,
            user_agent: &str,
            uri: &str,
            attempt: impl Fn() -> Result<Answer, Error>,
        ) -> (Answer, u64) {
            let started = Instant::now();
            let request = asked(user_agent, uri);
            let attempt = || {
                self.attempts.set(self.attempts.get() + 1);
                std::future::ready(attempt())
            };
            let response = self.hold.answer(&request, "g/a-1.jar", attempt).await;
            (response, started.elapsed().as_secs())
        }

        async fn publish_after(&self, seconds: u64, state: State) {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            self.state.send_replace(state);
        }
    }

    fn refused() -> Result<Answer, Error> {
        Err(Error::LoginRequired(Trouble::new(
            "S3 refuses them",
            "Run this.",
        )))
    }

    fn is_held(response: &Answer) -> bool {
        let verdict = response.headers().get("cache-status");
        verdict.is_some_and(|verdict| verdict.to_str().is_ok_and(|text| text.ends_with("; held")))
    }

    #[tokio::test(start_paused = true)]
    async fn bazel_is_sent_to_the_same_place_after_15_s() {
        let park = Park::new(login_required());
        let (response, seconds) = park.ask("bazel/7.4.0", "/g/a-1.jar?w=3").await;
        assert_eq!(response.status(), StatusCode::TEMPORARY_REDIRECT);
        assert_eq!(response.headers()[LOCATION], "/g/a-1.jar?w=4");
        assert!(is_held(&response));
        assert_eq!(seconds, 15);
    }

    #[tokio::test(start_paused = true)]
    async fn each_client_is_told_the_truth_when_its_own_patience_ends() {
        for (user_agent, uri, patience) in [
            ("bazel/7.4.0", "/g/a-1.jar?w=35", 15),
            ("bazel/7.4.0", "/g/a-1.jar?w=99", 0),
            ("Gradle/8.10", "/g/a-1.jar?w=9", 25),
            ("Gradle/4.4.1 (Linux)", "/g/a-1.jar?w=21", 15),
            ("Apache-Maven/3.9.9", "/g/a-1.jar", 540),
            ("Coursier/2.1.8", "/g/a-1.jar", 540),
            ("pip/23.0.1", "/g/a-1.jar?w=28", 10),
            ("poetry/1.8.2", "/g/a-1.jar?w=28", 10),
            ("uv/0.5.1", "/g/a-1.jar?w=9", 25),
            ("npm/11.19.1 node/v24", "/g/a-1.jar?w=2", 20),
            ("pnpm/12.21.0 npm/?", "/g/a-1.jar?w=9", 30),
            ("twine/7.0.0", "/g/a-1.jar?w=9", 108),
            ("Mozilla/5.0", "/g/", 10),
            ("curl/8.5.0", "/g/a-1.jar?w=12", 540),
        ] {
            let park = Park::new(login_required());
            let (response, seconds) = park.ask(user_agent, uri).await;
            assert_eq!(response.status(), 503, "{user_agent} {uri}");
            assert_eq!(seconds, patience, "{user_agent} {uri}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn gradle_is_sent_to_the_same_place_after_25_s() {
        let park = Park::new(login_required());
        let (response, seconds) = park.ask("Gradle/8.10", "/g/a-1.jar?w=8").await;
        assert_eq!(response.headers()[LOCATION], "/g/a-1.jar?w=9");
        assert_eq!(seconds, 25);
    }

    #[tokio::test(start_paused = true)]
    async fn what_sends_a_body_is_not_sent_elsewhere() {
        let park = Park::new(login_required());
        let mut request = asked("Gradle/8.10", "/codeartifact/main/maven/g/a-1.jar");
        request.method = Method::PUT;
        let refused = || std::future::ready(refused());
        let started = Instant::now();
        let response = park.hold.answer(&request, "a-1.jar", refused).await;
        assert_eq!(response.status(), 503);
        assert_eq!(started.elapsed().as_secs(), 25);
    }

    #[tokio::test(start_paused = true)]
    async fn who_publishes_again_what_was_503_waits_for_login_wait_in_all() {
        for (user_agent, attempts) in [("twine/7.0.0", 5), ("npm/11.19.1 node/v24", 3)] {
            let park = Park::new(login_required());
            let mut request = asked(user_agent, "/codeartifact/main/npm/a");
            request.method = Method::PUT;
            let started = Instant::now();
            for _ in 0..attempts {
                let refused = || std::future::ready(refused());
                let response = park.hold.answer(&request, "a", refused).await;
                assert_eq!(response.status(), 503);
            }
            assert_eq!(started.elapsed().as_secs(), 540, "{user_agent}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_login_wakes_the_parked() {
        let park = Park::new(login_required());
        let ((response, seconds), ()) = tokio::join!(
            park.ask("curl/8.5.0", "/g/a-1.jar"),
            park.publish_after(301, valid(1)),
        );
        assert_eq!(response.status(), 200);
        assert!(is_held(&response));
        assert_eq!(seconds, 301);
        assert_eq!(park.hold.credentials.waiting(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_still_bad_token_parks_again_on_what_is_left_of_the_patience() {
        let park = Park::new(login_required());
        let changes = async {
            for generation in 1..=3 {
                park.publish_after(4, valid(generation)).await;
            }
        };
        // A refusal takes the credentials away, as the keeper does.
        let refused_by_s3 = || {
            park.state.send_replace(login_required());
            refused()
        };
        let (answer, ()) = tokio::join!(
            park.ask_for("bazel/7.4.0", "/g/a-1.jar", refused_by_s3),
            changes
        );
        let (response, seconds) = answer;
        assert_eq!(response.status(), StatusCode::TEMPORARY_REDIRECT);
        assert_eq!(seconds, 15);
        assert_eq!(park.attempts.get(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn ever_new_bad_credentials_are_not_tried_in_a_busy_loop() {
        let park = Park::new(valid(0));
        let refused_and_replaced = || {
            let next = park.hold.credentials.generation().unwrap_or(0) + 1;
            park.state.send_replace(valid(next));
            refused()
        };
        let (response, seconds) = park
            .ask_for("pip/23.0.1", "/g/a-1.jar?w=28", refused_and_replaced)
            .await;
        assert_eq!((response.status().as_u16(), seconds), (503, 10));
        assert!(park.attempts.get() <= 12, "{}", park.attempts.get());
    }

    #[tokio::test(start_paused = true)]
    async fn credentials_that_count_as_valid_are_not_waited_for() {
        let park = Park::new(valid(1));
        let (response, seconds) = park.ask_for("curl/8.5.0", "/g/a-1.jar", refused).await;
        assert_eq!((response.status().as_u16(), seconds), (503, 0));
        assert!(!is_held(&response));
    }

    #[tokio::test(start_paused = true)]
    async fn credentials_under_renewal_are_waited_for() {
        let park = Park::new(State::Refreshing);
        let by_state = || match park.hold.credentials.state() {
            state if state.valid().is_some() => Ok(Answer::new(Content::empty())),
            _ => Err(Error::unavailable("the credentials are being fetched")),
        };
        let (answer, ()) = tokio::join!(
            park.ask_for("Coursier/2.1.8", "/g/a-1.jar", by_state),
            park.publish_after(40, valid(1)),
        );
        assert_eq!((answer.0.status().as_u16(), answer.1), (200, 40));
    }

    #[tokio::test(start_paused = true)]
    async fn other_trouble_is_never_held_and_ends_a_hold() {
        let trouble = || Trouble::new("the role is denied", "Ask for it.");
        let attempt = || Err(Error::Misconfigured(trouble()));
        let park = Park::new(State::Denied(trouble()));
        let (response, seconds) = park.ask_for("curl/8.5.0", "/g/a-1.jar", attempt).await;
        assert_eq!((response.status().as_u16(), seconds), (503, 0));

        let park = Park::new(login_required());
        let by_state = || {
            park.hold.credentials.refuse_without_login()?;
            Err(Error::Misconfigured(trouble()))
        };
        let (answer, ()) = tokio::join!(
            park.ask_for("curl/8.5.0", "/g/a-1.jar", by_state),
            park.publish_after(5, State::Denied(trouble())),
        );
        assert_eq!((answer.0.status().as_u16(), answer.1), (503, 5));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_answers_the_parked_at_once() {
        let park = Park::new(login_required());
        let stop = async {
            tokio::time::sleep(Duration::from_secs(2)).await;
            park.stop.send_replace(true);
        };
        let (answer, ()) = tokio::join!(park.ask("bazel/7.4.0", "/g/a-1.jar"), stop);
        assert_eq!((answer.0.status().as_u16(), answer.1), (503, 2));
        let (late, seconds) = park.ask("bazel/7.4.0", "/g/a-1.jar").await;
        assert_eq!((late.status().as_u16(), seconds), (503, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_leaves_leaves_nothing_behind() {
        let park = Park::new(login_required());
        let minute = Duration::from_mins(1);
        let asked = tokio::time::timeout(minute, park.ask("curl/8.5.0", "/g/a-1.jar"));
        let counted = async {
            tokio::time::sleep(minute / 2).await;
            park.hold.credentials.waiting()
        };
        let (left, waiting) = tokio::join!(asked, counted);
        assert!(left.is_err());
        assert_eq!(waiting, 1);
        assert_eq!(park.hold.credentials.waiting(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn with_another_way_than_a_login_it_is_tried_now_and_then() {
        let mut park = Park::new(login_required());
        park.hold.again = Some(Duration::from_secs(10));
        let served_at_last = || match park.attempts.get() {
            4 => Ok(Answer::new(Content::empty())),
            _ => refused(),
        };
        let (response, seconds) = park
            .ask_for("curl/8.5.0", "/g/a-1.jar", served_at_last)
            .await;
        assert_eq!((response.status().as_u16(), seconds), (200, 30));
        let (response, seconds) = park.ask("bazel/7.4.0", "/g/a-1.jar?w=99").await;
        assert_eq!((response.status().as_u16(), seconds), (503, 0));
        let (response, seconds) = park.ask("pip/23.0.1", "/g/a-1.jar?w=28").await;
        assert_eq!((response.status().as_u16(), seconds), (503, 10));
    }

    #[tokio::test(start_paused = true)]
    async fn without_login_wait_the_answer_comes_at_once() {
        let mut park = Park::new(login_required());
        park.hold.login_wait = Duration::ZERO;
        let (response, seconds) = park.ask("bazel/7.4.0", "/g/a-1.jar").await;
        assert_eq!((response.status().as_u16(), seconds), (503, 0));
        assert!(!is_held(&response));
    }
}
