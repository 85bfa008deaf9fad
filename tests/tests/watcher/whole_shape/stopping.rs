//! An agent that is stopped in the middle of a login, and one that sleeps with its machine.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tests::{eventually, throughout};

use super::{Bench, is_alive};

/// What launchd and systemd give an agent at least before they kill it.
const GRACE: Duration = Duration::from_secs(10);
/// Longer than a busy machine ever keeps an agent from its looks.
const SLEEP: Duration = Duration::from_secs(41);
/// What the network gets to come back afterwards, less the agent's poll.
const WAKING: Duration = Duration::from_secs(8);

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

/// Stopping its process for that long looks to an agent as the sleep of its machine does.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_sleep_the_agent_waits_for_the_network_and_prompts_once() {
    let bench = Bench::new().await;
    let proxy = bench.signed_in().await;
    bench.tell("expired");
    let agent = bench.agent().start().await;
    eventually("the agent has looked", async || {
        agent.log().contains("event=Looked")
    })
    .await;
    agent.signal(Signal::SIGSTOP);
    bench.end_session();
    let client = bench.doomed_miss(&proxy).await;
    bench.world.signalled().await;
    tokio::time::sleep(SLEEP).await;
    agent.signal(Signal::SIGCONT);
    throughout(WAKING, "no login begins", async || bench.begun().is_empty()).await;
    bench.has_begun(1).await;
    eventually("the person is only told", async || {
        agent
            .log()
            .contains("a login is needed, and nobody answers")
    })
    .await;
    assert_eq!(bench.begun().len(), 1, "nobody answered the first prompt");
    drop(client);
}
