//! Calls to S3, by operation and outcome.

use simulated_aws::{Fault, Operation};

use crate::world::{Numbers, World};

fn calls(operation: &str, outcome: &str) -> String {
    format!(r#"bazel_proxy_s3_calls_total{{operation="{operation}",outcome="{outcome}"}}"#)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_attempt_at_s3_is_counted_by_operation_and_code() {
    let world = World::new().await;
    world.put("g/a-1.jar", [7; 1000]);
    let busy = Fault::on(Operation::GetObject).respond(503, "SlowDown");
    world.aws.faults().add(busy.times(2));
    assert_eq!(world.proxy.get("/g/a-1.jar").await.status, 200);
    assert_eq!(world.proxy.get("/g/none.jar").await.status, 404);
    assert_eq!(world.proxy.head("/g/none-either.jar").await.status, 404);
    assert_eq!(world.proxy.get("/g/").await.status, 200);
    let numbers = Numbers::of(&world.proxy).await;
    for (operation, outcome, count) in [
        ("get_object", "SlowDown", 2),
        ("get_object", "ok", 1),
        ("head_object", "NotFound", 1),
        ("list_objects_v2", "ok", 1),
    ] {
        let series = calls(operation, outcome);
        assert_eq!(
            numbers.count(&series),
            count,
            "{series}\n{}",
            numbers.text()
        );
    }
    assert!(numbers.count(&calls("get_object", "NoSuchKey")) >= 1);
    let timed = r#"bazel_proxy_s3_call_seconds_count{operation="get_object"}"#;
    assert!(numbers.count(timed) >= 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_that_nobody_knows_are_one_series() {
    let world = World::new().await;
    for number in 0..5 {
        let odd = Fault::on(Operation::GetObject).respond(400, &format!("MadeUp{number}"));
        world.aws.faults().add(odd.times(1));
    }
    world.proxy.get("/g/none.jar").await;
    let numbers = Numbers::of(&world.proxy).await;
    assert!(!numbers.text().contains("MadeUp"), "{}", numbers.text());
    assert_eq!(numbers.count(&calls("get_object", "other")), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_s3_that_is_away_is_counted_too() {
    let world = World::new().await;
    world.aws.go_offline().await.expect("offline");
    assert_eq!(world.proxy.get("/g/a-1.jar").await.status, 503);
    let numbers = Numbers::of(&world.proxy).await;
    assert!(
        numbers.count(&calls("get_object", "none")) >= 2,
        "{}",
        numbers.text()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn resumed_downloads_are_counted() {
    let world = World::new().await;
    world.put("g/a-1.jar", vec![7; 400_000]);
    let cut = Fault::on(Operation::GetObject).times(1);
    world.aws.faults().add(cut.cut_with_reset(200_000));
    assert_eq!(world.proxy.get("/g/a-1.jar").await.body.len(), 400_000);
    let numbers = Numbers::of(&world.proxy).await;
    assert_eq!(numbers.count("bazel_proxy_s3_resumed_total"), 1);
}
