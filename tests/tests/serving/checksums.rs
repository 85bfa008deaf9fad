//! `X-Checksum-*`: only what was verified, and whenever it is known.

use sha1::Digest as _;
use tests::{Answer, eventually};

use crate::world::{World, noise};

fn check(answer: &Answer, bytes: &[u8], md5: Option<&str>) {
    let sha1 = hex::encode(sha1::Sha1::digest(bytes));
    let sha256 = hex::encode(sha2::Sha256::digest(bytes));
    assert_eq!(answer.header("x-checksum-sha1"), sha1);
    assert_eq!(answer.header("x-checksum-sha256"), sha256);
    let etag = answer.header("etag").trim_matches('"').to_owned();
    assert_eq!(answer.header("x-checksum-md5"), md5.unwrap_or(&etag));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_answer_of_a_small_artifact_has_its_checksums() {
    let world = World::new().await;
    for length in [0, 1, 4_000, 20_000, 60_000] {
        let pom = noise(length);
        world.put(&format!("g/{length}.pom"), &pom);
        let miss = world.proxy.get(&format!("/g/{length}.pom")).await;
        assert_eq!(miss.verdict(), "bazel-proxy; fwd=uri-miss; stored");
        assert!(miss.body == pom);
        check(&miss, &pom, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_hit_has_its_checksums() {
    let world = World::new().await;
    for length in [7, 500_000] {
        let jar = noise(length);
        world.put(&format!("g/{length}.jar"), &jar);
        let path = format!("/g/{length}.jar");
        world.warm(&path).await;
        check(&world.proxy.get(&path).await, &jar, None);
        check(&world.proxy.head(&path).await, &jar, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_download_has_no_checksums_yet() {
    let world = World::new().await;
    world.put("g/a.jar", noise(3_000_000));
    let miss = world.proxy.get("/g/a.jar").await;
    for name in ["x-checksum-sha1", "x-checksum-md5", "x-checksum-sha256"] {
        assert_eq!(miss.header(name), "", "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_etag_that_is_no_md5_is_not_taken_for_one() {
    let world = World::new().await;
    let attributes = simulated_aws::ObjectAttributes {
        etag: Some("\"00000000000000000000000000000000-3\"".to_owned()),
        ..simulated_aws::ObjectAttributes::default()
    };
    world.put_with("g/multipart.jar", b"hello", attributes);
    let miss = world.proxy.get("/g/multipart.jar").await;
    assert_eq!(miss.status, 200);
    check(&miss, b"hello", Some("5d41402abc4b2a76b9719d911017c592"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_object_that_no_digest_is_promised_of_is_kept_with_its_checksums() {
    let world = World::new().await;
    let attributes = simulated_aws::ObjectAttributes {
        etag: Some("\"00000000000000000000000000000000-3\"".to_owned()),
        ..simulated_aws::ObjectAttributes::default()
    };
    let jar = noise(3_000_001);
    world.put_with("g/multipart.jar", &jar, attributes);
    assert!(world.proxy.get("/g/multipart.jar").await.body == jar);
    eventually("it is kept", async || {
        world.proxy.get("/g/multipart.jar").await.is_hit()
    })
    .await;
    let hit = world.proxy.get("/g/multipart.jar").await;
    // The same bytes, with their MD5 for an entity tag.
    world.put("g/plain.jar", &jar);
    let plain = world.proxy.head("/g/plain.jar").await;
    check(&hit, &jar, Some(plain.header("etag").trim_matches('"')));
}
