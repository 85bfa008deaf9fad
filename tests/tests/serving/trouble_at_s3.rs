//! Passing trouble: tried again inside, then 503 for the client to try again.

use std::time::Duration;

use simulated_aws::{Fault, Operation};
use tests::{Answer, within};

use crate::world::World;

/// Ten seconds of trying inside, and time for a busy machine.
const BOUND: Duration = Duration::from_secs(25);

fn must_be_503_to_try_again(answer: &Answer) {
    assert_eq!(answer.status, 503, "{}", answer.text());
    let seconds: u64 = answer.header("retry-after").parse().expect("seconds");
    assert!(seconds <= 5, "coursier waits for no more");
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert!(
        answer.text().contains("\"status\":503"),
        "{}",
        answer.text()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn throttling_is_retried_inside_unseen_by_the_client() {
    let world = World::new().await;
    world.put("g/a-1.jar", b"the jar");
    for (number, (status, code)) in [
        (503, "SlowDown"),
        (500, "InternalError"),
        (503, "ServiceUnavailable"),
        (400, "RequestTimeout"),
        (429, "TooManyRequests"),
    ]
    .into_iter()
    .enumerate()
    {
        let key = format!("g/{number}.jar");
        world.put(&key, b"the jar");
        let fault = Fault::on(Operation::GetObject).key(&key).times(2);
        world.aws.faults().add(fault.respond(status, code));
        let answer = world.proxy.get(&format!("/{key}")).await;
        assert_eq!(
            (answer.status.as_u16(), answer.text()),
            (200, "the jar".to_owned()),
            "{code}"
        );
        assert_eq!(world.gets(&key), 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lasting_throttling_is_503_with_retry_after_and_never_429() {
    let world = World::new().await;
    world.put("g/a-1.jar", b"the jar");
    world
        .aws
        .faults()
        .add(Fault::any().respond(503, "SlowDown"));
    let answer = within(BOUND, "an answer", world.proxy.get("/g/a-1.jar")).await;
    must_be_503_to_try_again(&answer);
    assert!(world.gets("g/a-1.jar") > 3, "tried again inside");
    assert!(answer.text().contains("SlowDown"), "{}", answer.text());
    // And the failure is not remembered.
    world.aws.faults().clear();
    assert_eq!(world.proxy.get("/g/a-1.jar").await.body, "the jar");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_s3_that_hangs_is_503_in_bounded_time() {
    let world = World::new().await;
    world.aws.faults().add(Fault::any().hang());
    let (get, head, list) = tokio::join!(
        world.proxy.get("/g/a-1.jar"),
        world.proxy.head("/g/b-1.jar"),
        world.proxy.get("/g/"),
    );
    must_be_503_to_try_again(&get);
    assert_eq!(head.status, 503);
    must_be_503_to_try_again(&list);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_s3_that_cannot_be_reached_is_503_in_bounded_time() {
    let world = World::new().await;
    world.aws.go_offline().await.expect("offline");
    let answer = within(BOUND, "an answer", world.proxy.get("/g/a-1.jar")).await;
    must_be_503_to_try_again(&answer);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_reset_before_the_answer_is_retried() {
    let world = World::new().await;
    world.put("g/a-1.jar", b"the jar");
    world
        .aws
        .faults()
        .add(Fault::on(Operation::GetObject).times(3).reset());
    assert_eq!(world.proxy.get("/g/a-1.jar").await.body, "the jar");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_that_ends_in_time_is_not_seen_by_a_waiting_client() {
    let world = World::new().await;
    world.put("g/a-1.jar", b"the jar");
    world.aws.go_offline().await.expect("offline");
    let waiting = world.proxy.get("/g/a-1.jar");
    let repair = async {
        tests::eventually("it was tried in vain", async || {
            world.proxy.log().contains("a call to S3 failed")
        })
        .await;
        world.aws.go_online().await.expect("online");
    };
    let (answer, ()) = tokio::join!(waiting, repair);
    assert_eq!(answer.body, "the jar");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_s3_that_is_slow_to_answer_is_waited_for() {
    let world = World::new().await;
    world.put("g/a-1.jar", b"the jar");
    let slow = Fault::on(Operation::GetObject).delay(Duration::from_secs(4));
    world.aws.faults().add(slow);
    assert_eq!(world.proxy.get("/g/a-1.jar").await.body, "the jar");
    assert_eq!(world.gets("g/a-1.jar"), 1);
}
