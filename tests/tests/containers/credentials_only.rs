//! Without a bucket, the program serves credentials only.

use tests::commands::run;

use crate::world::{BUILD_TOKEN, Setting, session_of, usual};

#[tokio::test(flavor = "multi_thread")]
async fn without_a_bucket_credentials_are_served_and_nothing_else() {
    let setting = Setting::new().await;
    let _login = setting.sign_in();
    setting.files.configure(&usual());
    let builder = setting.builder().without("S3_BUCKET_NAME");
    let world = setting.start_as(builder).await;
    assert_eq!(world.proxy.address(), world.address, "one listener");
    world
        .belongs(BUILD_TOKEN, &session_of("Builder", "build"))
        .await;
    assert!(!world.proxy.log().contains("serving s3://"));
    let neither = world.sso.builder().without("S3_BUCKET_NAME");
    let ended = run(neither.command(&["serve"]), tests::PATIENCE).await;
    assert_eq!(ended.code(), 64, "{}", ended.stderr);
    assert!(ended.stderr.contains("S3_BUCKET_NAME"), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_aliases_of_credproxy_work() {
    let setting = Setting::new().await;
    let _login = setting.sign_in();
    setting.files.configure(&usual());
    let path = setting.files.path("credentials.yaml");
    let builder = setting
        .builder()
        .without("S3_BUCKET_NAME")
        .without("BAZEL_PROXY_CONFIG_FILE")
        .env("CREDPROXY_CONFIG_FILE", &path.display().to_string())
        .env("CREDPROXY_LOG_HEALTH_CHECKS", "yes");
    let world = setting.start_as(builder).await;
    world.given(BUILD_TOKEN).await;
    world.request("GET", "/health", &[]).await;
    world.logged(&["/health"]).await;
}
