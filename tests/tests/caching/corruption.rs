//! Files that are not what was stored: never served, always healed.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use simulated_aws::{Operation, SimulatedAws};
use tests::{Proxy, ProxyBuilder, Scratch, eventually};

use crate::support::{fetch_into_cache, object_path, put, run, write};

const SMALL: usize = 3_000;
const LARGE: usize = 500_000;
/// Where the body of a test object begins is not known here; this is behind every header.
const IN_BODY: u64 = 2_000;

type Damage = fn(&Path);

const DAMAGES: [(&str, Damage); 9] = [
    ("cut", |path| truncate(path, 2)),
    ("cut-by-a-byte", |path| {
        let length = std::fs::metadata(path).expect("a file").len();
        resize(path, length - 1);
    }),
    ("grown", |path| {
        let length = std::fs::metadata(path).expect("a file").len();
        resize(path, length + 1);
    }),
    ("empty", |path| write(path, b"")),
    ("garbage", |path| {
        write(path, crate::support::bytes(4_000, 7));
    }),
    ("flipped-in-preamble", |path| flip(path, 22)),
    ("flipped-in-header", |path| flip(path, 120)),
    ("flipped-in-body", |path| flip(path, IN_BODY)),
    ("directory", |path| {
        std::fs::remove_file(path).expect("removed");
        std::fs::create_dir_all(path.join("with/something/in it")).expect("a folder");
    }),
];

fn truncate(path: &Path, divisor: u64) {
    let length = std::fs::metadata(path).expect("a file").len();
    resize(path, length / divisor);
}

fn resize(path: &Path, length: u64) {
    let file = OpenOptions::new().write(true).open(path).expect("a file");
    file.set_len(length).expect("another length");
}

fn flip(path: &Path, offset: u64) {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .expect("a file");
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset).expect("a byte");
    file.write_all_at(&[byte[0] ^ 0x01], offset)
        .expect("changed");
}

/// Two objects for each damage, all cached.
async fn filled(scratch: &Scratch, aws: &SimulatedAws) -> (Proxy, Vec<(String, Vec<u8>, Damage)>) {
    let mut objects = Vec::new();
    for (name, damage) in DAMAGES {
        for (size, length) in [("small", SMALL), ("large", LARGE)] {
            let key = format!("{name}/{size}.jar");
            let body = put(aws, &key, length);
            objects.push((key, body, damage));
        }
    }
    let proxy = Proxy::start(scratch, aws).await;
    for (key, ..) in &objects {
        fetch_into_cache(&proxy, scratch, aws, key).await;
    }
    (proxy, objects)
}

