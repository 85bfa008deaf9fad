//! Spent or missing credentials are nobody's 404.

use simulated_aws::{Action, SimulatedAws};
use tests::scratch::ACCESS_KEY;
use tests::{Proxy, ProxyBuilder, Scratch, eventually};

const KEYS: &str =
    "[team]\naws_access_key_id = AKIATESTTESTTESTTEST\naws_secret_access_key = test-secret\n";

fn session_keys(access_key: &str) -> String {
    format!(
        "[team]\naws_access_key_id = {access_key}\naws_secret_access_key = s\naws_session_token = {access_key}-token\n"
    )
}

async fn with_credentials(text: &str) -> (Proxy, SimulatedAws, Scratch) {
    let scratch = Scratch::new();
    let aws = scratch.aws().await;
    for name in ["ASIA1", "ASIA2"] {
        let token = format!("{name}-token");
        aws.identities().add_session(name, "s", &token, None);
    }
    for key in ["g/a-1.jar", "g/b-1.jar", "g/maven-metadata.xml"] {
        aws.s3().put("artifacts", key, b"bytes").expect("an object");
    }
    scratch.write_credentials(text);
    let builder = ProxyBuilder::new(&scratch).aws(&aws).profile("team");
    let proxy = builder
        .env("METADATA_TTL", "0")
        // What waits is tested in `holding`.
        .env("LOGIN_WAIT", "0")
        .start()
        .await;
    (proxy, aws, scratch)
}

/// What every answer to a miss without credentials has to be.
async fn must_be_503_with_the_cure(proxy: &Proxy, path: &str) {
    for method in ["GET", "HEAD"] {
        let answer = proxy.request(method, path, &[]).await;
        assert_eq!(answer.status, 503, "{method}: {}", answer.text());
        assert_ne!(answer.header("retry-after"), "");
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(answer.header("cache-control"), "no-store");
        if method == "GET" {
            assert!(answer.text().contains("team"), "{}", answer.text());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_token_is_503_with_the_command_to_run_and_never_404() {
    let (proxy, aws, scratch) = with_credentials(&session_keys("ASIA1")).await;
    assert_eq!(proxy.get("/g/a-1.jar").await.status, 200);
    aws.identities().expire("ASIA1");
    must_be_503_with_the_cure(&proxy, "/g/b-1.jar").await;
    let answer = proxy.get("/g/b-1.jar").await;
    assert!(
        answer.text().contains("aws sso login --profile team"),
        "{}",
        answer.text()
    );
    must_be_503_with_the_cure(&proxy, "/g/none.jar").await;
    assert_eq!(proxy.get("/g/a-1.jar").await.body, "bytes", "hits go on");
    // Nobody waits here, and the log does not say so.
    let log = proxy.log();
    let mut told = log
        .lines()
        .filter(|line| line.contains("no credentials: hits are served"));
    assert!(
        told.all(|line| line.contains("fail") && !line.contains("wait")),
        "{log}"
    );
    assert!(log.contains("no credentials: hits are served"), "{log}");

    scratch.write_credentials(&session_keys("ASIA2"));
    eventually("the new login is used", async || {
        proxy.get("/g/b-1.jar").await.body == "bytes"
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_access_key_is_503_and_never_4xx() {
    let (proxy, aws, _scratch) = with_credentials(KEYS).await;
    aws.identities().remove(ACCESS_KEY.0);
    must_be_503_with_the_cure(&proxy, "/g/a-1.jar").await;
    let folder = proxy.get("/g/").await;
    assert_eq!(folder.status, 503);
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_credentials_are_503_and_never_404() {
    let (proxy, _aws, _scratch) = with_credentials("[other]\n").await;
    must_be_503_with_the_cure(&proxy, "/g/a-1.jar").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_is_served_stale_while_the_login_is_gone() {
    let (proxy, aws, _scratch) = with_credentials(&session_keys("ASIA1")).await;
    let path = "/g/maven-metadata.xml";
    eventually("it is cached", async || proxy.get(path).await.is_hit()).await;
    aws.identities().expire("ASIA1");
    for _ in 0..2 {
        let stale = proxy.get(path).await;
        assert_eq!(
            (stale.status.as_u16(), stale.text()),
            (200, "bytes".to_owned())
        );
        assert_eq!(stale.verdict(), "bazel-proxy; hit; detail=stale");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_seen_before_is_shown_while_the_login_is_gone() {
    let (proxy, aws, _scratch) = with_credentials(&session_keys("ASIA1")).await;
    assert_eq!(proxy.get("/g/").await.status, 200);
    aws.identities().expire("ASIA1");
    let stale = proxy.get("/g/").await;
    assert_eq!(stale.status, 200);
    assert!(stale.text().contains("a-1.jar"));
}

#[tokio::test(flavor = "multi_thread")]
async fn readyz_says_that_the_login_has_ended() {
    let (proxy, aws, _scratch) = with_credentials(&session_keys("ASIA1")).await;
    aws.identities().expire("ASIA1");
    eventually("it is not ready", async || {
        proxy.get("/readyz").await.status == 503
    })
    .await;
    let answer = proxy.get("/readyz").await;
    assert!(answer.text().contains("ended"), "{}", answer.text());
    assert_eq!(proxy.get("/healthz").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denial_with_good_credentials_names_who_and_what() {
    let (proxy, aws, _scratch) = with_credentials(KEYS).await;
    aws.identities().deny(ACCESS_KEY.0, Action::GetObject);
    for method in ["GET", "HEAD"] {
        assert_eq!(proxy.request(method, "/g/a-1.jar", &[]).await.status, 403);
    }
    let text = proxy.get("/g/a-1.jar").await.text();
    for name in ["team", "artifacts", "g/a-1.jar"] {
        assert!(text.contains(name), "{name} in: {text}");
    }
}
