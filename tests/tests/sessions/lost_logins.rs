//! A login that was lost while role credentials still serve: their end is foreseen, too.

use std::time::Duration;

use tests::sso_world::{in_state, readiness};
use tests::{SsoWorld, eventually};

/// So long live role credentials; half of it is good for renewals.
const LIFE: Duration = Duration::from_secs(12);

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_login_is_said_before_role_credentials_end() {
    let world = SsoWorld::new().await;
    world.aws.sso().set_role_credentials_life(LIFE);
    world.write(&world.aws.sso().sign_in_without_refresh());
    let proxy = world.start().await;
    world.served(&proxy).await;
    world.aws.sso().end_sessions();
    let ahead = world.signalled().await;
    assert_eq!(ahead["code"], "UnauthorizedException");
    assert_eq!(world.miss(&proxy).await.status, 200);
    eventually("it is said while they are good", async || {
        let ready = readiness(&proxy).await;
        ready["credentials"] == "valid" && ready["login_ahead"]["cure"].is_string()
    })
    .await;
    in_state(&proxy, "login-required").await;
    let needed = world.signal().expect("a signal");
    assert_eq!(needed["generation"], ahead["generation"]);
    let _login = world.sign_in();
    world.served(&proxy).await;
    world.unsignalled().await;
}
