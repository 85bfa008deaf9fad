//! Artifacts that may change, through another proxy.

use std::time::{Duration, SystemTime};

use simulated_aws::ObjectAttributes;
use tests::{Proxy, ProxyBuilder, eventually};

use super::{Laptop, Office, WithoutLogin, must_be};

const METADATA: &str = "g/a/maven-metadata.xml";
const PATH: &str = "/g/a/maven-metadata.xml";

/// A laptop whose copies of mutable artifacts are old at once.
async fn impatient(office: &Office, upstream: &str) -> Laptop {
    let ttl = |laptop: ProxyBuilder| laptop.env("METADATA_TTL", "0");
    office.laptop_with(upstream, ttl).await
}

async fn warm(proxy: &Proxy) {
    eventually("it is cached", async || proxy.get(PATH).await.is_hit()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_confirmed_by_the_upstream() {
    let office = Office::new().await;
    office.put(METADATA, b"one");
    let laptop = impatient(&office, &office.team.url()).await;
    warm(&laptop.proxy).await;
    let again = laptop.proxy.get(PATH).await;
    must_be(&again, b"one");
    assert_eq!(again.verdict(), "bazel-proxy; hit; detail=revalidated");
    assert_eq!(office.asked_by_laptops(), 0);
    assert_eq!(office.gets(METADATA), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_version_comes_through_the_upstream() {
    let office = Office::with(|team| team.env("METADATA_TTL", "0")).await;
    office.put(METADATA, b"one");
    let laptop = impatient(&office, &office.team.url()).await;
    for proxy in [&office.team, &laptop.proxy] {
        warm(proxy).await;
    }
    office.put(METADATA, b"two");
    let changed = laptop.proxy.get(PATH).await;
    must_be(&changed, b"two");
    assert_eq!(changed.verdict(), "bazel-proxy; fwd=stale; stored");
    assert_eq!(office.asked_by_laptops(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_never_takes_a_laptop_back_to_an_older_version() {
    let office = Office::with(|team| team.env("METADATA_TTL", "1h")).await;
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let old = ObjectAttributes {
        last_modified: Some(long_ago),
        ..ObjectAttributes::default()
    };
    office.put_with(METADATA, b"one", old);
    assert_eq!(office.team.get(PATH).await.body, "one");
    office.put(METADATA, b"two");
    let Laptop {
        proxy,
        scratch: _scratch,
    } = impatient(&office, "http://127.0.0.1:9").await;
    warm(&proxy).await;
    let builder = proxy.kill_9().env("UPSTREAM_PROXY_URL", &office.team.url());
    let proxy = builder.start().await;
    let again = proxy.get(PATH).await;
    must_be(&again, b"two");
    assert_eq!(again.verdict(), "bazel-proxy; hit; detail=revalidated");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_not_given_up_on_the_upstreams_word() {
    let pair =
        WithoutLogin::through(async |_| None, |laptop| laptop.env("METADATA_TTL", "0")).await;
    pair.put(METADATA, b"one");
    must_be(&pair.laptop.get(PATH).await, b"one");
    eventually("it is cached", async || {
        pair.laptop.get(PATH).await.is_hit()
    })
    .await;
    let deleted = pair.world.aws.s3().delete(tests::scratch::BUCKET, METADATA);
    deleted.expect("deleted");
    eventually("the team has noticed", async || {
        pair.team.get(PATH).await.status == 404
    })
    .await;
    for _ in 0..2 {
        let stale = pair.laptop.get(PATH).await;
        must_be(&stale, b"one");
        assert_eq!(stale.verdict(), "bazel-proxy; hit; detail=stale");
    }
}
