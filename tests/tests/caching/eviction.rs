//! What goes when there is no room: what was not served for longest, and nothing that is being read.

use std::path::Path;
use std::time::{Duration, SystemTime};

use simulated_aws::Operation;
use tests::{ProxyBuilder, Scratch, eventually};

use crate::support::{fetch_into_cache, object_path, occupied_bytes, put};

/// Makes a file look as if it had been stored and served last at `ago` before now.
fn age(path: &Path, ago: Duration) {
    let at = now() - ago;
    let times = std::fs::FileTimes::new().set_accessed(at).set_modified(at);
    let file = std::fs::File::open(path).expect("a cache file");
    file.set_times(times).expect("aged");
}

#[expect(clippy::disallowed_methods, reason = "file times are wall-clock times")]
fn now() -> SystemTime {
    SystemTime::now()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_served_for_longest_goes_first_also_across_a_restart() {
    let scratch = Scratch::new();
    let aws = scratch.aws().await;
    let keys = ["g/a.jar", "g/b.jar", "g/c.jar"];
    for key in keys.iter().chain(&["g/new.jar"]) {
        put(&aws, key, 300_000);
    }
    let builder = ProxyBuilder::new(&scratch)
        .aws(&aws)
        .env("CACHE_MAX_SIZE", "1000000");
    let proxy = builder.start().await;
    for key in keys {
        fetch_into_cache(&proxy, &scratch, &aws, key).await;
    }
    let again = proxy.kill_9();
    for (key, hours) in keys.iter().zip([3, 2, 1]) {
        age(
            &object_path(&scratch, &aws, key),
            Duration::from_hours(hours),
        );
    }
    // The oldest is served now, and the process that served it ends in good order.
    let mut proxy = again.clone().start().await;
    assert!(proxy.get("/g/a.jar").await.is_hit());
    proxy.terminate();
    assert!(proxy.ended().await.success());
    let served = std::fs::metadata(object_path(&scratch, &aws, "g/a.jar")).expect("it is there");
    let served = served.accessed().expect("an access time");
    assert!(
        now().duration_since(served).expect("past") < Duration::from_mins(10),
        "the time of the hit is on disk"
    );

    let proxy = again.start().await;
    eventually("the cache is counted", async || {
        proxy.log().matches("the cache is counted").count() == 3
    })
    .await;
    fetch_into_cache(&proxy, &scratch, &aws, "g/new.jar").await;
    let there = |key| object_path(&scratch, &aws, key).exists();
    assert!(there("g/a.jar"), "served a moment ago");
    assert!(!there("g/b.jar"), "not served for longest");
    assert!(there("g/c.jar"));
    assert!(there("g/new.jar"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_of_an_evicted_file_gets_all_its_bytes() {
    const MIB: usize = 1 << 20;
    let scratch = Scratch::new();
    let aws = scratch.aws().await;
    // More than the buffers of both sockets hold.
    let body = put(&aws, "g/slow.jar", 24 * MIB);
    put(&aws, "g/new.jar", 12 * MIB);
    let proxy = ProxyBuilder::new(&scratch)
        .aws(&aws)
        .env("CACHE_MAX_SIZE", "30MiB")
        .start()
        .await;
    fetch_into_cache(&proxy, &scratch, &aws, "g/slow.jar").await;
    let mut reader = proxy.begin("GET", "/g/slow.jar", &[]).await;
    let first = reader.next().await.expect("more").expect("bytes");

    fetch_into_cache(&proxy, &scratch, &aws, "g/new.jar").await;
    let evicted = object_path(&scratch, &aws, "g/slow.jar");
    assert!(!evicted.exists(), "its name is gone");
    let rest = reader.finish().await;
    assert_eq!(rest.broken, None);
    assert!([&first[..], &rest.body].concat() == body);
    assert_eq!(
        aws.counters().count_key(Operation::GetObject, "g/slow.jar"),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn under_load_every_answer_is_right_and_the_limit_holds() {
    const LIMIT: u64 = 2_000_000;
    let scratch = Scratch::new();
    let aws = scratch.aws().await;
    let objects: Vec<_> = (0..40)
        .map(|number| {
            let key = format!("g/{number}.jar");
            let body = put(&aws, &key, 20_000 + number * 7_000);
            (key, body)
        })
        .collect();
    let proxy = ProxyBuilder::new(&scratch)
        .aws(&aws)
        .env("CACHE_MAX_SIZE", &LIMIT.to_string())
        .start()
        .await;
    let client = async |seed: u64| {
        let mut random = fastrand::Rng::with_seed(seed);
        for _ in 0..30 {
            let (key, body) = &objects[random.usize(..objects.len())];
            let answer = proxy.get(&format!("/{key}")).await;
            assert_eq!(answer.status, 200, "{key}");
            assert_eq!(answer.broken, None, "{key}");
            assert!(answer.body == *body, "{key} was served wrong");
        }
    };
    futures_util::future::join_all((0..12).map(client)).await;
    eventually("downloads have ended", async || {
        crate::support::files_below(&scratch.cache().join("v1/staging")).is_empty()
    })
    .await;
    let occupied = occupied_bytes(&scratch.cache().join("v1"));
    assert!(occupied <= LIMIT, "{occupied} bytes are occupied");
    assert!(occupied > LIMIT / 2, "room is used: {occupied}");
    assert!(proxy.log().contains("evicted"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lowered_limit_holds_from_the_next_start() {
    let scratch = Scratch::new();
    let aws = scratch.aws().await;
    let keys: Vec<_> = (0..10).map(|number| format!("g/{number}.jar")).collect();
    let builder = ProxyBuilder::new(&scratch).aws(&aws);
    let proxy = builder.start().await;
    for key in &keys {
        put(&aws, key, 100_000);
        fetch_into_cache(&proxy, &scratch, &aws, key).await;
    }
    let again = proxy.kill_9();
    let _proxy = again.env("CACHE_MAX_SIZE", "512KiB").start().await;
    eventually("the cache has shrunk", async || {
        occupied_bytes(&scratch.cache().join("v1/objects")) <= 512 * 1024
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_purge_from_outside_nothing_more_is_evicted_than_need_be() {
    let scratch = Scratch::new();
    let aws = scratch.aws().await;
    let old: Vec<_> = (0..8).map(|number| format!("old/{number}.jar")).collect();
    let new: Vec<_> = (0..8).map(|number| format!("new/{number}.jar")).collect();
    for key in old.iter().chain(&new) {
        put(&aws, key, 100_000);
    }
    let proxy = ProxyBuilder::new(&scratch)
        .aws(&aws)
        .env("CACHE_MAX_SIZE", "1000000")
        .start()
        .await;
    for key in &old {
        fetch_into_cache(&proxy, &scratch, &aws, key).await;
    }
    let purged = ProxyBuilder::new(&scratch).command(&["cache", "purge", "old/"]);
    assert_eq!(crate::support::run(purged).await.code(), Some(0));
    for key in &new {
        fetch_into_cache(&proxy, &scratch, &aws, key).await;
    }
    for key in &new {
        assert!(
            object_path(&scratch, &aws, key).exists(),
            "{key} was evicted"
        );
    }
    assert!(
        !proxy.log().contains("could not evict"),
        "what another hand removed is no failure"
    );
}
