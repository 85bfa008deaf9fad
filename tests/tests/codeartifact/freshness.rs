//! Pages and promises that change while they are asked for: no answer outlives what it was asked before.

use std::time::Duration;

use simulated_aws::{Fault, Operation};

use crate::world::{ACCEPT_JSON, Setting, World, upstream, wheel_bytes};

const PAGE: &str = "/pypi/simple/acme-first/";
const VERSIONS: &str = "/maven/com/acme/first/maven-metadata.xml";

async fn world(keys: &str, ttl: &str) -> World {
    let setting = Setting::new().await;
    let _login = setting.sso.sign_in();
    setting.seed("first");
    setting.configure(&upstream(keys));
    let builder = setting.builder().env("METADATA_TTL", ttl);
    setting.start_as(builder).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_asked_for_before_a_publication_is_not_served_after_it() {
    let world = world("publish: true", "3600").await;
    let slow = Fault::on(Operation::ReadPackage)
        .times(1)
        .delay_body(10, Duration::from_secs(3));
    world.sso.aws.faults().add(slow);
    let early = world.get_as(PAGE, ACCEPT_JSON);
    let publish = async {
        tests::eventually("the page is on its way", async || {
            !world.calls(Operation::ReadPackage).is_empty()
        })
        .await;
        let wheel = simulated_aws::packages::Wheel::new("acme-first", "2.0");
        world.repository.put_wheel(&wheel);
        let path = format!("{}/pypi/", crate::world::PREFIX);
        let other = wheel_bytes("acme-other");
        let status = world.upload_wheel(&path, "acme-other", &other).await;
        assert_eq!(status, 200);
        let late = world.get_as(PAGE, ACCEPT_JSON).await;
        assert!(late.text().contains("2.0"), "{}", late.text());
    };
    let (early, ()) = tokio::join!(early, publish);
    assert_eq!(early.status, 200);
    assert!(!early.text().contains("2.0"), "{}", early.text());
    // Nor when the early one has been stored.
    let stored = world.get_as(PAGE, ACCEPT_JSON).await;
    assert!(stored.text().contains("2.0"), "{}", stored.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_always_slow_is_renewed_all_the_same() {
    let world = world("", "1").await;
    assert_eq!(world.get_as(PAGE, ACCEPT_JSON).await.status, 200);
    let wheel = simulated_aws::packages::Wheel::new("acme-first", "2.0");
    world.repository.put_wheel(&wheel);
    // Longer than a copy's patience: once the head, once the body.
    for slow in [
        Fault::on(Operation::ReadPackage).delay(Duration::from_secs(3)),
        Fault::on(Operation::ReadPackage).delay_body(10, Duration::from_secs(3)),
    ] {
        let slow = world.sso.aws.faults().add(slow);
        tests::eventually("the page is renewed", async || {
            let begun = std::time::Instant::now();
            let page = world.get_as(PAGE, ACCEPT_JSON).await;
            assert_eq!(page.status, 200);
            assert!(begun.elapsed() < Duration::from_millis(2_900));
            page.text().contains("2.0")
        })
        .await;
        world.sso.aws.faults().remove(slow);
        world
            .repository
            .remove_file("acme-first", "acme_first-2.0-py3-none-any.whl");
        tests::eventually("it is gone", async || {
            !world.get_as(PAGE, ACCEPT_JSON).await.text().contains("2.0")
        })
        .await;
        world.repository.put_wheel(&wheel);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promise_that_has_become_wrong_heals() {
    let world = world("", "3600").await;
    // Small ones are handed out when they are whole, large ones as they come.
    for (name, length) in [("small", 1_000), ("large", 3 << 20)] {
        let jar = format!("com/acme/{name}/1.0/{name}-1.0.jar");
        world.repository.put_maven(&jar, vec![1; length]);
        let sum = world.get(&format!("/maven/{jar}.sha256")).await;
        assert_eq!(sum.status, 200);
        // Deleted and published anew.
        world.repository.put_maven(&jar, vec![2; length]);
        tests::eventually("the new one comes", async || {
            let answer = world.get(&format!("/maven/{jar}")).await;
            answer.status == 200 && answer.broken.is_none() && answer.body[0] == 2
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_versions_is_never_old_where_it_may_be_written() {
    for (keys, is_written) in [("", false), ("publish: true", true)] {
        let world = world(keys, "3600").await;
        assert!(world.get(VERSIONS).await.text().contains("1.0"));
        let jar = wheel_bytes("first");
        world
            .repository
            .put_maven("com/acme/first/1.7/first-1.7.jar", jar);
        let versions = world.get(VERSIONS).await;
        assert_eq!(versions.text().contains("1.7"), is_written, "{keys}");
        let away = Fault::any().respond(500, "InternalServerException");
        world.sso.aws.faults().add(away);
        let expected = if is_written { 503 } else { 200 };
        tests::eventually("the last download is stored", async || {
            world.get(VERSIONS).await.status == expected
        })
        .await;
        let sum = world.get(&format!("{VERSIONS}.sha1")).await;
        assert_eq!(sum.status, 503, "{keys}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_in_chunks_is_measured() {
    let world = world("", "3600").await;
    world.service().set_chunked_pages(true);
    for path in [VERSIONS.to_owned(), format!("{VERSIONS}.sha1")] {
        let answer = world.get(&path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert_eq!(
            answer.header("content-length"),
            answer.body.len().to_string()
        );
    }
}
