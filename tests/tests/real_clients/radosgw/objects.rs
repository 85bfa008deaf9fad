//! Keys, heads, conditions and verdicts.

use tests::eventually;

use super::{Shop, bytes, hit};

#[tokio::test(flavor = "multi_thread")]
async fn an_object_of_a_real_s3_is_fetched_once_and_served_without_it() {
    let Some(shop) = Shop::open("once").await else {
        return;
    };
    let object = bytes(100_000);
    shop.put("g/a/1/a-1.jar", object.clone()).await;
    let head = shop
        .client
        .head_object()
        .bucket("once")
        .key("g/a/1/a-1.jar");
    let head = head.send().await.expect("its head");
    let proxy = shop.proxy().start().await;

    let asked = proxy.head("/g/a/1/a-1.jar").await;
    let miss = proxy.get("/g/a/1/a-1.jar").await;
    let hit = hit(&proxy, "/g/a/1/a-1.jar").await;
    for answer in [&asked, &miss, &hit] {
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-length"), "100000");
        assert_eq!(Some(answer.header("etag")), head.e_tag());
    }
    assert_eq!(asked.header("last-modified"), hit.header("last-modified"));
    assert!(miss.body == object && hit.body == object);

    let killed = proxy.kill_9();
    let nowhere = killed.env("AWS_SECRET_ACCESS_KEY", "wrong").start().await;
    let again = nowhere.get("/g/a/1/a-1.jar").await;
    assert!(again.is_hit() && again.body == object);
    assert_eq!(again.header("etag"), hit.header("etag"));
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_keys_of_a_real_s3_are_found_by_get_and_head() {
    let Some(shop) = Shop::open("odd-keys").await else {
        return;
    };
    let longest = format!("long/{}", "k".repeat(1019));
    assert_eq!(longest.len(), 1024);
    let keys = [
        ("g++/a+b.jar", "/g++/a+b.jar"),
        ("encoded+plus", "/encoded%2Bplus"),
        ("with space/a b.jar", "/with%20space/a%20b.jar"),
        (
            "grüße/ключ/鍵.jar",
            "/gr%C3%BC%C3%9Fe/%D0%BA%D0%BB%D1%8E%D1%87/%E9%8D%B5.jar",
        ),
        ("100%.jar", "/100%25.jar"),
        ("%41.jar", "/%2541.jar"),
        ("a//b.jar", "/a//b.jar"),
        ("a:b;c,d@e&f=g$h!i'j(k)*~", "/a:b;c,d@e&f=g$h!i'j(k)*~"),
        ("hash#and?mark", "/hash%23and%3Fmark"),
        ("[brackets]{braces}", "/%5Bbrackets%5D%7Bbraces%7D"),
        (longest.as_str(), &format!("/{longest}")),
    ];
    let proxy = shop.proxy().start().await;
    for (key, path) in keys {
        shop.put(key, key.as_bytes().to_vec()).await;
        let head = proxy.head(path).await;
        assert_eq!(head.status, 200, "HEAD {key}");
        assert_eq!(head.header("content-length"), key.len().to_string());
        let get = proxy.get(path).await;
        assert_eq!(get.status, 200, "{key}: {}", get.text());
        assert_eq!(get.text(), key);
        assert_eq!(hit(&proxy, path).await.text(), key);
    }
    // Not one was taken for another.
    assert_eq!(proxy.get("/a/b.jar").await.status, 404);
    assert_eq!(proxy.get("/A.jar").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_a_real_s3_does_not_have_is_404() {
    let Some(shop) = Shop::open("missing").await else {
        return;
    };
    shop.put("g/a.jar", b"here".to_vec()).await;
    let proxy = shop.proxy().start().await;
    for path in ["/g/none.jar", "/g", "/none/"] {
        assert_eq!(proxy.get(path).await.status, 404, "{path}");
        assert_eq!(proxy.head(path).await.status, 404, "{path}");
    }
    assert_eq!(proxy.get("/g/a.jar").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_a_real_s3_does_not_have_is_503() {
    let Some(shop) = Shop::open("another").await else {
        return;
    };
    let proxy = shop.proxy().env("S3_BUCKET_NAME", "no-such-bucket");
    let proxy = proxy.start().await;
    let answer = proxy.get("/g/a.jar").await;
    assert_eq!(answer.status, 503);
    assert!(
        answer.text().contains("no-such-bucket"),
        "{}",
        answer.text()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prefix_is_put_before_keys_of_a_real_s3() {
    let Some(shop) = Shop::open("prefixed").await else {
        return;
    };
    shop.put("maven/releases/g/a.jar", b"below".to_vec()).await;
    shop.put("g/b.jar", b"beside".to_vec()).await;
    let proxy = shop.proxy().env("S3_PREFIX", "maven/releases");
    let proxy = proxy.start().await;
    assert_eq!(proxy.get("/g/a.jar").await.text(), "below");
    assert_eq!(proxy.get("/g/b.jar").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_is_revalidated_with_a_real_s3() {
    let Some(shop) = Shop::open("metadata").await else {
        return;
    };
    let key = "g/a/maven-metadata.xml";
    let path = format!("/{key}");
    shop.put(key, b"<metadata>1</metadata>".to_vec()).await;
    let proxy = shop.proxy().env("METADATA_TTL", "1").start().await;
    assert_eq!(proxy.get(&path).await.status, 200);

    eventually("the copy is confirmed", async || {
        let answer = proxy.get(&path).await;
        assert_eq!(answer.text(), "<metadata>1</metadata>");
        answer.verdict().contains("revalidated")
    })
    .await;

    shop.put(key, b"<metadata>22</metadata>".to_vec()).await;
    eventually("the new one is served", async || {
        let answer = proxy.get(&path).await;
        assert_eq!(answer.status, 200);
        answer.text() == "<metadata>22</metadata>"
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_are_answered_with_the_validators_of_a_real_s3() {
    let Some(shop) = Shop::open("conditions").await else {
        return;
    };
    shop.put("g/a.jar", bytes(1000)).await;
    let proxy = shop.proxy().start().await;
    let first = proxy.get("/g/a.jar").await;
    let (etag, date) = (first.header("etag"), first.header("last-modified"));
    assert!(!etag.is_empty() && !date.is_empty());
    let cases = [
        (vec![("if-none-match", etag)], 304),
        (vec![("if-none-match", "\"x\"")], 200),
        (vec![("if-modified-since", date)], 304),
        (vec![("if-match", "\"x\"")], 412),
        (vec![("if-match", etag)], 200),
        (vec![("if-unmodified-since", date)], 200),
        (vec![("range", "bytes=10-19"), ("if-range", etag)], 206),
        (vec![("range", "bytes=10-19"), ("if-range", date)], 206),
        (vec![("range", "bytes=10-19"), ("if-range", "\"x\"")], 200),
    ];
    for (headers, status) in cases {
        let answer = proxy.get_with("/g/a.jar", &headers).await;
        assert_eq!(answer.status, status, "{headers:?}");
    }
}
