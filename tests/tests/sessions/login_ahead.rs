//! A login that can be foreseen is asked for before builds break.

use std::time::Duration;

use tests::sso_world::{PROFILE, in_state, readiness};
use tests::{SsoWorld, eventually};

use crate::support::on_refresh;

/// So long lives the access token; half of it is good for renewals.
const LIFE: Duration = Duration::from_secs(4);

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ends_under_good_credentials_is_said_ahead() {
    let world = SsoWorld::new().await;
    let refused = on_refresh().respond(400, "InvalidGrantException");
    let refused = world.aws.faults().add(refused);
    let _login = world.sign_in_for(LIFE);
    let proxy = world.start().await;
    let signal = world.signalled().await;
    assert_eq!(signal["code"], "InvalidGrantException");
    assert_eq!(world.miss(&proxy).await.status, 200);
    let ready = readiness(&proxy).await;
    assert_eq!(ready["credentials"], "valid");
    let ahead = ready["login_ahead"]["cure"].to_string();
    assert!(ahead.contains("aws sso login --profile team"), "{ready}");

    // Also when the access token has ended, the role credentials serve.
    eventually("the token has ended", async || {
        let token = tests::sso_world::json_file(&world.token_path());
        let expires = token.and_then(|token| Some(token["expiresAt"].as_str()?.to_owned()));
        let now = sso_session::date::format(world.aws.clock().now());
        expires.is_some_and(|expires| expires < now)
    })
    .await;
    assert_eq!(world.miss(&proxy).await.status, 200);

    world.aws.faults().remove(refused);
    let _login = world.sign_in();
    world.unsignalled().await;
    eventually("no login lies ahead", async || {
        readiness(&proxy).await.get("login_ahead").is_none()
    })
    .await;
    assert_eq!(world.miss(&proxy).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_foreseen_and_then_needed_is_one_signal() {
    let world = SsoWorld::new().await;
    world.aws.sso().set_session_life(Duration::from_secs(1));
    world.aws.sso().set_role_credentials_life(LIFE * 2);
    let _login = world.sign_in_for(LIFE);
    let proxy = world.start().await;
    let ahead = world.signalled().await;
    assert_eq!(readiness(&proxy).await["credentials"], "valid");
    in_state(&proxy, "login-required").await;
    let needed = world.signal().expect("a signal");
    assert_eq!(needed["generation"], ahead["generation"]);
    assert_eq!(needed["timestamp"], ahead["timestamp"]);
    assert_eq!(world.miss(&proxy).await.status, 503);
    world.aws.sso().set_session_life(Duration::from_hours(8));
    let _login = world.sign_in();
    world.served(&proxy).await;
    world.unsignalled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_legacy_profile_near_its_end_is_said_ahead() {
    let world = SsoWorld::new().await;
    let sso = world.aws.sso();
    let (start_url, region) = (sso.start_url(), sso.region());
    world.scratch.write_config(&format!(
        "[profile {PROFILE}]\nsso_start_url = {start_url}\nsso_region = {region}\n\
         sso_account_id = 123456789012\nsso_role_name = Developer\nregion = {region}\n"
    ));
    let sign_in = |life| {
        sso.set_access_token_life(life);
        let login = sso.sign_in_without_refresh();
        let written = login.write_in_place(&world.token_folder(), start_url);
        written.expect("a token's file");
    };
    sign_in(LIFE);
    let proxy = world.start().await;
    let signal = world.signalled().await;
    assert_eq!(signal["code"], "NotRenewable");
    assert_eq!(signal["profile"], PROFILE);
    assert!(signal.get("ssoSession").is_none(), "{signal}");
    let ready = readiness(&proxy).await;
    assert_eq!(ready["credentials"], "valid");
    assert!(ready["login_ahead"]["reason"].is_string(), "{ready}");
    assert_eq!(world.miss(&proxy).await.status, 200);
    assert_eq!(world.refreshes_tried(), 0);
    sign_in(Duration::from_hours(8));
    world.unsignalled().await;
}
