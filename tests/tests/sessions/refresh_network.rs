//! A renewal that reaches nobody: always passing, never a login.

use std::time::Duration;

use simulated_aws::Operation;
use tests::sso_world::{in_state, readiness};
use tests::{SsoWorld, eventually, within};
use tokio::time::Instant;

use crate::support::{Stricken, each, on_portal, on_refresh};

/// What a new login or a hit may take at most, whatever hangs.
const AT_ONCE: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_connection_passes() {
    let stricken = Stricken::with_an_old_token(on_refresh().reset()).await;
    stricken.must_pass("a reset").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_connection_passes() {
    let world = SsoWorld::new().await;
    let _login = world.sign_in_long_ago();
    world.aws.go_offline().await.expect("offline");
    let proxy = world.start().await;
    in_state(&proxy, "offline").await;
    assert_eq!(world.signal(), None);
    world.aws.go_online().await.expect("online");
    world.served(&proxy).await;
    assert!(!proxy.log().contains("asked the host for a login"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_not_known_and_a_broken_tls_pass() {
    let rows = vec!["http://sso.invalid", "https://localhost"];
    each(rows, async |endpoint| {
        let world = SsoWorld::new().await;
        let _login = world.sign_in_long_ago();
        // What listens there speaks no TLS.
        let port = world.aws.address().port();
        let builder = world.builder();
        let endpoint = format!("{endpoint}:{port}");
        let builder = builder.env("AWS_ENDPOINT_URL_SSO_OIDC", &endpoint);
        let proxy = builder.start().await;
        in_state(&proxy, "offline").await;
        assert_eq!(world.signal(), None, "{endpoint}");
        let _login = world.sign_in();
        world.served(&proxy).await;
        assert!(!proxy.log().contains("asked the host for a login"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_comes_and_goes_with_good_credentials_passes() {
    let world = SsoWorld::new().await;
    let _login = world.sign_in();
    let proxy = world.start().await;
    world.served(&proxy).await;
    world.aws.go_offline().await.expect("offline");
    let miss = tokio::spawn({
        let address = proxy.address();
        let path = world.new_artifact();
        async move {
            let pending = tests::Pending::begin(address, "GET", &path, &[]);
            pending.await.finish().await
        }
    });
    eventually("the miss has failed once", async || {
        proxy.log().contains("a call to S3 failed")
    })
    .await;
    world.aws.go_online().await.expect("online");
    assert_eq!(miss.await.expect("no panic").status, 200);
    assert_eq!(world.signal(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hanging_renewal_delays_no_hit_and_no_new_login() {
    let world = SsoWorld::new().await;
    let _login = world.sign_in();
    let proxy = world.start().await;
    let path = world.new_artifact();
    eventually("it is cached", async || proxy.get(&path).await.is_hit()).await;
    drop(proxy);

    let _login = world.sign_in_long_ago();
    world.aws.faults().add(on_refresh().hang());
    let proxy = world.start().await;
    eventually("the renewal hangs", async || world.refreshes_tried() > 0).await;
    let hit = within(AT_ONCE, "a hit", proxy.get(&path)).await;
    assert!(hit.is_hit());
    assert_eq!(readiness(&proxy).await["credentials"], "refreshing");

    let _login = world.sign_in();
    let written = Instant::now();
    world.served(&proxy).await;
    let taken = written.elapsed();
    println!("a login behind a hanging renewal was taken up after {taken:?}");
    assert!(taken < AT_ONCE, "{taken:?}");
    assert_eq!(world.signal(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_that_hangs_ahead_of_the_end_delays_no_miss() {
    let world = SsoWorld::new().await;
    world.aws.faults().add(on_refresh().hang());
    let _login = world.sign_in_for(Duration::from_secs(6));
    let proxy = world.start().await;
    eventually("the renewal hangs", async || world.refreshes_tried() > 0).await;
    let answer = within(AT_ONCE, "a miss", world.miss(&proxy)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(world.signal(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hanging_portal_passes_after_its_time() {
    let world = SsoWorld::new().await;
    let _login = world.sign_in();
    let fault = on_portal().hang();
    let fault = world.aws.faults().add(fault);
    let proxy = world.start().await;
    in_state(&proxy, "offline").await;
    assert!(world.aws.counters().count(Operation::GetRoleCredentials) > 0);
    world.aws.faults().remove(fault);
    world.served(&proxy).await;
    assert_eq!(world.signal(), None);
}
