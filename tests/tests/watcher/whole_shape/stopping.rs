//! An agent that is stopped in the middle of its work.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tests::eventually;

use super::stages::Stage;
use super::{Bench, is_alive};

/// What launchd and systemd give an agent before they kill it.
const GRACE: Duration = Duration::from_secs(20);
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_is_stopped_ends_its_login_and_frees_the_lock() {
    let bench = Bench::new().await;
    let proxy = bench.signed_in().await;
    bench.tell("hold");
    bench.tell("browser");
    let agent = bench.agent().start().await;
    let miss = bench.asked_for_login(&proxy).await;
    let mut browser = None;
    eventually("the login has started a browser", async || {
        browser = bench.said("browser").first().copied();
        browser.is_some()
    })
    .await;
    let browser = browser.expect("found above");
    assert!(is_alive(browser));
    let stopped = Instant::now();
    let status = agent.stop().await;
    let time = stopped.elapsed();
    eprintln!("stopped within {:.1} s", time.as_secs_f64());
    assert!(status.success(), "{status}");
    assert!(time < GRACE, "{time:?}");
    assert!(!bench.runs_login(), "the login runs still");
    assert!(!is_alive(browser), "what the login started runs still");
    assert!(
        !bench.state("login.lock").exists(),
        "the lock is there still"
    );
    assert!(bench.world.signal().is_some(), "a login is needed still");

    bench.untell("hold");
    bench.untell("browser");
    let _agent = bench.agent().start().await;
    miss.await.expect("served");
    bench.is_healed(&proxy).await;
}

async fn stop_at(stage: Stage) {
    let bench = Bench::new().await;
    let proxy = bench.signed_in().await;
    let miss = bench.asked_for_login(&proxy).await;
    stage.hold(&bench);
    let agent = stage.reach(&bench, bench.agent().spawn()).await;
    let stopped = Instant::now();
    let status = agent.stop().await;
    let time = stopped.elapsed();
    eprintln!("{stage:?}: stopped within {:.1} s", time.as_secs_f64());
    assert!(status.success(), "{stage:?}: {status}");
    assert!(time < GRACE, "{stage:?}: {time:?}");
    assert!(!bench.state("login.lock").exists(), "{stage:?}: the lock");

    bench.world.aws.faults().clear();
    let _agent = bench.agent().start().await;
    miss.await
        .unwrap_or_else(|error| panic!("{stage:?}: {error}"));
    bench.is_healed(&proxy).await;
    assert_eq!(bench.begun().len(), 1, "{stage:?}");
}

/// Where AWS does not answer, so that the stage would last.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_is_stopped_while_aws_hangs_ends_in_time_and_frees_the_lock() {
    let stages = [Stage::Renewing, Stage::Probing, Stage::Proving];
    join_all(stages.map(stop_at)).await;
}
