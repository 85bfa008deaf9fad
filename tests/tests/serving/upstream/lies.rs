//! Bytes that are not S3's, whoever has changed them: never served, never kept.

use simulated_aws::{ChecksumAlgorithm, ObjectAttributes};
use tests::scratch::BUCKET;
use tests::{ProxyBuilder, Scratch, StandIn};

use super::{Laptop, Office, must_be};
use crate::world::{End, get_and_close, noise, read_to_end};

/// Changes the last byte of an answer.
fn altered(mut answer: Vec<u8>) -> Vec<u8> {
    if let Some(last) = answer.last_mut() {
        *last = !*last;
    }
    answer
}

async fn with_a_liar() -> (Office, StandIn) {
    let office = Office::new().await;
    let liar = StandIn::between(office.team.address(), |_, answer| altered(answer)).await;
    (office, liar)
}

/// A reset within the body, or 503 where the end came before the client was answered.
async fn must_fail(laptop: &Laptop, path: &str) {
    let (received, end) = read_to_end(&laptop.proxy, &get_and_close(path)).await;
    let is_503 = received.starts_with(b"HTTP/1.1 503 ");
    assert!(end == End::Reset || is_503, "{path}: {}", received.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_artifact_altered_on_the_way_is_fetched_from_s3_unseen() {
    let (office, liar) = with_a_liar().await;
    let jar = noise(30_000);
    office.put("g/a-1.jar", &jar);
    let laptop = office.laptop_with(&liar.url(), |laptop| laptop).await;
    let answer = laptop.proxy.get("/g/a-1.jar").await;
    must_be(&answer, &jar);
    assert_eq!((liar.asked(), office.asked_by_laptops()), (1, 1));
    let log = laptop.proxy.log();
    assert!(log.contains("something else than S3 promised"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_artifact_altered_on_the_way_never_completes() {
    let (office, liar) = with_a_liar().await;
    let jar = noise(3_000_000);
    // In the first case the team's proxy has verified it before, in the second it cannot have.
    office.put("g/old-1.jar", &jar);
    office.put("g/new-1.jar", &jar);
    must_be(&office.team.get("/g/old-1.jar").await, &jar);
    tests::eventually("the team has it", async || {
        office.team.get("/g/old-1.jar").await.is_hit()
    })
    .await;
    for path in ["/g/old-1.jar", "/g/new-1.jar"] {
        let laptop = office.laptop_with(&liar.url(), |laptop| laptop).await;
        must_fail(&laptop, path).await;
        // The client asks again, and the upstream is not trusted for now.
        let again = laptop.proxy.get(path).await;
        must_be(&again, &jar);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_s3_promises_reaches_the_laptop_whichever_way_it_says_it() {
    let (office, liar) = with_a_liar().await;
    let jar = noise(300_000);
    for algorithm in [
        ChecksumAlgorithm::Crc64Nvme,
        ChecksumAlgorithm::Crc32,
        ChecksumAlgorithm::Crc32C,
        ChecksumAlgorithm::Sha1,
        ChecksumAlgorithm::Sha256,
    ] {
        let key = format!("g/{algorithm:?}.jar");
        // As of a multipart upload: the tag is no MD5.
        let attributes = ObjectAttributes {
            etag: Some("0123456789abcdef0123456789abcdef-2".to_owned()),
            checksums: Some(vec![algorithm]),
            ..ObjectAttributes::default()
        };
        office.put_with(&key, &jar, attributes);
        let laptop = office.laptop_with(&liar.url(), |laptop| laptop).await;
        must_fail(&laptop, &format!("/{key}")).await;
        let honest = office.laptop().await;
        must_be(&honest.proxy.get(&format!("/{key}")).await, &jar);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_of_another_bucket_is_not_listened_to() {
    let office = Office::new().await;
    office.aws.s3().create_bucket("other").expect("a bucket");
    for (bucket, bytes) in [(BUCKET, "ours"), ("other", "theirs")] {
        let put = office.aws.s3().put(bucket, "maven/g/a-1.jar", bytes);
        put.expect("an object");
        let put = office.aws.s3().put(bucket, "g/a-1.jar", bytes);
        put.expect("an object");
    }
    let elsewhere = [("other", ""), (BUCKET, "maven"), ("other", "maven")];
    for (bucket, prefix) in elsewhere {
        let scratch = Scratch::new();
        let stranger = ProxyBuilder::new(&scratch)
            .aws(&office.aws)
            .env("S3_BUCKET_NAME", bucket)
            .env("S3_PREFIX", prefix)
            .start()
            .await;
        let laptop = office.laptop_with(&stranger.url(), |laptop| laptop).await;
        must_be(&laptop.proxy.get("/g/a-1.jar").await, b"ours");
        assert_eq!(laptop.proxy.get("/g/b-1.jar").await.status, 404);
        let log = laptop.proxy.log();
        assert!(
            log.contains(&format!("serves s3://{bucket}/{prefix}")),
            "{log}"
        );
    }
}
