//! Who is let in, and what never gets out.

use tests::commands::{Ended, run};
use tests::eventually;

use crate::world::{
    BUILD_TOKEN, DEPLOY_TOKEN, Setting, World, config, document, service, usual, with_server,
};

/// How access tokens, refresh tokens and session tokens of the simulated AWS begin.
const BEGINNINGS: [&str; 3] = ["aoaAAAAAG", "aorAAAAAG", "IQoJb3JpZ2luX2Vj"];

/// What the program says of a configuration without starting.
pub(crate) async fn validated(config: &str) -> Ended {
    let setting = Setting::new().await;
    setting.files.configure(config);
    let command = setting.builder().command(&["--validate-only"]);
    run(command, tests::PATIENCE).await
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_whole_token_of_a_service_opens() {
    let world = World::new().await;
    world.given(BUILD_TOKEN).await;
    let (shorter, longer) = (&BUILD_TOKEN[..20], format!("{BUILD_TOKEN}0"));
    let wrong = [
        "",
        "Bearer",
        "Bearer ",
        shorter,
        &longer,
        "Basic YnVpbGQ6YnVpbGQ=",
    ];
    for token in wrong {
        let answer = world.get("/v1/credentials", token).await;
        assert_eq!(answer.status, 401, "{token:?}: {}", answer.text());
    }
    let twice = [
        ("authorization", BUILD_TOKEN),
        ("authorization", DEPLOY_TOKEN),
    ];
    let answer = world.request("GET", "/v1/credentials", &twice).await;
    assert_eq!(answer.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_can_be_guessed_is_refused() {
    let short = "fifteen-letters";
    let ended = validated(&config(&[service("build", short, "Builder")])).await;
    assert_eq!(ended.code(), 64, "{}", ended.stderr);
    assert!(ended.stderr.contains("auth_token"), "{}", ended.stderr);
    assert!(!ended.stderr.contains(short), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_machines_are_let_in_by_an_explicit_word_only() {
    let open = usual().replace("host: 127.0.0.1", "host: 0.0.0.0");
    let ended = validated(&open).await;
    assert_eq!(ended.code(), 64, "{}", ended.stderr);
    assert!(ended.stderr.contains("0.0.0.0"), "{}", ended.stderr);
    let told = open.replace("  port: 0", "  port: 0\n  allow_non_loopback: true");
    let ended = validated(&told).await;
    assert_eq!(ended.code(), 0, "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_guesses_are_told_429_and_the_right_token_never_is() {
    let world = World::new().await;
    world.given(BUILD_TOKEN).await;
    let mut limited = None;
    for guess in 0..100 {
        let token = format!("a-guess-of-a-token-{guess}");
        let answer = world.get("/v1/credentials", &token).await;
        if answer.status == 429 {
            limited = Some(answer);
            break;
        }
        assert_eq!(answer.status, 401, "{}", answer.text());
    }
    let limited = limited.expect("a hundred guesses are too many");
    assert_ne!(limited.header("retry-after"), "");
    assert_eq!(world.status(BUILD_TOKEN).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_issuance_is_in_the_log() {
    let world = World::new().await;
    let given = world.given(BUILD_TOKEN).await;
    let end = given["Expiration"].as_str().expect("a text");
    let words = ["build", "role/Builder", "127.0.0.1", end];
    let line = world.logged(&words).await;
    assert!(line.contains("INFO"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_logged_where_that_is_asked_for() {
    let services = [service("build", BUILD_TOKEN, "Builder")];
    let world = World::of(&with_server("log_health_checks: true", &services)).await;
    world.request("GET", "/livez", &[]).await;
    world.logged(&["/livez"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_in_any_log_or_answer() {
    let setting = Setting::new().await;
    setting.files.write("token", DEPLOY_TOKEN);
    let file = setting.files.path("token").display().to_string();
    let deploy = service("deploy", &format!("${{fromFile:{file}}}"), "Deployer");
    let build = service("build", BUILD_TOKEN, "Builder");
    setting.files.configure(&config(&[build, deploy]));
    let builder = setting.builder().env("LOG_LEVEL", "trace");
    let world = setting.start_as(builder).await;
    let mut told = Vec::new();
    let wrong = "a-wrong-token-that-somebody-said";
    told.push(world.answers(BUILD_TOKEN, 503).await.text());
    let login = world.sso.sign_in();
    let build = world.given(BUILD_TOKEN).await;
    let deploy = world.given(DEPLOY_TOKEN).await;
    told.push(world.get("/v1/credentials", wrong).await.text());
    told.push(world.get("/role/deploy", BUILD_TOKEN).await.text());
    for path in ["/health", "/livez", "/readyz"] {
        told.push(world.request("GET", path, &[]).await.text());
    }
    told.push(world.proxy.get("/metrics").await.text());
    // A file that no longer holds, with a secret in it.
    let broken = usual().replace("services:", "servises:");
    world.files.configure(&broken);
    world.logged(&["servises"]).await;
    let rotated = "deploy-token-after-the-rotation";
    world
        .files
        .configure(&usual().replace(DEPLOY_TOKEN, rotated));
    world.answers(rotated, 200).await;
    told.push(world.proxy.log());

    let mut secrets = BEGINNINGS.map(str::to_owned).to_vec();
    secrets.push(login.client_secret);
    for token in [BUILD_TOKEN, DEPLOY_TOKEN, wrong, rotated] {
        secrets.push(token[..8].to_owned() + &token[8..12]);
    }
    for document in [build, deploy] {
        let secret = document["SecretAccessKey"].as_str().expect("a text");
        secrets.push(secret.to_owned());
    }
    for text in &told {
        for secret in &secrets {
            let found = text.lines().find(|line| line.contains(secret.as_str()));
            assert!(found.is_none(), "{secret} is in: {found:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_services_credentials_are_never_given() {
    let world = World::new().await;
    let build = world.given(BUILD_TOKEN).await;
    let deploy = world.given(DEPLOY_TOKEN).await;
    assert_ne!(build["AccessKeyId"], deploy["AccessKeyId"]);
    eventually("answers stay apart under load", async || {
        let answers = futures_util::future::join_all((0..40).map(|number| {
            let token = if number % 2 == 0 {
                BUILD_TOKEN
            } else {
                DEPLOY_TOKEN
            };
            world.get("/v1/credentials", token)
        }));
        for (number, answer) in answers.await.iter().enumerate() {
            let expected = if number % 2 == 0 { &build } else { &deploy };
            assert_eq!(document(answer)["AccessKeyId"], expected["AccessKeyId"]);
        }
        true
    })
    .await;
}
