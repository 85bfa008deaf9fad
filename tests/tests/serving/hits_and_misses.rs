//! The two ways to an artifact.

use simulated_aws::Operation;
use tests::{Proxy, Scratch};

#[tokio::test(flavor = "multi_thread")]
async fn second_get_is_served_from_disk() {
    let scratch = Scratch::new();
    let aws = scratch.aws().await;
    aws.s3()
        .put("artifacts", "g/a-1.jar", b"the jar")
        .expect("an object");
    let proxy = Proxy::start(&scratch, &aws).await;

    let miss = proxy.get("/g/a-1.jar").await;
    assert_eq!(miss.body, "the jar");
    assert_eq!(miss.verdict(), "bazel-proxy; fwd=uri-miss; stored");

    let hit = proxy.get("/g/a-1.jar").await;
    assert_eq!(hit.body, "the jar");
    assert!(hit.is_hit());
    assert_eq!(aws.counters().count(Operation::GetObject), 1);
}
