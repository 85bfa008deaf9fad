//! Many clients, one download.

use std::time::Duration;

use futures_util::future::join_all;
use simulated_aws::{Fault, Operation};
use tests::{Pending, eventually};

use crate::world::{World, noise};

async fn one_download_serves(clients: usize) {
    let world = World::new().await;
    let jar = noise(600_000);
    world.put("g/big-1.jar", &jar);
    // The clients come while the answer is on its way, not one after the other's hit.
    let wait = Duration::from_millis(500);
    let late = Fault::on(Operation::GetObject).delay_body(100_000, wait);
    world.aws.faults().add(late);
    let answers = join_all((0..clients).map(|_| world.proxy.get("/g/big-1.jar"))).await;
    for answer in &answers {
        assert_eq!(answer.status, 200);
        assert_eq!(answer.broken, None);
        assert!(
            answer.body == jar,
            "{} bytes of {}",
            answer.body.len(),
            jar.len()
        );
    }
    assert_eq!(world.gets("g/big-1.jar"), 1);
    let joined = answers
        .iter()
        .filter(|answer| answer.verdict() == "bazel-proxy; fwd=uri-miss; collapsed");
    assert!(joined.count() > 0, "nobody read along");
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_clients_of_one_key_make_one_s3_get() {
    one_download_serves(8).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_clients_of_one_key_make_one_s3_get() {
    one_download_serves(100).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_clients_of_one_key_make_one_s3_get() {
    one_download_serves(1000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_byte_is_sent_before_s3_has_sent_the_last() {
    let world = World::new().await;
    let jar = noise(400_000);
    world.put("g/a-1.jar", &jar);
    // The rest comes only after a client has seen the start: a proxy that waits for it, waits long.
    let pause = Fault::on(Operation::GetObject).delay_body(200_000, Duration::from_secs(5));
    world.aws.faults().add(pause);
    let mut answer = world.proxy.begin("GET", "/g/a-1.jar", &[]).await;
    let first = answer.next().await.expect("bytes").expect("no error");
    assert!(world.aws.counters().bytes_sent() <= 200_000);
    let rest = answer.finish().await;
    assert_eq!(rest.broken, None);
    assert!([first.as_ref(), rest.body.as_ref()].concat() == jar);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_slows_nobody() {
    let world = World::new().await;
    // More than all buffers between S3 and a client that reads nothing; not so large that it comes over
    // several connections.
    let jar = noise(16_000_000);
    world.put("g/big-1.jar", &jar);
    let slow = world.proxy.begin("GET", "/g/big-1.jar", &[]).await;
    let fast = world.proxy.get("/g/big-1.jar").await;
    assert!(fast.body == jar);
    eventually("the download is committed", async || {
        world.proxy.get("/g/big-1.jar").await.is_hit()
    })
    .await;
    let slow = slow.finish().await;
    assert!(slow.body == jar && slow.broken.is_none());
    assert_eq!(world.gets("g/big-1.jar"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_kills_no_download() {
    let world = World::new().await;
    let jar = noise(2_000_000);
    world.put("g/a-1.jar", &jar);
    let pause = Duration::from_millis(500);
    world
        .aws
        .faults()
        .add(Fault::on(Operation::GetObject).delay_body(1_000_000, pause));
    let mut first = world.proxy.begin("GET", "/g/a-1.jar", &[]).await;
    let stays = world.proxy.begin("GET", "/g/a-1.jar", &[]).await;
    first.next().await.expect("bytes").expect("no error");
    drop(first);
    let stays = stays.finish().await;
    assert!(stays.body == jar && stays.broken.is_none());
    assert_eq!(world.gets("g/a-1.jar"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_outlives_all_its_clients() {
    let world = World::new().await;
    let jar = noise(2_000_000);
    world.put("g/a-1.jar", &jar);
    let pause = Duration::from_millis(300);
    world
        .aws
        .faults()
        .add(Fault::on(Operation::GetObject).delay_body(1_000_000, pause));
    let mut only = world.proxy.begin("GET", "/g/a-1.jar", &[]).await;
    only.next().await.expect("bytes").expect("no error");
    drop(only);
    eventually("the rest was downloaded all the same", async || {
        world.aws.counters().bytes_sent() == 2_000_000
    })
    .await;
    let hit = world.warm("/g/a-1.jar").await;
    assert!(hit.body == jar);
    assert_eq!(world.gets("g/a-1.jar"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_before_the_head_kills_no_download() {
    let world = World::new().await;
    world.put("g/a-1.jar", b"the jar");
    let late = Fault::on(Operation::GetObject).delay(Duration::from_millis(500));
    world.aws.faults().add(late);
    let leaving = Pending::begin(world.proxy.address(), "GET", "/g/a-1.jar", &[]);
    let left = tokio::time::timeout(Duration::from_millis(100), leaving).await;
    assert!(left.is_err(), "it left while it waited");
    world.warm("/g/a-1.jar").await;
    assert!(world.gets("g/a-1.jar") <= 1);
}
