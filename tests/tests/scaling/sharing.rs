//! What several proxies share: the work, and nothing else.

use std::collections::BTreeSet;
use std::sync::Arc;

use simulated_aws::Operation;
use tests::clients::{HAPROXY, are_installed};
use tests::{HaProxy, Scratch, StandIn};

use crate::artifacts::{publish, put};
use crate::crowd::rush;
use crate::team::{TURN, Team};

#[tokio::test(flavor = "multi_thread")]
async fn three_proxies_and_200_clients_fetch_each_of_2000_keys_once() {
    const KEYS: usize = 2_000;
    const CLIENTS: usize = 200;
    /// Every client wants every key, which takes a debug build too long.
    const EACH: usize = if cfg!(debug_assertions) { 200 } else { KEYS };
    let _turn = TURN.lock().await;
    let Some(team) = Team::new().await else {
        return;
    };
    let artifacts = Arc::new(publish(&team.aws, KEYS));
    let started = std::time::Instant::now();
    let tally = rush(team.address(), &artifacts, CLIENTS, EACH).await;
    let seconds = started.elapsed().as_secs_f64();
    eprintln!(
        "{}; {seconds:.1} s; {:?}",
        tally.figures(),
        tally.shares().values()
    );
    tally.assert_no_failure();
    assert_eq!(tally.cuts, 0);
    assert_eq!(tally.homes.len(), KEYS);
    assert_eq!(
        team.aws.counters().count(Operation::GetObject),
        u64::try_from(KEYS).expect("a small number")
    );
    for (home, keys) in tally.shares() {
        let fair = KEYS / 3;
        assert!(keys > fair * 3 / 4 && keys < fair * 5 / 4, "{home}: {keys}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_artifact_has_one_home_however_its_name_is_written_and_asked_for() {
    let Some(team) = Team::new().await else {
        return;
    };
    for (number, name) in (0..40).zip(["a-1.jar", "maven-metadata.xml"].iter().cycle()) {
        let key = format!("g/a+{number}/{name}");
        put(&team.aws, &key, 100);
        let checksum = format!("{key}.sha1");
        put(&team.aws, &checksum, 40);
        let mut homes = BTreeSet::new();
        for path in [
            format!("/{key}"),
            format!("/{key}?w=1"),
            format!("/{key}?w=37&x=%2F"),
            format!("/g/%61%2B{number}/{name}"),
            format!("/{checksum}"),
            format!("/{checksum}?w=2"),
        ] {
            let answer = tests::get(team.address(), &path).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            homes.insert(answer.header("x-served-by").to_owned());
        }
        assert_eq!(homes.len(), 1, "{key}: {homes:?}");
    }
}

/// Which server each of many paths is sent to.
async fn homes(haproxy: &HaProxy) -> Vec<String> {
    const PATHS: usize = 600;
    let mut homes = Vec::new();
    for number in 0..PATHS {
        let path = format!("/g/lib-{number}/1.0/lib-{number}-1.0.jar");
        let answer = tests::get(haproxy.address(), &path).await;
        homes.push(answer.header("x-served-by").to_owned());
    }
    homes
}

#[tokio::test(flavor = "multi_thread")]
async fn two_haproxies_agree_and_a_fourth_proxy_takes_its_share_from_the_others_alone() {
    if !are_installed(&[HAPROXY]) {
        return;
    }
    // Where a request goes has nothing to do with what is there: these stand in for proxies.
    let mut proxies = Vec::new();
    for _ in 0..4 {
        proxies.push(StandIn::http(|_, _| (200, "ok".to_owned())).await);
    }
    let addresses: Vec<_> = proxies.iter().map(StandIn::address).collect();
    let scratches = [Scratch::new(), Scratch::new(), Scratch::new()];
    let one = HaProxy::start(scratches[0].path(), &addresses[..3], &[]).await;
    let three = homes(&one).await;
    // The same numbers at other addresses.
    let elsewhere = [addresses[2], addresses[3], addresses[0]];
    let other = HaProxy::start(scratches[1].path(), &elsewhere, &[]).await;
    assert!(homes(&other).await == three, "they do not agree");
    let grown = HaProxy::start(scratches[2].path(), &addresses, &[]).await;
    let four = homes(&grown).await;
    let moved = three
        .iter()
        .zip(&four)
        .filter(|(before, after)| before != after);
    let mut count = 0;
    for (before, after) in moved {
        assert_eq!(after, "proxy-4", "from {before}");
        count += 1;
    }
    let fair = three.len() / 4;
    assert!(count > fair / 2 && count < fair * 3 / 2, "{count} moved");
}
