//! Whoever else logs in, or has the lock, beside an agent that runs.

use std::process::Output;
use std::time::Duration;

use tests::{Watcher, eventually, throughout, within};
use tokio::task::JoinHandle;

use super::{Bench, HEALING};

/// Several looks of the agent.
const A_WHILE: Duration = Duration::from_secs(4);

/// `sso-watcher login`.
fn log_in_by_hand(agent: &Watcher) -> JoinHandle<Output> {
    let mut command = tokio::process::Command::from(agent.command(&["login"]));
    command.kill_on_drop(true);
    tokio::spawn(async move {
        let ended = within(HEALING, "sso-watcher login", command.output()).await;
        ended.expect("it runs")
    })
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_by_hand_beside_the_agents_waits_for_that_and_makes_no_second() {
    let bench = Bench::new().await;
    let proxy = bench.signed_in().await;
    bench.tell("hold");
    let agent = bench.agent().start().await;
    let miss = bench.asked_for_login(&proxy).await;
    bench.has_begun(1).await;
    let by_hand = log_in_by_hand(&agent);
    throughout(A_WHILE, "one login runs", async || bench.begun().len() == 1).await;
    bench.untell("hold");
    let said = said(&by_hand.await.expect("ended"));
    assert!(said.contains("Another login is under way"), "{said}");
    assert!(said.contains("Signed in with profile team"), "{said}");
    miss.await.expect("served");
    bench.is_healed(&proxy).await;
    assert_eq!(bench.begun().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_waits_for_a_login_by_hand_and_makes_no_second() {
    let bench = Bench::new().await;
    let proxy = bench.signed_in().await;
    bench.tell("hold");
    let agent = bench.agent().start().await;
    let by_hand = log_in_by_hand(&agent);
    bench.has_begun(1).await;
    let miss = bench.asked_for_login(&proxy).await;
    eventually("the agent sees the lock", async || {
        agent.log().contains("another login is under way")
    })
    .await;
    throughout(A_WHILE, "one login runs", async || bench.begun().len() == 1).await;
    bench.untell("hold");
    said(&by_hand.await.expect("ended"));
    miss.await.expect("served");
    bench.is_healed(&proxy).await;
    assert_eq!(bench.begun().len(), 1);
    assert!(!agent.log().contains("PROMPT:"), "nobody had to be asked");
}

/// A tool that knows nothing of the lock but `mkdir`.
#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_tools_lock_keeps_the_agent_from_logging_in_until_it_is_removed() {
    let bench = Bench::new().await;
    let proxy = bench.signed_in().await;
    let agent = bench.agent().start().await;
    let lock = bench.state("login.lock");
    std::fs::create_dir(&lock).expect("a lock");
    let miss = bench.asked_for_login(&proxy).await;
    eventually("the agent sees the lock", async || {
        agent.log().contains("another login is under way")
    })
    .await;
    throughout(A_WHILE, "no login begins, and the lock stays", async || {
        bench.begun().is_empty() && lock.is_dir()
    })
    .await;
    std::fs::remove_dir(&lock).expect("nobody has put anything into it");
    miss.await.expect("served");
    bench.is_healed(&proxy).await;
    assert_eq!(bench.begun().len(), 1);
}
