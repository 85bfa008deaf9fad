//! What is not there: remembered for a moment, in memory only.

use simulated_aws::Operation;
use tests::eventually;

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_artifact_is_404_in_plain_text() {
    let world = World::new().await;
    let answer = world.proxy.get("/g/none.jar").await;
    assert_eq!(answer.status, 404);
    // A problem document would not be taken as "not found" by maven-resolver.
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
    let head = world.proxy.head("/g/other.jar").await;
    assert_eq!((head.status.as_u16(), head.body.len()), (404, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_artifact_is_asked_for_once_in_a_while() {
    let world = World::new().await;
    for _ in 0..5 {
        assert_eq!(world.proxy.get("/g/none.jar").await.status, 404);
        assert_eq!(world.proxy.head("/g/none.jar").await.status, 404);
    }
    assert_eq!(world.gets("g/none.jar"), 1);
    assert_eq!(world.aws.counters().count(Operation::HeadObject), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_artifact_published_after_a_404_is_found_within_30_seconds() {
    let world = World::new().await;
    assert_eq!(world.proxy.get("/g/a-1.jar").await.status, 404);
    world.put("g/a-1.jar", b"the jar");
    eventually("it is found", async || {
        world.proxy.get("/g/a-1.jar").await.body == "the jar"
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_negative_answer_is_never_stored() {
    let world = World::new().await;
    assert_eq!(world.proxy.get("/g/a-1.jar").await.status, 404);
    world.put("g/a-1.jar", b"the jar");
    let World {
        proxy,
        aws: _aws,
        scratch: _scratch,
    } = world;
    let restarted = proxy.kill_9().start().await;
    assert_eq!(restarted.get("/g/a-1.jar").await.body, "the jar");
}
