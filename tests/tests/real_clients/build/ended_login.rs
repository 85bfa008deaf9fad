//! The SSO login ends in mid-build. The build waits for the next one, and then goes on.
//!
//! One test for each length of the wait, with all tools at once: a build that waits costs nothing.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use simulated_aws::{Fault, Operation};
use tests::{Proxy, eventually, within};
use tokio::sync::{Barrier, Mutex, MutexGuard};
use tokio::time::sleep;

use super::{Build, LIMIT, Place, TURN, copy_project, true_answers};
use crate::aws_cli::AwsCli;
use crate::bazel::Bazel;
use crate::clients::{AWS_CLI, BAZEL, GRADLE, MAVEN, SAMPLE_JARS, are_installed};
use crate::gradle::Gradle;
use crate::maven::{self, Maven};
use crate::request_log::requests;
use crate::shared_home::SharedHome;

/// How the next login comes.
#[derive(Clone, Copy)]
enum Return {
    /// The real AWS CLI logs in.
    AwsCli,
    /// The token file is written as the AWS CLI does it.
    TokenFile,
}

/// The time without a login, shared by some builds. Others get the turn meanwhile.
struct Absence {
    length: Duration,
    way: Return,
    all_wait: Barrier,
    turn: Mutex<Option<MutexGuard<'static, ()>>>,
}

impl Absence {
    /// To be asked by each build when it waits; ends when the login may be back.
    async fn passes(&self) {
        if self.all_wait.wait().await.is_leader() {
            drop(self.turn.lock().await.take());
        }
        sleep(self.length).await;
        let mut turn = self.turn.lock().await;
        if turn.is_none() {
            *turn = Some(TURN.lock().await);
        }
    }
}

/// What one build went through.
struct Waited {
    place: Place,
    product: String,
    by_status: BTreeMap<u16, usize>,
    held: usize,
    duration: Duration,
}

/// Builds cold. The login ends at a download with `downloads` before it, and is back after the absence.
async fn build_over_an_ended_login<T: Build>(
    tool: &T,
    downloads: u64,
    absence: &Absence,
) -> Waited {
    // Twice: before the absence, and after it; and others may have the turn at its end.
    let place = Place::new(LIMIT * 3 + absence.length).await;
    let (aws, scratch) = (&place.world.aws, &place.world.scratch);
    let home = SharedHome::new(scratch, aws);
    home.log_in();
    let proxy = home.proxy().start().await;
    copy_project(tool, &place, &proxy);
    tool.prepare(&place);
    // Hung for a moment, the download is answered when the login is over.
    let end = aws
        .faults()
        .add(Fault::on(Operation::GetObject).skip_first(downloads).hang());
    let started = Instant::now();
    let (product, ()) = tokio::join!(tool.build(&place), async {
        within(LIMIT, "the first downloads of a build", async {
            while aws.faults().played(end) == 0 {
                sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
        aws.sso().end_sessions();
        aws.sso().expire_role_credentials();
        aws.faults().remove(end);
        eventually("the build waits", async || {
            waits(&proxy) && home.login_is_asked_for()
        })
        .await;
        absence.passes().await;
        match absence.way {
            Return::AwsCli => AwsCli::new(&home).log_in().await,
            Return::TokenFile => home.log_in(),
        }
    });
    let duration = started.elapsed();
    eventually("the host is asked for nothing", async || {
        !home.login_is_asked_for()
    })
    .await;
    let asked = requests(&proxy.log());
    let by_status = true_answers(&asked, &place, &proxy);
    let held = asked.iter().filter(|request| request.is_held).count();
    eprintln!(
        "{} over a login {:?} away: {:.1} s, answers {by_status:?}, {held} held",
        T::PROJECT,
        absence.length,
        duration.as_secs_f64(),
    );
    Waited {
        place,
        product,
        by_status,
        held,
        duration,
    }
}

fn waits(proxy: &Proxy) -> bool {
    proxy.log().contains("misses wait for a login")
}

impl Waited {
    fn assert_it_waited(&self, expected: &str, absence: Duration) {
        assert_eq!(self.product, expected);
        assert!(self.held > 0, "nothing was held");
        assert!(self.duration >= absence, "{:?}", self.duration);
    }

    /// Whether the tool was sent to the same place again and again meanwhile.
    fn was_redirected(&self) -> bool {
        self.by_status.contains_key(&307)
    }
}

async fn all_builds_wait(length: Duration, way: Return) {
    let absence = Absence {
        length,
        way,
        all_wait: Barrier::new(3),
        turn: Mutex::new(Some(TURN.lock().await)),
    };
    let (bazel, maven, gradle) = tokio::join!(
        build_over_an_ended_login(&Bazel, 2, &absence),
        build_over_an_ended_login(&Maven, 60, &absence),
        build_over_an_ended_login(&Gradle, 8, &absence),
    );
    bazel.assert_it_waited("hello, lezaB", length);
    assert!(bazel.was_redirected(), "{:?}", bazel.by_status);
    maven.assert_it_waited("hello, nevaM", length);
    assert!(!maven.was_redirected(), "{:?}", maven.by_status);
    maven::assert_nothing_is_remembered_as_missing(&maven.place);
    gradle.assert_it_waited("hello, eldarG", length);
    assert!(gradle.was_redirected(), "{:?}", gradle.by_status);
}

fn are_there() -> bool {
    are_installed(&[BAZEL, MAVEN, GRADLE, SAMPLE_JARS, AWS_CLI])
}

#[tokio::test(flavor = "multi_thread")]
async fn bazel_maven_and_gradle_finish_over_a_login_that_is_away_for_40_seconds() {
    if are_there() {
        all_builds_wait(Duration::from_secs(40), Return::AwsCli).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bazel_maven_and_gradle_finish_over_a_login_that_is_away_for_five_minutes() {
    if are_there() {
        all_builds_wait(Duration::from_mins(5), Return::TokenFile).await;
    }
}
