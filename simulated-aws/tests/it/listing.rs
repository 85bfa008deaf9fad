//! `ListObjectsV2` and the calls on buckets.

use std::fs;

use aws_sdk_s3::types::EncodingType;

use crate::setup::{BUCKET, Setup, failure, is};

const KEYS: [&str; 8] = [
    "a-b",
    "a/b",
    "a/c/d",
    "a/c/e",
    "a0",
    "org/x/1.jar",
    "org/x/1.pom",
    "z",
];

async fn filled() -> Setup {
    let setup = Setup::new().await;
    for key in KEYS {
        setup.put(key, key);
    }
    setup
}

#[tokio::test]
async fn keys_come_in_byte_order_page_by_page() {
    let setup = filled().await;
    for size in 1..=9 {
        let mut pages = setup
            .client()
            .list_objects_v2()
            .bucket(BUCKET)
            .into_paginator()
            .page_size(size)
            .send();
        let mut keys = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.unwrap();
            assert!(page.contents().len() <= usize::try_from(size).unwrap());
            assert_eq!(page.key_count(), i32::try_from(page.contents().len()).ok());
            keys.extend(
                page.contents()
                    .iter()
                    .map(|object| object.key().unwrap().to_owned()),
            );
        }
        assert_eq!(keys, KEYS, "page size {size}");
    }
}

#[tokio::test]
async fn a_delimiter_folds_keys_page_by_page() {
    let setup = filled().await;
    let lines = async |prefix: &str, size: i32| {
        let list = setup
            .client()
            .list_objects_v2()
            .bucket(BUCKET)
            .prefix(prefix)
            .delimiter("/");
        let mut pages = list.into_paginator().page_size(size).send();
        let mut lines = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.unwrap();
            let keys = page.contents().iter().filter_map(|object| object.key());
            let folded = page
                .common_prefixes()
                .iter()
                .filter_map(|common| common.prefix());
            let mut page: Vec<_> = keys.chain(folded).map(str::to_owned).collect();
            page.sort();
            lines.extend(page);
        }
        lines
    };
    for size in [1, 2, 100] {
        assert_eq!(lines("", size).await, ["a-b", "a/", "a0", "org/", "z"]);
        assert_eq!(lines("a/", size).await, ["a/b", "a/c/"]);
        assert_eq!(lines("a", size).await, ["a-b", "a/", "a0"]);
        assert_eq!(lines("org/x/1", size).await, ["org/x/1.jar", "org/x/1.pom"]);
        assert!(lines("none/", size).await.is_empty());
    }
}

#[tokio::test]
async fn a_listing_can_start_anywhere() {
    let setup = filled().await;
    let after = async |key: &str| {
        let list = setup
            .client()
            .list_objects_v2()
            .bucket(BUCKET)
            .start_after(key);
        let list = list.send().await.unwrap();
        list.contents()
            .iter()
            .map(|object| object.key().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(after("a/c/d").await, KEYS[3..]);
    assert_eq!(after("a/c").await, KEYS[2..]);
    assert_eq!(after("a/zzz").await, KEYS[4..]);
    assert!(after("z").await.is_empty());
}

#[tokio::test]
async fn keys_can_be_encoded() {
    let setup = Setup::new().await;
    setup.put("a b+é/%", "x");
    let list = setup
        .client()
        .list_objects_v2()
        .bucket(BUCKET)
        .encoding_type(EncodingType::Url);
    let list = list.send().await.unwrap();
    assert_eq!(list.contents()[0].key(), Some("a%20b%2B%C3%A9/%25"));
    assert_eq!(list.contents()[0].size(), Some(1));
    assert_eq!(
        list.contents()[0].e_tag(),
        Some("\"9dd4e461268c8034f5c8564e155c67a6\"")
    );
}

#[tokio::test]
async fn a_tree_on_disk_is_a_bucket() {
    let setup = Setup::new().await;
    let tree = setup.folder.path().join("maven/org/example");
    fs::create_dir_all(&tree).unwrap();
    fs::create_dir_all(setup.folder.path().join("maven/empty")).unwrap();
    fs::File::create(tree.join("a.jar")).unwrap();
    let list = setup
        .client()
        .list_objects_v2()
        .bucket("maven")
        .delimiter("/")
        .send()
        .await
        .unwrap();
    let prefixes: Vec<_> = list
        .common_prefixes()
        .iter()
        .filter_map(|p| p.prefix())
        .collect();
    assert_eq!(prefixes, ["org/"]);
    let get = setup
        .client()
        .get_object()
        .bucket("maven")
        .key("org/example/a.jar")
        .send()
        .await;
    assert_eq!(get.unwrap().content_length(), Some(0));
    let buckets = setup.client().list_buckets().send().await.unwrap();
    let buckets: Vec<_> = buckets
        .buckets()
        .iter()
        .filter_map(|bucket| bucket.name())
        .collect();
    assert_eq!(buckets, [BUCKET, "maven"]);
}

#[tokio::test]
async fn buckets_have_regions() {
    let setup = Setup::new().await;
    let head = setup
        .client()
        .head_bucket()
        .bucket(BUCKET)
        .send()
        .await
        .unwrap();
    assert_eq!(head.bucket_region(), Some("us-west-2"));
    let location = setup
        .client()
        .get_bucket_location()
        .bucket(BUCKET)
        .send()
        .await
        .unwrap();
    assert_eq!(
        location.location_constraint().unwrap().as_str(),
        "us-west-2"
    );
    let list = setup
        .client()
        .list_objects_v2()
        .bucket("missing")
        .send()
        .await;
    assert_eq!(failure!(list), is(404, "NoSuchBucket"));
    let head = setup.client().head_bucket().bucket("missing").send().await;
    assert_eq!(failure!(head).0, 404);
}
