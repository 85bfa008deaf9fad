//! New tokens, without a restart.

use crate::world::{BUILD_TOKEN, Setting, World, config, service, usual};
use std::time::Duration;
use tests::throughout;

const NEW_TOKEN: &str = "build-token-after-its-rotation";

#[tokio::test(flavor = "multi_thread")]
async fn a_tokens_file_is_rotated_with_an_overlap() {
    let setting = Setting::new().await;
    let _login = setting.sign_in();
    setting.files.write("token", format!("{BUILD_TOKEN}\n"));
    let file = setting.files.path("token").display().to_string();
    let build = service("build", &format!("${{fromFile:{file}}}"), "Builder");
    setting.files.configure(&config(&[build]));
    let world = setting.start().await;
    let before = world.given(BUILD_TOKEN).await;
    assert_eq!(world.status(NEW_TOKEN).await, 401);
    world.files.write("token", NEW_TOKEN);
    let after = world.given(NEW_TOKEN).await;
    assert_eq!(after["AccessKeyId"], before["AccessKeyId"]);
    throughout(Duration::from_secs(2), "the old token serves", async || {
        world.status(BUILD_TOKEN).await == 200 && world.status(NEW_TOKEN).await == 200
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_token_is_in_force_at_once_and_alone() {
    let world = World::new().await;
    world.given(BUILD_TOKEN).await;
    world
        .files
        .configure(&usual().replace(BUILD_TOKEN, NEW_TOKEN));
    world.given(NEW_TOKEN).await;
    assert!(world.refuses(BUILD_TOKEN).await);
}
