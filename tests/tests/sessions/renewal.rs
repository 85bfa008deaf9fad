//! A session that lives is kept alive, and nobody notices.

use std::time::Duration;

use tests::sso_world::{SESSION, in_state, json_file, readiness};
use tests::{SsoWorld, eventually, throughout};

use crate::support::{each, on_refresh, write};

#[tokio::test(flavor = "multi_thread")]
async fn a_valid_token_serves_misses_from_the_start() {
    let world = SsoWorld::new().await;
    let _login = world.sign_in();
    let proxy = world.start().await;
    assert_eq!(world.miss(&proxy).await.status, 200);
    let ready = readiness(&proxy).await;
    assert_eq!(ready["credentials"], "valid");
    let identity = &ready["identity"];
    assert_eq!(identity["profile"], "team");
    assert_eq!(identity["sso_session"], SESSION);
    assert_eq!(identity["account_id"], "123456789012");
    assert_eq!(identity["role_name"], "Developer");
    for time in ["expiry", "since"] {
        let time = ready[time].as_str().unwrap_or_default();
        assert!(time.len() == 20 && time.ends_with('Z'), "{ready}");
    }
    assert!(ready.get("login_ahead").is_none(), "{ready}");
    assert_eq!(world.refreshes_tried(), 0, "it was not due");
    assert_eq!(world.signal(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_ended_long_ago_is_renewed_at_the_start() {
    let world = SsoWorld::new().await;
    let login = world.sign_in_long_ago();
    let proxy = world.start().await;
    assert_eq!(world.miss(&proxy).await.status, 200);
    assert_eq!(world.refreshes_tried(), 1);
    let token = json_file(&world.token_path()).expect("a token");
    assert_ne!(token["accessToken"], login.access_token.as_str());
    assert_eq!(token["startUrl"], login.start_url.as_str());
    assert_eq!(token["clientId"], login.client_id.as_str());
    assert_eq!(world.signal(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_fields_of_a_token_survive_its_renewal() {
    let world = SsoWorld::new().await;
    let login = world.sign_in_long_ago();
    let text = login.to_json(&login.start_url, &login.region);
    let text = text.replacen('{', r#"{"addedByAnother": {"kept": [1, 2]}, "#, 1);
    write(&world.token_path(), text);
    let proxy = world.start().await;
    world.served(&proxy).await;
    let token = json_file(&world.token_path()).expect("a token");
    assert_ne!(token["accessToken"], login.access_token.as_str());
    assert_eq!(token["addedByAnother"]["kept"][1], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn builds_notice_nothing_of_fifty_renewals_under_strict_rotation() {
    const RENEWALS: u64 = 17;
    // Three homes at once, as each takes its time.
    each(vec![1, 2, 3], async |home| {
        let world = SsoWorld::new().await;
        let life = Duration::from_secs(2);
        let sso = world.aws.sso();
        sso.set_access_token_life(life)
            .set_role_credentials_life(life);
        let _login = world.sign_in();
        let proxy = world.start().await;
        let mut misses = 0;
        while sso.refreshes() < RENEWALS {
            let answer = world.miss(&proxy).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            misses += 1;
            // A build does something with what it gets.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        println!("home {home}: {misses} misses during {RENEWALS} renewals");
        assert_eq!(world.refreshes_refused(), 0);
        assert_eq!(sso.sessions_alive(), 1);
        assert_eq!(world.signal(), None);
        let log = proxy.log();
        assert!(!log.contains("asked the host for a login"), "{log}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_under_way_at_shutdown_is_written() {
    let world = SsoWorld::new().await;
    let login = world.sign_in_long_ago();
    let slow = on_refresh().delay(Duration::from_secs(7));
    world.aws.faults().add(slow);
    let mut proxy = world.start().await;
    eventually("it is being renewed", async || world.refreshes_tried() == 1).await;
    proxy.terminate();
    assert!(proxy.ended().await.success());
    let token = json_file(&world.token_path()).expect("a token");
    assert_ne!(token["accessToken"], login.access_token.as_str());
    // The next process goes on with it.
    let proxy = world.start().await;
    in_state(&proxy, "valid").await;
    assert_eq!(world.refreshes_tried(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_killed_in_a_renewal_is_succeeded_by_one_that_renews() {
    let world = SsoWorld::new().await;
    let _login = world.sign_in_long_ago();
    // AWS does not come to spend the refresh token: else only a login helps.
    let slow = on_refresh().delay(Duration::from_hours(1));
    world.aws.faults().add(slow.times(1));
    let proxy = world.start().await;
    eventually("it is being renewed", async || world.refreshes_tried() == 1).await;
    let builder = proxy.kill_9();
    // The lock of the dead is there still.
    let proxy = builder.start().await;
    in_state(&proxy, "valid").await;
    assert_eq!(world.miss(&proxy).await.status, 200);
    assert_eq!(world.refreshes_refused(), 0);
    assert_eq!(world.signal(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_threshold_as_long_as_the_tokens_life_renews_in_no_loop() {
    let world = SsoWorld::new().await;
    let _login = world.sign_in();
    let builder = world.builder().env("RENEWAL_THRESHOLD", "3600");
    let proxy = builder.start().await;
    throughout(Duration::from_secs(3), "no renewal", async || {
        world.miss(&proxy).await.status == 200 && world.refreshes_tried() == 0
    })
    .await;
}
