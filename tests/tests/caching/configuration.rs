//! The configuration: all faults at once, before anything is done.

use std::net::TcpListener;

use tests::{Proxy, ProxyBuilder, Scratch};

use crate::support::{Finished, put, run};

async fn refused(builder: ProxyBuilder) -> Finished {
    let ended = run(builder.command(&["serve"])).await;
    assert_eq!(ended.code(), Some(64), "{}", ended.stderr());
    ended
}

#[tokio::test(flavor = "multi_thread")]
async fn all_faults_are_reported_at_once_with_exit_64_before_a_port_is_bound() {
    let scratch = Scratch::new();
    // A proxy that bound its port first would fail on this one, and differently.
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("its address").port().to_string();
    let faults = [
        ("S3_BUCKET_NAME", "s3://my-bucket/maven"),
        ("AWS_ENDPOINT_URL_S3", "localhost:4566"),
        ("AWS_REGION", "us west 2"),
        ("PROXY_HOST", "example.com"),
        ("CACHE_MAX_SIZE", "a lot"),
        ("CACHE_MIN_FREE", "-1"),
        ("METADATA_TTL", "soon"),
        ("CHECK_INTERVAL", "0"),
        ("LOG_LEVEL", "verbose"),
        ("LOG_FORMAT", "xml"),
        ("AWS_CA_BUNDLE", "/does/not/exist.pem"),
        ("S3_PREFIX", "../other"),
    ];
    let mut builder = ProxyBuilder::new(&scratch).env("PROXY_PORT", &port);
    for (name, value) in faults {
        builder = builder.env(name, value);
    }
    let ended = refused(builder).await;
    let text = ended.stderr();
    assert!(text.contains("12 faults"), "{text}");
    for (name, _) in faults {
        assert!(text.contains(&format!("  {name}: ")), "{name}: {text}");
    }
    assert!(!text.contains("listen"), "{text}");
    assert!(!scratch.cache().exists(), "nothing was created either");
    insta::assert_snapshot!(text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_bucket_is_told_with_an_example() {
    let scratch = Scratch::new();
    let ended = refused(ProxyBuilder::new(&scratch).without("S3_BUCKET_NAME")).await;
    assert!(ended.stderr().contains("1 fault in"));
    assert!(ended.stderr().contains("S3_BUCKET_NAME=my-team-artifacts"));
}

#[tokio::test(flavor = "multi_thread")]
async fn refresh_interval_below_1000_is_refused_with_the_conversion() {
    let scratch = Scratch::new();
    let builder = ProxyBuilder::new(&scratch);
    let ended = refused(builder.clone().env("REFRESH_INTERVAL", "60")).await;
    assert!(ended.stderr().contains("REFRESH_INTERVAL=60000"));
    assert!(ended.stderr().contains("CHECK_INTERVAL=60"));
    let zero = refused(builder.env("REFRESH_INTERVAL", "0")).await;
    assert!(
        zero.stderr().contains("CHECK_INTERVAL=1"),
        "{}",
        zero.stderr()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn intervals_that_no_clock_can_count_are_refused() {
    let scratch = Scratch::new();
    for (name, value) in [
        ("CHECK_INTERVAL", "99999999999h"),
        ("REFRESH_INTERVAL", "18446744073709551615"),
        ("METADATA_TTL", "9999999999999s"),
    ] {
        let ended = refused(ProxyBuilder::new(&scratch).env(name, value)).await;
        assert!(ended.stderr().contains(name), "{}", ended.stderr());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn levels_of_other_programs_are_refused_instead_of_logging_nothing() {
    let scratch = Scratch::new();
    for level in ["NOTICE", "verbose", "fatal"] {
        let ended = refused(ProxyBuilder::new(&scratch).env("LOG_LEVEL", level)).await;
        assert!(ended.stderr().contains("LOG_LEVEL"), "{level}");
    }
    for level in [
        "warn",
        "INFO",
        "WARNING",
        "critical",
        "info,bazel_proxy=debug",
        "off",
    ] {
        let builder = ProxyBuilder::new(&scratch).env("LOG_LEVEL", level);
        let ended = run(builder.without("S3_BUCKET_NAME").command(&["cache", "ls"])).await;
        assert_eq!(ended.code(), Some(0), "{level}: {}", ended.stderr());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_values_count_as_unset() {
    let scratch = Scratch::new();
    let aws = scratch.aws().await;
    let body = put(&aws, "g/a-1.jar", 1_000);
    let mut builder = ProxyBuilder::new(&scratch).aws(&aws);
    // As a compose file passes them on: set, and empty.
    for name in [
        "AWS_CA_BUNDLE",
        "AWS_ENDPOINT_URL_S3",
        "AWS_ENDPOINT_URL_STS",
        "AWS_SESSION_TOKEN",
        "AWS_REGION",
        "AWS_CONFIG_FILE",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_ROLE_ARN",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "HTTPS_PROXY",
        "HTTP_PROXY",
        "NO_PROXY",
        "S3_PREFIX",
        "PROXY_HOST",
        "PROXY_ALLOWED_HOSTS",
        "CACHE_MAX_SIZE",
        "METADATA_TTL",
        "CHECK_INTERVAL",
        "REFRESH_INTERVAL",
        "LOG_FORMAT",
    ] {
        builder = builder.env(name, "");
    }
    let proxy: Proxy = builder.start().await;
    assert_eq!(proxy.get("/g/a-1.jar").await.body, body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_is_named_with_the_way_out() {
    let scratch = Scratch::new();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("its address").port().to_string();
    let builder = ProxyBuilder::new(&scratch).env("PROXY_PORT", &port);
    let ended = run(builder.command(&["serve"])).await;
    assert_eq!(ended.code(), Some(1));
    for word in [port.as_str(), "in use", "PROXY_PORT"] {
        assert!(ended.stderr().contains(word), "{word}: {}", ended.stderr());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_profile_means_the_default_chain_and_an_unset_one_the_profile_default() {
    let scratch = Scratch::new();
    let aws = scratch.aws().await;
    let body = put(&aws, "g/a-1.jar", 1_000);
    // Keys in the environment, none in a file: good for the chain only.
    let chain = ProxyBuilder::new(&scratch).aws(&aws);
    let proxy = chain.clone().start().await;
    assert_eq!(proxy.get("/g/a-1.jar").await.body, body);
    drop(proxy);
    std::fs::remove_dir_all(scratch.cache()).expect("emptied");
    let proxy = chain.without("AWS_PROFILE").start().await;
    let answer = proxy.get("/g/a-1.jar").await;
    assert_eq!(answer.status, 503);
    assert!(
        answer.text().contains("profile `default`"),
        "{}",
        answer.text()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn both_loopbacks_are_listened_on_unless_addresses_are_named() {
    if TcpListener::bind("[::1]:0").is_err() {
        return println!("SKIPPED: this machine has no IPv6 loopback");
    }
    let scratch = Scratch::new();
    let proxy = ProxyBuilder::new(&scratch).start().await;
    let port = proxy.address().port();
    let connects = |ip: &str| {
        let address = std::net::SocketAddr::new(ip.parse().expect("an address"), port);
        std::net::TcpStream::connect(address).is_ok()
    };
    assert!(connects("127.0.0.1"));
    assert!(connects("::1"));
    let again = proxy.kill_9();
    let port = port.to_string();
    let _proxy = again
        .env("PROXY_HOST", "127.0.0.1")
        .env("PROXY_PORT", &port)
        .start()
        .await;
    assert!(connects("127.0.0.1"));
    assert!(!connects("::1"));
}
