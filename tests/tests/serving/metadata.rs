//! Artifacts that may change: asked again in time, with their checksums, and served stale.

use simulated_aws::{Action, Fault, Operation};
use tests::eventually;
use tests::scratch::{ACCESS_KEY, BUCKET};

use crate::world::{End, World, get_and_close, noise, read_to_end};

const METADATA: &str = "g/a/maven-metadata.xml";
const PATH: &str = "/g/a/maven-metadata.xml";

/// A proxy whose copies of mutable artifacts are old at once.
async fn impatient() -> World {
    World::with(|proxy| proxy.env("METADATA_TTL", "0")).await
}

fn last_call(world: &World) -> simulated_aws::Call {
    let log = world.aws.counters().log();
    log.last().cloned().expect("a call")
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_is_not_asked_for_again_within_its_time() {
    let world = World::with(|proxy| proxy.env("METADATA_TTL", "1h")).await;
    world.put(METADATA, b"one");
    world.warm(PATH).await;
    world.put(METADATA, b"two");
    let before = world.aws.counters().total();
    for _ in 0..3 {
        let hit = world.proxy.get(PATH).await;
        assert_eq!(
            (hit.text(), hit.verdict()),
            ("one".to_owned(), "bazel-proxy; hit")
        );
    }
    assert_eq!(world.aws.counters().total(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn unchanged_metadata_is_confirmed_without_a_download() {
    let world = impatient().await;
    world.put(METADATA, b"one");
    let etag = world.warm(PATH).await.header("etag").to_owned();
    let again = world.proxy.get(PATH).await;
    assert_eq!(again.verdict(), "bazel-proxy; hit; detail=revalidated");
    assert_eq!(again.body, "one");
    let call = last_call(&world);
    assert_eq!(call.operation, Operation::GetObject);
    assert_eq!(call.if_none_match, Some(etag));
    assert_eq!(call.status, Some(304));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmation_holds_for_another_ttl() {
    let world = World::with(|proxy| proxy.env("METADATA_TTL", "2s")).await;
    world.put(METADATA, b"one");
    world.warm(PATH).await;
    eventually("the copy is confirmed", async || {
        world.proxy.get(PATH).await.verdict() == "bazel-proxy; hit; detail=revalidated"
    })
    .await;
    assert_eq!(world.proxy.get(PATH).await.verdict(), "bazel-proxy; hit");
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_metadata_comes_with_the_very_next_request_after_its_time() {
    let world = impatient().await;
    world.put(METADATA, b"one");
    world.warm(PATH).await;
    world.put(METADATA, b"two");
    let changed = world.proxy.get(PATH).await;
    assert_eq!(
        (changed.status.as_u16(), changed.text()),
        (200, "two".to_owned())
    );
    assert_eq!(changed.verdict(), "bazel-proxy; fwd=stale; stored");
    // One request both asked and fetched.
    assert_eq!(last_call(&world).status, Some(200));
}

#[tokio::test(flavor = "multi_thread")]
async fn snapshots_without_a_time_stamp_may_change() {
    let world = impatient().await;
    let key = "g/a/1.0-SNAPSHOT/a-1.0-SNAPSHOT.jar";
    world.put(key, b"one");
    world.warm(&format!("/{key}")).await;
    world.put(key, b"two");
    assert_eq!(world.proxy.get(&format!("/{key}")).await.body, "two");
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_is_served_stale_while_s3_is_away() {
    let world = impatient().await;
    world.put(METADATA, b"one");
    world.warm(PATH).await;
    world.aws.go_offline().await.expect("offline");
    for _ in 0..3 {
        let stale = world.proxy.get(PATH).await;
        assert_eq!(
            (stale.status.as_u16(), stale.text()),
            (200, "one".to_owned())
        );
        assert_eq!(stale.verdict(), "bazel-proxy; hit; detail=stale");
    }
    assert_eq!(world.proxy.head(PATH).await.status, 200);
    world.put(METADATA, b"two");
    world.aws.go_online().await.expect("online");
    eventually("the new version is served", async || {
        world.proxy.get(PATH).await.body == "two"
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_is_served_stale_while_s3_throttles() {
    let world = impatient().await;
    world.put(METADATA, b"one");
    world.warm(PATH).await;
    world
        .aws
        .faults()
        .add(Fault::any().respond(503, "SlowDown"));
    let stale = world.proxy.get(PATH).await;
    assert_eq!(
        (stale.status.as_u16(), stale.text()),
        (200, "one".to_owned())
    );
    assert_eq!(stale.verdict(), "bazel-proxy; hit; detail=stale");
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_is_kept_when_it_is_denied_and_may_or_may_not_exist() {
    let world = impatient().await;
    world.put(METADATA, b"one");
    world.warm(PATH).await;
    for action in [Action::ListBucket, Action::GetObject] {
        world.aws.identities().deny(ACCESS_KEY.0, action);
    }
    let stale = world.proxy.get(PATH).await;
    assert_eq!(
        (stale.status.as_u16(), stale.verdict()),
        (200, "bazel-proxy; hit; detail=stale")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_and_its_checksums_are_refreshed_together() {
    let world = World::with(|proxy| proxy.env("METADATA_TTL", "3s")).await;
    let put = |version: &str| {
        world.put(METADATA, version);
        world.put(&format!("{METADATA}.sha1"), format!("sha1 of {version}"));
        world.put(&format!("{METADATA}.md5"), format!("md5 of {version}"));
    };
    let companions = [".sha1", ".md5"];
    put("one");
    world.warm(PATH).await;
    for suffix in companions {
        world.warm(&format!("{PATH}{suffix}")).await;
    }
    put("two");
    eventually("the new version is served", async || {
        world.proxy.get(PATH).await.body == "two"
    })
    .await;
    // Not one of them is older than the metadata.
    assert_eq!(
        world.proxy.get(&format!("{PATH}.sha1")).await.body,
        "sha1 of two"
    );
    assert_eq!(
        world.proxy.get(&format!("{PATH}.md5")).await.body,
        "md5 of two"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checksum_asked_for_first_brings_its_metadata_along() {
    let world = World::with(|proxy| proxy.env("METADATA_TTL", "1h")).await;
    world.put(METADATA, b"one");
    world.warm(PATH).await;
    world.put(METADATA, b"two");
    world.put(&format!("{METADATA}.sha1"), b"sha1 of two");
    // The checksum is new here and of the new version, so the metadata must be, too.
    assert_eq!(
        world.proxy.get(&format!("{PATH}.sha1")).await.body,
        "sha1 of two"
    );
    assert_eq!(world.proxy.get(PATH).await.body, "two");
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_deleted_upstream_is_gone_here() {
    let world = impatient().await;
    world.put(METADATA, b"one");
    world.warm(PATH).await;
    world.aws.s3().delete(BUCKET, METADATA).expect("deleted");
    assert_eq!(world.proxy.get(PATH).await.status, 404);
    world.aws.go_offline().await.expect("offline");
    assert_ne!(world.proxy.get(PATH).await.status, 200, "nothing was kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_that_breaks_loses_nothing() {
    let world = impatient().await;
    let old = noise(300_000);
    world.put(METADATA, &old);
    world.warm(PATH).await;
    // The new version is longer than what comes in one piece, so it can be begun, and never ends as promised.
    world.put(METADATA, noise(3_000_001));
    let broken = world
        .aws
        .faults()
        .add(Fault::on(Operation::GetObject).flip_byte(1000));
    let (received, end) = read_to_end(&world.proxy, &get_and_close(PATH)).await;
    assert_eq!(end, End::Reset, "after {} bytes", received.len());
    world.aws.faults().remove(broken);
    world.aws.go_offline().await.expect("offline");
    let stale = world.proxy.get(PATH).await;
    assert_eq!(stale.status, 200);
    assert!(stale.body == old, "the verified copy was kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_asks_once_whether_metadata_has_changed() {
    let world = World::with(|proxy| proxy.env("METADATA_TTL", "2s")).await;
    world.put(METADATA, b"one");
    world.warm(PATH).await;
    world.put(METADATA, b"two");
    eventually("the time is up", async || {
        let answers = (0..50).map(|_| world.proxy.get(PATH));
        let answers = futures_util::future::join_all(answers).await;
        answers.iter().any(|answer| answer.body == "two")
    })
    .await;
    assert_eq!(world.gets(METADATA), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_asks_once_whether_metadata_is_gone() {
    let world = impatient().await;
    world.put(METADATA, b"one");
    world.warm(PATH).await;
    world.aws.s3().delete(BUCKET, METADATA).expect("deleted");
    let before = world.gets(METADATA);
    let answers = (0..30).map(|_| world.proxy.get(PATH));
    let answers = futures_util::future::join_all(answers).await;
    assert!(answers.iter().all(|answer| answer.status == 404));
    assert_eq!(world.gets(METADATA) - before, 1);
}
