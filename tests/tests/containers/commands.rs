//! `env` and `credential-process`.

use tests::commands::{Ended, run};

use crate::world::{BUILD_TOKEN, Setting, World, session_of, usual};

async fn command(world: &World, port: u16, arguments: &[&str]) -> Ended {
    let config = world.files.path("credentials.yaml");
    let text = usual().replace("port: 0", &format!("port: {port}"));
    // What the port is, only the log says; the program that asks has to be told.
    world.files.write("asking.yaml", text);
    let asking = config.with_file_name("asking.yaml");
    let builder = world.sso.builder();
    let builder = builder.env("BAZEL_PROXY_CONFIG_FILE", &asking.display().to_string());
    run(builder.command(arguments), tests::PATIENCE).await
}

#[tokio::test(flavor = "multi_thread")]
async fn env_prints_what_a_shell_takes() {
    let setting = Setting::new().await;
    let _login = setting.sign_in();
    setting.files.configure(&usual());
    let world = setting.start().await;
    world.given(BUILD_TOKEN).await;
    let port = world.address.port();
    let ended = command(&world, port, &["env", "build"]).await;
    assert_eq!(ended.code(), 0, "{}", ended.stderr);
    let script = format!(
        "export AWS_ACCESS_KEY_ID=stale\n{}\nset -u\n\
         echo \"$AWS_CONTAINER_CREDENTIALS_FULL_URI $AWS_CONTAINER_AUTHORIZATION_TOKEN\"\n\
         echo \"${{AWS_ACCESS_KEY_ID:-gone}}\"\n",
        ended.text()
    );
    let mut shell = std::process::Command::new("/bin/sh");
    shell.args(["-c", &script]).env_clear();
    let said = run(shell, tests::PATIENCE).await;
    let expected = format!("http://127.0.0.1:{port}/v1/credentials {BUILD_TOKEN}\ngone\n");
    assert_eq!(said.text(), expected, "{}", ended.text());

    let unknown = command(&world, port, &["env", "biuld"]).await;
    assert_ne!(unknown.code(), 0);
    assert!(unknown.stderr.contains("build"), "{}", unknown.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn credential_process_gives_an_sdk_on_the_host_what_it_wants() {
    let world = World::new().await;
    world.given(BUILD_TOKEN).await;
    let arguments = ["credential-process", "--service", "build"];
    let ended = command(&world, world.address.port(), &arguments).await;
    assert_eq!(ended.code(), 0, "{}", ended.stderr);
    let mut said: serde_json::Value = serde_json::from_slice(&ended.stdout).expect("JSON");
    assert_eq!(said["Version"], 1, "{said}");
    // There the token has another name.
    said["Token"] = said["SessionToken"].clone();
    assert_eq!(world.owner(&said).await, session_of("Builder", "build"));

    let nobody = command(&world, 1, &arguments).await;
    assert_ne!(nobody.code(), 0);
    assert_eq!(nobody.text(), "");
    assert!(!nobody.stderr.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn healthcheck_asks_the_right_port_also_while_the_file_is_broken() {
    let setting = Setting::new().await;
    let _login = setting.sign_in();
    setting.files.configure(&usual());
    let builder = setting.builder().without("S3_BUCKET_NAME");
    let world = setting.start_as(builder).await;
    let port = world.address.port();
    let good = usual().replace("port: 0", &format!("port: {port}"));
    let broken = [
        good.replace("assumed_role", "asumed_role"),
        format!("{good}x: [\n"),
    ];
    for text in [&[good][..], &broken].concat() {
        world.files.write("asking.yaml", text);
        let file = world.files.path("asking.yaml").display().to_string();
        let asking = world.sso.builder().without("S3_BUCKET_NAME");
        let asking = asking.env("BAZEL_PROXY_CONFIG_FILE", &file);
        let ended = run(asking.command(&["healthcheck"]), tests::PATIENCE).await;
        let expected = format!("healthy: http://127.0.0.1:{port}/livez\n");
        assert_eq!(ended.text(), expected, "{}", ended.stderr);
    }
}
