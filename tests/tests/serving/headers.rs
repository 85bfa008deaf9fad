//! Headers that clients rely on.

use std::time::{Duration, UNIX_EPOCH};

use simulated_aws::ObjectAttributes;
use tests::ProxyBuilder;

use crate::world::World;

const STABLE: [&str; 5] = [
    "etag",
    "last-modified",
    "content-length",
    "accept-ranges",
    "content-type",
];

#[tokio::test(flavor = "multi_thread")]
async fn validators_are_those_of_s3_and_outlive_refills_and_restarts() {
    let world = World::new().await;
    let attributes = ObjectAttributes {
        etag: Some("\"d41d8cd98f00b204e9800998ecf8427e-2\"".to_owned()),
        last_modified: Some(UNIX_EPOCH + Duration::from_secs(1_700_000_000)),
        ..ObjectAttributes::default()
    };
    world.put_with("g/a-1.jar", b"the jar", attributes);
    let miss = world.proxy.get("/g/a-1.jar").await;
    assert_eq!(
        miss.header("etag"),
        "\"d41d8cd98f00b204e9800998ecf8427e-2\""
    );
    assert_eq!(
        miss.header("last-modified"),
        "Tue, 14 Nov 2023 22:13:20 GMT"
    );
    assert_eq!(miss.header("content-length"), "7");
    assert_eq!(miss.header("accept-ranges"), "bytes");
    let hit = world.warm("/g/a-1.jar").await;

    let World {
        proxy,
        aws,
        scratch,
    } = world;
    let restarted = proxy.kill_9().start().await;
    let after_restart = restarted.get("/g/a-1.jar").await;
    assert!(after_restart.is_hit());
    drop(restarted);
    let refilled = ProxyBuilder::new(&scratch)
        .aws(&aws)
        .env(
            "CACHE_DIR",
            &scratch.path().join("another").display().to_string(),
        )
        .start()
        .await;
    let refilled = refilled.get("/g/a-1.jar").await;
    assert!(!refilled.is_hit());
    for name in STABLE {
        for answer in [&hit, &after_restart, &refilled] {
            assert_eq!(answer.header(name), miss.header(name), "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_content_type_is_s3s_unless_that_says_nothing() {
    let world = World::new().await;
    let stored = |content_type: &str| ObjectAttributes {
        content_type: Some(content_type.to_owned()),
        ..ObjectAttributes::default()
    };
    world.put("g/a.jar", b"x");
    world.put("g/a.pom", b"x");
    world.put_with("g/b.jar", b"x", stored("application/octet-stream"));
    world.put_with("g/c.jar", b"x", stored("application/x-own"));
    world.put("g/a.sha1", b"x");
    world.put("g/unknown.bin", b"x");
    for (path, content_type) in [
        ("/g/a.jar", "application/java-archive"),
        ("/g/a.pom", "application/xml"),
        ("/g/b.jar", "application/java-archive"),
        ("/g/c.jar", "application/x-own"),
        ("/g/a.sha1", "text/plain"),
        ("/g/unknown.bin", "application/octet-stream"),
    ] {
        let head = world.proxy.head(path).await;
        assert_eq!(head.header("content-type"), content_type, "HEAD {path}");
        for _ in 0..2 {
            let get = world.proxy.get(path).await;
            assert_eq!(get.header("content-type"), content_type, "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_content_encoding_is_passed_through_and_never_added() {
    let world = World::new().await;
    let gzip = ObjectAttributes {
        content_encoding: Some("gzip".to_owned()),
        ..ObjectAttributes::default()
    };
    // Not gzip at all: nobody may look into the bytes.
    world.put_with("g/a.js", b"stored as it is", gzip);
    world.put("g/b.txt", "compressible ".repeat(1000));
    for _ in 0..2 {
        let accept = [("accept-encoding", "gzip, br")];
        let encoded = world.proxy.get_with("/g/a.js", &accept).await;
        assert_eq!(encoded.header("content-encoding"), "gzip");
        assert_eq!(encoded.body, "stored as it is");
        let plain = world.proxy.get_with("/g/b.txt", &accept).await;
        assert_eq!(plain.header("content-encoding"), "");
        assert_eq!(plain.body.len(), 13_000);
    }
    let head = world.proxy.head("/g/a.js").await;
    assert_eq!(head.header("content-encoding"), "gzip");
}

#[tokio::test(flavor = "multi_thread")]
async fn cache_status_tells_where_an_answer_came_from() {
    let world = World::with(|proxy| proxy.env("METADATA_TTL", "0")).await;
    world.put("g/a.txt", b"a");
    world.put("g/maven-metadata.xml", b"<metadata/>");
    let status = |path: &'static str| {
        let world = &world;
        async move {
            let answer = world.proxy.get(path).await;
            answer.verdict().replace("bazel-proxy; ", "")
        }
    };
    assert_eq!(
        world.proxy.head("/g/a.txt").await.verdict(),
        "bazel-proxy; fwd=method"
    );
    assert_eq!(status("/g/a.txt").await, "fwd=uri-miss; stored");
    world.warm("/g/a.txt").await;
    assert_eq!(status("/g/a.txt").await, "hit");
    assert_eq!(
        status("/g/none.txt").await,
        "fwd=uri-miss; detail=not-found"
    );
    assert_eq!(
        status("/g/maven-metadata.xml").await,
        "fwd=uri-miss; stored"
    );
    world.warm("/g/maven-metadata.xml").await;
    assert_eq!(
        status("/g/maven-metadata.xml").await,
        "hit; detail=revalidated"
    );
    world.put("g/maven-metadata.xml", b"<metadata>2</metadata>");
    assert_eq!(status("/g/maven-metadata.xml").await, "fwd=stale; stored");
    world.warm("/g/maven-metadata.xml").await;
    world.aws.go_offline().await.expect("offline");
    assert_eq!(status("/g/maven-metadata.xml").await, "hit; detail=stale");
}
