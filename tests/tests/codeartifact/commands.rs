//! What commands say of repositories: `check`, `--validate-only` and `healthcheck`; and the older proxy's variables.

use std::process::Command;

use simulated_aws::{Action, PublicIndex};
use tests::{PATIENCE, ProxyBuilder, within};

use crate::world::{DOMAIN, OWNER, REGION, REPOSITORY, Setting, fallback, upstream};

async fn run(mut command: Command) -> (Option<i32>, String) {
    let ran = tokio::task::spawn_blocking(move || command.output());
    let ran = within(PATIENCE, "a command", ran).await;
    let output = ran.expect("a task").expect("it runs");
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.code(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

async fn signed_in() -> Setting {
    let setting = Setting::new().await;
    let _login = setting.sso.sign_in();
    setting
}

/// The repository by variables, in place of the file.
fn by_variables(setting: &Setting) -> ProxyBuilder {
    setting
        .builder()
        .without("BAZEL_PROXY_CONFIG_FILE")
        .without("S3_BUCKET_NAME")
        .env("CODEARTIFACT_DOMAIN", DOMAIN)
        .env("CODEARTIFACT_DOMAIN_OWNER", OWNER)
        .env("CODEARTIFACT_REGION", REGION)
        .env("CODEARTIFACT_REPOSITORY", REPOSITORY)
}

#[tokio::test(flavor = "multi_thread")]
async fn check_asks_for_a_token_an_endpoint_and_a_read_of_each() {
    let setting = signed_in().await;
    let (code, said) = run(setting.builder().command(&["check"])).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("ok    main           a token for "), "{said}");
    for format in ["pypi", "npm", "maven"] {
        let endpoint = format!("/{format}/{REPOSITORY}/");
        let step = format!("ok    {:<14} can be read at http", format!("main {format}"));
        let mut lines = said.lines();
        let line = lines.find(|line| line.starts_with(&step));
        assert!(line.is_some_and(|line| line.contains(&endpoint)), "{said}");
    }
    for token in setting.service().tokens() {
        assert!(!said.contains(&token.token), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn check_names_the_permission_that_is_missing() {
    let setting = signed_in().await;
    let builder = by_variables(&setting);
    setting.service().deny(Action::ReadFromRepository);
    let (code, said) = run(builder.command(&["check"])).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("FAIL  default pypi"), "{said}");
    assert!(said.contains("codeartifact:ReadFromRepository"), "{said}");
    assert!(!said.contains("bucket"), "{said}");
    setting.service().deny(Action::GetAuthorizationToken);
    let (code, said) = run(builder.command(&["check"])).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("FAIL  default token"), "{said}");
    assert!(
        said.contains("codeartifact:GetAuthorizationToken"),
        "{said}"
    );
    assert!(said.contains("skip  default npm"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn check_asks_for_what_a_public_fallback_needs_and_nobody_in_public() {
    let setting = signed_in().await;
    let public = PublicIndex::start().await.expect("a public index");
    let keys = fallback(&public, &["leftpad"], &[]);
    setting.configure(&upstream(&format!("publish: true\n{keys}")));
    let (code, said) = run(setting.builder().command(&["check"])).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("told of `leftpad`"), "{said}");
    assert!(said.contains("ok    main publish"), "{said}");
    setting.service().deny(Action::DescribePackage);
    let (code, said) = run(setting.builder().command(&["check"])).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("FAIL  main public_fallback"), "{said}");
    assert!(said.contains("codeartifact:DescribePackage"), "{said}");
    assert_eq!(public.counters().total(), 0, "{:?}", public.asked());
}

#[tokio::test(flavor = "multi_thread")]
async fn check_works_beside_the_proxy_and_healthcheck_finds_it() {
    let setting = signed_in().await;
    let builder = by_variables(&setting);
    let world = setting.start_as(builder.clone()).await;
    let url = world.proxy.url();
    let port = url.rsplit(':').next().expect("a port").trim_matches('/');
    let builder = builder.env("PROXY_PORT", port);
    let (code, said) = run(builder.command(&["check"])).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("in use by a running proxy"), "{said}");
    assert!(said.contains("ok    default maven"), "{said}");
    let (code, said) = run(builder.command(&["healthcheck"])).await;
    assert_eq!(code, Some(0), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn variables_and_flags_of_the_older_proxy_are_taken_beside_a_repository() {
    let setting = signed_in().await;
    let theirs = by_variables(&setting)
        .without("PROXY_PORT")
        .without("PROXY_HOST")
        .env("LISTEN_ADDRESS", "127.0.0.3")
        .env("PORT", "4711");
    let (code, said) = run(theirs.command(&["--validate-only"])).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("on 127.0.0.3:4711"), "{said}");
    assert!(
        said.contains("PORT is taken for PROXY_PORT: better set that"),
        "{said}"
    );
    let flags = ["--host", "127.0.0.4", "--port", "4712", "--debug"];
    let flags = [&flags[..], &["--validate-only"]].concat();
    let (code, said) = run(theirs.command(&flags)).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("on 127.0.0.4:4712"), "{said}");
    let without_repository = theirs
        .env("S3_BUCKET_NAME", "artifacts")
        .without("CODEARTIFACT_DOMAIN")
        .without("CODEARTIFACT_DOMAIN_OWNER")
        .without("CODEARTIFACT_REPOSITORY");
    let (code, said) = run(without_repository.command(&["--validate-only"])).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("127.0.0.1:9000"), "{said}");
    assert!(!said.contains("PORT"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_older_proxys_debug_makes_the_log_talk() {
    for (value, talks) in [("true", true), ("0", false)] {
        let setting = signed_in().await;
        setting.seed("first");
        let builder = by_variables(&setting).without("LOG_LEVEL");
        let world = setting.start_as(builder.env("DEBUG", value)).await;
        let path = "/codeartifact/default/pypi/simple/acme-first/";
        assert_eq!(world.proxy.get(path).await.status, 200);
        let log = world.proxy.log();
        assert_eq!(log.contains("DEBUG"), talks, "{value}: {log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_bucket_warm_finds_nothing_and_fails() {
    let setting = signed_in().await;
    let builder = by_variables(&setting);
    let world = setting.start_as(builder.clone()).await;
    let builder = builder.env("PROXY_PORT", &world.proxy.address().port().to_string());
    let list = world.sso.scratch.path().join("list");
    #[expect(clippy::disallowed_methods, reason = "a scratch file")]
    std::fs::write(&list, "com/acme/a/1/a-1.jar\n").expect("a list");
    let list = list.display().to_string();
    let (code, said) = run(builder.command(&["warm", &list])).await;
    assert_ne!(code, Some(0), "{said}");
    assert!(said.contains("missing: com/acme/a/1/a-1.jar"), "{said}");
}
