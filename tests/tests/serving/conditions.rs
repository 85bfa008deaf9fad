//! Conditional requests, on hits and on misses.

use std::time::{Duration, UNIX_EPOCH};

use simulated_aws::ObjectAttributes;

use crate::world::World;

const BEFORE: &str = "Tue, 14 Nov 2023 22:13:19 GMT";
const EXACTLY: &str = "Tue, 14 Nov 2023 22:13:20 GMT";
/// The MD5 of the artifact, as S3 gives it.
const ETAG: &str = "\"5d41402abc4b2a76b9719d911017c592\"";

fn put(world: &World, key: &str) {
    let modified = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let attributes = ObjectAttributes {
        last_modified: Some(modified),
        ..ObjectAttributes::default()
    };
    world.put_with(key, b"hello", attributes);
}

/// Every condition, and what it makes of the artifact.
fn cases() -> Vec<(Vec<(&'static str, &'static str)>, u16)> {
    vec![
        (vec![("if-none-match", ETAG)], 304),
        (
            vec![("if-none-match", "W/\"5d41402abc4b2a76b9719d911017c592\"")],
            304,
        ),
        (
            vec![(
                "if-none-match",
                "\"x\", \"5d41402abc4b2a76b9719d911017c592\"",
            )],
            304,
        ),
        (vec![("if-none-match", "*")], 304),
        (vec![("if-none-match", "\"x\"")], 200),
        (vec![("if-modified-since", EXACTLY)], 304),
        (vec![("if-modified-since", BEFORE)], 200),
        (vec![("if-modified-since", "no date")], 200),
        (
            vec![("if-none-match", "\"x\""), ("if-modified-since", EXACTLY)],
            200,
        ),
        (vec![("if-match", ETAG)], 200),
        (vec![("if-match", "*")], 200),
        (vec![("if-match", "\"x\"")], 412),
        (vec![("if-unmodified-since", EXACTLY)], 200),
        (vec![("if-unmodified-since", BEFORE)], 412),
        (
            vec![("if-match", ETAG), ("if-unmodified-since", BEFORE)],
            200,
        ),
    ]
}

async fn check(world: &World, method: &str, path: &str, headers: &[(&str, &str)], status: u16) {
    let answer = world.proxy.request(method, path, headers).await;
    assert_eq!(answer.status, status, "{method} {path} {headers:?}");
    let body: &[u8] = if status == 200 && method == "GET" {
        b"hello"
    } else {
        b""
    };
    assert_eq!(answer.body, body, "{method} {headers:?}");
    if status == 304 {
        assert_eq!(answer.header("etag"), ETAG);
        assert_eq!(answer.header("last-modified"), EXACTLY);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_hold_on_a_hit() {
    let world = World::new().await;
    put(&world, "g/a.txt");
    world.warm("/g/a.txt").await;
    for (headers, status) in cases() {
        check(&world, "GET", "/g/a.txt", &headers, status).await;
        check(&world, "HEAD", "/g/a.txt", &headers, status).await;
    }
    assert_eq!(world.gets("g/a.txt"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_hold_on_a_miss() {
    let world = World::new().await;
    for (number, (headers, status)) in cases().into_iter().enumerate() {
        let key = format!("g/{number}.txt");
        put(&world, &key);
        check(&world, "HEAD", &format!("/{key}"), &headers, status).await;
        check(&world, "GET", &format!("/{key}"), &headers, status).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_304_has_no_body() {
    let world = World::new().await;
    put(&world, "g/a.txt");
    world.warm("/g/a.txt").await;
    let answer = world
        .proxy
        .get_with("/g/a.txt", &[("if-none-match", ETAG)])
        .await;
    assert!(["", "5"].contains(&answer.header("content-length")));
    assert_eq!(answer.broken, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn maven_resumes_with_if_unmodified_since() {
    let world = World::new().await;
    put(&world, "g/a.txt");
    world.warm("/g/a.txt").await;
    let resumed = |since: &'static str| {
        let headers = [
            ("range", "bytes=2-"),
            ("if-unmodified-since", since),
            ("accept-encoding", "identity"),
        ];
        let world = &world;
        async move { world.proxy.get_with("/g/a.txt", &headers).await }
    };
    let same = resumed(EXACTLY).await;
    assert_eq!(
        (same.status.as_u16(), same.body.as_ref()),
        (206, &b"llo"[..])
    );
    assert_eq!(resumed(BEFORE).await.status, 412);
}
