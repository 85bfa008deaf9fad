//! An upstream that is not there, or not at its best: S3 is asked, and nobody waits twice.

use std::time::Duration;

use futures_util::future::join_all;
use simulated_aws::{Fault, Operation};
use tests::{StandIn, eventually, within};

use super::{LAPTOP_KEY, Office, must_be};
use crate::world::noise;

/// The upstream's patience, and time for a busy machine.
const BOUND: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn without_its_upstream_a_laptop_asks_s3() {
    let office = Office::new().await;
    let keys: Vec<_> = (0..4).map(|number| format!("g/{number}.jar")).collect();
    for key in &keys {
        office.put(key, key);
    }
    let laptop = office.laptop().await;
    let url = office.team.url();
    let team = office.team.kill_9();
    for key in &keys {
        must_be(&laptop.proxy.get(&format!("/{key}")).await, key.as_bytes());
    }
    assert_eq!(laptop.proxy.head("/g/0.jar").await.status, 200);
    let log = laptop.proxy.log();
    assert_eq!(log.matches("the upstream is left alone").count(), 1);
    assert!(log.contains("UPSTREAM_PROXY_URL"), "the cure: {log}");

    let port = url.rsplit(':').next().expect("a port");
    let _team = team.env("PROXY_PORT", port).start().await;
    let mut number = 0;
    eventually("the upstream is asked again", async || {
        number += 1;
        let key = format!("h/{number}.jar");
        let put = office.aws.s3().put(tests::scratch::BUCKET, &key, &key);
        put.expect("an object");
        must_be(&laptop.proxy.get(&format!("/{key}")).await, key.as_bytes());
        laptop.proxy.log().contains("the upstream answers again")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_hangs_is_waited_for_by_one_request_only() {
    let office = Office::new().await;
    for number in 0..20 {
        office.put(&format!("g/{number}.jar"), b"the jar");
    }
    let silent = StandIn::silent().await;
    let laptop = office.laptop_with(&silent.url(), |laptop| laptop).await;
    let first = within(BOUND, "the first miss", laptop.proxy.get("/g/0.jar"));
    must_be(&first.await, b"the jar");
    assert_eq!(silent.asked(), 1);
    let paths: Vec<_> = (1..20).map(|number| format!("/g/{number}.jar")).collect();
    for answer in join_all(paths.iter().map(|path| laptop.proxy.get(path))).await {
        must_be(&answer, b"the jar");
    }
    assert!(silent.asked() <= 2, "{} asked", silent.asked());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_whose_bodies_do_not_come_is_waited_for_by_one_miss_only() {
    let office = Office::new().await;
    let jar = noise(300_000);
    office.put("g/a-1.jar", &jar);
    office.put("g/b-1.jar", &jar);
    let lossy = StandIn::without_bodies(office.team.address()).await;
    let laptop = office.laptop_with(&lossy.url(), |laptop| laptop).await;
    let first = within(BOUND, "the first miss", laptop.proxy.get("/g/a-1.jar"));
    must_be(&first.await, &jar);
    must_be(&laptop.proxy.get("/g/b-1.jar").await, &jar);
    let log = laptop.proxy.log();
    let word = "begins its answers and does not go on";
    assert_eq!(log.matches(word).count(), 1, "{log}");
    assert_eq!((lossy.asked(), office.asked_by_laptops()), (1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_killed_in_mid_download_is_replaced_by_s3() {
    let office = Office::new().await;
    let jar = noise(3_000_000);
    office.put("g/a-1.jar", &jar);
    let stalled = Fault::on(Operation::GetObject).times(1);
    let stalled = stalled.delay_body(1_234_567, Duration::from_hours(1));
    office.aws.faults().add(stalled);
    let laptop = office.laptop().await;
    let mut answer = laptop.proxy.begin("GET", "/g/a-1.jar", &[]).await;
    let mut received = Vec::new();
    while received.len() < 1_000_000 {
        let bytes = answer.next().await.expect("bytes").expect("no error");
        received.extend_from_slice(&bytes);
    }
    drop(office.team);
    let rest = answer.finish().await;
    assert_eq!(rest.broken, None);
    received.extend_from_slice(&rest.body);
    assert!(received == jar, "{} bytes", received.len());
    let log = office.aws.counters().log();
    let rest = log.last().expect("a call");
    assert_eq!(rest.access_key_id.as_deref(), Some(LAPTOP_KEY.0));
    let range = rest.range.as_deref().unwrap_or_default();
    assert!(range.starts_with("bytes=1"), "not from the start: {range}");
    eventually("it is kept", async || {
        laptop.proxy.get("/g/a-1.jar").await.is_hit()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_cannot_fetch_itself_is_no_hindrance() {
    let office = Office::with(|team| team.env("AWS_ACCESS_KEY_ID", "AKIAFORGOTTEN0000000")).await;
    office.put("g/a-1.jar", b"the jar");
    let laptop = office.laptop().await;
    let answer = laptop.proxy.get("/g/a-1.jar").await;
    must_be(&answer, b"the jar");
    assert_eq!(laptop.proxy.head("/g/a-1.jar").await.status, 200);
    let log = laptop.proxy.log();
    assert!(!log.contains("left alone"), "it has answered: {log}");
    assert!(!office.team.log().contains("misses wait"), "nobody is held");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_no_proxy_of_this_repository_has_said_nothing() {
    let office = Office::new().await;
    office.put("g/a-1.jar", b"the jar");
    for status in [200, 301, 401, 404, 407, 503, 511] {
        let page = "<html>Please log in to the hotel's network</html>";
        let portal = StandIn::http(move |_, _| (status, page.to_owned())).await;
        let laptop = office.laptop_with(&portal.url(), |laptop| laptop).await;
        must_be(&laptop.proxy.get("/g/a-1.jar").await, b"the jar");
        assert_eq!(portal.asked(), 1, "{status}");
        assert!(laptop.proxy.log().contains("is no bazel-proxy"), "{status}");
    }
}
