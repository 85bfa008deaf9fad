//! Everything that ends processes elsewhere happens to one container, under load: it never restarts, and no
//! request fails.

use std::time::Duration;

use simulated_aws::Operation;
use tests::Watcher;

use crate::bazel::Bazel;
use crate::container::Container;
use crate::house::House;
use crate::library::Library;
use crate::load::{Load, fetch_all};
use crate::shared::{LIMIT, until};
use crate::volume::FullVolume;

/// The cache's disk.
const VOLUME: &str = "256m";
/// What the load asks for.
const ARTIFACTS: usize = 1_500;

#[tokio::test(flavor = "multi_thread")]
async fn a_container_lives_through_everything_without_a_restart_or_a_failed_request() {
    let Some(house) = House::on_host_network().await else {
        return;
    };
    let Some(bazel) = Bazel::new() else {
        return;
    };
    let library = Library::mixed("lib", ARTIFACTS);
    library.publish(&house.sso.aws).await;
    house.log_in().await;
    let container = house.up_on_host_network(VOLUME).await;
    let agent = house.agent().start().await;
    house.is_ready().await;
    let life = container.life().await;
    let load = Load::start(house.address(), library, 6, Duration::from_millis(30));
    let begin = std::time::Instant::now();
    let tell = |what: &str| {
        let requests = load.tally.counts().requests;
        eprintln!(
            "{:.1} s, {requests} requests: {what}",
            begin.elapsed().as_secs_f64()
        );
    };

    bazel
        .build(house.address(), library, &[1001, 1002, 1003])
        .await;
    tell("the session ends");
    the_session_ends(&house, &agent, &bazel, library).await;
    tell("the configuration is edited");
    the_configuration_is_edited(&house).await;
    tell("the volume is full for a while");
    the_volume_is_full_for_a_while(&house, &container).await;
    tell("the network is away for a while");
    the_network_is_away_for_a_while(&house).await;

    tell("ten thousand artifacts");
    let tally = load.stop().await;
    tally.is_flawless();
    ten_thousand_artifacts(&house).await;
    assert_eq!(container.life().await, life);
    until("the container is healthy", async || {
        container.health().await == "healthy"
    })
    .await;
    let counts = tally.counts();
    eprintln!(
        "{} requests, {} of them held for a login, {} hits, none failed",
        counts.requests,
        counts.held,
        counts.hits.number()
    );
}

/// In the middle of a build, which waits for the login that the agent makes.
async fn the_session_ends(house: &House, agent: &Watcher, bazel: &Bazel, library: Library) {
    let prompts = House::prompts(agent);
    house.sso.aws.sso().end_sessions();
    house.sso.aws.sso().expire_role_credentials();
    let new = Library::small("after-the-end", 3);
    new.publish(&house.sso.aws).await;
    bazel.build(house.address(), new, &[0, 1, 2]).await;
    bazel.build(house.address(), library, &[1101, 1102]).await;
    house.sso.unsignalled().await;
    assert_eq!(House::prompts(agent), prompts + 1, "a person is asked once");
}

/// Another role, which is used at once.
async fn the_configuration_is_edited(house: &House) {
    let aws = &house.sso.aws;
    aws.sso().assign("123456789012", "Reader");
    let config = house.sso.config();
    assert!(config.contains("sso_role_name = Developer"), "{config}");
    house
        .write_config(&config.replace("Developer", "Reader"))
        .await;
    let mut client = house.client();
    until("the new role is used", async || {
        let answer = client.get("/readyz").await.expect("an answer");
        String::from_utf8_lossy(&answer.body).contains("Reader")
    })
    .await;
}

/// Somebody else's file takes all of the disk, and goes again.
async fn the_volume_is_full_for_a_while(house: &House, container: &Container) {
    let full = FullVolume::of(container).await;
    let misses = Library::small("while-full", 200);
    misses.publish(&house.sso.aws).await;
    fetch_all(house.address(), misses, 4).await.is_flawless();
    full.free();
    let mut client = house.client();
    until("artifacts are cached again", async || {
        let answer = client.get(&misses.path(0)).await.expect("an answer");
        answer.is_hit()
    })
    .await;
}

/// For longer than a connection attempt, and shorter than the proxy goes on trying.
async fn the_network_is_away_for_a_while(house: &House) {
    let aws = &house.sso.aws;
    let new = Library::small("after-the-cut", 20);
    new.publish(aws).await;
    aws.go_offline().await.expect("offline");
    let (fetched, ()) = tokio::join!(fetch_all(house.address(), new, 4), async {
        tokio::time::sleep(Duration::from_secs(4)).await;
        aws.go_online().await.expect("online");
    });
    fetched.is_flawless();
}

/// All of them once, then all of them again.
async fn ten_thousand_artifacts(house: &House) {
    let many = Library::small("many", 10_000);
    many.publish(&house.sso.aws).await;
    let aws = &house.sso.aws;
    let before = aws.counters().count(Operation::GetObject);
    let fetching = async {
        for _ in 0..2 {
            fetch_all(house.address(), many, 24).await.is_flawless();
        }
    };
    tests::within(LIMIT * 3, "10,000 artifacts, twice", fetching).await;
    let asked = aws.counters().count(Operation::GetObject) - before;
    // Whatever is not yet written when it is wanted again is asked for twice.
    assert!((10_000..11_000).contains(&asked), "{asked} calls to S3");
}
