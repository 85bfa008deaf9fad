//! Proxies that go and come back, under load.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use nix::sys::signal::Signal;

use crate::artifacts::publish;
use crate::crowd::{Load, rush};
use crate::team::{TURN, Team};

const KEYS: usize = 2_000;
const CLIENTS: usize = 200;
/// Requests of all clients together in each phase.
const PHASE: u64 = if cfg!(debug_assertions) {
    4_000
} else {
    20_000
};

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_proxy_costs_no_request_and_at_most_its_share_of_s3() {
    let _turn = TURN.lock().await;
    let Some(mut team) = Team::new().await else {
        return;
    };
    let artifacts = Arc::new(publish(&team.aws, KEYS));
    let before = rush(team.address(), &artifacts, 20, KEYS / 20).await;
    before.assert_no_failure();
    team.holds(KEYS).await;
    let homes = before.homes;
    let share: BTreeSet<_> = homes
        .iter()
        .filter(|(_, home)| *home == "proxy-2")
        .map(|(key, _)| key.clone())
        .collect();
    team.aws.counters().reset();

    let load = Load::start(team.address(), &artifacts, CLIENTS);
    load.go_on(PHASE).await;
    assert!(team.gets().is_empty());
    let absent = team.kill_9(2);
    load.go_on(PHASE).await;
    team.haproxy.wait_for(2, "DOWN").await;
    load.go_on(PHASE).await;
    team.bring_back(absent).await;
    load.go_on(PHASE).await;
    let during = load.stop().await;
    let moved = team.gets();
    eprintln!(
        "killed and brought back: {}; {} of {KEYS} keys were its own, {} of them moved, by {} GETs",
        during.figures(),
        share.len(),
        moved.len(),
        moved.values().sum::<usize>(),
    );
    during.assert_no_failure();
    for (key, gets) in &moved {
        assert!(share.contains(key), "{key} moved");
        // One home takes over while the proxy is looked for in vain, and perhaps another once it is given up.
        assert!(*gets <= 2, "{key}: {gets}");
    }

    team.aws.counters().reset();
    let after = rush(team.address(), &artifacts, 20, KEYS / 20).await;
    after.assert_no_failure();
    assert!(after.homes == homes, "not all keys are where they were");
    assert!(team.gets().is_empty(), "{:?}", team.gets());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_costs_no_request_and_cuts_no_answer() {
    let _turn = TURN.lock().await;
    let Some(mut team) = Team::new().await else {
        return;
    };
    let artifacts = Arc::new(publish(&team.aws, KEYS / 4));
    let before = rush(team.address(), &artifacts, 20, KEYS / 80).await;
    before.assert_no_failure();
    let load = Load::start(team.address(), &artifacts, CLIENTS / 2);
    for number in team.numbers() {
        let absent = team.stop(number).await;
        load.go_on(PHASE / 2).await;
        team.bring_back(absent).await;
        load.go_on(PHASE / 2).await;
    }
    let during = load.stop().await;
    eprintln!("restarted one after the other: {}", during.figures());
    during.assert_no_failure();
    assert_eq!(during.cuts, 0);
    let after = rush(team.address(), &artifacts, 20, KEYS / 80).await;
    assert!(
        after.homes == before.homes,
        "not all keys are where they were"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_hangs_is_left_out_and_taken_back() {
    let Some(team) = Team::new().await else {
        return;
    };
    let artifacts = Arc::new(publish(&team.aws, 60));
    let before = rush(team.address(), &artifacts, 6, 10).await;
    before.assert_no_failure();
    team.proxy(3).signal(Signal::SIGSTOP);
    let hung = Instant::now();
    team.haproxy.wait_for(3, "DOWN").await;
    eprintln!("found to hang after {:.1?}", hung.elapsed());
    let during = rush(team.address(), &artifacts, 6, 10).await;
    during.assert_no_failure();
    assert!(!during.shares().contains_key("proxy-3"));
    team.proxy(3).signal(Signal::SIGCONT);
    team.haproxy.wait_for(3, "UP").await;
    let after = rush(team.address(), &artifacts, 6, 10).await;
    after.assert_no_failure();
    assert!(
        after.homes == before.homes,
        "not all keys are where they were"
    );
}
