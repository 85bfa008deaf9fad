//! The way of spans to their collector, and what is in it.

use tests::{Scratch, StandIn, eventually, get};

use super::{traced, world};
use crate::collector::Collector;
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_unless_a_collector_is_named() {
    let collector = Collector::start().await;
    for switch in [
        ("OTEL_SDK_DISABLED", "true"),
        ("OTEL_TRACES_EXPORTER", "none"),
    ] {
        let world = World::with(|proxy| traced(proxy, &collector).env(switch.0, switch.1)).await;
        world.proxy.get("/g/none.jar").await;
        let mut proxy = world.proxy;
        proxy.terminate();
        assert!(proxy.ended().await.success());
        assert_eq!(collector.headers().len(), 0, "{switch:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_is_sent_when_the_process_stops() {
    let collector = Collector::start().await;
    let world = World::with(|proxy| {
        let proxy = traced(proxy, &collector);
        proxy
            .env("OTEL_BSP_SCHEDULE_DELAY", "3600000")
            .env("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20t0ken")
            .env("OTEL_RESOURCE_ATTRIBUTES", "service.name=named,team=build")
    })
    .await;
    world.proxy.get("/g/none.jar").await;
    let mut proxy = world.proxy;
    proxy.terminate();
    assert!(proxy.ended().await.success());
    let request = collector.request("/g/none.jar").await;
    assert_eq!(request.resource["service.name"], "named");
    assert_eq!(request.resource["team"], "build");
    assert_eq!(collector.headers()[0]["authorization"], "Bearer t0ken");
    assert!(!proxy.log().contains("t0ken"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_is_told_once_and_keeps_nobody() {
    let collector = Collector::start().await;
    let address = collector.address();
    let world = world(&collector).await;
    drop(collector);
    world.put("g/a-1.jar", [7; 1000]);
    world.warm("/g/a-1.jar").await;
    let told = |words: &str| world.proxy.log().matches(words).count();
    eventually("it is told", async || told("traces cannot be sent") == 1).await;
    for _ in 0..3000 {
        assert_eq!(get(world.proxy.address(), "/g/a-1.jar").await.status, 200);
    }
    assert_eq!(told("traces cannot be sent"), 1);
    let collector = Collector::start_at(address).await;
    eventually("it is back", async || {
        world.proxy.get("/g/a-1.jar").await;
        told("traces are sent again") == 1
    })
    .await;
    collector.refuse(true);
    eventually("it refuses", async || {
        world.proxy.get("/g/a-1.jar").await;
        told("the collector answers 503") == 1
    })
    .await;
    let mut proxy = world.proxy;
    proxy.terminate();
    assert!(
        proxy.ended().await.success(),
        "it does not wait for a collector"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_behind_tls_is_trusted_by_aws_ca_bundle() {
    let collector = Collector::start().await;
    let (front, authority) = StandIn::tls(collector.address()).await;
    let scratch = Scratch::new();
    let bundle = scratch.path().join("ca.pem");
    #[expect(clippy::disallowed_methods, reason = "a scratch file")]
    std::fs::write(&bundle, authority).expect("a scratch file");
    let world = World::with(|proxy| {
        let url = format!("https://{}/v1/traces", front.address());
        traced(proxy, &collector)
            .env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &url)
            .env("AWS_CA_BUNDLE", &bundle.display().to_string())
    })
    .await;
    world.proxy.get("/g/none.jar").await;
    collector.request("/g/none.jar").await;
    assert!(front.asked() > 0);
}
