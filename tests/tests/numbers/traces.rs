//! Traces, as a collector gets them.

mod delivery;

use simulated_aws::{Fault, Operation};
use tests::sso_world::in_state;
use tests::{ProxyBuilder, Scratch, SsoWorld};

use crate::collector::Collector;
use crate::world::World;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

/// A proxy that sends its traces there, soon.
fn traced(proxy: ProxyBuilder, collector: &Collector) -> ProxyBuilder {
    proxy
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url())
        .env("OTEL_BSP_SCHEDULE_DELAY", "50")
}

async fn world(collector: &Collector) -> World {
    World::with(|proxy| traced(proxy, collector)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_miss_is_a_request_a_download_and_a_call_to_s3() {
    let collector = Collector::start().await;
    let world = world(&collector).await;
    world.put("g/a-1.jar", vec![7; 300_000]);
    let headers = [("x-request-id", "mine"), ("user-agent", "bazel/7.4.0")];
    world.proxy.get_with("/g/a-1.jar", &headers).await;
    let request = collector.request("/g/a-1.jar").await;
    for (attribute, value) in [
        ("http.request.method", "GET"),
        ("http.response.status_code", "200"),
        ("http.response.body.size", "300000"),
        ("bazel_proxy.verdict", "miss"),
        ("bazel_proxy.request_id", "mine"),
        ("user_agent.original", "bazel/7.4.0"),
    ] {
        assert_eq!(request.attributes[attribute], value, "{request:?}");
    }
    assert_eq!(request.resource["service.name"], "bazel-proxy");
    assert_eq!((request.name.as_str(), request.parent.len()), ("GET", 0));
    let download = collector.child(&request, "download").await;
    assert_eq!(download.attributes["artifact.key"], "g/a-1.jar");
    let call = collector.child(&download, "S3/GetObject").await;
    assert_eq!(call.attributes["bazel_proxy.outcome"], "ok");
    assert!(!call.attributes["aws.request_id"].is_empty(), "{call:?}");
    for span in [&download, &call] {
        assert_eq!(span.trace, request.trace);
        assert!(!span.is_error, "{span:?}");
    }
    assert!(
        call.nanoseconds <= request.nanoseconds,
        "{call:?} {request:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hit_is_one_span_and_every_attempt_at_s3_is_one() {
    let collector = Collector::start().await;
    let world = world(&collector).await;
    world.put("g/a-1.jar", [7; 1000]);
    let busy = Fault::on(Operation::GetObject).respond(503, "SlowDown");
    world.aws.faults().add(busy.times(1));
    world.warm("/g/a-1.jar").await;
    let download = collector
        .find("the download", |span| span.name == "download")
        .await;
    let refused = collector
        .find("the refused call", |span| {
            span.attributes
                .get("bazel_proxy.outcome")
                .is_some_and(|outcome| outcome == "SlowDown")
        })
        .await;
    assert!(
        refused.is_error && refused.parent == download.id,
        "{refused:?}"
    );
    world
        .proxy
        .get_with("/g/a-1.jar", &[("x-request-id", "the-hit")])
        .await;
    let hit = collector
        .find("the hit", |span| {
            span.attributes
                .get("bazel_proxy.request_id")
                .is_some_and(|id| id == "the-hit")
        })
        .await;
    assert_eq!(hit.attributes["bazel_proxy.verdict"], "hit");
    // A later span is there: so would be a child of the hit.
    world.proxy.get("/g/none.jar").await;
    collector.request("/g/none.jar").await;
    assert!(collector.spans().iter().all(|span| span.parent != hit.id));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clients_trace_is_continued_and_its_sampling_followed() {
    let collector = Collector::start().await;
    let world = world(&collector).await;
    let sampled = format!("00-{TRACE}-{PARENT}-01");
    let unsampled = format!("00-{TRACE}-{PARENT}-00");
    world
        .proxy
        .get_with("/g/unsampled.jar", &[("traceparent", &unsampled)])
        .await;
    world
        .proxy
        .get_with("/g/sampled.jar", &[("traceparent", &sampled)])
        .await;
    world
        .proxy
        .get_with("/g/garbled.jar", &[("traceparent", "00-0-0-01")])
        .await;
    let request = collector.request("/g/sampled.jar").await;
    assert_eq!(
        (hex::encode(&request.trace), hex::encode(&request.parent)),
        (TRACE.into(), PARENT.into())
    );
    let garbled = collector.request("/g/garbled.jar").await;
    assert!(
        garbled.parent.is_empty() && hex::encode(&garbled.trace) != TRACE,
        "{garbled:?}"
    );
    let spans = collector.spans();
    let paths = spans
        .iter()
        .filter_map(|span| span.attributes.get("url.path"));
    assert!(
        paths.into_iter().all(|path| path != "/g/unsampled.jar"),
        "{spans:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_leads_through_the_upstream_to_s3() {
    let collector = Collector::start().await;
    let team = world(&collector).await;
    team.put("g/a-1.jar", vec![7; 300_000]);
    let scratch = Scratch::new();
    let laptop = traced(ProxyBuilder::new(&scratch).aws(&team.aws), &collector)
        .env("UPSTREAM_PROXY_URL", &team.proxy.url())
        .env("OTEL_SERVICE_NAME", "laptop");
    let laptop = laptop.start().await;
    let headers = [("x-request-id", "through-both")];
    let answer = laptop.get_with("/g/a-1.jar", &headers).await;
    assert_eq!(answer.body.len(), 300_000);
    let asked = collector
        .find("the laptop's request", |span| {
            span.resource["service.name"] == "laptop" && span.attributes.contains_key("url.path")
        })
        .await;
    let download = collector.child(&asked, "download").await;
    let upstream = collector.child(&download, "upstream").await;
    let at_the_team = collector.child(&upstream, "GET").await;
    assert_eq!(at_the_team.resource["service.name"], "bazel-proxy");
    assert_eq!(
        at_the_team.attributes["bazel_proxy.request_id"],
        "through-both"
    );
    let download = collector.child(&at_the_team, "download").await;
    let call = collector.child(&download, "S3/GetObject").await;
    assert_eq!(call.trace, asked.trace);
}

#[tokio::test(flavor = "multi_thread")]
async fn fetches_of_credentials_and_renewals_are_traces_of_their_own() {
    let collector = Collector::start().await;
    let world = SsoWorld::new().await;
    let login = world.sign_in_long_ago();
    let proxy = traced(world.builder(), &collector).start().await;
    in_state(&proxy, "valid").await;
    for name in ["credentials.fetch", "credentials.renewal"] {
        let span = collector.find(name, |span| span.name == name).await;
        assert!(span.parent.is_empty(), "{span:?}");
    }
    let told = format!("{:?}", collector.spans());
    let refresh = login.refresh_token.as_ref().expect("a refresh token");
    for secret in [&login.access_token, refresh, &login.client_secret] {
        assert!(!told.contains(secret.as_str()), "a secret");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_of_the_log_are_the_same_with_traces() {
    let collector = Collector::start().await;
    let mut shapes = Vec::new();
    for is_traced in [false, true] {
        let world = World::with(|proxy| {
            let proxy = proxy.env("LOG_LEVEL", "trace").env("LOG_FORMAT", "json");
            if is_traced {
                traced(proxy, &collector)
            } else {
                proxy
            }
        })
        .await;
        world.put("g/a-1.jar", vec![7; 300_000]);
        let cut = Fault::on(Operation::GetObject)
            .times(1)
            .cut_with_fin(100_000);
        world.aws.faults().add(cut);
        world.proxy.get("/g/a-1.jar").await;
        let log = world.proxy.log();
        let shape = |message: &str| {
            let lines = log
                .lines()
                .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
            let mut lines = lines.filter(|line| line["message"] == message);
            let line = lines.next().unwrap_or_else(|| panic!("no `{message}`"));
            let fields = line.as_object().expect("an object").keys().cloned();
            (
                fields.collect::<Vec<_>>(),
                line["span"].clone(),
                line["spans"].clone(),
            )
        };
        shapes.push(
            [
                "request",
                "a download broke off and is resumed",
                "S3 was called",
            ]
            .map(shape),
        );
    }
    assert_eq!(shapes[0], shapes[1]);
    assert_eq!(shapes[0][1].1["name"], "download");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_on_this_machine_is_not_asked_through_a_forward_proxy() {
    let collector = Collector::start().await;
    let nowhere = "http://127.0.0.1:9";
    let world = World::with(|proxy| traced(proxy, &collector).env("HTTP_PROXY", nowhere)).await;
    world.proxy.get("/healthz").await;
    assert_eq!(collector.request("/healthz").await.name, "GET");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_client_names_a_span() {
    let collector = Collector::start().await;
    let world = world(&collector).await;
    world.proxy.request("BREW", "/g/pot", &[]).await;
    let request = collector.request("/g/pot").await;
    assert_eq!(request.name, "HTTP");
    assert_eq!(request.attributes["http.request.method"], "_OTHER");
}
