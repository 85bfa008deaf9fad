//! Reading and writing objects.

use std::time::{Duration, UNIX_EPOCH};

use aws_sdk_s3::primitives::{ByteStream, DateTime};
use aws_sdk_s3::types::{ChecksumAlgorithm as SdkAlgorithm, ChecksumMode};
use simulated_aws::{ChecksumAlgorithm, ObjectAttributes, Operation, SimulatedAws};

use crate::setup::{BUCKET, Setup, failure, is};

#[tokio::test]
async fn an_object_comes_back_with_its_head() {
    let setup = Setup::new().await;
    setup.put("a/b.jar", "hello world");
    let got = setup
        .client()
        .get_object()
        .bucket(BUCKET)
        .key("a/b.jar")
        .send()
        .await
        .unwrap();
    assert_eq!(got.e_tag(), Some("\"5eb63bbbe01eeed093cb22bb8f5acdc3\""));
    assert_eq!(got.content_type(), Some("binary/octet-stream"));
    assert_eq!(got.accept_ranges(), Some("bytes"));
    // The SDK asks for checksums by itself and verifies them.
    assert!(got.checksum_crc64_nvme().is_some());
    assert!(got.last_modified().is_some());
    assert_eq!(got.body.collect().await.unwrap().to_vec(), b"hello world");
    let head = setup
        .client()
        .head_object()
        .bucket(BUCKET)
        .key("a/b.jar")
        .send()
        .await
        .unwrap();
    assert_eq!(head.content_length(), Some(11));
    assert_eq!(head.e_tag(), Some("\"5eb63bbbe01eeed093cb22bb8f5acdc3\""));
    let counters = setup.aws.counters();
    assert_eq!(counters.count(Operation::GetObject), 1);
    assert_eq!(counters.count_key(Operation::HeadObject, "a/b.jar"), 1);
    assert_eq!(counters.total(), 2);
    assert_eq!(counters.bytes_sent(), 11);
    let log = counters.log();
    assert_eq!(log[0].status, Some(200));
    assert_eq!(log[0].access_key_id.as_deref(), Some("AKIATEST"));
    counters.reset();
    assert_eq!(counters.total(), 0);
}

#[tokio::test]
async fn ranges_are_cut_out_of_the_object() {
    let setup = Setup::new().await;
    setup.put("k", "0123456789");
    let client = setup.client();
    for (range, content, text) in [
        ("bytes=2-4", "bytes 2-4/10", "234"),
        ("bytes=7-", "bytes 7-9/10", "789"),
        ("bytes=-2", "bytes 8-9/10", "89"),
        ("bytes=5-100", "bytes 5-9/10", "56789"),
    ] {
        let got = client
            .get_object()
            .bucket(BUCKET)
            .key("k")
            .range(range)
            .send()
            .await
            .unwrap();
        assert_eq!(got.content_range(), Some(content));
        assert_eq!(got.checksum_crc64_nvme(), None);
        assert_eq!(got.body.collect().await.unwrap().to_vec(), text.as_bytes());
    }
    let beyond = client
        .get_object()
        .bucket(BUCKET)
        .key("k")
        .range("bytes=10-")
        .send()
        .await;
    assert_eq!(failure!(beyond), is(416, "InvalidRange"));
    let log = setup.aws.counters().log();
    assert_eq!(log[0].status, Some(206));
    assert_eq!(log[0].range.as_deref(), Some("bytes=2-4"));
}

#[tokio::test]
async fn a_large_object_streams_whole() {
    let setup = Setup::new().await;
    let bytes: Vec<u8> = (0..3_000_017_u32)
        .map(|n| u8::try_from(n % 251).unwrap())
        .collect();
    setup.put("large", &bytes);
    let got = setup
        .client()
        .get_object()
        .bucket(BUCKET)
        .key("large")
        .send()
        .await
        .unwrap();
    assert_eq!(got.body.collect().await.unwrap().to_vec(), bytes);
    assert_eq!(setup.aws.counters().bytes_sent(), bytes.len() as u64);
}

