//! `~/.aws/config` may change under a running proxy, and need not be there at its start.

use std::time::Duration;

use tests::scratch::ACCESS_KEY;
use tests::sso_world::{PROFILE, in_state, readiness};
use tests::{Proxy, SsoWorld, eventually};
use tokio::time::Instant;

use crate::support::must_be_503;

const AT_ONCE: Duration = Duration::from_secs(2);

/// Who `/readyz` says the proxy is; waits until it says so.
async fn must_become(proxy: &Proxy, world: &SsoWorld, field: &str, value: &str) {
    let changed = Instant::now();
    eventually(&format!("{field} is {value}"), async || {
        let ready = readiness(proxy).await;
        ready["credentials"] == "valid" && ready["identity"][field] == value
    })
    .await;
    let taken = changed.elapsed();
    println!("{field} was {value} after {taken:?}");
    assert!(taken < AT_ONCE, "{field}: {taken:?}");
    assert_eq!(world.miss(proxy).await.status, 200);
}

fn with(world: &SsoWorld, old: &str, new: &str) {
    let config = world.config();
    assert!(config.contains(old), "{config}");
    world.scratch.write_config(&config.replace(old, new));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_home_without_aws_files_may_get_them_later() {
    let world = SsoWorld::new().await;
    let aws_folder = world.scratch.home().join(".aws");
    std::fs::remove_dir_all(&aws_folder).expect("removed");
    let proxy = world.start().await;
    in_state(&proxy, "config-error").await;
    must_be_503(&world.miss(&proxy).await, "misconfigured");
    assert!(!aws_folder.exists(), "nothing is made up");

    std::fs::create_dir(&aws_folder).expect("created");
    world.scratch.write_config(&world.config());
    in_state(&proxy, "login-required").await;
    world.signalled().await;
    let _login = world.sign_in();
    must_become(&proxy, &world, "role_name", "Developer").await;
    world.unsignalled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_role_and_account_are_taken_up_and_back() {
    let world = SsoWorld::new().await;
    let _login = world.sign_in();
    let sso = world.aws.sso();
    sso.assign("123456789012", "Reader")
        .assign("210987654321", "Developer");
    let proxy = world.start().await;
    must_become(&proxy, &world, "role_name", "Developer").await;
    with(
        &world,
        "sso_role_name = Developer",
        "sso_role_name = Reader",
    );
    must_become(&proxy, &world, "role_name", "Reader").await;
    with(&world, "123456789012", "210987654321");
    must_become(&proxy, &world, "account_id", "210987654321").await;
    world.scratch.write_config(&world.config());
    must_become(&proxy, &world, "account_id", "123456789012").await;
    assert_eq!(world.signal(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_session_needs_its_own_login() {
    let world = SsoWorld::new().await;
    let _login = world.sign_in();
    let proxy = world.start().await;
    must_become(&proxy, &world, "sso_session", "corp").await;
    world
        .scratch
        .write_config(&world.config().replace("corp", "branch"));
    in_state(&proxy, "login-required").await;
    let signal = world.signalled().await;
    assert_eq!(signal["ssoSession"], "branch");
    must_be_503(&world.miss(&proxy).await, "login-required");

    let login = world.aws.sso().sign_in();
    let written = login.write_in_place(&world.token_folder(), "branch");
    written.expect("a token's file");
    must_become(&proxy, &world, "sso_session", "branch").await;
    world.unsignalled().await;

    // And back, with the login of before.
    world.scratch.write_config(&world.config());
    must_become(&proxy, &world, "sso_session", "corp").await;
    assert_eq!(world.signal(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_no_longer_used_takes_its_signal_along() {
    let world = SsoWorld::new().await;
    let proxy = world.start().await;
    in_state(&proxy, "login-required").await;
    world.signalled().await;
    let (id, secret) = ACCESS_KEY;
    world.scratch.write_config("");
    world.scratch.write_credentials(&format!(
        "[{PROFILE}]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n"
    ));
    world.served(&proxy).await;
    world.unsignalled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_may_become_one_of_keys_and_back() {
    let world = SsoWorld::new().await;
    let _login = world.sign_in();
    let proxy = world.start().await;
    must_become(&proxy, &world, "role_name", "Developer").await;
    let (id, secret) = ACCESS_KEY;
    world.scratch.write_config("");
    world.scratch.write_credentials(&format!(
        "[{PROFILE}]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n"
    ));
    eventually("the keys are used", async || {
        assert_eq!(world.miss(&proxy).await.status, 200);
        let log = world.aws.counters().log();
        let last = log.iter().rev().find_map(|call| call.access_key_id.clone());
        last.as_deref() == Some(id)
    })
    .await;
    assert!(
        readiness(&proxy).await["identity"]
            .get("role_name")
            .is_none()
    );
    std::fs::remove_file(world.scratch.home().join(".aws/credentials")).expect("removed");
    world.scratch.write_config(&world.config());
    must_become(&proxy, &world, "role_name", "Developer").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_configuration_is_told_with_its_line_and_asks_nobody_for_a_login() {
    let world = SsoWorld::new().await;
    let _login = world.sign_in();
    with(&world, "sso_account_id = 123456789012\n", "");
    let proxy = world.start().await;
    let ready = in_state(&proxy, "config-error").await;
    let reason = ready["reason"].to_string();
    for word in ["sso_account_id", "team", ".aws/config"] {
        assert!(reason.contains(word), "{word}: {ready}");
    }
    must_be_503(&world.miss(&proxy).await, "misconfigured");
    assert_eq!(world.signal(), None);
    world.scratch.write_config(&world.config());
    must_become(&proxy, &world, "role_name", "Developer").await;
}
