//! One line a request, with ids that lead from a client to S3.

use std::collections::BTreeMap;

use serde_json::Value;
use simulated_aws::{Fault, Operation};
use tests::{Proxy, ProxyBuilder, eventually, raw_request};

use crate::world::World;

/// All lines of a log in JSON.
fn lines(proxy: &Proxy) -> Vec<Value> {
    let log = proxy.log();
    log.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

/// The lines of requests.
fn requests(proxy: &Proxy) -> Vec<Value> {
    let mut lines = lines(proxy);
    lines.retain(|line| line["message"] == "request");
    lines
}

fn request_of<'a>(lines: &'a [Value], path: &str) -> &'a Value {
    let found = lines.iter().find(|line| line["path"] == path);
    found.unwrap_or_else(|| panic!("no line of {path}: {lines:#?}"))
}

fn json(proxy: ProxyBuilder) -> ProxyBuilder {
    proxy.env("LOG_FORMAT", "json")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_miss_is_one_line_with_s3s_ids_beside_its_own() {
    let world = World::with(json).await;
    world.put("g/a-1.jar", vec![7; 300_000]);
    let headers = [
        ("x-request-id", "build-7.3_a"),
        ("user-agent", "bazel/7.4 (x)"),
    ];
    let answer = world.proxy.get_with("/g/a-1.jar?w=1", &headers).await;
    assert_eq!(answer.header("x-request-id"), "build-7.3_a");
    let requests = requests(&world.proxy);
    let line = request_of(&requests, "/g/a-1.jar");
    assert_eq!(requests.len(), 1, "{requests:#?}");
    let shown: BTreeMap<&str, Value> = [
        ("level", "INFO".into()),
        ("method", "GET".into()),
        ("status", 200.into()),
        ("verdict", "miss".into()),
        ("bytes", 300_000.into()),
        ("client", "bazel/7.4".into()),
        ("request_id", "build-7.3_a".into()),
    ]
    .into();
    for (field, value) in shown {
        assert_eq!(line[field], value, "{field}: {line}");
    }
    assert!(
        line["first_byte_ms"].as_f64() <= line["duration_ms"].as_f64(),
        "{line}"
    );
    assert!(
        line["aborted"].is_null() && line["held"].is_null(),
        "{line}"
    );
    let calls = world.aws.counters().log();
    assert_eq!(calls.len(), 1);
    for id in ["s3_request_id", "s3_extended_id"] {
        assert!(line[id].as_str().is_some_and(|id| !id.is_empty()), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_of_a_request_carries_its_id() {
    let world = World::with(json).await;
    world.put("g/a-1.jar", vec![7; 300_000]);
    let busy = Fault::on(Operation::GetObject)
        .respond(503, "SlowDown")
        .times(1);
    world.aws.faults().add(busy);
    let cut = Fault::on(Operation::GetObject)
        .times(1)
        .cut_with_fin(100_000);
    world.aws.faults().add(cut);
    let answer = world
        .proxy
        .get_with("/g/a-1.jar", &[("x-request-id", "mine")])
        .await;
    assert_eq!(answer.body.len(), 300_000);
    let lines = lines(&world.proxy);
    for message in [
        "a call to S3 failed",
        "a download broke off and is resumed",
        "S3 was called",
    ] {
        let mut found = lines
            .iter()
            .filter(|line| line["message"] == message)
            .peekable();
        assert!(found.peek().is_some(), "no `{message}`");
        assert!(
            found.all(|line| line["request_id"] == "mine"),
            "{message}: {lines:#?}"
        );
    }
    let requests = requests(&world.proxy);
    let ids = request_of(&requests, "/g/a-1.jar")["s3_request_id"].as_str();
    let ids = ids.expect("ids").split(',').count();
    assert_eq!(ids, 3, "refused, cut, resumed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_a_usable_id_gets_one() {
    let world = World::new().await;
    let mut seen = std::collections::BTreeSet::new();
    for unusable in ["", "two words", "quo\"te", &"x".repeat(65)] {
        let headers = [("x-request-id", unusable)];
        let answer = world.proxy.get_with("/g/none.jar", &headers).await;
        let id = answer.header("x-request-id").to_owned();
        assert_eq!(id.len(), 16, "{unusable}: {id}");
        assert!(
            world.proxy.log().contains(&format!(" request_id={id}\n")),
            "{id}"
        );
        assert!(seen.insert(id));
    }
    for path in ["/healthz", "/metrics", "/g/..%2f"] {
        assert_eq!(
            world.proxy.get(path).await.header("x-request-id").len(),
            16,
            "{path}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_along_names_the_call_of_the_one_download() {
    let world = World::with(json).await;
    world.put("g/a-1.jar", vec![7; 300_000]);
    let slow = Fault::on(Operation::GetObject).rate(200_000);
    world.aws.faults().add(slow);
    let first = world.proxy.begin("GET", "/g/a-1.jar", &[]).await;
    let second = world.proxy.begin("GET", "/g/a-1.jar", &[]).await;
    tokio::join!(first.finish(), second.finish());
    let requests = requests(&world.proxy);
    assert_eq!(requests.len(), 2, "{requests:#?}");
    assert!(requests[0]["s3_request_id"].is_string(), "{requests:#?}");
    assert_eq!(requests[0]["s3_request_id"], requests[1]["s3_request_id"]);
    assert_ne!(requests[0]["request_id"], requests[1]["request_id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_name_s3s_ids_at_info() {
    let world = World::with(|proxy| json(proxy).env("LOG_LEVEL", "info")).await;
    let denied = Fault::on(Operation::GetObject).respond(403, "AccessDenied");
    world.aws.faults().add(denied.message("Access Denied"));
    assert_eq!(world.proxy.get("/g/a-1.jar").await.status, 403);
    let requests = requests(&world.proxy);
    let line = request_of(&requests, "/g/a-1.jar");
    assert!(line["s3_request_id"].is_string(), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn hits_are_logged_at_info_as_often_as_wanted() {
    for (wanted, logged) in [
        (None, 0),
        (Some("off"), 0),
        (Some("all"), 40),
        (Some("1/10"), 4),
    ] {
        let world = World::with(|proxy| {
            let proxy = json(proxy).env("LOG_LEVEL", "info");
            match wanted {
                Some(wanted) => proxy.env("ACCESS_LOG_HITS", wanted),
                None => proxy,
            }
        })
        .await;
        world.put("g/a-1.jar", [7; 100]);
        world.warm("/g/a-1.jar").await;
        let hits = || {
            let requests = requests(&world.proxy);
            let hits = requests.iter().filter(|line| line["verdict"] == "hit");
            hits.count()
        };
        let before = hits();
        for _ in 0..40 {
            assert!(world.proxy.get("/g/a-1.jar").await.is_hit());
        }
        assert_eq!(hits() - before, logged, "{wanted:?}");
        world.proxy.get("/healthz").await;
        assert!(!world.proxy.log().contains("/healthz"), "{wanted:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_left_early_is_said_in_the_line() {
    let world = World::with(json).await;
    world.put("g/a-1.jar", vec![7; 400_000]);
    world.put("g/b-1.jar", vec![7; 400_000]);
    let slow = Fault::on(Operation::GetObject)
        .key("g/a-1.jar")
        .rate(20_000);
    world.aws.faults().add(slow);
    let silent = Fault::on(Operation::GetObject).key("g/b-1.jar").hang();
    world.aws.faults().add(silent);
    let mut begun = world.proxy.begin("GET", "/g/a-1.jar", &[]).await;
    begun.next().await.expect("a part").expect("whole");
    drop(begun);
    let request = b"GET /g/b-1.jar HTTP/1.1\r\nHost: localhost\r\n\r\n";
    assert!(raw_request(world.proxy.address(), request).await.is_empty());
    eventually("both are logged", async || {
        requests(&world.proxy).len() == 2
    })
    .await;
    let requests = requests(&world.proxy);
    let (begun, silent) = (
        request_of(&requests, "/g/a-1.jar"),
        request_of(&requests, "/g/b-1.jar"),
    );
    assert_eq!(
        (&begun["status"], &begun["aborted"]),
        (&200.into(), &"client".into())
    );
    assert!(
        begun["bytes"]
            .as_u64()
            .is_some_and(|bytes| (1..400_000).contains(&bytes))
    );
    assert_eq!(
        (&silent["status"], &silent["aborted"]),
        (&499.into(), &"client".into())
    );
}