#[tokio::test]
async fn conditions_are_judged() {
    let setup = Setup::new().await;
    let modified = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let attributes = ObjectAttributes {
        last_modified: Some(modified),
        ..Default::default()
    };
    setup
        .aws
        .s3()
        .put_with(BUCKET, "k", "hello world", attributes)
        .unwrap();
    let etag = "\"5eb63bbbe01eeed093cb22bb8f5acdc3\"";
    let get = || setup.client().get_object().bucket(BUCKET).key("k");
    let at = DateTime::from_secs(1_700_000_000);
    let before = DateTime::from_secs(1_699_999_999);
    assert_eq!(failure!(get().if_none_match(etag).send().await).0, 304);
    assert_eq!(failure!(get().if_modified_since(at).send().await).0, 304);
    let failed = is(412, "PreconditionFailed");
    assert_eq!(failure!(get().if_match("\"other\"").send().await), failed);
    assert_eq!(
        failure!(get().if_unmodified_since(before).send().await),
        failed
    );
    assert!(get().if_match(etag).send().await.is_ok());
    assert!(get().if_none_match("\"other\"").send().await.is_ok());
    assert!(get().if_modified_since(before).send().await.is_ok());
    let head = setup
        .client()
        .head_object()
        .bucket(BUCKET)
        .key("k")
        .if_none_match(etag)
        .send()
        .await;
    let error = head.unwrap_err();
    let raw = error.raw_response().unwrap();
    assert_eq!(raw.status().as_u16(), 304);
    assert_eq!(raw.headers().get("etag"), Some(etag));
    assert_eq!(
        setup.aws.counters().log()[0].if_none_match.as_deref(),
        Some(etag)
    );
}

#[tokio::test]
async fn attributes_survive_a_restart_and_belong_to_their_bytes() {
    let setup = Setup::new().await;
    let attributes = ObjectAttributes {
        content_type: Some("text/plain".to_owned()),
        content_encoding: Some("gzip".to_owned()),
        etag: Some("abc-2".to_owned()),
        checksums: Some(vec![ChecksumAlgorithm::Sha256]),
        metadata: [("who".to_owned(), "me".to_owned())].into(),
        ..Default::default()
    };
    setup
        .aws
        .s3()
        .put_with(BUCKET, "k", "hello world", attributes)
        .unwrap();
    let Setup { aws, folder } = setup;
    aws.stop().await;
    let aws = SimulatedAws::builder(folder.path()).start().await.unwrap();
    aws.identities()
        .add_static(crate::setup::KEY_ID, crate::setup::SECRET);
    let setup = Setup { aws, folder };
    let got = setup.client().head_object().bucket(BUCKET).key("k");
    let got = got
        .checksum_mode(ChecksumMode::Enabled)
        .send()
        .await
        .unwrap();
    assert_eq!(got.content_type(), Some("text/plain"));
    assert_eq!(got.content_encoding(), Some("gzip"));
    assert_eq!(got.e_tag(), Some("\"abc-2\""));
    assert_eq!(
        got.checksum_sha256(),
        Some("uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=")
    );
    assert_eq!(got.checksum_crc64_nvme(), None);
    assert_eq!(
        got.metadata().unwrap().get("who").map(String::as_str),
        Some("me")
    );

    setup.put("k", "other bytes");
    let got = setup
        .client()
        .head_object()
        .bucket(BUCKET)
        .key("k")
        .send()
        .await
        .unwrap();
    assert_eq!(got.content_type(), Some("binary/octet-stream"));
    assert_eq!(got.e_tag(), Some("\"6eff3450105497cc2ce22ea267f564ba\""));
}

