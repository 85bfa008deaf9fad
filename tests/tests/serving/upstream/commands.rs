//! What `check` and the configuration say of an upstream.

use std::process::Command;

use tests::{ProxyBuilder, Scratch, StandIn, within};

use super::Office;

async fn run(mut command: Command) -> (Option<i32>, String) {
    let ran = tokio::task::spawn_blocking(move || command.output());
    let ran = within(tests::PATIENCE, "a command", ran).await;
    let output = ran.expect("a task").expect("it runs");
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.code(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

fn laptop(office: &Office, scratch: &Scratch, upstream: &str) -> ProxyBuilder {
    ProxyBuilder::new(scratch)
        .aws(&office.aws)
        .env("UPSTREAM_PROXY_URL", upstream)
}

#[tokio::test(flavor = "multi_thread")]
async fn check_says_that_the_upstream_answers() {
    let office = Office::new().await;
    let scratch = Scratch::new();
    let laptop = laptop(&office, &scratch, &office.team.url());
    let (code, said) = run(laptop.command(&["check"])).await;
    assert_eq!(code, Some(0), "{said}");
    let line = format!("ok    upstream       {} answers", office.team.url());
    assert!(said.contains(&line), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn check_says_that_the_upstream_cannot_fetch_itself() {
    let office = Office::with(|team| team.env("AWS_ACCESS_KEY_ID", "AKIAFORGOTTEN0000000")).await;
    let scratch = Scratch::new();
    let laptop = laptop(&office, &scratch, &office.team.url());
    let (code, said) = run(laptop.command(&["check"])).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("cannot fetch from S3 itself"), "{said}");
    assert!(said.contains("/readyz says why"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn check_names_what_is_wrong_with_an_upstream() {
    let office = Office::new().await;
    let portal = StandIn::http(|_, _| (200, "<html>".to_owned())).await;
    let (other, scratch) = (Scratch::new(), Scratch::new());
    let other = ProxyBuilder::new(&other)
        .aws(&office.aws)
        .env("S3_BUCKET_NAME", "other");
    let other = other.start().await;
    for (url, words) in [
        (portal.url(), "is no bazel-proxy"),
        (other.url(), "the upstream serves s3://other/"),
        ("http://127.0.0.1:9".to_owned(), "Connection refused"),
    ] {
        let (code, said) = run(laptop(&office, &scratch, &url).command(&["check"])).await;
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("FAIL  upstream"), "{said}");
        assert!(said.contains(words), "{words}: {said}");
        assert_eq!(said.matches("FAIL").count(), 1, "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_upstream_is_a_fault_of_the_configuration_and_shows_no_password() {
    let office = Office::new().await;
    let scratch = Scratch::new();
    for url in ["team:9000", "http://team/maven", "http://me:hunter2@team"] {
        let (code, said) = run(laptop(&office, &scratch, url).command(&["serve"])).await;
        assert_eq!(code, Some(64), "{url}: {said}");
        assert!(said.contains("UPSTREAM_PROXY_URL"), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}
