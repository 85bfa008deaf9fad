//! How much the cache may occupy.

use std::time::Duration;

use simulated_aws::{Fault, Operation};
use tests::{ProxyBuilder, Scratch, eventually};

use crate::full_disk::SmallDisk;
use crate::support::{fetch_into_cache, files_below, object_path, occupied_bytes, put};

#[tokio::test(flavor = "multi_thread")]
async fn the_limit_counts_blocks_of_the_disk_and_not_bytes_of_objects() {
    const LIMIT: u64 = 64 * 1024;
    let scratch = Scratch::new();
    let aws = scratch.aws().await;
    let proxy = ProxyBuilder::new(&scratch)
        .aws(&aws)
        .env("CACHE_MAX_SIZE", "64KiB")
        .start()
        .await;
    for number in 0..60 {
        let key = format!("g/{number}.pom");
        put(&aws, &key, 10);
        proxy.get(&format!("/{key}")).await;
    }
    eventually("downloads have ended", async || {
        files_below(&scratch.cache().join("v1/staging")).is_empty()
    })
    .await;
    let objects = scratch.cache().join("v1/objects");
    let occupied = occupied_bytes(&objects);
    assert!(occupied <= LIMIT, "{occupied} bytes are occupied");
    assert!(files_below(&objects).len() >= 10, "room is used");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limit_includes_running_downloads() {
    let scratch = Scratch::new();
    let aws = scratch.aws().await;
    let body = put(&aws, "g/running.jar", 600_000);
    let keys: Vec<_> = (0..4).map(|number| format!("g/{number}.jar")).collect();
    for key in &keys {
        put(&aws, key, 150_000);
    }
    let stall = aws.faults().add(
        Fault::on(Operation::GetObject)
            .key("g/running.jar")
            .delay_body(100_000, Duration::from_secs(10)),
    );
    let proxy = ProxyBuilder::new(&scratch)
        .aws(&aws)
        .env("CACHE_MAX_SIZE", "1000000")
        .start()
        .await;
    let mut running = proxy.begin("GET", "/g/running.jar", &[]).await;
    let first = running.next().await.expect("more").expect("bytes");
    let objects = scratch.cache().join("v1/objects");
    for key in &keys {
        fetch_into_cache(&proxy, &scratch, &aws, key).await;
        let together = occupied_bytes(&objects) + 600_000;
        assert!(together <= 1_000_000, "{together} bytes with the download");
    }
    // Two of the small ones had to go for a download that is not even there yet.
    assert_eq!(files_below(&objects).len(), 2);
    aws.faults().remove(stall);
    let rest = running.finish().await;
    assert!([&first[..], &rest.body].concat() == body);
    let path = object_path(&scratch, &aws, "g/running.jar");
    eventually("it is committed", async || path.exists()).await;
    assert!(occupied_bytes(&objects) <= 1_000_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_beyond_the_limit_is_served_uncached_and_evicts_nothing() {
    let scratch = Scratch::new();
    let aws = scratch.aws().await;
    put(&aws, "g/small.jar", 200_000);
    let big = put(&aws, "g/big.jar", 2_500_000);
    let proxy = ProxyBuilder::new(&scratch)
        .aws(&aws)
        .env("CACHE_MAX_SIZE", "1MiB")
        .start()
        .await;
    fetch_into_cache(&proxy, &scratch, &aws, "g/small.jar").await;
    for _ in 0..2 {
        let answer = proxy.get("/g/big.jar").await;
        assert_eq!(answer.broken, None);
        assert!(answer.body == big);
        assert_eq!(
            answer.verdict(),
            "bazel-proxy; fwd=uri-miss; detail=uncached"
        );
    }
    assert!(proxy.get("/g/small.jar").await.is_hit());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_that_cannot_fit_beside_a_running_one_evicts_nothing() {
    let scratch = Scratch::new();
    let aws = scratch.aws().await;
    put(&aws, "g/kept.jar", 100_000);
    put(&aws, "g/running.jar", 600_000);
    let late = put(&aws, "g/late.jar", 500_000);
    let stall = aws.faults().add(
        Fault::on(Operation::GetObject)
            .key("g/running.jar")
            .delay_body(100_000, Duration::from_secs(10)),
    );
    let proxy = ProxyBuilder::new(&scratch)
        .aws(&aws)
        .env("CACHE_MAX_SIZE", "1000000")
        .start()
        .await;
    fetch_into_cache(&proxy, &scratch, &aws, "g/kept.jar").await;
    let running = proxy.begin("GET", "/g/running.jar", &[]).await;
    assert!(proxy.get("/g/late.jar").await.body == late);
    assert!(object_path(&scratch, &aws, "g/kept.jar").exists());
    aws.faults().remove(stall);
    assert_eq!(running.finish().await.broken, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_floor_of_free_space_is_kept() {
    const MIB: usize = 1 << 20;
    let scratch = Scratch::new();
    let Some(disk) = SmallDisk::mount(&scratch, "16m") else {
        return;
    };
    let aws = scratch.aws().await;
    let proxy = disk
        .proxy(&scratch)
        .aws(&aws)
        .env("CACHE_MIN_FREE", "10MiB")
        .start()
        .await;
    for number in 0..12 {
        let key = format!("g/{number}.jar");
        let body = put(&aws, &key, MIB);
        assert!(proxy.get(&format!("/{key}")).await.body == body);
        assert!(disk.free_bytes() >= 10 << 20, "{}", disk.free_bytes());
    }
    eventually("some are cached", async || {
        files_below(&disk.folder().join("v1/objects")).len() >= 3
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn at_most_80_percent_of_the_disk_are_used_whatever_the_limit_says() {
    const MIB: usize = 1 << 20;
    let scratch = Scratch::new();
    let Some(disk) = SmallDisk::mount(&scratch, "10m") else {
        return;
    };
    let aws = scratch.aws().await;
    let proxy = disk
        .proxy(&scratch)
        .aws(&aws)
        .env("CACHE_MAX_SIZE", "20GiB")
        .env("CACHE_MIN_FREE", "0")
        .start()
        .await;
    for number in 0..14 {
        let key = format!("g/{number}.jar");
        put(&aws, &key, MIB);
        proxy.get(&format!("/{key}")).await;
    }
    eventually("downloads have ended", async || {
        files_below(&disk.folder().join("v1/staging")).is_empty()
    })
    .await;
    let occupied = occupied_bytes(disk.folder());
    assert!(occupied <= 8 << 20, "{occupied} bytes are occupied");
    assert!(occupied >= 6 << 20, "room is used: {occupied}");
    assert!(proxy.log().contains("lowered to 80 % of the disk"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_filled_by_others_costs_no_cached_object_where_that_would_not_help() {
    const MIB: usize = 1 << 20;
    let scratch = Scratch::new();
    let Some(disk) = SmallDisk::mount(&scratch, "24m") else {
        return;
    };
    let aws = scratch.aws().await;
    let kept = put(&aws, "g/kept.jar", MIB);
    let late = put(&aws, "g/late.jar", 2 * MIB);
    let proxy = disk
        .proxy(&scratch)
        .aws(&aws)
        .env("CACHE_MIN_FREE", "8MiB")
        .start()
        .await;
    assert!(proxy.get("/g/kept.jar").await.body == kept);
    eventually("it is cached", async || {
        proxy.get("/g/kept.jar").await.is_hit()
    })
    .await;
    disk.fill(3 << 20);
    assert!(proxy.get("/g/late.jar").await.body == late);
    assert!(proxy.get("/g/kept.jar").await.is_hit());
}
