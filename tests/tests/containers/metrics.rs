//! The names that CredProxy's users know, beside ours.

use tests::{Proxy, eventually};

use crate::world::{BUILD_TOKEN, Setting, World, usual};

#[tokio::test(flavor = "multi_thread")]
async fn credproxys_names_are_kept_beside_ours() {
    let world = World::new().await;
    world.given(BUILD_TOKEN).await;
    world
        .get("/v1/credentials", "a-token-of-nobody-at-all")
        .await;
    let text = world.proxy.get("/metrics").await.text();
    for name in [
        "credproxy_requests_total",
        "credproxy_active_services_total",
        "credproxy_info",
        "bazel_proxy_container_credentials_",
    ] {
        assert!(text.contains(name), "{name} is missing in {text}");
    }
    let active = sample(&text, "credproxy_active_services_total");
    assert_eq!(active, Some(2.0), "{text}");
    assert!(!text.contains("a-token-of-nobody"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_for_metrics_is_there_where_the_file_asks_for_one() {
    let setting = Setting::new().await;
    let _login = setting.sign_in();
    let metrics = "metrics:\n  prometheus:\n    enabled: true\n    port: 0\n";
    setting.files.configure(&(usual() + metrics));
    let world = setting.start().await;
    world.given(BUILD_TOKEN).await;
    let line = world.logged(&["metrics", " on http://127.0.0.1:"]).await;
    let (_, rest) = line.split_once(" on http://").expect("an address");
    let end = rest.find('/').expect("a path");
    let address = rest[..end].parse().expect("an address");
    eventually("the request is counted", async || {
        let answer = tests::get(address, "/metrics").await;
        answer.status == 200 && issued(&answer.text()) >= 1.0
    })
    .await;
}

/// A sample's value, whatever its labels.
fn sample(text: &str, name: &str) -> Option<f64> {
    let mut lines = text.lines().filter(|line| line.starts_with(name));
    lines.find_map(|line| line.rsplit(' ').next()?.parse().ok())
}

/// How many requests of `build` were answered.
fn issued(text: &str) -> f64 {
    let requests = text
        .lines()
        .filter(|line| line.starts_with("credproxy_requests_total"));
    let of_build = requests.filter(|line| line.contains("service_name=\"build\""));
    let values = of_build.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
    values.sum()
}

/// How many requests for credentials of a service the proxy has counted.
pub(crate) async fn requests_of_build(proxy: &Proxy) -> f64 {
    issued(&proxy.get("/metrics").await.text())
}
