//! `env` and `credential-process`.

use tests::Certified;
use tests::commands::{Ended, run};
use tests::eventually;

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

    // SDKs look at profiles before they ask for a container's credentials.
    assert!(
        !ended.text().contains("AWS_CONFIG_FILE"),
        "{}",
        ended.text()
    );
    let profile = "[default]\nregion = eu-north-1\ncredential_process = /bin/false\n";
    world
        .sso
        .scratch
        .write_config(&format!("{}{profile}", world.sso.config()));
    let beating = command(&world, port, &["env", "build"]).await.text();
    for line in [
        "export AWS_CONFIG_FILE=/dev/null\n",
        "export AWS_SHARED_CREDENTIALS_FILE=/dev/null\n",
        "export AWS_REGION='eu-north-1'\n",
    ] {
        assert!(beating.contains(line), "{beating}");
    }

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
    assert!(nobody.stderr.contains("Start it with"), "{}", nobody.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_commands_on_the_host_trust_the_proxys_own_certificate() {
    let setting = Setting::new().await;
    let _login = setting.sign_in();
    let certified = Certified::for_loopback();
    setting.files.write("tls.pem", certified.pem());
    let tls = "host: 0.0.0.0\n  allowed_hosts: proxy.invalid\n  tls: {certificate_file: tls.pem, key_file: tls.pem}";
    let config = usual().replace("host: 127.0.0.1", tls);
    setting.files.configure(&config);
    let world = setting.start().await;
    let port = world.address.port();
    world.files.write(
        "asking.yaml",
        config.replace("port: 0", &format!("port: {port}")),
    );
    let asking = world.files.path("asking.yaml");
    let builder = world.sso.builder();
    let builder = builder.env("BAZEL_PROXY_CONFIG_FILE", &asking.display().to_string());
    let builder = builder.without("S3_BUCKET_NAME");
    let process = ["credential-process", "--service", "build"];
    let mut last = String::new();
    eventually("there are credentials", async || {
        let ended = run(builder.command(&process), tests::PATIENCE).await;
        last = ended.text() + &ended.stderr;
        ended.code() == 0 && ended.text().contains("SessionToken")
    })
    .await;
    assert!(last.contains("\"Version\":1"), "{last}");
    let health = run(builder.command(&["healthcheck"]), tests::PATIENCE).await;
    assert_eq!(health.code(), 0, "{}", health.stderr);

    // Another certificate is another server: the token is not shown to it.
    world
        .files
        .write("tls.pem", Certified::for_loopback().pem());
    world
        .files
        .write("other.pem", Certified::for_loopback().pem());
    let other = config.replace("port: 0", &format!("port: {port}"));
    world
        .files
        .write("asking.yaml", other.replace("tls.pem", "other.pem"));
    let refused = run(builder.command(&process), tests::PATIENCE).await;
    assert_ne!(refused.code(), 0);
    // It lives all the same, perhaps with a certificate of before.
    let health = run(builder.command(&["healthcheck"]), tests::PATIENCE).await;
    assert_eq!(health.code(), 0, "{}", health.stderr);
    assert!(
        refused.stderr.contains("another certificate"),
        "{}",
        refused.stderr
    );
    assert!(
        !refused.stderr.contains("Start it with"),
        "{}",
        refused.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn env_files_say_why_they_hold_a_token_and_where_readers_differ() {
    let setting = Setting::new().await;
    setting.files.write("token", "token with $ and 'quotes'\n");
    let text = "server: {port: 1338}\nservices: {app: {auth_token: '${fromFile:token}'}}\n";
    setting.files.configure(text);
    let dotenv = setting
        .builder()
        .command(&["env", "app", "--format", "dotenv"]);
    let ended = run(dotenv, tests::PATIENCE).await;
    assert_eq!(ended.code(), 0, "{}", ended.stderr);
    assert!(
        ended.text().contains("newline at its end"),
        "{}",
        ended.text()
    );
    assert!(
        ended.text().contains("# A profile `default`"),
        "{}",
        ended.text()
    );
    let quoted = "AWS_CONTAINER_AUTHORIZATION_TOKEN is quoted";
    assert!(ended.stderr.contains(quoted), "{}", ended.stderr);
    assert!(!ended.stderr.contains("with $"), "{}", ended.stderr);

    setting
        .files
        .configure("services: {app: {auth_token: '${fromEnv:NOT_HERE}'}}\n");
    let lacking = setting.builder().command(&["env", "app"]);
    let lacking = run(lacking, tests::PATIENCE).await.stderr;
    for words in [
        "the service cannot be looked up",
        "NOT_HERE",
        "${fromFile:/path}",
    ] {
        assert!(lacking.contains(words), "{lacking}");
    }
    assert!(!lacking.contains("cannot start"), "{lacking}");
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
