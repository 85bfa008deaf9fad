//! The credentials' state, its ends, and what was done about them.

use std::time::Duration;

use tests::scratch::BUCKET;
use tests::sso_world::in_state;
use tests::{Proxy, SsoWorld, eventually};

use crate::world::Numbers;

const STATES: [&str; 7] = [
    "refreshing",
    "valid",
    "login-required",
    "offline",
    "clock-skew",
    "denied",
    "config-error",
];

/// The state that is 1; all others have to be there, and 0.
fn state(numbers: &Numbers) -> &'static str {
    let is_one = |state: &&&str| {
        let series = format!(r#"bazel_proxy_credentials_state{{state="{state}"}}"#);
        assert!(numbers.text().contains(&series), "no {series}");
        numbers.count(&series) == 1
    };
    let ones: Vec<_> = STATES.iter().filter(is_one).collect();
    assert_eq!(ones.len(), 1, "{ones:?}");
    ones[0]
}

async fn count(proxy: &Proxy, series: &str) -> u64 {
    Numbers::of(proxy).await.count(series)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_of_the_credentials_and_their_ends_are_shown() {
    let world = SsoWorld::new().await;
    let proxy = world.start().await;
    in_state(&proxy, "login-required").await;
    let without = Numbers::of(&proxy).await;
    assert_eq!(state(&without), "login-required");
    let expiry = "bazel_proxy_credentials_expiry_timestamp_seconds";
    let token_expiry = "bazel_proxy_sso_token_expiry_timestamp_seconds";
    assert_eq!(
        (without.find(expiry), without.find(token_expiry)),
        (None, None)
    );

    let login = world.sign_in();
    in_state(&proxy, "valid").await;
    eventually("the token's end is shown", async || {
        Numbers::of(&proxy).await.find(token_expiry).is_some()
    })
    .await;
    let with = Numbers::of(&proxy).await;
    assert_eq!(state(&with), "valid");
    let ends = login.expires_at.duration_since(std::time::UNIX_EPOCH);
    let ends = ends.expect("after 1970").as_secs_f64();
    let shown = |series| with.find(series).expect("a time");
    assert!((shown(token_expiry) - ends).abs() < 2.0, "{}", with.text());
    let now = jiff::Timestamp::now().as_second();
    let since = shown("bazel_proxy_credentials_state_start_timestamp_seconds");
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970")]
    let now = now as f64;
    assert!(shown(expiry) > now);
    assert!(since <= now + 1.0 && since > now - 120.0, "{since} {now}");
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_that_were_asked_for_and_renewals_are_counted() {
    let world = SsoWorld::new().await;
    let proxy = world.builder().env("CHECK_INTERVAL", "1").start().await;
    in_state(&proxy, "login-required").await;
    world.signalled().await;
    let asked = "bazel_proxy_login_requests_total";
    eventually("it is counted", async || count(&proxy, asked).await == 1).await;
    // Said again at every check, and counted once.
    let first = world.signal().expect("a signal")["lastSeen"].clone();
    eventually("it is said again", async || {
        world
            .signal()
            .is_some_and(|signal| signal["lastSeen"] != first)
    })
    .await;
    assert_eq!(count(&proxy, asked).await, 1);
    let _login = world.sign_in_for(Duration::from_secs(4));
    in_state(&proxy, "valid").await;
    let renewed = r#"bazel_proxy_sso_renewals_total{outcome="granted"}"#;
    eventually("the token is renewed", async || {
        count(&proxy, renewed).await >= 1
    })
    .await;
    let fetched = r#"bazel_proxy_credential_fetches_total{outcome="ok"}"#;
    let lost = r#"bazel_proxy_credential_fetches_total{outcome="login-required"}"#;
    assert!(count(&proxy, fetched).await >= 1 && count(&proxy, lost).await >= 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_wait_for_a_login_are_shown_and_counted() {
    let world = SsoWorld::new().await;
    let proxy = world.builder().env("LOGIN_WAIT", "60").start().await;
    in_state(&proxy, "login-required").await;
    let attributes = simulated_aws::ObjectAttributes::default();
    let put = world
        .aws
        .s3()
        .put_with(BUCKET, "g/a-1.jar", [7; 100], attributes);
    put.expect("an object");
    let waits = async {
        eventually("it waits", async || {
            count(&proxy, "bazel_proxy_waiting_requests").await == 1
        })
        .await;
        world.sign_in()
    };
    let (answer, _login) = tokio::join!(proxy.get("/g/a-1.jar"), waits);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let held = r#"bazel_proxy_held_requests_total{outcome="answered"}"#;
    assert_eq!(count(&proxy, held).await, 1);
    let miss = r#"bazel_proxy_requests_total{status="200",verdict="miss"}"#;
    assert_eq!(count(&proxy, miss).await, 1, "it is a miss all the same");
    assert_eq!(count(&proxy, "bazel_proxy_waiting_requests").await, 0);
}
