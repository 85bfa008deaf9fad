//! Corporate networks: roots of their own, and forward proxies.

use simulated_aws::SimulatedAws;
use tests::{ProxyBuilder, Scratch, StandIn};

use crate::support::{put, run, write};

/// S3 behind TLS, whose certificate only a private authority vouches for.
async fn secured(scratch: &Scratch) -> (SimulatedAws, StandIn, ProxyBuilder) {
    let aws = scratch.aws().await;
    let (front, authority) = StandIn::tls(aws.address()).await;
    let bundle = scratch.path().join("corporate-roots.pem");
    write(&bundle, authority);
    let builder = ProxyBuilder::new(scratch)
        .env(
            "AWS_ENDPOINT_URL_S3",
            &format!("https://{}", front.address()),
        )
        .env("AWS_CA_BUNDLE", &bundle.display().to_string());
    (aws, front, builder)
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_in_the_ca_bundle_are_trusted() {
    let scratch = Scratch::new();
    let (aws, front, builder) = secured(&scratch).await;
    let body = put(&aws, "g/a-1.jar", 300_000);
    let proxy = builder.clone().start().await;
    let answer = proxy.get("/g/a-1.jar").await;
    assert!(answer.body == body, "{}", answer.text());
    assert!(front.asked() >= 1);
    drop(proxy);
    let checked = run(builder.command(&["check"])).await;
    assert_eq!(checked.code(), Some(0), "{}", checked.stdout());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_bundle_the_certificate_is_refused_and_named() {
    let scratch = Scratch::new();
    let (_aws, _front, builder) = secured(&scratch).await;
    let checked = run(builder.without("AWS_CA_BUNDLE").command(&["check"])).await;
    assert_eq!(checked.code(), Some(1));
    assert!(
        checked.stdout().to_lowercase().contains("certificate"),
        "{}",
        checked.stdout()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forward_proxy_is_used_for_https_and_left_out_for_hosts_in_no_proxy() {
    let scratch = Scratch::new();
    let (aws, _front, builder) = secured(&scratch).await;
    let body = put(&aws, "g/a-1.jar", 300_000);
    let forward = StandIn::forward_proxy().await;
    let builder = builder.env("HTTPS_PROXY", &forward.url());

    let proxy = builder
        .clone()
        .env("NO_PROXY", "127.0.0.1,localhost")
        .start()
        .await;
    assert!(proxy.get("/g/a-1.jar").await.body == body);
    assert_eq!(forward.asked(), 0, "it is to be left out");
    drop(proxy);

    std::fs::remove_dir_all(scratch.cache()).expect("emptied");
    let proxy = builder.start().await;
    assert!(proxy.get("/g/a-1.jar").await.body == body);
    assert!(forward.asked() >= 1, "it is to be used");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_without_a_certificate_is_a_fault_of_the_configuration() {
    let scratch = Scratch::new();
    let bundle = scratch.path().join("roots.pem");
    write(&bundle, "no certificate\n");
    let builder = ProxyBuilder::new(&scratch).env("AWS_CA_BUNDLE", &bundle.display().to_string());
    let ended = run(builder.command(&["serve"])).await;
    assert_eq!(ended.code(), Some(64));
    assert!(ended.stderr().contains("AWS_CA_BUNDLE"));
    assert!(ended.stderr().contains("holds no PEM certificate"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_with_a_damaged_certificate_is_a_fault_and_no_crash() {
    let scratch = Scratch::new();
    let bundle = scratch.path().join("roots.pem");
    let damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    write(&bundle, damaged);
    let builder = ProxyBuilder::new(&scratch).env("AWS_CA_BUNDLE", &bundle.display().to_string());
    let ended = run(builder.command(&["serve"])).await;
    assert_eq!(ended.code(), Some(64), "{}", ended.stderr());
    assert!(
        ended.stderr().contains("AWS_CA_BUNDLE"),
        "{}",
        ended.stderr()
    );
}
