//! Bytes in bulk: ranges, many clients, broken connections, empty and multipart objects.

use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use futures_util::future::join_all;

use super::chaos::CutOnce;
use super::{Shop, bytes, hit};

const MIB: usize = 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn ranges_of_an_object_in_a_real_s3_hold_the_right_bytes() {
    let Some(shop) = Shop::open("ranges").await else {
        return;
    };
    let object = bytes(3 * MIB);
    shop.put("cold.jar", object.clone()).await;
    let proxy = shop.proxy().start().await;
    let end = object.len();
    let ranges = [
        ("bytes=2000000-2000999", 2_000_000..2_001_000),
        ("bytes=0-0", 0..1),
        ("bytes=-10000", end - 10_000..end),
        ("bytes=3000000-", 3_000_000..end),
    ];
    for (range, bytes) in ranges {
        let answer = proxy.get_with("/cold.jar", &[("range", range)]).await;
        assert_eq!(answer.status, 206, "{range}");
        let total = format!("bytes {}-{}/{end}", bytes.start, bytes.end - 1);
        assert_eq!(answer.header("content-range"), total);
        assert!(answer.body == object[bytes], "{range}");
    }
    let beyond = [("range", "bytes=3145728-")];
    assert_eq!(proxy.get_with("/cold.jar", &beyond).await.status, 416);
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_clients_of_a_large_object_in_a_real_s3_share_one_download() {
    let Some(shop) = Shop::open("large").await else {
        return;
    };
    let object = bytes(32 * MIB);
    shop.put("large.jar", object.clone()).await;
    let proxy = shop.proxy().start().await;
    let answers = join_all((0..20).map(|_| proxy.get("/large.jar"))).await;
    let mut misses = 0;
    for answer in answers {
        assert_eq!(answer.status, 200);
        assert_eq!(answer.broken, None);
        assert!(answer.body == object, "other bytes");
        misses += usize::from(answer.verdict() == "bazel-proxy; fwd=uri-miss; stored");
    }
    assert_eq!(misses, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_from_a_real_s3_that_is_cut_goes_on_where_it_ended() {
    let Some(shop) = Shop::open("cut").await else {
        return;
    };
    let object = bytes(4 * MIB);
    shop.put("cut.jar", object.clone()).await;
    let chaos = CutOnce::start(&shop.gateway.endpoint, MIB).await;
    let proxy = shop.proxy().env("AWS_ENDPOINT_URL", &chaos.url());
    let proxy = proxy.start().await;
    let answer = proxy.get("/cut.jar").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.broken, None);
    assert!(answer.body == object, "other bytes");
    assert!(chaos.has_cut());
    assert!(proxy.log().contains("a download broke off and is resumed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_and_multipart_objects_of_a_real_s3_are_stored() {
    let Some(shop) = Shop::open("multipart").await else {
        return;
    };
    shop.put("empty.txt", Vec::new()).await;
    let object = bytes(11 * MIB);
    upload_in_parts(&shop, "parts.jar", &object).await;
    let proxy = shop.proxy().start().await;
    for path in ["/empty.txt", "/parts.jar"] {
        let expected = if path == "/parts.jar" {
            &object[..]
        } else {
            &[]
        };
        let miss = proxy.get(path).await;
        assert_eq!(miss.status, 200, "{path}: {}", miss.text());
        for answer in [miss, hit(&proxy, path).await] {
            assert!(answer.body == expected, "{path}: other bytes");
            assert_eq!(answer.broken, None);
        }
    }
    assert!(
        proxy
            .head("/parts.jar")
            .await
            .header("etag")
            .ends_with("-3\"")
    );
}

async fn upload_in_parts(shop: &Shop, key: &str, object: &[u8]) {
    let upload = shop.client.create_multipart_upload();
    let upload = upload.bucket(&shop.bucket).key(key).send().await;
    let upload = upload.expect("an upload");
    let id = upload.upload_id().expect("its id");
    let mut parts = Vec::new();
    for (number, bytes) in (1..).zip(object.chunks(5 * MIB)) {
        let part = shop.client.upload_part().bucket(&shop.bucket).key(key);
        let part = part.upload_id(id).part_number(number);
        let part = part.body(bytes.to_vec().into()).send().await;
        let etag = part.expect("a part").e_tag().map(str::to_owned);
        let part = CompletedPart::builder().part_number(number);
        parts.push(part.set_e_tag(etag).build());
    }
    let whole = CompletedMultipartUpload::builder().set_parts(Some(parts));
    let complete = shop.client.complete_multipart_upload();
    let complete = complete.bucket(&shop.bucket).key(key).upload_id(id);
    let complete = complete.multipart_upload(whole.build()).send().await;
    complete.expect("completed");
}
