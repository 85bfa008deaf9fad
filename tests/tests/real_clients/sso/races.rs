//! Two programs renew one token at the same moment, and each refresh token is good for one use.
//!
//! In every second round both calls are kept at AWS until the other one is there, so that they collide
//! for sure; in the others each comes when it comes. Sessions of their own race side by side.

use std::time::{Duration, Instant, SystemTime};

use bazel_proxy::aws::http_client;
use futures_util::future::join_all;
use simulated_aws::{Fault, Operation, SimulatedAws};
use sso_session::oidc::Oidc;
use sso_session::refresh::{Renewed, Renewer};
use tests::{Scratch, eventually};
use tokio::time::sleep;

use crate::aws_cli::AwsCli;
use crate::boto3::{Boto3, Look};
use crate::build::TURN;
use crate::clients::{AWS_CLI, BOTO3, are_installed};
use crate::shared_home::{PROFILE, SharedHome};

/// The other clients renew what has less than 10 or 15 minutes left.
const ALWAYS_DUE: Duration = Duration::from_mins(5);

/// Whoever else renews the token.
trait Rival {
    /// The time in which it may call AWS, from its start.
    const CALLS_WITHIN: Duration;

    fn new(home: &SharedHome<'_>) -> Self;

    /// Finds the token due.
    async fn renew(&mut self);
}

impl Rival for AwsCli {
    const CALLS_WITHIN: Duration = Duration::from_millis(1500);

    fn new(home: &SharedHome<'_>) -> Self {
        Self::new(home)
    }

    /// It works in any case: who has lost goes on with the old access token.
    async fn renew(&mut self) {
        self.ask_who_it_is().await;
    }
}

impl Rival for Boto3 {
    const CALLS_WITHIN: Duration = Duration::from_millis(10);

    fn new(home: &SharedHome<'_>) -> Self {
        Self::start(home)
    }

    async fn renew(&mut self) {
        let look = self.renew().await;
        assert!(matches!(look, Look::Renewed | Look::Refused), "{look:?}");
    }
}

/// What came of some rounds.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    rounds: u32,
    /// The two met at AWS with the same refresh token.
    collisions: u32,
    /// Ours came first in a collision.
    collisions_won: u32,
    /// We were granted a token.
    granted: u32,
    /// We found the rival's.
    found: u32,
    /// AWS refused a refresh token, whose ever.
    refusals: u64,
}

impl Tally {
    fn and(self, other: Self) -> Self {
        Self {
            rounds: self.rounds + other.rounds,
            collisions: self.collisions + other.collisions,
            collisions_won: self.collisions_won + other.collisions_won,
            granted: self.granted + other.granted,
            found: self.found + other.found,
            refusals: self.refusals + other.refusals,
        }
    }
}

/// One session and those who renew it.
struct Lane<'a, R> {
    home: &'a SharedHome<'a>,
    aws: &'a SimulatedAws,
    ours: Renewer,
    rival: R,
    tally: Tally,
}

