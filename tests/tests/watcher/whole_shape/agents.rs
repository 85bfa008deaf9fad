//! Three agents on one home.

use std::time::{Duration, Instant};

use tests::{Watcher, eventually};

use super::{Bench, acts};

/// From the death of the agent that works until another one does its work.
const TAKEOVER: Duration = Duration::from_secs(8);

fn working(bench: &Bench, agents: &[Watcher]) -> Option<usize> {
    let pid = bench.journal()["pid"].as_u64()?;
    let mut pids = agents.iter().map(|agent| u64::from(agent.pid()));
    pids.position(|agent| agent == pid)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_three_agents_one_logs_in_and_another_takes_over_from_it_when_it_is_killed() {
    let bench = Bench::new().await;
    let proxy = bench.signed_in().await;
    bench.tell("hold");
    let mut agents = vec![bench.agent().start().await];
    agents.extend([bench.agent().spawn(), bench.agent().spawn()]);
    let miss = bench.asked_for_login(&proxy).await;
    bench.has_begun(1).await;
    let first = working(&bench, &agents).expect("one works");
    assert_eq!(first, 0, "the others stand by");

    let killed = Instant::now();
    drop(agents.remove(first).kill_9());
    acts(&agents[0], "Adopt", 1).await;
    let takeover = killed.elapsed();
    eprintln!("taken over after {:.1} s", takeover.as_secs_f64());
    assert!(takeover < TAKEOVER, "{takeover:?}");
    bench.untell("hold");
    miss.await.expect("served");
    bench.is_healed(&proxy).await;

    let miss = bench.asked_for_login(&proxy).await;
    miss.await.expect("served");
    bench.is_healed(&proxy).await;
    assert_eq!(bench.begun().len(), 2, "one login for each session");
    let second = working(&bench, &agents).expect("one works");
    assert!(agents.remove(second).stop().await.success());
    eventually(
        "the third takes over from one that was stopped",
        async || working(&bench, &agents).is_some(),
    )
    .await;
}
