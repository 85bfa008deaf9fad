//! Pages and files as HTTP: tags, conditions, ranges, HEAD, names of hosts, and what is counted of them.

use serde_json::Value;
use simulated_aws::Operation;
use tests::{eventually, workspace_folder};

use crate::world::{ACCEPT_JSON, World, wheel_bytes};

const PAGE: &str = "/pypi/simple/acme-first/";
/// What its numbers' names begin with.
const NAMES: &str = "bazel_proxy_codeartifact_";
const PACKUMENT: &str = "/npm/@acme%2ffirst";

/// A download is a hit a moment after its last byte was given away.
async fn until_kept(world: &World, path: &str) {
    eventually("it is kept", async || {
        world.request("HEAD", path, &[]).await.is_hit()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_has_a_tag_of_its_own_that_conditions_and_ranges_go_by() {
    let world = World::seeded(&["first"]).await;
    for path in [PAGE, PACKUMENT] {
        let page = world.get(path).await;
        assert_eq!(page.status, 200, "{path}: {}", page.text());
        assert_eq!(page.header("vary"), "Accept");
        assert_eq!(page.header("cache-control"), "no-cache");
        assert_eq!(page.header("content-length"), page.body.len().to_string());
        let tag = page.header("etag").to_owned();
        assert!(tag.starts_with('"'), "{tag}");

        until_kept(&world, path).await;
        let again = world.get_with(path, &[("if-none-match", &tag)]).await;
        assert_eq!(
            (again.status.as_u16(), again.header("etag")),
            (304, tag.as_str())
        );
        assert!(again.is_hit(), "{}", again.verdict());

        let head = world.request("HEAD", path, &[]).await;
        assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
        assert_eq!(head.header("content-length"), page.header("content-length"));
        assert_eq!(head.header("content-type"), page.header("content-type"));

        let last = world
            .get_with(path, &[("range", "bytes=-10"), ("if-range", &tag)])
            .await;
        assert_eq!(last.status, 206);
        assert_eq!(last.body, page.body[page.body.len() - 10..]);
        let beyond = world.get_with(path, &[("range", "bytes=99999999-")]).await;
        assert_eq!(beyond.status, 416);
    }
    // One call for each page.
    assert_eq!(world.calls(Operation::ReadPackage).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_form_of_a_page_is_what_its_client_accepts() {
    let world = World::seeded(&["first"]).await;
    let json = world.get_as(PAGE, ACCEPT_JSON).await;
    assert_eq!(json.header("content-type"), ACCEPT_JSON);
    let html = world.get_as(PAGE, "text/html").await;
    assert!(
        html.header("content-type").contains("html"),
        "{}",
        html.header("content-type")
    );
    assert_ne!(json.header("etag"), html.header("etag"));
    let unknown = world.get_as(PAGE, "image/png").await;
    assert_eq!(unknown.status, 406, "{}", unknown.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_packuments_links_lead_to_whatever_the_client_calls_this_proxy() {
    let world = World::seeded(&["first"]).await;
    let port = world.proxy.address().port();
    let hosts = [format!("localhost:{port}"), format!("127.0.0.1:{port}")];
    let schemes = [
        ("http", None),
        ("https", Some("https")),
        ("http", Some("http")),
        ("http", Some("https, http")),
        ("http", Some("javascript")),
    ];
    for (host, (scheme, forwarded)) in hosts
        .iter()
        .flat_map(|host| schemes.map(|scheme| (host, scheme)))
    {
        let mut headers = vec![("host", host.as_str())];
        // As a front with TLS says it.
        headers.extend(forwarded.map(|scheme| ("x-forwarded-proto", scheme)));
        let page = world.get_with(PACKUMENT, &headers).await;
        let page: Value = serde_json::from_slice(&page.body).expect("JSON");
        let tarball = page["versions"]["1.0.0"]["dist"]["tarball"].as_str();
        let tarball = tarball.expect("a tarball");
        let base = format!("{scheme}://{host}/codeartifact/main/npm/");
        let path = tarball.strip_prefix(&base).expect("a URL of the proxy");
        assert_eq!(
            world.get(&format!("/npm/{path}")).await.status,
            200,
            "{tarball}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_metadata_of_a_wheel_is_offered_once_the_wheel_is_here() {
    let world = World::seeded(&["first"]).await;
    world.service().set_metadata(false);
    let (wheel, _) = world.locked_wheel("acme-first").await;
    let is_offered = async || {
        let page = world.get_as(PAGE, ACCEPT_JSON).await;
        let page: Value = serde_json::from_slice(&page.body).expect("JSON");
        page["files"]
            .as_array()
            .expect("files")
            .iter()
            .any(|file| file["core-metadata"] == true || file["core-metadata"].is_object())
    };
    assert!(!is_offered().await);
    assert_eq!(world.get(&wheel).await.status, 200);
    eventually("it is offered", is_offered).await;
    let metadata = world.get(&format!("{wheel}.metadata")).await;
    assert_eq!(metadata.status, 200);
    assert!(
        metadata.text().contains("Name: acme-first"),
        "{}",
        metadata.text()
    );
    let tag = metadata.header("etag").to_owned();
    let again = world
        .get_with(&format!("{wheel}.metadata"), &[("if-none-match", &tag)])
        .await;
    assert_eq!(again.status, 304);
    assert_eq!(
        world
            .get("/pypi/simple/acme-first/9/no-9-py3-none-any.whl.metadata")
            .await
            .status,
        404
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn head_begins_the_download_that_get_then_has() {
    let world = World::seeded(&["first"]).await;
    let (wheel, _) = world.locked_wheel("acme-first").await;
    let bytes = world.get(&wheel).await.body;
    assert!(!bytes.is_empty() && bytes.len() >= wheel_bytes("acme-first-base").len() / 2);
    world.seed("second");
    let (wheel, _) = world.locked_wheel("acme-second").await;
    let before = world.calls(Operation::GetAsset).len();
    let head = world.request("HEAD", &wheel, &[]).await;
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
    let length: usize = head.header("content-length").parse().expect("a length");
    let part = world.get_with(&wheel, &[("range", "bytes=-100")]).await;
    assert_eq!(part.status, 206);
    let whole = world.get(&wheel).await;
    assert_eq!(whole.body.len(), length);
    assert_eq!(part.body, whole.body[length - 100..]);
    assert_eq!(world.calls(Operation::GetAsset).len(), before + 1);
    eventually("it is kept", async || world.get(&wheel).await.is_hit()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hits_and_tokens_are_counted_and_shown() {
    let world = World::seeded(&["first"]).await;
    assert_eq!(world.get(PAGE).await.status, 200);
    until_kept(&world, PAGE).await;
    let metrics = world.proxy.get("/metrics").await.text();
    let headers = [("accept", "application/json")];
    let status = world.proxy.get_with("/status", &headers).await;
    let status: Value = serde_json::from_slice(&status.body).expect("JSON");
    let told = &status["codeartifact"][0];
    assert_eq!(
        (&told["alias"], &told["token"]),
        (&"main".into(), &"good".into())
    );
    let (hits, misses) = (told["hits"].as_u64(), told["misses"].as_u64());
    let (hits, misses) = (hits.expect("a number"), misses.expect("a number"));
    assert!(hits == 1 && misses >= 1, "{told}");
    let percent = 100 / (1 + misses);
    assert_eq!(told["hit_percent"], percent);
    let of = |source: &str, count: u64| {
        format!(
            "bazel_proxy_codeartifact_requests_total{{format=\"pypi\",source=\"{source}\",\
             upstream=\"main\"}} {count}"
        )
    };
    let token = "bazel_proxy_codeartifact_token_good{upstream=\"main\"} 1".to_owned();
    for line in [of("cache", hits), of("origin", misses), token] {
        assert!(
            metrics.lines().any(|told| told == line),
            "{line} in {metrics}"
        );
    }
    let html = world.proxy.get("/status").await.text();
    let shown = format!("{percent} % of {} answers from the cache", 1 + misses);
    assert!(html.contains(&shown), "{html}");
    for secret in world.secrets() {
        assert!(!metrics.contains(&secret) && !html.contains(&secret));
    }
}

/// As for all other numbers: the document has all of them, in the same words.
#[tokio::test(flavor = "multi_thread")]
async fn every_number_of_codeartifact_is_documented() {
    let world = World::seeded(&["first"]).await;
    assert_eq!(world.get(PAGE).await.status, 200);
    let (wheel, _) = world.locked_wheel("acme-first").await;
    assert_eq!(world.get(&wheel).await.status, 200);
    let metrics = world.proxy.get("/metrics").await.text();
    let helps = metrics
        .lines()
        .filter_map(|line| line.strip_prefix("# HELP "));
    let told: Vec<_> = helps.filter_map(|line| line.split_once(' ')).collect();
    let document = std::fs::read_to_string(workspace_folder().join("docs/METRICS.md"));
    let document = document.expect("the document");
    let rows: Vec<_> = document
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` | "))
        .filter(|(name, _)| name.starts_with(NAMES))
        .collect();
    for (name, help) in told.iter().filter(|(name, _)| name.starts_with(NAMES)) {
        let row = rows.iter().find(|(documented, _)| documented == name);
        let (_, rest) = row.unwrap_or_else(|| panic!("{name} is not documented"));
        assert!(rest.contains(help), "{name}: {help}");
    }
    for (name, _) in rows {
        assert!(
            told.iter().any(|(told, _)| *told == name),
            "{name} is not told"
        );
    }
}
