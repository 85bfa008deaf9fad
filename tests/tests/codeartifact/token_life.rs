//! Tokens: one for everybody, renewed ahead, asked for again when refused, and never seen outside.

use std::time::Duration;

use futures_util::future::join_all;
use simulated_aws::packages::Wheel;
use simulated_aws::{Fault, Operation};
use tests::eventually;

use crate::world::{ACCEPT_JSON, DOMAIN, OWNER, REGION, Setting, World, upstream};

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_clients_at_once_ask_for_one_token() {
    let world = World::seeded(&[]).await;
    let names: Vec<_> = (0..100).map(|number| format!("many-{number}")).collect();
    for name in &names {
        world.repository.put_wheel(&Wheel::new(name, "1.0"));
    }
    let paths: Vec<_> = names
        .iter()
        .map(|name| format!("/pypi/simple/{name}/"))
        .collect();
    let answers = join_all(paths.iter().map(|path| world.get(path))).await;
    for answer in answers {
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    assert_eq!(world.calls(Operation::GetAuthorizationToken).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_renewed_ahead_of_its_end_and_nobody_waits() {
    // Half of it is left at each renewal, which a busy machine may need.
    const LIFE: Duration = Duration::from_secs(16);
    let setting = Setting::new().await;
    let _login = setting.sso.sign_in();
    setting.seed("first");
    setting.service().set_longest_token_life(Some(LIFE));
    let builder = setting.builder().env("METADATA_TTL", "1");
    let world = setting.start_as(builder).await;
    assert_eq!(world.get("/pypi/simple/acme-first/").await.status, 200);
    eventually("the token is renewed", async || {
        let answer = world.get("/pypi/simple/acme-first-base/").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        world.calls(Operation::GetAuthorizationToken).len() >= 3
    })
    .await;
    assert_eq!(world.refused(), 0, "an ended token was sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_renewed_in_time_after_a_new_configuration_though_nobody_asks() {
    let setting = Setting::new().await;
    let _login = setting.sso.sign_in();
    setting.seed("first");
    setting
        .service()
        .set_longest_token_life(Some(Duration::from_secs(4)));
    let world = setting.start().await;
    assert_eq!(world.get("/pypi/simple/acme-first/").await.status, 200);
    world.configure(&upstream("").replace("  main:", "  other:"));
    // The same repository: its page is cached, and no token is asked for.
    let page = "/codeartifact/other/pypi/simple/acme-first/";
    eventually("it is in force", async || {
        world.proxy.get(page).await.status == 200
    })
    .await;
    let before = world.calls(Operation::GetAuthorizationToken).len();
    eventually("it is renewed again and again", async || {
        world.calls(Operation::GetAuthorizationToken).len() >= before + 3
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_sign_of_a_dead_token_is_understood() {
    for refusal in [401, 403, 404] {
        let setting = Setting::new().await;
        let _login = setting.sso.sign_in();
        setting.seed("first");
        setting.seed("second");
        setting.service().set_refusal(refusal);
        let world = setting.start().await;
        assert_eq!(world.get("/pypi/simple/acme-first/").await.status, 200);
        if refusal == 404 {
            // A 404 under a token that has just worked is one.
            assert_eq!(world.get("/pypi/simple/none/").await.status, 404);
            continue;
        }
        world.service().revoke_tokens();
        let paths = ["/pypi/simple/acme-second/", "/npm/@acme%2fsecond"];
        let answers = join_all(paths.iter().map(|path| world.get(path))).await;
        for answer in answers {
            assert_eq!(answer.status, 200, "{refusal}: {}", answer.text());
        }
        assert_eq!(
            world.calls(Operation::GetAuthorizationToken).len(),
            2,
            "{refusal}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_404_under_a_token_that_never_worked_is_asked_again_with_another() {
    let setting = Setting::new().await;
    let _login = setting.sso.sign_in();
    setting.seed("first");
    setting.service().set_refusal(404);
    let world = setting.start().await;
    world.lose_the_first_token().await;
    let answer = world.get("/pypi/simple/acme-first/").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_at_once_under_a_dead_token_both_find_what_is_there() {
    let setting = Setting::new().await;
    let _login = setting.sso.sign_in();
    setting.seed("first");
    setting.seed("second");
    setting.service().set_refusal(404);
    let world = setting.start().await;
    world.lose_the_first_token().await;
    // While one of them waits for another token, the others have their answers.
    let slow = Fault::on(Operation::GetAuthorizationToken).delay(Duration::from_secs(2));
    world.sso.aws.faults().add(slow);
    let paths = [
        "/pypi/simple/acme-first/",
        "/pypi/simple/acme-second/",
        "/npm/@acme%2ffirst",
        "/npm/@acme%2fsecond",
    ];
    let ask = async |(turn, path): (u32, &&str)| {
        tokio::time::sleep(Duration::from_millis(300) * turn).await;
        world.get(path).await
    };
    let turns = (0..).zip(&paths);
    for answer in join_all(turns.map(ask)).await {
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    assert_eq!(world.calls(Operation::GetAuthorizationToken).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_that_may_not_be_read_takes_no_token_from_the_others() {
    let setting = Setting::new().await;
    let _login = setting.sso.sign_in();
    setting.seed("first");
    setting.seed("second");
    let closed = setting
        .service()
        .add_repository(DOMAIN, OWNER, REGION, "closed");
    closed.put_maven("com/acme/closed/1.0/closed-1.0.jar", "jar");
    setting.configure(&format!(
        "{}  closed:\n    domain: {DOMAIN}\n    domain_owner: \"{OWNER}\"\n    region: {REGION}\n    \
         repository: closed\n",
        upstream("")
    ));
    let builder = setting.builder().env("LOGIN_WAIT", "0");
    let world = setting.start_as(builder).await;
    let closed = "/codeartifact/closed/maven/com/acme/closed/1.0/closed-1.0.jar";
    let denied = Fault::on(Operation::ReadAsset)
        .key("maven/com/acme/closed/1.0/closed-1.0.jar")
        .respond(403, "AccessDeniedException");
    world.sso.aws.faults().add(denied);
    assert_eq!(world.get("/pypi/simple/acme-first/").await.status, 200);

    // Each of these must not cost a token.
    for _ in 0..3 {
        let answer = world.proxy.get(closed).await;
        assert_eq!(answer.status, 503, "{}", answer.text());
        let text = answer.text();
        assert!(text.contains("codeartifact:ReadFromRepository"), "{text}");
    }
    let tokens = world.calls(Operation::GetAuthorizationToken).len();
    assert!(tokens <= 2, "{tokens} tokens");

    // And without a login, none at all.
    world.sso.aws.sso().end_sessions();
    world.sso.aws.sso().expire_role_credentials();
    let answer = world.proxy.get(closed).await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    let (path, _) = world.locked_wheel("acme-second").await;
    assert_eq!(world.get(&path).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_403_without_a_login_leaves_the_token_to_the_others() {
    let setting = Setting::new().await;
    let _login = setting.sso.sign_in();
    setting.seed("first");
    setting.seed("second");
    let builder = setting.builder().env("LOGIN_WAIT", "0");
    let world = setting.start_as(builder).await;
    assert_eq!(world.get("/pypi/simple/acme-first/").await.status, 200);
    let denied = Fault::on(Operation::ReadAsset).respond(403, "AccessDeniedException");
    world.sso.aws.faults().add(denied);
    world.sso.aws.sso().end_sessions();
    world.sso.aws.sso().expire_role_credentials();
    let answer = world.get("/maven/com/acme/first/1.0/first-1.0.jar").await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    let answer = world.get("/pypi/simple/acme-second/").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_repository_is_503_with_the_permission() {
    let world = World::seeded(&["first"]).await;
    world
        .service()
        .deny(simulated_aws::Action::ReadFromRepository);
    let answer = world.get("/pypi/simple/acme-first/").await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    let text = answer.text();
    assert!(text.contains("codeartifact:ReadFromRepository"), "{text}");
    let tokens = world.calls(Operation::GetAuthorizationToken).len();
    assert!(tokens <= 2, "{tokens} tokens");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_and_no_presigned_url_is_seen_outside() {
    let setting = Setting::new().await;
    let _login = setting.sso.sign_in();
    setting.seed("first");
    setting.configure(&upstream("publish: true"));
    let builder = setting.builder().env("LOG_LEVEL", "trace");
    let world = setting.start_as(builder).await;
    let (wheel, _) = world.locked_wheel("acme-first").await;
    let mut seen = String::new();
    for path in [
        "/pypi/simple/acme-first/",
        wheel.as_str(),
        "/npm/@acme%2ffirst",
        "/npm/@acme/first/-/first-1.0.0.tgz",
        "/npm/-/ping",
        "/npm/-/whoami",
        "/maven/com/acme/first/maven-metadata.xml",
        "/maven/com/acme/first/1.0/first-1.0.jar",
        "/maven/none",
        "/none",
    ] {
        for accept in [ACCEPT_JSON, "*/*"] {
            let answer = world.get_as(path, accept).await;
            let text = format!("{path} {:?}\n{}\n", answer.headers, answer.text());
            seen.push_str(&text);
        }
    }
    let faults = world.sso.aws.faults();
    for (operation, status, code) in [
        (
            Operation::GetAuthorizationToken,
            403,
            "AccessDeniedException",
        ),
        (Operation::ReadPackage, 500, "InternalServerException"),
        (Operation::ReadAsset, 500, "InternalServerException"),
        (Operation::GetAsset, 403, "AccessDenied"),
    ] {
        let fault = faults.add(Fault::on(operation).respond(status, code));
        for path in [
            "/pypi/simple/acme-first-base/",
            "/maven/com/acme/first/1.0/first-1.0.pom",
        ] {
            let answer = world.get(path).await;
            let text = format!("{path} {:?}\n{}\n", answer.headers, answer.text());
            seen.push_str(&text);
        }
        faults.remove(fault);
    }
    for page in ["/", "/status", "/readyz", "/metrics", "/healthz"] {
        seen.push_str(&world.proxy.get(page).await.text());
    }
    seen.push_str(&world.proxy.log());
    assert!(world.secrets().len() >= 2);
    for secret in world.secrets() {
        assert!(!seen.contains(&secret), "{secret} is in it");
    }
}
