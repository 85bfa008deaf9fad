//! Small files among big ones.

use std::time::Duration;

use futures_util::future::join_all;
use simulated_aws::{Fault, Operation};
use tests::{eventually, within};

use crate::world::{World, noise};

/// What a client waits for without wondering.
const PROMPTLY: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread")]
async fn small_files_are_never_starved_by_big_ones() {
    const BIG_ONES: usize = 80;
    let world = World::new().await;
    let big = noise(5_000_000);
    for number in 0..BIG_ONES {
        world.put(&format!("big/{number}.zip"), &big);
    }
    world.put("g/a-1.pom", b"<project/>");
    // At this rate they run for minutes.
    let slow = Fault::on(Operation::GetObject)
        .key_prefix("big/")
        .rate(20_000);
    world.aws.faults().add(slow);
    let paths: Vec<_> = (0..BIG_ONES)
        .map(|number| format!("/big/{number}.zip"))
        .collect();
    let downloads = join_all(paths.iter().map(|path| world.proxy.begin("GET", path, &[])));
    let downloads = async {
        let running = downloads.await;
        std::future::pending::<()>().await;
        drop(running);
    };
    let small = async {
        eventually("all big ones are asked for", async || {
            world.aws.counters().count(Operation::GetObject) >= BIG_ONES as u64
        })
        .await;
        within(PROMPTLY, "a small miss", world.proxy.get("/g/a-1.pom")).await
    };
    tokio::select! {
        () = downloads => unreachable!("they never end"),
        small = small => assert_eq!(small.body, "<project/>"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn small_files_are_never_starved_by_ranges_of_big_ones() {
    // All places for calls but one.
    const HANGING: usize = 63;
    let world = World::new().await;
    let big = noise(60_000_000);
    for key in ["big/0.zip", "big/1.zip"] {
        world.put(key, &big);
    }
    world.put("g/a-1.pom", b"<project/>");
    let on_get = || Fault::on(Operation::GetObject);
    let faults = world.aws.faults();
    faults.add(on_get().key_prefix("big/").rate(1_000_000));
    faults.add(on_get().key_prefix("hanging/").hang());
    let count = || world.aws.counters().count(Operation::GetObject);
    let downloads = join_all([
        world.proxy.begin("GET", "/big/0.zip", &[]),
        world.proxy.begin("GET", "/big/1.zip", &[]),
    ])
    .await;
    eventually("ranges of both are fetched", async || count() >= 10).await;
    let paths: Vec<_> = (0..HANGING)
        .map(|number| format!("/hanging/{number}.pom"))
        .collect();
    let hanging = join_all(paths.iter().map(|path| world.proxy.get(path)));
    let small = async {
        let log = || world.aws.counters().log();
        eventually("all others hang", async || {
            let log = log();
            let keys = log.iter().filter_map(|call| call.key.as_deref());
            keys.filter(|key| key.starts_with("hanging/")).count() >= HANGING
        })
        .await;
        within(PROMPTLY, "a small miss", world.proxy.get("/g/a-1.pom")).await
    };
    tokio::select! {
        _ = hanging => panic!("they hang"),
        small = small => assert_eq!(small.body, "<project/>"),
    }
    drop(downloads);
}

#[tokio::test(flavor = "multi_thread")]
async fn healthz_and_hits_answer_at_once_while_64_downloads_hang() {
    const HANGING: usize = 64;
    let world = World::new().await;
    world.put("g/a-1.jar", b"the jar");
    world.warm("/g/a-1.jar").await;
    world
        .aws
        .faults()
        .add(Fault::on(Operation::GetObject).hang());
    let paths: Vec<_> = (0..HANGING)
        .map(|number| format!("/g/{number}.jar"))
        .collect();
    let hanging = join_all(paths.iter().map(|path| world.proxy.get(path)));
    let others = async {
        eventually("all of them hang", async || {
            world.aws.counters().count(Operation::GetObject) > HANGING as u64
        })
        .await;
        for _ in 0..50 {
            let health = within(PROMPTLY / 3, "/healthz", world.proxy.get("/healthz")).await;
            assert_eq!(
                (health.status.as_u16(), health.text()),
                (200, "ok\n".to_owned())
            );
        }
        let hit = within(PROMPTLY / 3, "a hit", world.proxy.get("/g/a-1.jar")).await;
        assert!(hit.is_hit());
    };
    tokio::select! {
        _ = hanging => panic!("they hang"),
        () = others => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_copy_is_served_promptly_although_all_calls_to_s3_hang() {
    let world = World::with(|proxy| proxy.env("METADATA_TTL", "0")).await;
    world.put("g/maven-metadata.xml", b"<metadata/>");
    world.proxy.get("/g/maven-metadata.xml").await;
    world
        .aws
        .faults()
        .add(Fault::on(Operation::GetObject).hang());
    let paths: Vec<_> = (0..100).map(|number| format!("/g/{number}.jar")).collect();
    let hanging = join_all(paths.iter().map(|path| world.proxy.get(path)));
    let stale = async {
        eventually("every place for a call is taken", async || {
            world.aws.counters().count(Operation::GetObject) > 64
        })
        .await;
        let stale = world.proxy.get("/g/maven-metadata.xml");
        within(PROMPTLY * 2, "the copy", stale).await
    };
    tokio::select! {
        _ = hanging => panic!("they hang"),
        stale = stale => {
            assert_eq!(stale.body, "<metadata/>");
            assert_eq!(stale.verdict(), "bazel-proxy; hit; detail=stale");
        }
    }
}
