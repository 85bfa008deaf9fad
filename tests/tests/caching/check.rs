//! `bazel-proxy check`: each step named, each failure with its cure and an exit code.

use simulated_aws::Action;
use tests::scratch::ACCESS_KEY;
use tests::{Proxy, ProxyBuilder, Scratch};

use crate::support::{Finished, run, write};

pub(crate) async fn check(builder: &ProxyBuilder, arguments: &[&str]) -> Finished {
    let all = [&["check"], arguments].concat();
    run(builder.command(&all)).await
}

pub(crate) fn assert_failed(ended: &Finished, step: &str, words: &[&str]) {
    let text = ended.stdout();
    assert_eq!(ended.code(), Some(1), "{text}");
    let failed = text
        .lines()
        .filter(|line| line.starts_with("FAIL"))
        .collect::<Vec<_>>();
    assert_eq!(failed.len(), 1, "{text}");
    assert!(failed[0].contains(step), "{text}");
    assert!(text.contains('→'), "no cure: {text}");
    for word in words {
        assert!(text.contains(word), "{word} is missing: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn check_names_each_step_when_all_is_well() {
    let scratch = Scratch::new();
    let aws = scratch.aws().await;
    let builder = ProxyBuilder::new(&scratch).aws(&aws);
    let ended = check(&builder, &[]).await;
    let text = ended.stdout();
    assert_eq!(ended.code(), Some(0), "{text}");
    let steps: Vec<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("ok ")?.split_whitespace().next())
        .collect();
    assert_eq!(steps, ["configuration", "cache", "credentials", "bucket"]);

    let proxy = Proxy::start(&scratch, &aws).await;
    let beside = check(&builder, &[]).await;
    assert_eq!(beside.code(), Some(0));
    assert!(beside.stdout().contains("in use by a running proxy"));
    assert_eq!(proxy.get("/healthz").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn check_reports_all_faults_of_the_configuration() {
    let scratch = Scratch::new();
    let builder = ProxyBuilder::new(&scratch)
        .without("S3_BUCKET_NAME")
        .env("PROXY_PORT", "http");
    let ended = check(&builder, &[]).await;
    assert_eq!(ended.code(), Some(64));
    assert_eq!(ended.stdout().matches("FAIL").count(), 2);
    assert!(ended.stdout().contains("S3_BUCKET_NAME"));
    assert!(ended.stdout().contains("PROXY_PORT"));
}

#[tokio::test(flavor = "multi_thread")]
async fn check_names_a_missing_profile() {
    let scratch = Scratch::new();
    let aws = scratch.aws().await;
    scratch.write_config("[profile other]\nregion = us-west-2\n");
    let builder = ProxyBuilder::new(&scratch).aws(&aws);
    let ended = check(&builder, &["--profile", "nobody"]).await;
    let words = ["profile `nobody`", "~/.aws/config", "AWS_PROFILE"];
    assert_failed(&ended, "profile", &words);
}

#[tokio::test(flavor = "multi_thread")]
async fn check_says_that_a_credential_process_needs_an_image_with_a_shell() {
    let scratch = Scratch::new();
    let aws = scratch.aws().await;
    scratch.write_config(
        "[profile process]\ncredential_process = vault read\n\
         [profile role]\nrole_arn = arn:aws:iam::111122223333:role/r\nsource_profile = process\n",
    );
    // As in an image that holds nothing but the program.
    let without_shell = ProxyBuilder::new(&scratch)
        .aws(&aws)
        .env("PATH", "/nowhere");
    for profile in ["process", "role"] {
        let ended = check(&without_shell, &["--profile", profile]).await;
        let words = ["credential_process", "no shell", "BASE_IMAGE"];
        assert_failed(&ended, "profile", &words);
    }

    let proxy = without_shell.profile("process").start().await;
    let answer = proxy.get("/g/a-1.jar").await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(answer.text().contains("BASE_IMAGE"), "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn check_uses_the_profile_it_is_given() {
    let scratch = Scratch::new();
    let aws = scratch.aws().await;
    scratch.write_credentials(&format!(
        "[good]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        ACCESS_KEY.0, ACCESS_KEY.1
    ));
    let builder = ProxyBuilder::new(&scratch).aws(&aws).profile("nobody");
    assert_eq!(check(&builder, &[]).await.code(), Some(1));
    let good = check(&builder, &["--profile", "good"]).await;
    assert_eq!(good.code(), Some(0), "{}", good.stdout());
    assert!(good.stdout().contains("profile `good`: static keys"));
}

#[tokio::test(flavor = "multi_thread")]
async fn check_names_wrong_keys_without_printing_them() {
    let scratch = Scratch::new();
    let aws = scratch.aws().await;
    let builder = ProxyBuilder::new(&scratch).aws(&aws);
    let unknown = builder
        .clone()
        .env("AWS_ACCESS_KEY_ID", "AKIAUNKNOWNUNKNOWN00");
    let ended = check(&unknown, &[]).await;
    assert_failed(
        &ended,
        "bucket",
        &["InvalidAccessKeyId", "start the proxy again"],
    );
    let wrong = builder.env("AWS_SECRET_ACCESS_KEY", "a-wrong-secret-key");
    let ended = check(&wrong, &[]).await;
    assert_failed(
        &ended,
        "bucket",
        &["SignatureDoesNotMatch", "start the proxy again"],
    );
    assert!(!ended.stdout().contains("a-wrong-secret-key"));
    assert!(!ended.stderr().contains("a-wrong-secret-key"));
}

#[tokio::test(flavor = "multi_thread")]
async fn check_names_a_missing_bucket() {
    let scratch = Scratch::new();
    let aws = scratch.aws().await;
    let builder = ProxyBuilder::new(&scratch)
        .aws(&aws)
        .env("S3_BUCKET_NAME", "no-such-bucket");
    let ended = check(&builder, &[]).await;
    assert_failed(&ended, "bucket", &["`no-such-bucket`", "S3_BUCKET_NAME"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn check_tells_that_the_bucket_cannot_be_listed() {
    let scratch = Scratch::new();
    let aws = scratch.aws().await;
    aws.identities().deny(ACCESS_KEY.0, Action::ListBucket);
    let ended = check(&ProxyBuilder::new(&scratch).aws(&aws), &[]).await;
    assert_eq!(ended.code(), Some(0), "{}", ended.stdout());
    assert!(ended.stdout().contains("s3:ListBucket is missing"));
}

#[tokio::test(flavor = "multi_thread")]
async fn check_names_a_cache_that_cannot_be_written() {
    let scratch = Scratch::new();
    let aws = scratch.aws().await;
    write(&scratch.path().join("file"), b"");
    let folder = scratch.path().join("file/cache").display().to_string();
    let builder = ProxyBuilder::new(&scratch)
        .aws(&aws)
        .env("CACHE_DIR", &folder);
    let ended = check(&builder, &[]).await;
    assert_failed(&ended, "cache", &[&folder, "CACHE_DIR"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn check_names_a_disk_without_room() {
    let scratch = Scratch::new();
    let aws = scratch.aws().await;
    let builder = ProxyBuilder::new(&scratch)
        .aws(&aws)
        .env("CACHE_MIN_FREE", "9000TiB");
    let ended = check(&builder, &[]).await;
    assert_failed(
        &ended,
        "cache",
        &["nothing new will be cached", "CACHE_MIN_FREE"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn check_names_an_s3_that_does_not_answer() {
    let scratch = Scratch::new();
    let aws = scratch.aws().await;
    let builder = ProxyBuilder::new(&scratch).aws(&aws);
    aws.go_offline().await.expect("offline");
    let ended = check(&builder, &[]).await;
    assert_failed(&ended, "bucket", &["S3 could not be asked"]);
}
