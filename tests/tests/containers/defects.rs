//! What CredProxy, whose configuration we take, is known to do wrong: a test for each that we do not.
//! The renewal ahead of the end and ended credentials are in `expiry`.

use std::time::Duration;

use simulated_aws::{Fault, Operation};
use tests::{eventually, throughout};

use crate::dynamic::{DYNAMIC_TOKEN, alone, with_files};
use crate::security::validated;
use crate::world::{
    BUILD_TOKEN, DEPLOY_TOKEN, Setting, World, config, document, end_of, service, session_of, usual,
};

#[tokio::test(flavor = "multi_thread")]
async fn the_refresh_ahead_of_the_end_is_real() {
    let setting = Setting::new().await;
    let life = Duration::from_secs(20);
    setting.sso.aws.sso().set_role_credentials_life(life);
    let _login = setting.sign_in();
    setting.files.configure(&usual());
    let world = setting.start().await;
    let first = world.given(BUILD_TOKEN).await;
    // Nobody asks meanwhile: it is not the request that renews.
    let assumed = || world.sso.aws.counters().count(Operation::AssumeRole);
    let before = assumed();
    eventually("both roles are renewed", async || assumed() >= before + 2).await;
    let left = end_of(&first).duration_since(jiff::Timestamp::now());
    assert!(left.as_secs() > 1, "only {left} before the end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bearer_token_is_taken_as_the_raw_one_is() {
    let world = World::new().await;
    world.given(BUILD_TOKEN).await;
    for scheme in ["", "Bearer ", "bearer ", "BEARER "] {
        let token = format!("{scheme}{BUILD_TOKEN}");
        assert_eq!(world.status(&token).await, 200, "{scheme}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_failure_of_sts_is_a_500() {
    let rows = [
        (403, "AccessDenied", 403),
        (400, "ValidationError", 424),
        (400, "Throttling", 503),
        (500, "InternalFailure", 503),
        (503, "ServiceUnavailable", 503),
    ];
    let checks = rows.map(async |(status, code, expected)| {
        let setting = Setting::new().await;
        let _login = setting.sign_in();
        let fault = Fault::on(Operation::AssumeRole).respond(status, code);
        let fault = setting.sso.aws.faults().add(fault);
        setting.files.configure(&usual());
        let world = setting.start().await;
        let answer = world.answers(BUILD_TOKEN, expected).await;
        let said = document(&answer);
        assert!(said["message"].is_string(), "{code}: {said}");
        world.sso.aws.faults().remove(fault);
        world.given(BUILD_TOKEN).await;
    });
    futures_util::future::join_all(checks).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_hosts_proxies_and_browsers_are_refused() {
    let world = World::new().await;
    world.given(BUILD_TOKEN).await;
    let rows = [
        ("host", "evil.example"),
        ("host", "evil.example:1338"),
        ("x-forwarded-for", "10.0.0.1"),
        ("origin", "http://evil.example"),
        ("sec-fetch-site", "cross-site"),
    ];
    for (name, value) in rows {
        let headers = [("authorization", BUILD_TOKEN), (name, value)];
        let answer = world.request("GET", "/v1/credentials", &headers).await;
        let refused = answer.status.is_client_error();
        assert!(refused, "{name}: {value}: {}", answer.status);
        assert!(!answer.text().contains("SecretAccessKey"));
    }
    let port = world.address.port();
    for host in [format!("localhost:{port}"), "127.0.0.1".to_owned()] {
        let headers = [("authorization", BUILD_TOKEN), ("host", host.as_str())];
        let answer = world.request("GET", "/v1/credentials", &headers).await;
        assert_eq!(answer.status, 200, "{host}: {}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_part_of_a_token_is_in_the_log() {
    let setting = Setting::new().await;
    let _login = setting.sign_in();
    setting.files.configure(&usual());
    let builder = setting.builder().env("LOG_LEVEL", "trace");
    let world = setting.start_as(builder).await;
    world.given(BUILD_TOKEN).await;
    assert_eq!(world.status("wrong-token-wrong-token").await, 401);
    let log = world.proxy.log();
    for part in [&BUILD_TOKEN[..13], &BUILD_TOKEN[14..], "wrong-to"] {
        assert!(!log.contains(part), "{part} is in the log");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_services_own_keys_beat_a_default_profile() {
    let (id, secret) = tests::scratch::ACCESS_KEY;
    let keys = format!(
        "    source_credentials:\n      iam_keys:\n        aws_access_key_id: {id}\n        \
         aws_secret_access_key: {secret}\n"
    );
    let build = service("build", BUILD_TOKEN, "Builder") + &keys;
    let deploy = service("deploy", DEPLOY_TOKEN, "Deployer");
    let defaults = "aws_defaults:\n  iam_profile:\n    profile_name: team\n";
    let setting = Setting::new().await;
    setting
        .files
        .configure(&(config(&[build, deploy]) + defaults));
    // Nobody has signed in: only keys can give anything.
    let world = setting.start().await;
    world
        .belongs(BUILD_TOKEN, &session_of("Builder", "build"))
        .await;
    world.answers(DEPLOY_TOKEN, 503).await;
    let _login = world.sso.sign_in();
    world.given(DEPLOY_TOKEN).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_substituted_value_is_never_a_template() {
    let setting = Setting::new().await;
    let _login = setting.sign_in();
    let token = "token-with-${fromEnv:HOME}-inside";
    setting.files.write("token", token);
    let file = setting.files.path("token").display().to_string();
    let build = service("build", &format!("${{fromFile:{file}}}"), "Builder");
    setting.files.configure(&config(&[build]));
    let world = setting.start().await;
    world.given(token).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_partition_region_and_profile_name_is_taken() {
    let mut services = Vec::new();
    let rows = [
        ("aws-us-gov", "us-gov-west-1"),
        ("aws-cn", "cn-north-1"),
        ("aws-iso", "us-iso-east-1"),
        ("aws-eusc", "eusc-de-east-1"),
    ];
    for (number, (partition, region)) in rows.into_iter().enumerate() {
        let text = service(
            &format!("s{number}"),
            &format!("{BUILD_TOKEN}-{number}"),
            "R",
        );
        let text = text.replace("arn:aws:", &format!("arn:{partition}:"));
        services.push(format!(
            "{text}    source_credentials:\n      region: {region}\n      iam_profile:\n        \
             profile_name: me.myself@example.com\n"
        ));
    }
    let ended = validated(&config(&services)).await;
    assert_eq!(ended.code(), 0, "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_role_never_serves_the_old_one_again() {
    let world = World::new().await;
    let old = world.given(BUILD_TOKEN).await;
    // The new role cannot be had yet: there is nothing rather than the old one.
    let down = Fault::on(Operation::AssumeRole).respond(503, "ServiceUnavailable");
    let fault = world.sso.aws.faults().add(down);
    world
        .files
        .configure(&usual().replace("role/Builder", "role/Changed"));
    world.answers(BUILD_TOKEN, 503).await;
    throughout(Duration::from_secs(2), "the old one is gone", async || {
        world.status(BUILD_TOKEN).await == 503
    })
    .await;
    world.sso.aws.faults().remove(fault);
    let new = world.given(BUILD_TOKEN).await;
    assert_ne!(new["AccessKeyId"], old["AccessKeyId"]);
    assert_eq!(world.owner(&new).await, session_of("Changed", "build"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_dynamic_file_is_noticed() {
    let world = with_files(&[("old.yaml", alone(DYNAMIC_TOKEN, "Tools"))]).await;
    world.given(DYNAMIC_TOKEN).await;
    let path = |name: &str| world.files.path(&format!("dynamic/{name}"));
    std::fs::rename(path("old.yaml"), path("new.yaml")).expect("renamed");
    eventually("it is called as its file is now", async || {
        let new = world.get("/role/new", DYNAMIC_TOKEN).await.status;
        let old = world.get("/role/old", DYNAMIC_TOKEN).await.status;
        new == 200 && old == 403
    })
    .await;
    // Out of sight, it is gone.
    std::fs::rename(path("new.yaml"), path("new.yaml.off")).expect("renamed");
    world.answers(DYNAMIC_TOKEN, 401).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_a_dynamic_file_never_deletes_a_static_service() {
    let world = with_files(&[("build.yaml", alone(DYNAMIC_TOKEN, "Tools"))]).await;
    let before = world.given(BUILD_TOKEN).await;
    world.logged(&["dynamic/build.yaml"]).await;
    std::fs::remove_file(world.files.path("dynamic/build.yaml")).expect("removed");
    throughout(Duration::from_secs(3), "the static one stays", async || {
        let answer = world.get("/v1/credentials", BUILD_TOKEN).await;
        document(&answer)["AccessKeyId"] == before["AccessKeyId"]
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_services_with_one_token_are_refused() {
    let services = [
        service("build", BUILD_TOKEN, "Builder"),
        service("deploy", BUILD_TOKEN, "Deployer"),
    ];
    let ended = validated(&config(&services)).await;
    assert_eq!(ended.code(), 64, "{}", ended.stderr);
    for name in ["build", "deploy"] {
        assert!(ended.stderr.contains(name), "{}", ended.stderr);
    }
    assert!(!ended.stderr.contains(BUILD_TOKEN), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_uri_without_a_path_works() {
    let world = World::new().await;
    world.given(BUILD_TOKEN).await;
    // What SDKs make of it: the path `/`. And what a careless client does.
    for line in [
        "GET / HTTP/1.1",
        &format!("GET http://{} HTTP/1.1", world.address),
    ] {
        let request = format!(
            "{line}\r\nhost: {}\r\nauthorization: {BUILD_TOKEN}\r\nconnection: close\r\n\r\n",
            world.address
        );
        let answer = tests::raw_request(world.address, request.as_bytes()).await;
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with("HTTP/1.1 200"), "{line}: {answer}");
    }
}
