//! A token file that is torn, garbled, empty or gone.

use std::time::Duration;

use tests::sso_world::{in_state, readiness};
use tests::{SsoWorld, throughout};

use crate::support::{each, write};

fn damages() -> Vec<(&'static str, Option<&'static [u8]>)> {
    vec![
        ("half of it", Some(br#"{"startUrl": "https://d-1"#)),
        ("nothing", Some(b"")),
        ("zeros", Some(&[0; 2000])),
        ("a token without its fields", Some(b"{}")),
        ("no file", None),
    ]
}

fn damage(world: &SsoWorld, content: Option<&[u8]>) {
    match content {
        Some(content) => write(&world.token_path(), content),
        None => std::fs::remove_file(world.token_path()).expect("removed"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_token_file_harms_no_good_credentials() {
    each(damages(), async |(what, content)| {
        let world = SsoWorld::new().await;
        let _login = world.sign_in();
        let proxy = world.start().await;
        world.served(&proxy).await;
        damage(&world, content);
        throughout(Duration::from_secs(3), what, async || {
            world.miss(&proxy).await.status == 200 && world.signal().is_none()
        })
        .await;
        assert_eq!(readiness(&proxy).await["credentials"], "valid", "{what}");
        let before = world.portal_calls();
        let _login = world.sign_in();
        tests::eventually("the new login is used", async || {
            world.portal_calls() > before
        })
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn role_credentials_are_replaced_while_the_token_file_is_damaged() {
    each(damages(), async |(what, content)| {
        let world = SsoWorld::new().await;
        let _login = world.sign_in();
        let proxy = world.start().await;
        world.served(&proxy).await;
        damage(&world, content);
        world.aws.sso().expire_role_credentials();
        let answer = world.miss(&proxy).await;
        assert_eq!(answer.status, 200, "{what}: {}", answer.text());
        assert_eq!(world.signal(), None, "{what}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_garbled_token_at_the_start_is_waited_for() {
    let world = SsoWorld::new().await;
    let _login = world.sign_in();
    let token = std::fs::read(world.token_path()).expect("a token");
    write(&world.token_path(), &token[..token.len() / 2]);
    let proxy = world.start().await;
    in_state(&proxy, "offline").await;
    assert_eq!(world.signal(), None, "a writer may be at work");
    write(&world.token_path(), &token);
    world.served(&proxy).await;
    assert!(!proxy.log().contains("asked the host for a login"));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_other_file_of_the_folder_is_touched() {
    let world = SsoWorld::new().await;
    let _login = world.sign_in_long_ago();
    let others = ["0123456789abcdef.json", "aws-toolkit-vscode-client-id.json"];
    for name in others {
        write(&world.token_folder().join(name), b"not ours");
    }
    let proxy = world.start().await;
    world.served(&proxy).await;
    for name in others {
        let kept = std::fs::read(world.token_folder().join(name));
        assert_eq!(kept.expect("still there"), b"not ours", "{name}");
    }
    let files = std::fs::read_dir(world.token_folder()).expect("a folder");
    assert_eq!(files.count(), 4, "the token, its registration, the others");
}
