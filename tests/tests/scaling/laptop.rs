//! A developer's own proxy, which asks the team's before S3.

use nix::sys::signal::Signal;
use simulated_aws::Operation;
use tests::{Proxy, ProxyBuilder, Scratch, eventually};

use crate::artifacts::put;
use crate::front::Secured;

/// A proxy on a laptop without any credentials, behind the team's HAProxy.
async fn laptop(scratch: &Scratch, secured: &Secured) -> Proxy {
    ProxyBuilder::new(scratch)
        .aws(&secured.team.aws)
        .profile("nobody-has-logged-in")
        .env("LOGIN_WAIT", "0")
        .env(
            "UPSTREAM_PROXY_URL",
            &format!("https://{}", secured.team.address()),
        )
        .env("AWS_CA_BUNDLE", &secured.authority)
        .start()
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn laptops_without_a_login_fetch_through_haproxy_over_tls_and_s3_is_asked_once() {
    let Some(secured) = Secured::new().await else {
        return;
    };
    let artifacts: Vec<_> = (0..20)
        .map(|number| put(&secured.team.aws, &format!("g/a-{number}.jar"), 200_000))
        .collect();
    for _ in 0..2 {
        let scratch = Scratch::new();
        let laptop = laptop(&scratch, &secured).await;
        for artifact in &artifacts {
            let answer = laptop.get(&format!("/{}", artifact.key)).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            assert!(answer.body == artifact.body);
        }
    }
    assert_eq!(secured.team.aws.counters().count(Operation::GetObject), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_laptop_goes_on_through_another_proxy_and_keeps_its_hits_without_haproxy() {
    let Some(mut secured) = Secured::new().await else {
        return;
    };
    let artifacts: Vec<_> = (0..12)
        .map(|number| put(&secured.team.aws, &format!("g/a-{number}.jar"), 200_000))
        .collect();
    let scratch = Scratch::new();
    let laptop = laptop(&scratch, &secured).await;
    let _absent = secured.team.kill_9(1);
    for artifact in &artifacts {
        let answer = laptop.get(&format!("/{}", artifact.key)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    secured.team.haproxy.signal(Signal::SIGTERM);
    secured.team.haproxy.ended().await;
    let path = format!("/{}", artifacts[0].key);
    eventually("it is kept", async || laptop.get(&path).await.is_hit()).await;
    let missed = laptop.get("/g/another-1.jar").await;
    assert_eq!(
        missed.status,
        503,
        "nobody has logged in: {}",
        missed.text()
    );
}
