//! `/healthz` and `/readyz`.

use serde_json::Value;
use simulated_aws::{Action, Operation};
use tests::eventually;
use tests::scratch::ACCESS_KEY;

use crate::world::World;

async fn readiness(world: &World) -> (u16, Value) {
    let answer = world.proxy.get("/readyz").await;
    let body = serde_json::from_str(&answer.text()).expect("JSON");
    (answer.status.as_u16(), body)
}

#[tokio::test(flavor = "multi_thread")]
async fn readyz_is_200_when_artifacts_can_be_fetched() {
    let world = World::new().await;
    let (status, body) = readiness(&world).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(
        (&body["ready"], &body["credentials"]),
        (&true.into(), &"valid".into())
    );
    assert_eq!(body["may_list_bucket"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn readyz_does_not_need_permission_to_list() {
    let world = World::new().await;
    world
        .aws
        .identities()
        .deny(ACCESS_KEY.0, Action::ListBucket);
    let (status, body) = readiness(&world).await;
    assert_eq!((status, &body["may_list_bucket"]), (200, &false.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn readyz_says_why_not_and_recovers() {
    let world = World::new().await;
    world.aws.go_offline().await.expect("offline");
    let (status, body) = readiness(&world).await;
    assert_eq!((status, &body["ready"]), (503, &false.into()));
    assert!(
        body["reason"]
            .as_str()
            .is_some_and(|reason| reason.contains("S3")),
        "{body}"
    );
    assert_eq!(world.proxy.get("/healthz").await.status, 200);
    world.aws.go_online().await.expect("online");
    eventually("it is ready again", async || {
        readiness(&world).await.0 == 200
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readyz_asks_the_bucket_only_now_and_then() {
    let world = World::new().await;
    for _ in 0..20 {
        assert_eq!(readiness(&world).await.0, 200);
    }
    assert!(world.aws.counters().count(Operation::ListObjectsV2) <= 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn healthz_needs_nothing_but_the_process() {
    let world = World::new().await;
    world.aws.go_offline().await.expect("offline");
    let before = world.aws.counters().total();
    let get = world.proxy.get("/healthz").await;
    assert_eq!((get.status.as_u16(), get.text()), (200, "ok\n".to_owned()));
    assert_eq!(world.proxy.head("/healthz").await.status, 200);
    let post = world.proxy.request("POST", "/healthz", &[]).await;
    assert_eq!(post.status, 405);
    assert_eq!(world.aws.counters().total(), before);
}
