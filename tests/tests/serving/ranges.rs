//! Parts of an artifact.

use std::time::Duration;

use simulated_aws::{Fault, Operation};

use crate::world::{World, noise};

const LENGTH: usize = 300_000;

async fn with_cached_artifact() -> (World, Vec<u8>) {
    let world = World::new().await;
    let jar = noise(LENGTH);
    world.put("g/a-1.jar", &jar);
    world.warm("/g/a-1.jar").await;
    (world, jar)
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_of_a_hit_are_the_bytes_asked_for() {
    let (world, jar) = with_cached_artifact().await;
    let cases = [
        ("bytes=0-0", 0, 1),
        ("bytes=100-199", 100, 200),
        ("bytes=299990-", 299_990, LENGTH),
        ("bytes=-10000", 290_000, LENGTH),
        ("bytes=-999999999", 0, LENGTH),
        ("bytes=131070-262150", 131_070, 262_151),
        ("bytes=5-999999999999", 5, LENGTH),
    ];
    for (range, start, end) in cases {
        let answer = world
            .proxy
            .get_with("/g/a-1.jar", &[("range", range)])
            .await;
        assert_eq!(answer.status, 206, "{range}");
        let content_range = format!("bytes {start}-{}/{LENGTH}", end - 1);
        assert_eq!(answer.header("content-range"), content_range, "{range}");
        assert_eq!(answer.header("content-length"), (end - start).to_string());
        assert_eq!(answer.header("accept-ranges"), "bytes");
        assert!(answer.body == jar[start..end], "{range}");
    }
    assert_eq!(world.gets("g/a-1.jar"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_behind_the_end_is_416() {
    let (world, _) = with_cached_artifact().await;
    for range in ["bytes=300000-", "bytes=999999-1000000", "bytes=-0"] {
        let answer = world
            .proxy
            .get_with("/g/a-1.jar", &[("range", range)])
            .await;
        assert_eq!(answer.status, 416, "{range}");
        assert_eq!(answer.header("content-range"), "bytes */300000", "{range}");
        assert!(answer.body.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_that_are_none_or_several_are_answered_in_full() {
    let (world, jar) = with_cached_artifact().await;
    for range in ["bytes=1-0", "bytes=0-1,5-6", "lines=1-2", "bytes=x-"] {
        let answer = world
            .proxy
            .get_with("/g/a-1.jar", &[("range", range)])
            .await;
        assert_eq!(answer.status, 200, "{range}");
        assert!(answer.body == jar, "{range}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_of_a_head_is_ignored() {
    let (world, _) = with_cached_artifact().await;
    let range = [("range", "bytes=0-0")];
    let answer = world.proxy.request("HEAD", "/g/a-1.jar", &range).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-length"), LENGTH.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_of_a_miss_downloads_the_whole_once() {
    let world = World::new().await;
    let jar = noise(LENGTH);
    world.put("g/a-1.jar", &jar);
    let answer = world
        .proxy
        .get_with("/g/a-1.jar", &[("range", "bytes=-22")])
        .await;
    assert_eq!(answer.status, 206);
    assert!(answer.body == jar[LENGTH - 22..]);
    assert!(world.warm("/g/a-1.jar").await.body == jar);
    assert_eq!(world.gets("g/a-1.jar"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_of_a_running_download_are_sent_as_they_come() {
    let world = World::new().await;
    let jar = noise(2_000_000);
    world.put("g/a-1.jar", &jar);
    let pause = Fault::on(Operation::GetObject).delay_body(1_000_000, Duration::from_secs(3));
    world.aws.faults().add(pause);
    let whole = world.proxy.begin("GET", "/g/a-1.jar", &[]).await;
    let range = |range: &'static str| {
        let world = &world;
        async move {
            world
                .proxy
                .get_with("/g/a-1.jar", &[("range", range)])
                .await
        }
    };
    let early = range("bytes=1000-500000").await;
    assert_eq!(early.status, 206);
    assert!(early.body == jar[1000..=500_000]);
    assert!(
        world.aws.counters().bytes_sent() <= 1_000_000,
        "the range did not wait for the rest"
    );
    let late = range("bytes=-5").await;
    assert!(late.body == jar[1_999_995..]);
    assert!(whole.finish().await.body == jar);
    assert_eq!(world.gets("g/a-1.jar"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn if_range_guards_a_resumed_client_download() {
    let (world, jar) = with_cached_artifact().await;
    let hit = world.proxy.get("/g/a-1.jar").await;
    let (etag, modified) = (hit.header("etag"), hit.header("last-modified"));
    for (if_range, status) in [
        (etag, 206),
        (modified, 206),
        ("\"another\"", 200),
        ("W/\"weak\"", 200),
        ("Mon, 01 Jan 2001 00:00:00 GMT", 200),
    ] {
        let headers = [("range", "bytes=250000-"), ("if-range", if_range)];
        let answer = world.proxy.get_with("/g/a-1.jar", &headers).await;
        assert_eq!(answer.status, status, "{if_range}");
        let expected = if status == 206 { &jar[250_000..] } else { &jar };
        assert!(answer.body == expected, "{if_range}");
    }
}
