//! The whole shape, with nothing but real programs: the session ends in mid-build, the proxy asks for a
//! login, the agent on the host makes it with the AWS CLI, and the build goes on. The test touches no file.

use std::fmt;
use std::time::{Duration, Instant};

use simulated_aws::{Fault, Operation};
use tests::{Proxy, Watcher, WatcherBuilder, within};
use tokio::time::sleep;

use super::{Build as _, LIMIT, Place, TURN, copy_project, true_answers};
use crate::aws_cli::AwsCli;
use crate::bazel::Bazel;
use crate::clients::{AWS_CLI, BAZEL, SAMPLE_JARS, are_installed};
use crate::request_log::requests;
use crate::shared_home::SharedHome;

/// From the request for a login until the build goes on, the person clicking at once. Most of it is the
/// agent's poll of 5 s and the start of the AWS CLI.
const SOON: Duration = Duration::from_secs(45);

/// When each thing happened, since the session ended.
struct Times {
    signal: Duration,
    prompt: Duration,
    token: Duration,
    goes_on: Duration,
}

impl Times {
    /// Watches from outside how the login comes back.
    async fn observe(home: &SharedHome<'_>, proxy: &Proxy, watcher: &Watcher) -> Self {
        let before = (home.token(), valid(&proxy.log()), prompts(watcher));
        let start = Instant::now();
        let signal = since(start, || home.login_is_asked_for()).await;
        let prompt = since(start, || prompts(watcher) > before.2).await;
        let token = since(start, || {
            home.token().is_some_and(|new| Some(new) != before.0)
        })
        .await;
        let goes_on = since(start, || valid(&proxy.log()) > before.1).await;
        Self {
            signal,
            prompt,
            token,
            goes_on,
        }
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps = [
            ("signal", self.signal),
            ("prompt", self.prompt),
            ("token", self.token),
            ("the build goes on", self.goes_on),
        ];
        steps
            .iter()
            .try_for_each(|(step, time)| write!(f, "{step} {:.1} s, ", time.as_secs_f64()))
    }
}

/// How long it takes, since `start`, until it is so.
async fn since(start: Instant, is_so: impl Fn() -> bool) -> Duration {
    within(LIMIT, "the login comes back", async {
        while !is_so() {
            sleep(Duration::from_millis(20)).await;
        }
        start.elapsed()
    })
    .await
}

fn valid(proxy_log: &str) -> usize {
    proxy_log.matches("credentials are valid").count()
}

fn prompts(watcher: &Watcher) -> usize {
    watcher.log().matches("PROMPT:").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_waits_for_the_login_that_the_agent_makes_with_the_aws_cli() {
    if !are_installed(&[BAZEL, SAMPLE_JARS, AWS_CLI]) {
        return;
    }
    let _turn = TURN.lock().await;
    let place = Place::new(LIMIT * 2).await;
    let (aws, scratch) = (&place.world.aws, &place.world.scratch);
    let home = SharedHome::new(scratch, aws);
    home.log_in();
    let proxy = home.proxy().start().await;
    let watcher = WatcherBuilder::new(scratch)
        // The agent as it is installed, in a desktop session.
        .without("SSO_POLL_SECONDS")
        .without("SSO_COOLDOWN_SECONDS")
        .env("DISPLAY", ":0");
    let watcher = AwsCli::new(&home).for_agent(watcher).start().await;
    copy_project(&Bazel, &place, &proxy);
    Bazel.prepare(&place);
    let end = aws
        .faults()
        .add(Fault::on(Operation::GetObject).skip_first(2).hang());
    let (product, times) = tokio::join!(Bazel.build(&place), async {
        since(Instant::now(), || aws.faults().played(end) > 0).await;
        aws.sso().end_sessions();
        aws.sso().expire_role_credentials();
        aws.faults().remove(end);
        Times::observe(&home, &proxy, &watcher).await
    });
    assert_eq!(product, "hello, lezaB");
    let asked = requests(&proxy.log());
    let by_status = true_answers(&asked, &place, &proxy);
    let held = asked.iter().filter(|request| request.is_held).count();
    eprintln!("since the session ended: {times}answers {by_status:?}, {held} held");
    assert!(held > 0, "nothing was held");
    assert!(times.goes_on < times.signal + SOON, "{times}");

    since(Instant::now(), || !home.login_is_asked_for()).await;
    assert_eq!(prompts(&watcher), 1, "a person is asked once");
    assert_eq!(aws.sso().sessions_alive(), 1, "one login");
    let lock = scratch.home().join(".aws/sso-renewer/login.lock");
    since(Instant::now(), || !lock.exists()).await;
    assert!(watcher.stop().await.success());
}
