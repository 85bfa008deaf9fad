//! What needs nobody: renewals, and logins that somebody has made already.

use std::os::unix::fs::MetadataExt as _;
use std::time::Duration;

use tests::commands::succeed;
use tests::sso_world::{PROFILE, SESSION};
use tests::{PATIENCE, eventually, within};

use crate::host::Host;

/// What a container may wait for a login.
const AT_ONCE: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_lives_is_renewed_without_a_page() {
    let host = Host::with_stand_in_cli("exit 255").await;
    let _login = host.sso.sign_in_long_ago();
    let agent = host.agent().start().await;
    host.ask();
    host.is_served().await;
    assert!(!host.cli_was_called(), "a login was tried");
    assert_eq!(host.sso.aws.sso().refreshes(), 1);
    assert_eq!(Host::prompts(&agent), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_is_there_already_opens_no_page() {
    let host = Host::with_stand_in_cli("exit 255").await;
    let _login = host.sso.sign_in();
    let _agent = host.agent().start().await;
    host.ask();
    host.is_served().await;
    assert!(!host.cli_was_called(), "a login was tried");
    assert_eq!(host.sso.aws.sso().refreshes(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_by_hand_is_published_by_rename() {
    let Some(host) = Host::new().await else {
        return;
    };
    let _old = host.sso.sign_in();
    let inode = || host.sso.token_path().metadata().expect("a token").ino();
    let written = inode();
    let _agent = host.agent().start().await;
    eventually("what was there is published", async || inode() != written).await;
    let published = inode();

    host.person_will("allow");
    let by_hand = ["sso", "login", "--profile", PROFILE];
    let by_hand = host.agent().program(&host.bin("aws"), &by_hand);
    succeed(by_hand, PATIENCE).await;
    let token = host.token();
    within(AT_ONCE, "the new token is published", async {
        eventually("renamed", async || inode() != published).await;
    })
    .await;
    assert_eq!(host.token(), token);
    // It might as well be an SDK's renewal.
    assert!(!host.state("by-hand.txt").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_another_tool_writes_in_place_is_published_at_once() {
    let host = Host::with_stand_in_cli("exit 255").await;
    let _old = host.sso.sign_in();
    let inode = || host.sso.token_path().metadata().expect("a token").ino();
    let written = inode();
    let _agent = host.agent().start().await;
    eventually("what was there is published", async || inode() != written).await;
    for _ in 0..3 {
        let before = inode();
        let login = host.sso.aws.sso().sign_in();
        login
            .write_in_place(&host.sso.token_folder(), SESSION)
            .expect("written");
        within(AT_ONCE, "it is published", async {
            eventually("renamed", async || inode() != before).await;
        })
        .await;
        let token = host.token().expect("a token");
        assert_eq!(token["accessToken"], *login.access_token);
    }
}
