//! The command line: what a newcomer sees.

use tests::{Proxy, ProxyBuilder, Scratch, eventually};

use crate::support::{put, run};

async fn said(arguments: &[&str]) -> String {
    let scratch = Scratch::new();
    let ended = run(ProxyBuilder::new(&scratch).command(arguments)).await;
    assert_eq!(ended.code(), Some(0));
    assert_eq!(ended.stderr(), "");
    ended.stdout()
}

#[tokio::test(flavor = "multi_thread")]
async fn help_says_what_it_is_and_how_to_begin() {
    insta::assert_snapshot!("help", said(&["--help"]).await);
    insta::assert_snapshot!("help-cache", said(&["cache", "--help"]).await);
    insta::assert_snapshot!(
        "help-cache-purge",
        said(&["cache", "purge", "--help"]).await
    );
    insta::assert_snapshot!("help-check", said(&["check", "--help"]).await);
    insta::assert_snapshot!("help-warm", said(&["warm", "--help"]).await);
    insta::assert_snapshot!("help-env", said(&["env", "--help"]).await);
    insta::assert_snapshot!(
        "help-credential-process",
        said(&["credential-process", "--help"]).await
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn version_is_that_of_the_package() {
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        said(&["--version"]).await,
        format!("bazel-proxy {version}\n")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_usage_exits_64_and_shows_what_would_be_right() {
    let scratch = Scratch::new();
    for wrong in [
        &["serves"][..],
        &["--prot", "1"],
        &["cache"],
        &["cache", "rm"],
    ] {
        let ended = run(ProxyBuilder::new(&scratch).command(wrong)).await;
        assert_eq!(ended.code(), Some(64), "{wrong:?}");
        assert!(ended.stderr().contains("Usage: "), "{}", ended.stderr());
        assert_eq!(ended.stdout(), "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_level_on_the_command_line_beats_the_variable() {
    let scratch = Scratch::new();
    let builder = ProxyBuilder::new(&scratch)
        .without("S3_BUCKET_NAME")
        .env("LOG_LEVEL", "info");
    let ended = run(builder.command(&["--log-level", "loud", "serve"])).await;
    assert_eq!(ended.code(), Some(64));
    assert!(ended.stderr().contains("`loud`"), "{}", ended.stderr());

    // A port that is taken ends the process after its log has begun.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("its address").port().to_string();
    let builder = ProxyBuilder::new(&scratch)
        .env("PROXY_PORT", &port)
        .env("CACHE_MAX_SIZE", "9999TiB")
        .env("LOG_LEVEL", "info");
    let loud = run(builder.command(&["serve"])).await;
    assert!(loud.stderr().contains("INFO"), "{}", loud.stderr());
    let quiet = run(builder.command(&["serve", "--log-level", "error"])).await;
    assert!(!quiet.stderr().contains("INFO"), "{}", quiet.stderr());
    assert!(quiet.stderr().contains("ERROR"));
}

#[tokio::test(flavor = "multi_thread")]
async fn serving_is_what_it_does_without_a_command() {
    let scratch = Scratch::new();
    let aws = scratch.aws().await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("its address").port().to_string();
    let builder = ProxyBuilder::new(&scratch)
        .aws(&aws)
        .env("PROXY_PORT", &port);
    let ended = run(builder.command(&[])).await;
    assert_eq!(ended.code(), Some(1));
    assert!(
        ended.stderr().contains("cannot listen"),
        "{}",
        ended.stderr()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_json_log_is_one_object_a_line() {
    let scratch = Scratch::new();
    let aws = scratch.aws().await;
    put(&aws, "g/a-1.jar", 100_000);
    let mut proxy = ProxyBuilder::new(&scratch)
        .aws(&aws)
        .env("LOG_FORMAT", "json")
        .env("LOG_LEVEL", "debug")
        .start()
        .await;
    proxy.get("/g/a-1.jar").await;
    proxy.get("/g/a-1.jar").await;
    proxy.get("/g/missing.jar").await;
    proxy.get("/g/").await;
    proxy.terminate();
    assert!(proxy.ended().await.success());
    let log = proxy.log();
    assert!(log.lines().count() > 5, "{log}");
    for line in log.lines() {
        let value: serde_json::Value = serde_json::from_str(line).expect("JSON");
        for field in ["timestamp", "level", "target"] {
            assert!(value[field].is_string(), "{field} is missing: {line}");
        }
    }
    let request = log
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .find(|line| line["message"] == "request" && line["path"] == "/g/a-1.jar");
    let request = request.expect("a request is logged");
    assert_eq!(request["status"], 200);
    assert!(request["duration_ms"].is_number());
}

#[tokio::test(flavor = "multi_thread")]
async fn healthcheck_asks_the_running_proxy_and_says_when_there_is_none() {
    let scratch = Scratch::new();
    let aws = scratch.aws().await;
    let proxy: Proxy = Proxy::start(&scratch, &aws).await;
    let port = proxy.address().port().to_string();
    let asking = ProxyBuilder::new(&scratch)
        .without("S3_BUCKET_NAME")
        .env("PROXY_PORT", &port);
    for host in ["", "127.0.0.1", "0.0.0.0", "localhost", "::"] {
        let healthy = run(asking
            .clone()
            .env("PROXY_HOST", host)
            .command(&["healthcheck"]))
        .await;
        assert_eq!(healthy.code(), Some(0), "{host}: {}", healthy.stderr());
        assert!(healthy.stdout().contains("healthy: http://"));
    }
    aws.go_offline().await.expect("offline");
    let offline = run(asking.command(&["healthcheck"])).await;
    assert_eq!(offline.code(), Some(0), "healthy means the process");

    drop(proxy);
    eventually("the port is closed", async || {
        let ended = run(asking.command(&["healthcheck"])).await;
        ended.code() == Some(1) && ended.stderr().contains("no proxy answers")
    })
    .await;
}
