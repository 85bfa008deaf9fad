//! An agent that sleeps with its machine.

use std::time::Duration;

use nix::sys::signal::Signal;
use tests::{eventually, throughout};

use super::Bench;

/// Longer than a busy machine ever keeps an agent from its looks.
const SLEEP: Duration = Duration::from_secs(41);
/// What the network gets to come back afterwards, less the agent's poll.
const WAKING: Duration = Duration::from_secs(8);

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