impl<R: Rival> Lane<'_, R> {
    async fn round(&mut self, collides: bool) {
        let seen = self.home.token().expect("a whole token");
        let (before, calls) = (self.aws.sso().refreshes(), self.calls());
        let hang = collides.then(|| {
            let fault = Fault::on(Operation::CreateToken).hang();
            self.aws.faults().add(fault)
        });
        // Neither is always the first.
        let (early, late) = if fastrand::bool() {
            (0.0, 1.0)
        } else {
            (1.0, 0.0)
        };
        let ahead = R::CALLS_WITHIN.mul_f64(fastrand::f64());
        let (ours, (), ()) = tokio::join!(
            async {
                if !collides {
                    sleep(ahead.mul_f64(early)).await;
                }
                self.ours.renew(&seen, now).await
            },
            async {
                if !collides {
                    sleep(ahead.mul_f64(late)).await;
                }
                self.rival.renew().await;
            },
            async {
                let Some(hang) = hang else { return };
                let both = async || count(self.aws) == calls + 2;
                eventually("both call", both).await;
                self.aws.faults().remove(hang);
            },
        );
        let granted = match ours {
            Ok(Renewed::Granted(_)) => true,
            Ok(Renewed::Found(_)) => false,
            other => panic!("{other:?}"),
        };
        let refreshes = self.aws.sso().refreshes() - before;
        let expected = if collides { 1..=1 } else { 1..=2 };
        assert!(expected.contains(&refreshes), "{refreshes} refreshes");
        let tally = &mut self.tally;
        tally.rounds += 1;
        tally.collisions += u32::from(collides);
        tally.collisions_won += u32::from(collides && granted);
        tally.granted += u32::from(granted);
        tally.found += u32::from(!granted);
        tally.refusals += count(self.aws) - calls - refreshes;
    }

    fn calls(&self) -> u64 {
        count(self.aws)
    }

    /// One more renewal works, and every file is whole.
    async fn assert_alive(&self) {
        let token = self.home.token().expect("a whole token");
        let renewed = self.ours.renew(&token, now).await;
        assert!(matches!(renewed, Ok(Renewed::Granted(_))), "{renewed:?}");
        assert_eq!(self.aws.sso().sessions_alive(), 1);
        for operation in [Operation::RegisterClient, Operation::Authorize] {
            let logins = self.aws.counters().count(operation);
            assert_eq!(logins, 0, "nobody had to log in");
        }
        let token_file = self.home.token_file();
        let files = std::fs::read_dir(self.home.token_folder()).expect("a folder");
        let files: Vec<_> = files.map(|entry| entry.expect("a file").path()).collect();
        assert_eq!(files, [token_file.path()], "nothing is left behind");
        assert!(self.home.token().is_some_and(|after| after != token));
    }
}

fn count(aws: &SimulatedAws) -> u64 {
    aws.counters().count(Operation::CreateToken)
}

async fn lane<R: Rival>(rounds: u32) -> Tally {
    let scratch = Scratch::new();
    let aws = scratch.aws().await;
    aws.sso()
        .set_access_token_life(ALWAYS_DUE)
        .set_role_credentials_life(ALWAYS_DUE);
    let home = SharedHome::new(&scratch, &aws);
    home.log_in();
    let mut lane = Lane {
        ours: renewer(&home),
        rival: R::new(&home),
        home: &home,
        aws: &aws,
        tally: Tally::default(),
    };
    for round in 0..rounds {
        lane.round(round % 2 == 0).await;
    }
    lane.assert_alive().await;
    lane.tally
}

fn renewer(home: &SharedHome<'_>) -> Renewer {
    let (session, locations) = (home.profile().session, home.locations());
    assert_eq!(session.name.as_deref(), Some(PROFILE));
    let endpoint = home.endpoint_url();
    let oidc = Oidc::new(&session.region, Some(&endpoint), http_client(None));
    Renewer::new(
        &locations.token_folder,
        &locations.state_folder,
        &session.token_file_name(),
        &session.registration_file_name(),
        oidc,
    )
}

#[expect(
    clippy::disallowed_methods,
    reason = "both sides live by the machine's clock"
)]
fn now() -> SystemTime {
    SystemTime::now()
}

async fn race<R: Rival>(rival: &str, lanes: usize, rounds: u32) {
    let _turn = TURN.lock().await;
    let started = Instant::now();
    let tallies = join_all((0..lanes).map(|_| lane::<R>(rounds))).await;
    let tally = tallies.into_iter().fold(Tally::default(), Tally::and);
    eprintln!(
        "against {rival}: {tally:?} in {:.1} s",
        started.elapsed().as_secs_f64()
    );
    assert_eq!(tally.granted + tally.found, tally.rounds);
    assert!(tally.refusals >= u64::from(tally.collisions));
    for won in [
        tally.collisions_won,
        tally.collisions - tally.collisions_won,
    ] {
        assert!(won > 0, "a race that only one can win is none");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_100_races_with_the_aws_cli_the_session_is_alive_and_no_file_damaged() {
    if are_installed(&[AWS_CLI]) {
        race::<AwsCli>("the AWS CLI", 2, 50).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_1000_races_with_boto3_the_session_is_alive_and_no_file_damaged() {
    if are_installed(&[BOTO3]) {
        race::<Boto3>("boto3", 8, 125).await;
    }
}
