//! Another configuration, without a restart.

use std::time::Duration;

use tests::{eventually, throughout};

use crate::world::{
    BUILD_TOKEN, DEPLOY_TOKEN, World, config, service, session_of, usual, with_server,
    write_in_place,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_service_has_nothing_and_a_new_one_has() {
    let world = World::of(&config(&[service("build", BUILD_TOKEN, "Builder")])).await;
    world.given(BUILD_TOKEN).await;
    assert_eq!(world.status(DEPLOY_TOKEN).await, 401);
    let deploy = service("deploy", DEPLOY_TOKEN, "Deployer");
    world.files.configure(&config(&[deploy]));
    world.answers(BUILD_TOKEN, 401).await;
    world
        .belongs(DEPLOY_TOKEN, &session_of("Deployer", "deploy"))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_without_services_takes_them_all_away_if_it_says_so() {
    let world = World::new().await;
    world.given(BUILD_TOKEN).await;
    world.files.configure("services:\n");
    world.logged(&["there is no service"]).await;
    assert_eq!(world.status(BUILD_TOKEN).await, 200, "it may be cut off");
    world.files.configure("services: {}\n");
    world.answers(BUILD_TOKEN, 401).await;
    world.answers(DEPLOY_TOKEN, 401).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_file_leaves_the_last_good_one_in_force_and_is_reported() {
    let world = World::new().await;
    let before = world.given(BUILD_TOKEN).await;
    let broken = usual().replace("assumed_role", "asumed_role");
    write_in_place(&world.files.path("credentials.yaml"), broken);
    world.logged(&["asumed_role"]).await;
    world.logged(&["Did you mean `assumed_role`?"]).await;
    throughout(Duration::from_secs(2), "it serves on", async || {
        world.status(BUILD_TOKEN).await == 200 && world.status(DEPLOY_TOKEN).await == 200
    })
    .await;
    // Half a file, as an editor leaves it for a moment, and none at all.
    let half = &usual()[..usual().len() / 2];
    write_in_place(&world.files.path("credentials.yaml"), half);
    let path = world.files.path("credentials.yaml");
    throughout(Duration::from_secs(2), "it serves on", async || {
        world.status(BUILD_TOKEN).await == 200
    })
    .await;
    std::fs::remove_file(path).expect("removed");
    throughout(Duration::from_secs(2), "it serves on", async || {
        world.status(BUILD_TOKEN).await == 200
    })
    .await;
    world.files.configure(&usual());
    let after = world.given(BUILD_TOKEN).await;
    assert_eq!(
        after["AccessKeyId"], before["AccessKeyId"],
        "its keeper stays"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_hosts_and_lines_about_health_count_at_once() {
    let world = World::new().await;
    world.given(BUILD_TOKEN).await;
    let status = async || {
        let headers = [("authorization", BUILD_TOKEN), ("host", "creds:1338")];
        let answer = world.request("GET", "/v1/credentials", &headers).await;
        answer.status.as_u16()
    };
    assert_eq!(status().await, 421);
    let services = [service("build", BUILD_TOKEN, "Builder")];
    let keys = "allowed_hosts: [creds]\nlog_health_checks: true";
    world.files.configure(&with_server(keys, &services));
    eventually("the name is allowed", async || status().await == 200).await;
    world.request("GET", "/livez", &[]).await;
    let line = world.logged(&["/livez"]).await;
    assert!(line.contains("INFO"), "{line}");
    assert!(!world.proxy.log().contains("Restart the proxy"));
    world.files.configure(&config(&services));
    eventually("the name is gone", async || status().await == 421).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_in_force_is_a_number() {
    let world = World::new().await;
    let number = async || {
        let text = world.proxy.get("/metrics").await.text();
        let name = "bazel_proxy_container_credentials_not_in_force ";
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.map(str::to_owned)
    };
    assert_eq!(number().await.as_deref(), Some("0"));
    world
        .files
        .configure(&usual().replace("assumed_role", "asumed_role"));
    let is = async |count: &str| number().await.as_deref() == Some(count);
    eventually("it is counted", async || is("1").await).await;
    world.files.configure(&usual());
    eventually("it is in force again", async || is("0").await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_from_a_file_is_read_again() {
    let world = World::new().await;
    world.given(BUILD_TOKEN).await;
    world.files.write("role", "Auditor");
    let file = world.files.path("role").display().to_string();
    let with_file = usual().replace("Builder", &format!("${{fromFile:{file}}}"));
    world.files.configure(&with_file);
    world
        .belongs(BUILD_TOKEN, &session_of("Auditor", "build"))
        .await;
    world.files.write("role", "Tester\n");
    world
        .belongs(BUILD_TOKEN, &session_of("Tester", "build"))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unchanged_service_keeps_its_credentials_when_others_change() {
    let world = World::new().await;
    let before = world.given(BUILD_TOKEN).await;
    world.files.configure(&usual().replace("Deployer", "Other"));
    world
        .belongs(DEPLOY_TOKEN, &session_of("Other", "deploy"))
        .await;
    eventually("the other has what it had", async || {
        world.given(BUILD_TOKEN).await["AccessKeyId"] == before["AccessKeyId"]
    })
    .await;
}
