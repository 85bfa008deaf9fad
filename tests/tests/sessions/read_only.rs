//! A token folder that turns read-only: nothing is spent that could not be written down.
//!
//! A folder is made read-only by a mount, as root is stopped by nothing else. Only root may mount;
//! elsewhere these tests report themselves as skipped, and fail with `REAL_CLIENTS=required`.

use std::time::Duration;

use tests::sso_world::{in_state, json_file, readiness};
use tests::{Mounted, SsoWorld, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_folder_spends_no_refresh_token_and_heals() {
    let world = SsoWorld::new().await;
    let Some(mounted) = Mounted::over(&world.token_folder()) else {
        return;
    };
    let login = world.sign_in_for(Duration::from_secs(4));
    mounted.remount("ro");
    let proxy = world.start().await;
    let signal = world.signalled().await;
    assert_eq!(signal["code"], "ReadOnlyFolder", "{signal}");
    assert_eq!(world.miss(&proxy).await.status, 200, "still good");
    assert!(readiness(&proxy).await["login_ahead"].is_object());
    assert_eq!(world.refreshes_tried(), 0);

    eventually("the token has ended, too", async || {
        world.aws.sso().expire_role_credentials();
        world.miss(&proxy).await.status == 503
    })
    .await;
    in_state(&proxy, "login-required").await;
    assert_eq!(world.refreshes_tried(), 0, "the refresh token is not spent");
    let token = json_file(&world.token_path()).expect("a token");
    assert_eq!(token["accessToken"], login.access_token.as_str());

    mounted.remount("rw");
    world.served(&proxy).await;
    world.unsignalled().await;
    assert_eq!(world.aws.sso().refreshes(), 1);
    drop(mounted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_turns_read_only_is_left_to_the_host() {
    let world = SsoWorld::new().await;
    let Some(mounted) = Mounted::over(&world.token_folder()) else {
        return;
    };
    let life = Duration::from_secs(3);
    world.aws.sso().set_access_token_life(life);
    let _login = world.sign_in();
    let proxy = world.start().await;
    eventually("the token is renewed", async || {
        world.aws.sso().refreshes() > 0
    })
    .await;
    mounted.remount("ro");
    world.signalled().await;
    let tried = world.refreshes_tried();

    // The host's own tools see a writable folder.
    mounted.remount("rw");
    world
        .aws
        .sso()
        .set_access_token_life(Duration::from_hours(1));
    let _login = world.sign_in();
    mounted.remount("ro");
    world.unsignalled().await;
    world.served(&proxy).await;
    assert!(world.refreshes_tried() <= tried + 1);
    assert_eq!(world.refreshes_refused(), 0);
    drop(mounted);
}
