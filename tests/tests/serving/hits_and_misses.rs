//! The two ways to an artifact.

use std::time::Duration;

use simulated_aws::{Fault, Operation};
use tests::ProxyBuilder;

use crate::world::{World, noise};

#[tokio::test(flavor = "multi_thread")]
async fn second_get_is_served_from_disk() {
    let world = World::new().await;
    world.put("g/a-1.jar", b"the jar");

    let miss = world.proxy.get("/g/a-1.jar").await;
    assert_eq!(miss.body, "the jar");
    assert_eq!(miss.verdict(), "bazel-proxy; fwd=uri-miss; stored");

    // While the file is being synced, the download itself answers.
    let hit = world.warm("/g/a-1.jar").await;
    assert_eq!(hit.body, "the jar");
    assert_eq!(world.gets("g/a-1.jar"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn hits_need_no_network_and_no_credentials_from_the_first_second() {
    let world = World::new().await;
    world.put("g/a-1.jar", b"the jar");
    world.warm("/g/a-1.jar").await;
    let World {
        proxy,
        aws,
        scratch,
    } = world;
    let _same_configuration = proxy.kill_9();
    let before = aws.counters().total();
    aws.go_offline().await.expect("offline");

    let without = ProxyBuilder::new(&scratch)
        .aws(&aws)
        .profile("no-such-profile");
    let proxy = without.start().await;
    let hit = proxy.get("/g/a-1.jar").await;
    assert_eq!(
        (hit.status.as_u16(), hit.body.as_ref()),
        (200, &b"the jar"[..])
    );
    assert_eq!(hit.verdict(), "bazel-proxy; hit");
    assert_eq!(aws.counters().total(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn head_on_a_miss_is_one_head_object_and_no_download() {
    let world = World::new().await;
    world.put("g/a-1.jar", b"the jar");

    let head = world.proxy.head("/g/a-1.jar").await;
    assert_eq!(head.status, 200);
    assert_eq!(head.header("content-length"), "7");
    assert_eq!(head.header("accept-ranges"), "bytes");
    assert_eq!(head.header("content-type"), "application/java-archive");
    assert_eq!(head.verdict(), "bazel-proxy; fwd=method");
    assert!(head.body.is_empty());
    assert_eq!(world.aws.counters().count(Operation::HeadObject), 1);
    assert_eq!(world.aws.counters().count(Operation::GetObject), 0);

    let get = world.proxy.get("/g/a-1.jar").await;
    for name in ["etag", "last-modified", "content-length", "content-type"] {
        assert_eq!(head.header(name), get.header(name), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn head_on_a_hit_asks_nobody() {
    let world = World::new().await;
    world.put("g/a-1.jar", b"the jar");
    world.warm("/g/a-1.jar").await;
    let before = world.aws.counters().total();
    let head = world.proxy.head("/g/a-1.jar").await;
    assert_eq!(head.header("content-length"), "7");
    assert!(head.is_hit() && head.body.is_empty());
    assert_eq!(world.aws.counters().total(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn head_of_a_running_download_asks_nobody() {
    let world = World::new().await;
    world.put("g/a-1.jar", noise(2_000_000));
    let pause = Duration::from_secs(1);
    let fault = Fault::on(Operation::GetObject).delay_body(1_000_000, pause);
    world.aws.faults().add(fault);
    let running = world.proxy.begin("GET", "/g/a-1.jar", &[]).await;
    let head = world.proxy.head("/g/a-1.jar").await;
    assert_eq!(head.header("content-length"), "2000000");
    assert_eq!(world.aws.counters().total(), 1);
    assert_eq!(running.finish().await.broken, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_of_an_empty_artifact_is_explained_too() {
    let world = World::new().await;
    world.put("g/empty.txt", b"");
    let fault = Fault::on(Operation::HeadObject).respond(403, "AccessDenied");
    world.aws.faults().add(fault);
    let head = world.proxy.head("/g/empty.txt").await;
    assert_eq!(
        (head.status.as_u16(), head.header("content-length")),
        (200, "0")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bare_400_or_403_to_head_is_explained_by_a_get_of_one_byte() {
    let world = World::new().await;
    world.put("g/a-1.jar", b"the jar");
    for (bare, code) in [(400, "ExpiredToken"), (403, "AccessDenied")] {
        let fault = Fault::on(Operation::HeadObject).respond(bare, code);
        let fault = world.aws.faults().add(fault);
        let before = world.gets("g/a-1.jar");
        let head = world.proxy.head("/g/a-1.jar").await;
        assert_eq!(head.status, 200, "{bare}");
        assert_eq!(head.header("content-length"), "7", "the whole object's");
        assert_eq!(world.gets("g/a-1.jar"), before + 1);
        let log = world.aws.counters().log();
        let get = log
            .iter()
            .rfind(|call| call.operation == Operation::GetObject);
        let range = get.and_then(|call| call.range.clone());
        assert_eq!(range.as_deref(), Some("bytes=0-0"));
        world.aws.faults().remove(fault);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_immutable_artifact_is_never_asked_for_again() {
    let world = World::with(|proxy| proxy.env("METADATA_TTL", "0")).await;
    world.put("g/a-1.jar", b"first");
    world.warm("/g/a-1.jar").await;
    world.put("g/a-1.jar", b"second, which nobody may publish");
    let before = world.aws.counters().total();
    let no_cache = [("cache-control", "no-cache"), ("pragma", "no-cache")];
    let hit = world.proxy.get_with("/g/a-1.jar", &no_cache).await;
    assert_eq!(hit.body, "first");
    assert_eq!(world.aws.counters().total(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_artifact_is_an_artifact() {
    let world = World::new().await;
    world.put("g/empty.txt", b"");
    let miss = world.proxy.get("/g/empty.txt").await;
    assert_eq!(
        (miss.status.as_u16(), miss.header("content-length")),
        (200, "0")
    );
    let hit = world.warm("/g/empty.txt").await;
    assert_eq!(hit.status, 200);
    assert_eq!(world.gets("g/empty.txt"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_prefix_is_put_before_every_key() {
    let world = World::with(|proxy| proxy.env("S3_PREFIX", "team/maven")).await;
    world.put("team/maven/g/a-1.jar", b"the jar");
    assert_eq!(world.proxy.get("/g/a-1.jar").await.body, "the jar");
    assert_eq!(world.proxy.get("/team/maven/g/a-1.jar").await.status, 404);
}
