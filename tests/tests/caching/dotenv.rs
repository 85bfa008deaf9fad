//! `.env`: read, beaten by the environment, and named when it is broken.

use tests::{ProxyBuilder, Scratch};

use crate::support::{put, run, write};

#[tokio::test(flavor = "multi_thread")]
async fn variables_come_from_env_file_too() {
    let scratch = Scratch::new();
    let aws = scratch.aws().await;
    let body = put(&aws, "maven/g/a-1.jar", 1_000);
    write(
        &scratch.path().join(".env"),
        format!(
            "# our bucket\nexport S3_BUCKET_NAME=artifacts\nS3_PREFIX=\"maven\"\n\
             AWS_ENDPOINT_URL_S3={}\nAWS_CA_BUNDLE=\n",
            aws.endpoint_url()
        ),
    );
    let builder = ProxyBuilder::new(&scratch).without("S3_BUCKET_NAME");
    let proxy = builder.start().await;
    assert_eq!(proxy.get("/g/a-1.jar").await.body, body);
}

#[tokio::test(flavor = "multi_thread")]
async fn aws_variables_in_the_file_reach_the_aws_libraries() {
    let scratch = Scratch::new();
    let aws = scratch.aws().await;
    let body = put(&aws, "g/a-1.jar", 1_000);
    let (id, secret) = tests::scratch::ACCESS_KEY;
    write(
        &scratch.path().join(".env"),
        format!("AWS_ACCESS_KEY_ID={id}\nAWS_SECRET_ACCESS_KEY={secret}\n"),
    );
    let builder = ProxyBuilder::new(&scratch)
        .aws(&aws)
        .without("AWS_ACCESS_KEY_ID")
        .without("AWS_SECRET_ACCESS_KEY");
    let proxy = builder.start().await;
    assert_eq!(proxy.get("/g/a-1.jar").await.body, body);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_environment_beats_the_file() {
    let scratch = Scratch::new();
    let aws = scratch.aws().await;
    let body = put(&aws, "g/a-1.jar", 1_000);
    write(
        &scratch.path().join(".env"),
        "S3_BUCKET_NAME=another-bucket\nPROXY_PORT=1\nLOG_FORMAT=xml\n",
    );
    let proxy = ProxyBuilder::new(&scratch)
        .aws(&aws)
        .env("LOG_FORMAT", "text")
        .start()
        .await;
    assert_eq!(proxy.get("/g/a-1.jar").await.body, body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_file_is_named_with_its_line_and_without_its_secret() {
    let scratch = Scratch::new();
    let path = scratch.path().join(".env");
    write(
        &path,
        "S3_BUCKET_NAME=artifacts\n\n# a comment\nAWS_SECRET_ACCESS_KEY=\"wJalrXUtnFEMI and no end\n",
    );
    let ended = run(ProxyBuilder::new(&scratch).command(&["serve"])).await;
    assert_eq!(ended.code(), Some(64));
    let text = ended.stderr();
    let path = path.canonicalize().expect("a path").display().to_string();
    assert!(text.contains(&path), "{text}");
    assert!(text.contains("line 4"), "{text}");
    assert!(text.contains("AWS_SECRET_ACCESS_KEY"), "{text}");
    assert!(!text.contains("wJalrXUtnFEMI"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_is_no_assignment_is_named_without_its_text() {
    let scratch = Scratch::new();
    write(
        &scratch.path().join(".env"),
        "S3_BUCKET_NAME=artifacts\nFwoGZXIvYXdzEHoaDBsecretpart two\n",
    );
    let ended = run(ProxyBuilder::new(&scratch).command(&["cache", "ls"])).await;
    assert_eq!(ended.code(), Some(64));
    assert!(ended.stderr().contains("line 2"), "{}", ended.stderr());
    assert!(!ended.stderr().contains("secretpart"), "{}", ended.stderr());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_is_found_in_the_folders_above() {
    let scratch = Scratch::new();
    write(&scratch.path().join(".env"), "LOG_FORMAT=xml\n");
    let below = scratch.path().join("some/where");
    std::fs::create_dir_all(&below).expect("a folder");
    let mut command = ProxyBuilder::new(&scratch).command(&["cache", "ls"]);
    command.current_dir(below);
    let ended = run(command).await;
    assert_eq!(ended.code(), Some(64));
    assert!(ended.stderr().contains("LOG_FORMAT"), "{}", ended.stderr());
}
