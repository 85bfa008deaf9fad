//! A new login is taken up within two seconds, however it is written.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::time::Duration;

use simulated_aws::Login;
use tests::sso_world::{SESSION, in_state};
use tests::{Proxy, SsoWorld, eventually, throughout};
use tokio::time::Instant;

use crate::support::write;

const AT_ONCE: Duration = Duration::from_secs(2);

/// A proxy whose session has ended, with the old token in its place.
async fn ended() -> (Proxy, SsoWorld) {
    let world = SsoWorld::new().await;
    let _login = world.sign_in_long_ago();
    world.aws.sso().end_sessions();
    let proxy = world.start().await;
    in_state(&proxy, "login-required").await;
    (proxy, world)
}

async fn must_be_taken_up(proxy: &Proxy, world: &SsoWorld, how: &str) {
    let written = Instant::now();
    eventually("misses are served", async || {
        world.miss(proxy).await.status == 200
    })
    .await;
    let taken = written.elapsed();
    println!("a login {how} was taken up after {taken:?}");
    assert!(taken < AT_ONCE, "{how}: {taken:?}");
    world.unsignalled().await;
}

fn text(login: &Login) -> String {
    login.to_json(&login.start_url, &login.region)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_in_place_in_two_pieces_is_taken_up() {
    let (proxy, world) = ended().await;
    let text = text(&world.aws.sso().sign_in());
    let mut options = OpenOptions::new();
    let file = options.write(true).truncate(true).open(world.token_path());
    let mut file = file.expect("opened in place");
    let (first, second) = text.split_at(text.len() / 2);
    file.write_all(first.as_bytes()).expect("written");
    // The writer is interrupted.
    throughout(Duration::from_millis(1500), "503", async || {
        world.miss(&proxy).await.status == 503
    })
    .await;
    file.write_all(second.as_bytes()).expect("written");
    must_be_taken_up(&proxy, &world, "in two pieces").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_by_rename_is_taken_up() {
    let (proxy, world) = ended().await;
    let new = world.token_folder().join("new");
    write(&new, text(&world.aws.sso().sign_in()));
    std::fs::rename(new, world.token_path()).expect("renamed");
    must_be_taken_up(&proxy, &world, "by rename").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_after_a_logout_is_taken_up() {
    let (proxy, world) = ended().await;
    std::fs::remove_file(world.token_path()).expect("removed");
    throughout(Duration::from_millis(1500), "503", async || {
        world.miss(&proxy).await.status == 503
    })
    .await;
    let _login = world.sign_in();
    must_be_taken_up(&proxy, &world, "after a logout").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_login_of_all_is_taken_up() {
    let world = SsoWorld::new().await;
    std::fs::remove_dir_all(world.scratch.home().join(".aws/sso")).unwrap_or_default();
    let proxy = world.start().await;
    in_state(&proxy, "login-required").await;
    let _login = world.sign_in();
    must_be_taken_up(&proxy, &world, "of all").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_access_token_means_new_role_credentials_at_once() {
    let world = SsoWorld::new().await;
    let first = world.sign_in();
    let proxy = world.start().await;
    let key = || {
        let log = world.aws.counters().log();
        let mut calls = log.into_iter().rev();
        calls.find_map(|call| call.access_key_id)
    };
    world.served(&proxy).await;
    let before = key().expect("a signed call");
    assert_eq!(world.portal_calls(), 1);

    // `expiresAt` need not move with a login.
    let mut second = world.aws.sso().sign_in();
    second.expires_at = first.expires_at;
    let written = second.write_in_place(&world.token_folder(), SESSION);
    written.expect("a token's file");
    let begun = Instant::now();
    eventually("new role credentials are in use", async || {
        world.miss(&proxy).await.status == 200 && key().is_some_and(|key| key != before)
    })
    .await;
    let taken = begun.elapsed();
    println!("new role credentials were in use after {taken:?}");
    assert!(taken < AT_ONCE, "{taken:?}");
    assert_eq!(world.portal_calls(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_is_no_good_asks_again() {
    let (proxy, world) = ended().await;
    let _login = world.sign_in();
    world.aws.sso().end_sessions();
    eventually("the new token was tried", async || {
        world.miss(&proxy).await.status == 503 && world.portal_calls() > 0
    })
    .await;
    in_state(&proxy, "login-required").await;
    world.signalled().await;
    let _login = world.sign_in();
    must_be_taken_up(&proxy, &world, "after a bad one").await;
}
