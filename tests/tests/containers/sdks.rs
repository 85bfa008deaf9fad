//! Real SDKs with credentials of the proxy: every one of them, under load, through renewals, rotations
//! and logins.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use simulated_aws::Operation;
use tests::aws_cli::write_endpoint_rules;
use tests::clients::{AWS_CLI, OLD_AWS_CLI, are_installed};
use tests::commands::{client, succeed};
use tests::eventually;
use tokio::time::Instant;

use crate::metrics::requests_of_build;
use crate::sdk::{Client, Sdk};
use crate::world::{BUILD_TOKEN, DEPLOY_TOKEN, Setting, World, session_of, usual};

fn builder() -> String {
    session_of("Builder", "build")
}

fn installed() -> Vec<Sdk> {
    let all = Sdk::ALL.into_iter();
    all.filter(|sdk| sdk.is_installed()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sdk_calls_aws_with_what_it_is_given() {
    let world = World::new().await;
    world.given(BUILD_TOKEN).await;
    let checks = installed().into_iter().map(async |sdk| {
        let mut client = Client::of_service(sdk, &world, BUILD_TOKEN, 50);
        for _ in 0..3 {
            client.must_be(&builder()).await;
        }
        client.end().await;
        let bearer = format!("Bearer {BUILD_TOKEN}");
        let mut client = Client::of_service(sdk, &world, &bearer, 50);
        client.must_be(&builder()).await;
    });
    join_all(checks).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_providers_of_the_sdk_for_javascript_take_it() {
    if !Sdk::JavaScript.is_installed() {
        return;
    }
    let world = World::new().await;
    world.given(BUILD_TOKEN).await;
    let uri = format!("{}/v1/credentials", world.url());
    for provider in ["http", "metadata"] {
        let variables = [
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri.as_str()),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN", BUILD_TOKEN),
            ("PROVIDER", provider),
        ];
        let mut client = Client::start(Sdk::JavaScript, &world, &variables, 50);
        client.must_be(&builder()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_versions_of_the_aws_cli_take_it() {
    if !are_installed(&[AWS_CLI, OLD_AWS_CLI]) {
        return;
    }
    let world = World::new().await;
    world.given(BUILD_TOKEN).await;
    let home = world.sso.scratch.path().join("cli");
    std::fs::create_dir_all(&home).expect("a home");
    write_endpoint_rules(&home, &world.sso.aws.endpoint_url());
    for part in [AWS_CLI, OLD_AWS_CLI] {
        let mut command = client(&part.path().display().to_string(), &home);
        command
            .args([
                "sts",
                "get-caller-identity",
                "--query",
                "Arn",
                "--output",
                "text",
            ])
            .env("AWS_ENDPOINT_URL", world.sso.aws.endpoint_url())
            .env("AWS_REGION", world.sso.aws.region())
            .env("AWS_DEFAULT_REGION", world.sso.aws.region())
            .env("AWS_CONTAINER_CREDENTIALS_FULL_URI", world.url())
            .env("AWS_CONTAINER_AUTHORIZATION_TOKEN", BUILD_TOKEN);
        let said = succeed(command, Duration::from_mins(1)).await;
        assert_eq!(said.text().trim(), builder());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn botocore_makes_one_request_for_many_signings() {
    if !Sdk::Python.is_installed() {
        return;
    }
    let world = World::new().await;
    world.given(BUILD_TOKEN).await;
    let before = requests_of_build(&world.proxy).await;
    let mut client = Client::of_service(Sdk::Python, &world, BUILD_TOKEN, 0);
    // Two requests are signed in a round.
    for _ in 0..50 {
        client.must_be(&builder()).await;
    }
    client.end().await;
    let asked = requests_of_build(&world.proxy).await - before;
    assert!((asked - 1.0).abs() < 0.1, "asked {asked} times");
}

/// With lives of seconds, every SDK asks at nearly every signing.
#[tokio::test(flavor = "multi_thread")]
async fn no_sdk_notices_renewals_under_load() {
    let setting = Setting::new().await;
    let life = Duration::from_secs(8);
    setting.sso.aws.sso().set_role_credentials_life(life);
    let _login = setting.sign_in();
    setting.files.configure(&usual());
    let world = setting.start().await;
    world.given(BUILD_TOKEN).await;
    let assumed = || world.sso.aws.counters().count(Operation::AssumeRole);
    let before = assumed();
    let mut clients: Vec<_> = installed()
        .into_iter()
        .flat_map(|sdk| [sdk, sdk])
        .map(|sdk| Client::of_service(sdk, &world, BUILD_TOKEN, 20))
        .collect();
    let end = Instant::now() + Duration::from_secs(15);
    let running = clients.iter_mut().map(async |client| {
        let mut keys = BTreeSet::new();
        let mut rounds = 0;
        while Instant::now() < end || rounds < 3 {
            let said = client.must_be(&builder()).await;
            keys.extend(said["key"].as_str().map(str::to_owned));
            rounds += 1;
        }
        (client.sdk, rounds, keys.len())
    });
    let outcomes = join_all(running).await;
    println!("{outcomes:?}");
    // Two services, each renewed at about half of eight seconds.
    assert!(assumed() >= before + 4, "{} renewals", assumed() - before);
    for client in clients {
        client.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn running_clients_live_through_rotation_and_login() {
    let setting = Setting::new().await;
    setting.files.write("token", BUILD_TOKEN);
    let file = setting.files.path("token").display().to_string();
    let config = usual().replace(BUILD_TOKEN, &format!("${{fromFile:{file}}}"));
    setting.files.configure(&config);
    let world = setting.start().await;
    world.sso.signalled().await;
    // Started while nobody is signed in.
    let uri = format!("{}/v1/credentials", world.url());
    let with_file = [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri.as_str()),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file.as_str()),
    ];
    let with_token = [
        with_file[0],
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", BUILD_TOKEN),
    ];
    let mut clients: Vec<_> = installed()
        .into_iter()
        .map(|sdk| {
            // Those of Go and Java that can be had know no file.
            let knows_files = !matches!(sdk, Sdk::Go | Sdk::Java);
            let variables = if knows_files { with_file } else { with_token };
            Client::start(sdk, &world, &variables, 100)
        })
        .collect();
    for said in join_all(clients.iter_mut().map(Client::round)).await {
        assert!(said["error"].is_string(), "{said}");
    }
    let _login = world.sso.sign_in();
    join_all(clients.iter_mut().map(Client::succeeds)).await;
    world.sso.unsignalled().await;

    let rotated = "build-token-after-its-rotation";
    world.files.write("token", rotated);
    world.given(rotated).await;
    // From here on, they have to ask again at every signing.
    world
        .sso
        .aws
        .sso()
        .set_role_credentials_life(Duration::from_secs(6));
    world.files.configure(&config.replace("Builder", "Other"));
    eventually("the role has changed", async || {
        world.given(rotated).await["Expiration"].is_string()
            && world.owner(&world.given(rotated).await).await == session_of("Other", "build")
    })
    .await;
    for client in &mut clients {
        // With the credentials of before, or the new ones.
        let said = client.round().await;
        assert!(said["arn"].is_string(), "{:?}: {said}", client.sdk);
    }
    assert_eq!(world.status(DEPLOY_TOKEN).await, 200);
    for client in clients {
        for said in client.end().await {
            assert!(said["arn"].is_string(), "{said}");
        }
    }
}