#[tokio::test]
async fn uploads_are_stored_and_verified() {
    let setup = Setup::new().await;
    let client = setup.client();
    let body = || ByteStream::from_static(b"hello world");
    // By default the SDK sends aws-chunked with a trailing CRC-32.
    let put = client
        .put_object()
        .bucket(BUCKET)
        .key("d/up")
        .body(body())
        .content_type("text/x");
    let put = put.send().await.unwrap();
    assert_eq!(put.e_tag(), Some("\"5eb63bbbe01eeed093cb22bb8f5acdc3\""));
    assert_eq!(put.checksum_crc32(), Some("DUoRhQ=="));
    let file = setup.folder.path().join(BUCKET).join("d/up");
    assert_eq!(std::fs::read(file).unwrap(), b"hello world");
    let got = client
        .get_object()
        .bucket(BUCKET)
        .key("d/up")
        .send()
        .await
        .unwrap();
    assert_eq!(got.checksum_crc32(), Some("DUoRhQ=="));
    assert_eq!(got.content_type(), Some("text/x"));
    assert_eq!(got.content_encoding(), None);
    for algorithm in [
        SdkAlgorithm::Crc32C,
        SdkAlgorithm::Crc64Nvme,
        SdkAlgorithm::Sha256,
    ] {
        let put = client.put_object().bucket(BUCKET).key("d/up").body(body());
        put.checksum_algorithm(algorithm).send().await.unwrap();
        client
            .get_object()
            .bucket(BUCKET)
            .key("d/up")
            .send()
            .await
            .unwrap();
    }
    let again = client
        .put_object()
        .bucket(BUCKET)
        .key("d/up")
        .body(body())
        .if_none_match("*");
    assert_eq!(failure!(again.send().await), is(412, "PreconditionFailed"));
    let wrong = client.put_object().bucket(BUCKET).key("bad").body(body());
    let wrong = wrong
        .checksum_sha256("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
        .send()
        .await;
    assert_eq!(failure!(wrong), is(400, "BadDigest"));
    assert_eq!(setup.aws.s3().path(BUCKET, "bad"), None);
    client
        .delete_object()
        .bucket(BUCKET)
        .key("d/up")
        .send()
        .await
        .unwrap();
    let gone = client.get_object().bucket(BUCKET).key("d/up").send().await;
    assert_eq!(failure!(gone), is(404, "NoSuchKey"));
}

#[tokio::test]
async fn odd_keys_round_trip() {
    let setup = Setup::new().await;
    let client = setup.client();
    let long_name = "n".repeat(300);
    let long_key = "seg/".repeat(255) + "last";
    assert_eq!(long_key.len(), 1024);
    let keys = [
        "a",
        "a/b",
        "a/b/c",
        "plus+plus",
        "with space",
        "100%",
        "%41",
        "é/ü/日本",
        "x//y",
        "/lead",
        "trail/",
        "~!$&'()*,;=:@",
        "dots/../up",
        "./dot",
        &long_name,
        &long_key,
    ];
    for (number, key) in keys.iter().enumerate() {
        let body = ByteStream::from(format!("{number} {key}").into_bytes());
        client
            .put_object()
            .bucket(BUCKET)
            .key(*key)
            .body(body)
            .send()
            .await
            .expect(key);
    }
    for (number, key) in keys.iter().enumerate() {
        let got = client
            .get_object()
            .bucket(BUCKET)
            .key(*key)
            .send()
            .await
            .expect(key);
        let body = got.body.collect().await.unwrap().to_vec();
        assert_eq!(body, format!("{number} {key}").into_bytes(), "{key}");
        assert_eq!(
            setup.aws.counters().count_key(Operation::GetObject, key),
            1,
            "{key}"
        );
    }
    let listed = client
        .list_objects_v2()
        .bucket(BUCKET)
        .send()
        .await
        .unwrap();
    let listed: Vec<_> = listed
        .contents()
        .iter()
        .filter_map(|object| object.key())
        .collect();
    let mut sorted = keys.to_vec();
    sorted.sort_unstable();
    assert_eq!(listed, sorted);
    for key in keys {
        setup.aws.s3().delete(BUCKET, key).unwrap();
    }
    let listed = client
        .list_objects_v2()
        .bucket(BUCKET)
        .send()
        .await
        .unwrap();
    assert_eq!(listed.key_count(), Some(0));
}
