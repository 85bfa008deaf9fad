//! `docs/METRICS.md`, the dashboard and the alerts speak of what there is.

use std::collections::{BTreeMap, BTreeSet};

use simulated_aws::packages::Wheel;
use tests::sso_world::in_state;
use tests::{SsoWorld, eventually, workspace_folder};

use crate::world::Numbers;

/// Numbers that are there only with services of containers: the service's own tests hold the document to them.
const OF_CONTAINERS: &str = "bazel_proxy_container_credentials_";

fn read(name: &str) -> String {
    let read = std::fs::read_to_string(workspace_folder().join(name));
    read.unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The rows of the document: a name, with its type and its meaning.
fn documented() -> BTreeMap<String, (String, String)> {
    let document = read("docs/METRICS.md");
    let own = document
        .lines()
        .filter(|line| !line.contains(OF_CONTAINERS));
    let rows = own.filter_map(|line| {
        let mut cells = line.strip_prefix("| `bazel_proxy_")?.split(" | ");
        let name = format!("bazel_proxy_{}", cells.next()?.trim_end_matches('`'));
        let (kind, _labels) = (cells.next()?.to_owned(), cells.next()?);
        let meaning = cells.next()?.trim_end_matches(" |").to_owned();
        Some((name, (kind, meaning)))
    });
    rows.collect()
}

/// The same, as the proxy tells it.
fn told(numbers: &Numbers) -> BTreeMap<String, (String, String)> {
    let mut told = BTreeMap::new();
    let (mut name, mut help) = ("", "");
    for line in numbers.text().lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            (name, help) = rest.split_once(' ').expect("a help");
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (of, kind) = rest.split_once(' ').expect("a type");
            assert_eq!(of, name);
            told.insert(name.to_owned(), (kind.to_owned(), help.to_owned()));
        }
    }
    told.retain(|name, _| name.starts_with("bazel_proxy_"));
    told
}

/// A proxy's numbers once everything has begun that can be counted.
async fn all() -> Numbers {
    let world = SsoWorld::new().await;
    let _login = world.sign_in();
    let service = world.aws.codeartifact();
    let repository = service.add_repository("acme", "012345678901", "us-west-2", "all");
    repository.put_wheel(&Wheel::new("acme-first", "1.0"));
    let mut builder = world.builder();
    for (name, value) in [
        ("CODEARTIFACT_DOMAIN", "acme"),
        ("CODEARTIFACT_DOMAIN_OWNER", "012345678901"),
        ("CODEARTIFACT_REGION", "us-west-2"),
        ("CODEARTIFACT_REPOSITORY", "all"),
    ] {
        builder = builder.env(name, value);
    }
    let proxy = builder.start().await;
    in_state(&proxy, "valid").await;
    world.served(&proxy).await;
    let page = proxy
        .get("/codeartifact/default/pypi/simple/acme-first/")
        .await;
    assert_eq!(page.status, 200, "{}", page.text());
    eventually("everything is shown", async || {
        let numbers = Numbers::of(&proxy).await;
        numbers
            .find("bazel_proxy_sso_token_expiry_timestamp_seconds")
            .is_some()
            && numbers
                .text()
                .contains("bazel_proxy_response_seconds_bucket")
    })
    .await;
    Numbers::of(&proxy).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_is_documented_and_every_documented_one_is_there() {
    assert_eq!(told(&all().await), documented());
}

#[tokio::test(flavor = "multi_thread")]
async fn dashboard_alerts_and_questions_name_metrics_that_exist() {
    let numbers = all().await;
    for (file, least) in [
        ("deploy/grafana/bazel-proxy.json", 15),
        ("deploy/prometheus/alerts.yml", 6),
        ("docs/METRICS.md", 30),
    ] {
        let named = metrics_in(&read(file));
        assert!(named.len() >= least, "{file} names only {named:?}");
        let is_here = |name: &&String| !name.starts_with(OF_CONTAINERS);
        for name in named.iter().filter(is_here) {
            assert!(
                numbers.has(name),
                "{file} names {name}, which does not exist"
            );
        }
    }
}

/// The words that are names of metrics of ours, or of the process.
fn metrics_in(text: &str) -> BTreeSet<String> {
    let is_of_a_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let words = text.split(|c| !is_of_a_name(c));
    let names = words.filter(|word| {
        let ours = word
            .strip_prefix("bazel_proxy_")
            .is_some_and(|rest| !rest.is_empty());
        ours || word.starts_with("process_") && *word != "process_"
    });
    names.map(str::to_owned).collect()
}
