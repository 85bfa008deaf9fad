//! A configuration that is being written while builds wait.

use std::time::Duration;

use tests::sso_world::{in_state, readiness};
use tests::{SsoWorld, eventually};

use crate::support::write;

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_that_is_being_written_fails_no_build_that_waits() {
    let world = SsoWorld::new().await;
    let proxy = world.builder().env("LOGIN_WAIT", "60s").start().await;
    in_state(&proxy, "login-required").await;
    let config = world.config();
    let miss = async { world.miss(&proxy).await };
    let writing = async {
        eventually("the miss waits", async || {
            readiness(&proxy).await["waiting"] == 1
        })
        .await;
        let path = world.scratch.home().join(".aws/config");
        for length in [0, config.len() / 4, config.len() / 2].repeat(4) {
            write(&path, &config[..length]);
            // So long the writer takes, and so long it rests.
            tokio::time::sleep(Duration::from_millis(200)).await;
            write(&path, &config);
            tokio::time::sleep(Duration::from_millis(330)).await;
        }
        let _login = world.sign_in();
    };
    let (answer, ()) = tokio::join!(miss, writing);
    assert_eq!(answer.status, 200, "{}", answer.text());
}
