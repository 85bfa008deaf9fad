//! A login that is needed, and what comes of it.

use std::time::Duration;

use futures_util::future::join;
use tests::within;
use tokio::time::Instant;

use crate::world::{BUILD_TOKEN, DEPLOY_TOKEN, Setting, document, service, usual};

#[tokio::test(flavor = "multi_thread")]
async fn a_needed_login_is_told_at_once_asked_for_once_and_heals_everyone() {
    let setting = Setting::new().await;
    setting.files.configure(&usual());
    let world = setting.start().await;
    world.sso.signalled().await;
    let began = Instant::now();
    let answer = world.get("/v1/credentials", BUILD_TOKEN).await;
    // The least patient SDK waits for a second.
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert_ne!(answer.header("retry-after"), "");
    let said = document(&answer);
    for name in ["message", "Message"] {
        let text = said[name].as_str().expect("a text");
        assert!(text.contains("aws sso login --profile team"), "{said}");
    }
    let ready = world.request("GET", "/readyz", &[]).await;
    assert_eq!(ready.status, 503, "{}", ready.text());
    assert!(ready.text().contains("aws sso login"), "{}", ready.text());
    let told = document(&ready)["services"][0].clone();
    assert_eq!(told.get("reason"), None, "{told}");
    let name = told["name"].as_str().expect("a name");
    assert_eq!(name, "build");
    let own = document(&world.get("/readyz/build", BUILD_TOKEN).await);
    assert!(
        own["reason"].is_string() && own["cure"].is_string(),
        "{own}"
    );
    let foreign = document(&world.get("/readyz/build", DEPLOY_TOKEN).await);
    assert_eq!(foreign.get("reason"), None, "{foreign}");

    let _login = world.sso.sign_in();
    let both = join(world.given(BUILD_TOKEN), world.given(DEPLOY_TOKEN));
    within(Duration::from_secs(5), "both have credentials", both).await;
    world.sso.unsignalled().await;
    let log = world.proxy.log();
    let asked = log.matches("asked the host for a login").count();
    assert_eq!(asked, 1, "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_serve_on_while_a_login_is_awaited() {
    let setting = Setting::new().await;
    let _login = setting.sign_in();
    setting.files.configure(&usual());
    let world = setting.start().await;
    let before = world.given(BUILD_TOKEN).await;
    world.sso.aws.sso().end_sessions();
    tests::throughout(Duration::from_secs(2), "they serve on", async || {
        let given = world.get("/v1/credentials", BUILD_TOKEN).await;
        document(&given)["AccessKeyId"] == before["AccessKeyId"]
    })
    .await;
    assert_eq!(world.status(DEPLOY_TOKEN).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_service_takes_its_request_for_a_login_with_it() {
    const OTHER: &str = "other";
    let setting = Setting::new().await;
    let _login = setting.sign_in();
    let profiles = setting.sso.config() + &setting.sso.aws.sso().config(OTHER);
    setting.sso.scratch.write_config(&profiles);
    let other = service(OTHER, "a-token-of-the-other-one", "Other");
    let source =
        format!("    source_credentials:\n      iam_profile:\n        profile_name: {OTHER}\n");
    setting.files.configure(&(usual() + &other + &source));
    let world = setting.start().await;
    assert_eq!(world.sso.signalled().await["ssoSession"], OTHER);
    world.files.configure(&usual());
    world.sso.unsignalled().await;
    world.given(BUILD_TOKEN).await;
}
