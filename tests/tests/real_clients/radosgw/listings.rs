//! Folders as a real S3 lists them.

use futures_util::{StreamExt as _, stream};
use serde_json::Value;
use tests::{Proxy, eventually};

use super::Shop;

async fn page(proxy: &Proxy, path: &str) -> Value {
    let answer = proxy
        .get_with(path, &[("accept", "application/json")])
        .await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    serde_json::from_slice(&answer.body).expect("JSON")
}

fn texts(page: &Value, field: &str) -> Vec<String> {
    let entries = page["entries"].as_array().expect("entries");
    let texts = entries.iter().map(|entry| entry[field].as_str());
    texts.map(|text| text.expect("a text").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_of_a_real_s3_list_names_whose_links_lead_to_the_objects() {
    let Some(shop) = Shop::open("folders").await else {
        return;
    };
    let names = ["a b.jar", "a%.jar", "a+b.jar", "grüße.jar", "plain.jar"];
    for name in names {
        shop.put(&format!("g/{name}"), name.as_bytes().to_vec())
            .await;
    }
    shop.put("g/1.0/a-1.0.jar", b"in a folder".to_vec()).await;
    let proxy = shop.proxy().start().await;
    // Its bytes are all there a moment before its file is.
    eventually("it is kept", async || {
        proxy.get("/g/plain.jar").await.verdict() == "bazel-proxy; hit"
    })
    .await;

    let listed = page(&proxy, "/g/").await;
    let mut found = texts(&listed, "name");
    found.sort();
    let mut expected: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    expected.push("1.0/".to_owned());
    expected.sort();
    assert_eq!(found, expected);
    for (name, link) in texts(&listed, "name").iter().zip(texts(&listed, "link")) {
        let answer = proxy.get(&format!("/g/{link}")).await;
        assert_eq!(answer.status, 200, "{link}");
        if !link.ends_with('/') {
            assert_eq!(&answer.text(), name);
        }
    }
    let source = |name: &str| {
        let entries = listed["entries"].as_array().expect("entries");
        let entry = entries.iter().find(|entry| entry["name"] == name);
        entry.expect("the entry")["source"].clone()
    };
    assert_eq!(source("plain.jar"), "cache");
    assert_eq!(source("a b.jar"), "s3");
    assert_eq!(texts(&page(&proxy, "/").await, "name"), ["g/"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_folder_of_a_real_s3_is_paged_without_gaps() {
    let Some(shop) = Shop::open("pages").await else {
        return;
    };
    // A folder is the last entry of the first page.
    let mut keys: Vec<_> = (0..999).map(|number| format!("a{number:04}.jar")).collect();
    keys.extend(["b/one.jar", "b/two.jar", "c1.jar", "c2.jar"].map(str::to_owned));
    let shop = &shop;
    stream::iter(&keys)
        .for_each_concurrent(16, |key| async move {
            shop.put(&format!("many/{key}"), b"x".to_vec()).await;
        })
        .await;
    let proxy = shop.proxy().start().await;

    let mut found = Vec::new();
    let mut next = String::new();
    for _ in 0..3 {
        let listed = page(&proxy, &format!("/many/{next}")).await;
        found.extend(texts(&listed, "name"));
        match listed["next"].as_str() {
            Some(link) => link.clone_into(&mut next),
            None => break,
        }
    }
    let mut expected: Vec<_> = keys.into_iter().filter(|key| !key.contains('/')).collect();
    expected.push("b/".to_owned());
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
}
