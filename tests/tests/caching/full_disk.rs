//! Disks that are full, fail, or cannot be written: a cache that cannot store still serves.
//!
//! A small disk is a tmpfs, which only root may mount. Elsewhere these tests report themselves as
//! skipped, and fail with `REAL_CLIENTS=required`.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use simulated_aws::{Fault, Operation};
use tests::{ProxyBuilder, Scratch, eventually};

use crate::support::{bytes, files_below, put, run, write};

/// A tmpfs below a scratch; unmounted when dropped, which must be before the scratch.
pub(crate) struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts one of `size` (`8m`), or says that the test is skipped.
    pub(crate) fn mount(scratch: &Scratch, size: &str) -> Option<Self> {
        let folder = scratch.path().join("disk");
        std::fs::create_dir(&folder).expect("a folder");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o"])
            .arg(format!("size={size}"))
            .arg("small-disk")
            .arg(&folder)
            .output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(folder));
        }
        let required = std::env::var("REAL_CLIENTS").is_ok_and(|value| value == "required");
        assert!(!required, "a tmpfs cannot be mounted, and is required here");
        println!("SKIPPED: a tmpfs can be mounted by root only");
        None
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.0
    }

    /// A proxy whose cache is on this disk.
    pub(crate) fn proxy(&self, scratch: &Scratch) -> ProxyBuilder {
        ProxyBuilder::new(scratch).env("CACHE_DIR", &self.0.display().to_string())
    }

    pub(crate) fn free_bytes(&self) -> u64 {
        let statistics = nix::sys::statvfs::statvfs(&self.0).expect("statistics");
        statistics.blocks_available() * statistics.fragment_size()
    }

    /// Fills the disk with somebody else's file, but for `left` bytes.
    pub(crate) fn fill(&self, left: u64) {
        let mut file = File::create(self.0.join("somebody-elses")).expect("a file");
        let page = [0; 4096];
        while self.free_bytes() > left && file.write_all(&page).is_ok() {}
    }

    pub(crate) fn remount(&self, options: &str) {
        let remount = Command::new("mount")
            .args(["-o", &format!("remount,{options}")])
            .arg(&self.0)
            .status();
        assert!(remount.expect("mount runs").success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _outcome = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_larger_than_the_disk_stream_through_uncached() {
    let scratch = Scratch::new();
    let Some(disk) = SmallDisk::mount(&scratch, "8m") else {
        return;
    };
    let aws = scratch.aws().await;
    let small = put(&aws, "g/small.jar", 100_000);
    let big = put(&aws, "g/big.jar", 16_000_000);
    let proxy = disk.proxy(&scratch).aws(&aws).start().await;
    assert!(proxy.get("/g/small.jar").await.body == small);
    assert!(proxy.get("/g/big.jar").await.body == big);
    let gets = aws.counters().count_key(Operation::GetObject, "g/big.jar");
    assert_eq!(gets, 1, "also without a cache, a miss is one GET");
    let answers = (0..3).map(|_| proxy.get("/g/big.jar"));
    for answer in futures_util::future::join_all(answers).await {
        assert_eq!(answer.status, 200);
        assert_eq!(answer.broken, None);
        assert!(answer.body == big);
    }
    let part = proxy
        .get_with("/g/big.jar", &[("range", "bytes=15000000-15000999")])
        .await;
    assert_eq!(part.status, 206);
    assert!(part.body == big[15_000_000..15_001_000]);
    assert!(proxy.get("/g/small.jar").await.is_hit());
}

/// Of each connection to S3 in the tests of large objects, in bytes a second: so little that the proxy
/// uses several.
const LIMIT: u64 = 10_000_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_large_object_that_no_disk_takes_comes_over_several_connections_and_they_end_with_its_client()
 {
    let scratch = Scratch::new();
    let Some(disk) = SmallDisk::mount(&scratch, "8m") else {
        return;
    };
    let aws = scratch.aws().await;
    let body = put(&aws, "g/big.jar", 60_000_000);
    aws.faults()
        .add(Fault::on(Operation::GetObject).rate(LIMIT));
    let proxy = disk.proxy(&scratch).aws(&aws).start().await;
    let gets = || aws.counters().count_key(Operation::GetObject, "g/big.jar");
    let mut leaving = proxy.begin("GET", "/g/big.jar", &[]).await;
    while gets() < 3 {
        leaving.next().await.expect("more").expect("bytes");
    }
    drop(leaving);
    let mut before = 0;
    eventually("nothing more is asked for", async || {
        let quiet = std::mem::replace(&mut before, aws.counters().bytes_sent());
        tokio::time::sleep(Duration::from_millis(300)).await;
        quiet == aws.counters().bytes_sent()
    })
    .await;
    let asked = gets();
    assert!(asked < 12, "{asked} requests for a client that has left");
    // Its places are there for the next one.
    assert!(proxy.get("/g/big.jar").await.body == body);
    assert!(gets() > asked + 3, "{asked}, then {}", gets());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fills_up_while_ranges_are_fetched_fails_no_client() {
    let scratch = Scratch::new();
    let Some(disk) = SmallDisk::mount(&scratch, "64m") else {
        return;
    };
    let aws = scratch.aws().await;
    let body = put(&aws, "g/big.jar", 30_000_000);
    aws.faults()
        .add(Fault::on(Operation::GetObject).rate(LIMIT));
    let proxy = disk.proxy(&scratch).aws(&aws).start().await;
    let mut early = proxy.begin("GET", "/g/big.jar", &[]).await;
    let mut received = Vec::new();
    while aws.counters().count(Operation::GetObject) < 3 {
        let bytes = early.next().await.expect("more").expect("bytes");
        received.extend_from_slice(&bytes);
    }
    disk.fill(0);
    let second = proxy.get("/g/big.jar").await;
    let rest = early.finish().await;
    assert_eq!((rest.broken, second.broken), (None, None));
    assert!([&received[..], &rest.body].concat() == body);
    assert!(second.body == body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fills_up_in_the_middle_of_a_download_fails_no_client() {
    let scratch = Scratch::new();
    let Some(disk) = SmallDisk::mount(&scratch, "16m") else {
        return;
    };
    let aws = scratch.aws().await;
    let body = put(&aws, "g/big.jar", 8_000_000);
    aws.faults().add(
        Fault::on(Operation::GetObject)
            .key("g/big.jar")
            .times(1)
            .delay_body(3_000_000, Duration::from_secs(1)),
    );
    let proxy = disk.proxy(&scratch).aws(&aws).start().await;
    let mut early = proxy.begin("GET", "/g/big.jar", &[]).await;
    let first = early.next().await.expect("more").expect("bytes");
    disk.fill(0);
    let second = proxy.get("/g/big.jar").await;
    let rest = early.finish().await;
    assert_eq!((rest.broken, second.broken), (None, None));
    assert!([&first[..], &rest.body].concat() == body);
    assert!(second.body == body);
    eventually("the cut file is gone", async || {
        files_below(&disk.folder().join("v1")).len() == 1 // the lock
    })
    .await;

    // Room again: the next one is cached, with no restart.
    std::fs::remove_file(disk.folder().join("somebody-elses")).expect("removed");
    assert!(proxy.get("/g/big.jar").await.body == body);
    eventually("it is cached", async || {
        proxy.get("/g/big.jar").await.is_hit()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_staging_folder_that_cannot_be_written_still_serves_hits_and_misses() {
    let scratch = Scratch::new();
    let Some(disk) = SmallDisk::mount(&scratch, "16m") else {
        return;
    };
    let aws = scratch.aws().await;
    let (hit, miss) = (
        put(&aws, "g/hit.jar", 200_000),
        put(&aws, "g/miss.jar", 3_000_000),
    );
    let proxy = disk.proxy(&scratch).aws(&aws).start().await;
    proxy.get("/g/hit.jar").await;
    eventually("it is cached", async || {
        proxy.get("/g/hit.jar").await.is_hit()
    })
    .await;
    drop_write_access(&disk);
    assert!(proxy.get("/g/miss.jar").await.body == miss);
    let again = proxy.get("/g/hit.jar").await;
    assert!(again.is_hit());
    assert!(again.body == hit);
}

/// As root, permissions stop nobody: the folder for downloads is replaced by a file.
fn drop_write_access(disk: &SmallDisk) {
    let staging = disk.folder().join("v1/staging");
    std::fs::remove_dir_all(&staging).expect("removed");
    write(&staging, b"not a folder");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_cache_folder_is_a_clear_error_at_the_start() {
    let scratch = Scratch::new();
    let Some(disk) = SmallDisk::mount(&scratch, "1m") else {
        return;
    };
    disk.remount("ro");
    let ended = run(disk.proxy(&scratch).command(&["serve"])).await;
    assert_eq!(ended.code(), Some(1));
    let folder = disk.folder().display().to_string();
    for word in ["cache", &folder, "Read-only file system", "CACHE_DIR"] {
        assert!(ended.stderr().contains(word), "{word}: {}", ended.stderr());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_object_on_a_full_disk_is_served_to_all_from_one_download() {
    let scratch = Scratch::new();
    let Some(disk) = SmallDisk::mount(&scratch, "4m") else {
        return;
    };
    let aws = scratch.aws().await;
    let body = put(&aws, "g/a.pom", 50_000);
    aws.faults().add(
        Fault::on(Operation::GetObject)
            .key("g/a.pom")
            .delay(Duration::from_millis(300)),
    );
    let proxy = disk.proxy(&scratch).aws(&aws).start().await;
    disk.fill(0);
    let answers = (0..20).map(|_| proxy.get("/g/a.pom"));
    for answer in futures_util::future::join_all(answers).await {
        assert_eq!(answer.status, 200);
        assert!(answer.body == bytes(50_000, "g/a.pom".bytes().map(u64::from).sum()));
        assert!(answer.body == body);
    }
    assert_eq!(aws.counters().count(Operation::GetObject), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_file_that_cannot_be_removed_is_downloaded_around() {
    let scratch = Scratch::new();
    let Some(disk) = SmallDisk::mount(&scratch, "16m") else {
        return;
    };
    let aws = scratch.aws().await;
    let body = put(&aws, "g/a.jar", 500_000);
    let proxy = disk.proxy(&scratch).aws(&aws).start().await;
    assert!(proxy.get("/g/a.jar").await.body == body);
    eventually("it is cached", async || {
        proxy.get("/g/a.jar").await.is_hit()
    })
    .await;
    let files = files_below(&disk.folder().join("v1/objects"));
    let path = files.first().expect("an object file");
    let mut broken = std::fs::read(path).expect("a file");
    let late = broken.len() - 100_000;
    broken[late] ^= 1;
    write(path, &broken);
    // A file that is a mount point cannot be removed.
    let mount = |arguments: &[&str]| Command::new("mount").args(arguments).arg(path).status();
    let bound = mount(&["--bind", &path.display().to_string()]);
    assert!(bound.expect("mount runs").success());
    for _ in 0..2 {
        let answer = proxy.get("/g/a.jar").await;
        assert!(answer.body == body);
        assert_eq!(answer.broken, None);
    }
    let rounds = proxy.log().matches("is broken and is replaced").count();
    assert!(rounds <= 2, "{rounds} rounds");
    let _outcome = Command::new("umount").arg(path).status();
}