#[tokio::test(flavor = "multi_thread")]
async fn files_damaged_between_two_runs_are_named_by_verify_and_heal() {
    let scratch = Scratch::new();
    let aws = scratch.aws().await;
    let (proxy, objects) = filled(&scratch, &aws).await;
    let again = proxy.kill_9();
    for (key, _, damage) in &objects {
        damage(&object_path(&scratch, &aws, key));
    }
    let verified = run(again.command(&["cache", "verify"])).await;
    assert_eq!(verified.code(), Some(1));
    for (key, ..) in &objects {
        let path = object_path(&scratch, &aws, key).display().to_string();
        assert!(verified.stdout().contains(&path), "{key} is not named");
    }
    let broken = format!("0 whole, {} broken", objects.len());
    assert!(verified.stdout().contains(&broken), "{}", verified.stdout());

    let proxy = again.start().await;
    assert_all_right(&proxy, &objects).await;
    assert_all_healed(&proxy, &scratch, &aws, &objects).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_damaged_under_a_running_proxy_are_never_served_and_heal() {
    let scratch = Scratch::new();
    let aws = scratch.aws().await;
    let (proxy, objects) = filled(&scratch, &aws).await;
    // Once read to its end, a large file is not checked again until it changes.
    assert_all_right(&proxy, &objects).await;
    for (key, _, damage) in &objects {
        damage(&object_path(&scratch, &aws, key));
    }
    assert_all_right(&proxy, &objects).await;
    assert_all_healed(&proxy, &scratch, &aws, &objects).await;
}

async fn assert_all_right(proxy: &Proxy, objects: &[(String, Vec<u8>, Damage)]) {
    for (key, body, _) in objects {
        let answer = proxy.get(&format!("/{key}")).await;
        assert_eq!(answer.status, 200, "{key}");
        assert_eq!(answer.broken, None, "{key}");
        assert!(answer.body == *body, "{key} was served wrong");
    }
}

/// A file in memory hides its damage for at most a second or so, hence the polling.
async fn assert_all_healed(
    proxy: &Proxy,
    scratch: &Scratch,
    aws: &SimulatedAws,
    objects: &[(String, Vec<u8>, Damage)],
) {
    eventually("everything is healed", async || {
        assert_all_right(proxy, objects).await;
        let verified = run(ProxyBuilder::new(scratch).command(&["cache", "verify"])).await;
        verified.code() == Some(0)
    })
    .await;
    aws.counters().reset();
    for (key, ..) in objects {
        // The last one's file may still be on its way to the disk: it is read along with, not fetched again.
        eventually("it is a hit", async || {
            proxy.get(&format!("/{key}")).await.is_hit()
        })
        .await;
    }
    assert_eq!(aws.counters().count(Operation::GetObject), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_objects_file_in_an_objects_place_is_not_served() {
    let scratch = Scratch::new();
    let aws = scratch.aws().await;
    let (one, other) = (
        put(&aws, "g/one.jar", LARGE),
        put(&aws, "g/other.jar", LARGE),
    );
    let proxy = Proxy::start(&scratch, &aws).await;
    fetch_into_cache(&proxy, &scratch, &aws, "g/one.jar").await;
    fetch_into_cache(&proxy, &scratch, &aws, "g/other.jar").await;
    let again = proxy.kill_9();
    let path = object_path(&scratch, &aws, "g/one.jar");
    std::fs::copy(object_path(&scratch, &aws, "g/other.jar"), &path).expect("copied");

    let verified = run(again.command(&["cache", "verify"])).await;
    assert_eq!(verified.code(), Some(1));
    assert!(verified.stdout().contains(&path.display().to_string()));
    let proxy = again.start().await;
    assert!(proxy.get("/g/one.jar").await.body == one);
    assert!(proxy.get("/g/other.jar").await.body == other);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damage_late_in_a_large_file_is_mended_unseen_by_the_client() {
    let scratch = Scratch::new();
    let aws = scratch.aws().await;
    let body = put(&aws, "g/big.jar", 5_000_000);
    let proxy = Proxy::start(&scratch, &aws).await;
    fetch_into_cache(&proxy, &scratch, &aws, "g/big.jar").await;
    let again = proxy.kill_9();
    flip(&object_path(&scratch, &aws, "g/big.jar"), 4_900_000);
    let proxy = again.start().await;
    aws.counters().reset();

    let answer = proxy.get("/g/big.jar").await;
    assert_eq!(answer.broken, None);
    assert!(answer.body == body);
    assert!(answer.is_hit(), "it began as a hit");
    assert_eq!(aws.counters().count(Operation::GetObject), 1);
    eventually("it is a whole hit again", async || {
        let verified = run(ProxyBuilder::new(&scratch).command(&["cache", "verify"])).await;
        verified.code() == Some(0) && proxy.get("/g/big.jar").await.is_hit()
    })
    .await;
    assert_eq!(aws.counters().count(Operation::GetObject), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_readers_of_one_damaged_file_cause_one_download() {
    let scratch = Scratch::new();
    let aws = scratch.aws().await;
    let body = put(&aws, "g/big.jar", 4_000_000);
    let proxy = Proxy::start(&scratch, &aws).await;
    fetch_into_cache(&proxy, &scratch, &aws, "g/big.jar").await;
    let again = proxy.kill_9();
    flip(&object_path(&scratch, &aws, "g/big.jar"), 3_900_000);
    let proxy = again.start().await;
    aws.counters().reset();

    let answers = (0..16).map(|_| proxy.get("/g/big.jar"));
    for answer in futures_util::future::join_all(answers).await {
        assert_eq!(answer.broken, None);
        assert!(answer.body == body);
    }
    assert_eq!(aws.counters().count(Operation::GetObject), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_file_without_s3_ends_in_a_reset_and_never_in_wrong_or_short_bytes() {
    let scratch = Scratch::new();
    let aws = scratch.aws().await;
    let body = put(&aws, "g/big.jar", 4_000_000);
    let proxy = Proxy::start(&scratch, &aws).await;
    fetch_into_cache(&proxy, &scratch, &aws, "g/big.jar").await;
    let again = proxy.kill_9();
    flip(&object_path(&scratch, &aws, "g/big.jar"), 3_900_000);
    let proxy = again.start().await;
    aws.go_offline().await.expect("offline");

    let answer = proxy.get("/g/big.jar").await;
    assert!(answer.broken.is_some());
    assert!(body.starts_with(&answer.body), "what was sent is right");
    assert!(answer.body.len() < body.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_only_cannot_be_opened_now_is_not_thrown_away() {
    let scratch = Scratch::new();
    let aws = scratch.aws().await;
    let body = put(&aws, "g/big.jar", LARGE);
    let proxy = Proxy::start(&scratch, &aws).await;
    fetch_into_cache(&proxy, &scratch, &aws, "g/big.jar").await;
    let mut connection = tokio::net::TcpStream::connect(proxy.address())
        .await
        .expect("accepted");
    // The connection is served, so it has been accepted; then no further file can be opened.
    ask(&mut connection, "/healthz").await;
    limit_open_files(&proxy, lowest_free_descriptor(&proxy));
    let refused = ask(&mut connection, "/g/big.jar").await;
    assert!(!refused.contains("; hit"), "{refused}");
    limit_open_files(&proxy, 4096);

    assert!(object_path(&scratch, &aws, "g/big.jar").exists());
    let answer = proxy.get("/g/big.jar").await;
    assert!(answer.is_hit());
    assert!(answer.body == body);
}

/// A limit of open files bounds their numbers.
fn lowest_free_descriptor(proxy: &Proxy) -> usize {
    let open = std::fs::read_dir(format!("/proc/{}/fd", proxy.pid())).expect("its files");
    let open: Vec<usize> = open
        .flatten()
        .filter_map(|file| file.file_name().to_str()?.parse().ok())
        .collect();
    (0..=open.len())
        .find(|number| !open.contains(number))
        .expect("a free one")
}

/// The soft limit, so that it can be raised again by anyone.
fn limit_open_files(proxy: &Proxy, files: usize) {
    let limited = std::process::Command::new("prlimit")
        .arg(format!("--pid={}", proxy.pid()))
        .arg(format!("--nofile={files}:"))
        .status();
    assert!(limited.expect("prlimit runs").success());
}

/// One request on an open connection; the head of its answer and what came with it.
async fn ask(connection: &mut tokio::net::TcpStream, path: &str) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    connection
        .write_all(request.as_bytes())
        .await
        .expect("sent");
    let mut answer = vec![0; 8192];
    let reading = connection.read(&mut answer);
    let read = tests::within(tests::PATIENCE, path, reading)
        .await
        .expect("an answer");
    String::from_utf8_lossy(&answer[..read]).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_rotted_under_an_old_time_stamp_are_not_served() {
    let scratch = Scratch::new();
    let aws = scratch.aws().await;
    let body = put(&aws, "g/a.jar", LARGE);
    let proxy = Proxy::start(&scratch, &aws).await;
    fetch_into_cache(&proxy, &scratch, &aws, "g/a.jar").await;
    let path = object_path(&scratch, &aws, "g/a.jar");
    assert!(proxy.get("/g/a.jar").await.body == body);
    let modified = std::fs::metadata(&path).and_then(|status| status.modified());
    flip(&path, IN_BODY);
    let file = OpenOptions::new().write(true).open(&path).expect("a file");
    file.set_modified(modified.expect("a time"))
        .expect("set back");
    let healed = proxy.get("/g/a.jar").await;
    assert!(healed.body == body);
    assert_eq!(healed.broken, None);
}
