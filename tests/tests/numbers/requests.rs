//! Requests by how they were answered.

use futures_util::future::join_all;
use simulated_aws::{Fault, Operation};
use tests::{eventually, raw_request};

use crate::world::{Numbers, World};

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_counted_by_verdict_and_status() {
    let world = World::new().await;
    world.put("g/a-1.jar", [7; 1000]);
    assert_eq!(world.proxy.get("/g/a-1.jar").await.status, 200);
    world.warm("/g/a-1.jar").await;
    let before = Numbers::of(&world.proxy).await;
    let etag = world
        .proxy
        .get("/g/a-1.jar")
        .await
        .header("etag")
        .to_owned();
    let range = [("range", "bytes=0-9")];
    assert_eq!(world.proxy.get_with("/g/a-1.jar", &range).await.status, 206);
    let same = [("if-none-match", etag.as_str())];
    assert_eq!(world.proxy.get_with("/g/a-1.jar", &same).await.status, 304);
    assert_eq!(world.proxy.get("/g/none.jar").await.status, 404);
    assert_eq!(world.proxy.get("/g/..%2fa").await.status, 400);
    assert_eq!(
        world.proxy.request("PUT", "/g/a-1.jar", &[]).await.status,
        405
    );
    assert_eq!(world.proxy.get("/g/").await.status, 200);
    let foreign = [("host", "evil.example")];
    assert_eq!(world.proxy.get_with("/metrics", &foreign).await.status, 421);

    let after = Numbers::of(&world.proxy).await;
    let more = |verdict: &str, status: u16| {
        let series =
            format!(r#"bazel_proxy_requests_total{{status="{status}",verdict="{verdict}"}}"#);
        after.count(&series) - before.count(&series)
    };
    for (verdict, status) in [
        ("hit", 200),
        ("hit", 206),
        ("hit", 304),
        ("not-found", 404),
        ("bad-request", 400),
        ("read-only", 405),
        ("listed", 200),
        ("refused", 421),
    ] {
        assert_eq!(
            more(verdict, status),
            1,
            "{verdict} {status}\n{}",
            after.text()
        );
    }
    assert_eq!(
        before.count(r#"bazel_proxy_requests_total{status="200",verdict="miss"}"#),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_are_counted_by_where_they_came_from() {
    let world = World::new().await;
    world.put("g/a-1.jar", vec![7; 300_000]);
    let sent = |source: &str| format!(r#"bazel_proxy_sent_bytes_total{{source="{source}"}}"#);
    world.proxy.get("/g/a-1.jar").await;
    let cold = Numbers::of(&world.proxy).await;
    assert_eq!(cold.count(&sent("origin")), 300_000);
    assert_eq!(cold.count("bazel_proxy_s3_received_bytes_total"), 300_000);
    world.warm("/g/a-1.jar").await;
    let warm = Numbers::of(&world.proxy).await;
    world.proxy.get("/g/a-1.jar").await;
    world
        .proxy
        .get_with("/g/a-1.jar", &[("range", "bytes=0-99")])
        .await;
    world.proxy.head("/g/a-1.jar").await;
    let hot = Numbers::of(&world.proxy).await;
    assert_eq!(
        hot.count(&sent("cache")) - warm.count(&sent("cache")),
        300_100
    );
    assert_eq!(hot.count("bazel_proxy_s3_received_bytes_total"), 300_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_is_one_miss_and_one_download() {
    let world = World::new().await;
    world.put("g/a-1.jar", vec![7; 200_000]);
    let asked = (0..20).map(|_| world.proxy.get("/g/a-1.jar"));
    for answer in join_all(asked).await {
        assert_eq!(answer.status, 200);
    }
    let numbers = Numbers::of(&world.proxy).await;
    let of = |verdict: &str| {
        numbers.count(&format!(
            r#"bazel_proxy_requests_total{{status="200",verdict="{verdict}"}}"#
        ))
    };
    assert_eq!(of("miss"), 1);
    assert_eq!(of("miss") + of("collapsed") + of("hit"), 20);
    let calls = r#"bazel_proxy_s3_calls_total{operation="get_object",outcome="ok"}"#;
    assert_eq!(numbers.count(calls), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn times_to_the_first_byte_and_to_the_last_are_measured_apart() {
    let world = World::new().await;
    world.put("g/a-1.jar", vec![7; 400_000]);
    let slow = Fault::on(Operation::GetObject).rate(200_000);
    world.aws.faults().add(slow);
    world.proxy.get("/g/a-1.jar").await;
    let numbers = Numbers::of(&world.proxy).await;
    let seconds = |what: &str| {
        let count = format!(r#"bazel_proxy_{what}_seconds_count{{verdict="miss"}}"#);
        assert_eq!(numbers.count(&count), 1, "{what}");
        let sum = format!(r#"bazel_proxy_{what}_seconds_sum{{verdict="miss"}}"#);
        numbers.find(&sum).expect("a sum")
    };
    // The body alone takes S3 two seconds.
    assert!(
        seconds("response") > seconds("first_byte") + 0.5,
        "{}",
        numbers.text()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_early_is_counted_as_such() {
    let world = World::new().await;
    world.put("g/a-1.jar", vec![7; 400_000]);
    world.put("g/b-1.jar", vec![7; 400_000]);
    let slow = Fault::on(Operation::GetObject).rate(20_000);
    world.aws.faults().add(slow.key("g/a-1.jar"));
    world
        .aws
        .faults()
        .add(Fault::on(Operation::GetObject).key("g/b-1.jar").hang());
    let mut begun = world.proxy.begin("GET", "/g/a-1.jar", &[]).await;
    begun.next().await.expect("a part").expect("whole");
    drop(begun);
    // Silent for two seconds, the client gives up before it has an answer.
    let request = b"GET /g/b-1.jar HTTP/1.1\r\nHost: localhost\r\n\r\n";
    assert!(raw_request(world.proxy.address(), request).await.is_empty());
    eventually("both are counted", async || {
        let numbers = Numbers::of(&world.proxy).await;
        let aborted = numbers.count(r#"bazel_proxy_aborted_answers_total{by="client"}"#);
        let left = numbers.count(r#"bazel_proxy_requests_total{status="499",verdict="left"}"#);
        (aborted, left) == (1, 1)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_had_to_be_reset_are_counted_as_such() {
    let world = World::new().await;
    world.put("g/a-1.jar", vec![7; 400_000]);
    let altered = Fault::on(Operation::GetObject).flip_byte(399_999);
    world.aws.faults().add(altered);
    let answer = world.proxy.get("/g/a-1.jar").await;
    assert!(answer.broken.is_some(), "{answer:?}");
    let numbers = Numbers::of(&world.proxy).await;
    assert_eq!(
        numbers.count(r#"bazel_proxy_aborted_answers_total{by="proxy"}"#),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_answer_head_and_only_by_our_own_name() {
    let world = World::new().await;
    let head = world.proxy.head("/metrics").await;
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
    assert_eq!(head.header("content-type"), "text/plain; version=0.0.4");
    let foreign = world
        .proxy
        .get_with("/metrics", &[("host", "evil.example")])
        .await;
    assert_eq!(foreign.status, 421);
    assert_eq!(
        world.proxy.request("POST", "/metrics", &[]).await.status,
        405
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_downloads_and_the_caches_fill_are_shown_as_they_are() {
    let world = World::new().await;
    world.put("g/a-1.jar", vec![7; 400_000]);
    world.put("g/pom.xml", vec![7; 1000]);
    let slow = Fault::on(Operation::GetObject).rate(20_000);
    let fault = world.aws.faults().add(slow.key("g/a-1.jar"));
    let mut begun = world.proxy.begin("GET", "/g/a-1.jar", &[]).await;
    begun.next().await.expect("a part").expect("whole");
    let during = Numbers::of(&world.proxy).await;
    assert_eq!(during.count("bazel_proxy_running_downloads"), 1);
    assert!(
        during.count("bazel_proxy_open_connections") >= 2,
        "{}",
        during.text()
    );
    world.aws.faults().remove(fault);
    drop(begun);
    world.warm("/g/pom.xml").await;
    eventually("nothing is under way", async || {
        let after = Numbers::of(&world.proxy).await;
        after.count("bazel_proxy_running_downloads") == 0
            && after.count("bazel_proxy_cache_objects") == 2
    })
    .await;
    let after = Numbers::of(&world.proxy).await;
    assert!(after.count("bazel_proxy_cache_bytes") > 400_000);
    assert!(after.count("bazel_proxy_memory_cache_bytes") > 1000);
    assert_eq!(after.count("bazel_proxy_cache_min_free_bytes"), 1 << 20);
    assert!(after.count("bazel_proxy_cache_free_disk_bytes") > 0);
    assert!(after.count("bazel_proxy_cache_limit_bytes") > after.count("bazel_proxy_cache_bytes"));
    assert!(world.scratch.cache().exists());
}
