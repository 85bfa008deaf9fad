//! CodeArtifact's quotas: what is over them is told with its advice, and we keep below them.

use http::HeaderValue;
use http::header::RETRY_AFTER;
use simulated_aws::{Fault, Operation};

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_429_is_passed_on_with_its_advice() {
    let world = World::seeded(&["first"]).await;
    let faults = world.sso.aws.faults();
    let throttled = Fault::on(Operation::ReadPackage)
        .respond(429, "ThrottlingException")
        .header(RETRY_AFTER, HeaderValue::from_static("17"));
    let fault = faults.add(throttled);
    let answer = world.get("/pypi/simple/acme-first/").await;
    assert_eq!(answer.status, 429, "{}", answer.text());
    assert_eq!(answer.header("retry-after"), "17");
    faults.remove(fault);
    assert_eq!(world.get("/pypi/simple/acme-first/").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_throttling_is_waited_for() {
    let world = World::seeded(&["first"]).await;
    let throttled = Fault::on(Operation::ReadPackage)
        .times(2)
        .respond(429, "ThrottlingException")
        .header(RETRY_AFTER, HeaderValue::from_static("1"));
    world.sso.aws.faults().add(throttled);
    let answer = world.get("/pypi/simple/acme-first/").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn never_more_than_64_calls_are_under_way() {
    const ASKED: usize = 150;
    const MOST: usize = 64;
    let world = World::seeded(&[]).await;
    let names: Vec<_> = (0..ASKED).map(|number| format!("many-{number}")).collect();
    let fault = world
        .sso
        .aws
        .faults()
        .add(Fault::on(Operation::ReadPackage).hang());
    let paths: Vec<_> = names
        .iter()
        .map(|name| format!("/pypi/simple/{name}/"))
        .collect();
    let asked = futures_util::future::join_all(paths.iter().map(|path| world.get(path)));
    let watch = async {
        let calls = || world.calls(Operation::ReadPackage).len();
        tests::eventually("the places are taken", async || calls() == MOST).await;
        let second = std::time::Duration::from_secs(1);
        tests::throughout(second, "at most 64", async || calls() <= MOST).await;
        world.sso.aws.faults().remove(fault);
    };
    let (answers, ()) = tokio::join!(asked, watch);
    for answer in answers {
        assert_eq!(answer.status, 404, "{}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_jars_at_once_do_not_wait_for_each_other() {
    const JARS: usize = 200;
    let world = World::seeded(&["first"]).await;
    let path = |number| format!("com/acme/many/1.{number}/many-1.{number}.jar");
    for number in 0..JARS {
        let jar = crate::world::wheel_bytes(&format!("many{number}"));
        world.repository.put_maven(&path(number), jar);
    }
    // Slow enough that all of them want their places at the same time.
    let slow = Fault::on(Operation::GetAsset).delay(std::time::Duration::from_millis(500));
    world.sso.aws.faults().add(slow);
    let begun = std::time::Instant::now();
    let jars = (0..JARS).map(async |number| world.get(&format!("/maven/{}", path(number))).await);
    for jar in futures_util::future::join_all(jars).await {
        assert_eq!(jar.status, 200, "{}", jar.text());
    }
    let took = begun.elapsed();
    assert!(took < std::time::Duration::from_secs(25), "{took:?}");
}
