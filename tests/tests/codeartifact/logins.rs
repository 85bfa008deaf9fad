//! A login that is needed: what is cached goes on, what is not waits, and the end of patience is 503 with the command.

use simulated_aws::Operation;
use tests::ProxyBuilder;
use tests::sso_world::in_state;

use crate::world::{ACCEPT_JSON, PREFIX, Setting, upstream};

fn impatient(builder: ProxyBuilder) -> ProxyBuilder {
    builder.env("LOGIN_WAIT", "0").env("METADATA_TTL", "1")
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_login_it_is_503_with_the_command_and_never_not_found() {
    let setting = Setting::new().await;
    setting.seed("first");
    let builder = impatient(setting.builder());
    let world = setting.start_as(builder).await;
    for path in [
        "/pypi/simple/acme-first/",
        "/pypi/simple/acme-none/",
        "/pypi/simple/acme-first/1.0/acme_first-1.0-py3-none-any.whl",
        "/npm/@acme%2ffirst",
        "/npm/@acme/first/-/first-1.0.0.tgz",
        "/maven/com/acme/first/1.0/first-1.0.jar",
        "/maven/com/acme/first/maven-metadata.xml",
    ] {
        for method in ["GET", "HEAD"] {
            let answer = world.request(method, path, &[]).await;
            assert_eq!(answer.status, 503, "{method} {path}: {}", answer.text());
            assert_eq!(answer.header("retry-after"), "5", "{method} {path}");
            let text = answer.text();
            let is_told = method == "HEAD" || text.contains("aws sso login --profile team");
            assert!(is_told, "{path}: {text}");
        }
    }
    let _login = world.sso.sign_in();
    tests::eventually("it is served", async || {
        world.get("/pypi/simple/acme-first/").await.status == 200
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_good_outlives_the_login() {
    let setting = Setting::new().await;
    let _login = setting.sso.sign_in();
    setting.seed("first");
    setting.seed("second");
    let builder = impatient(setting.builder());
    let world = setting.start_as(builder).await;
    assert_eq!(world.get("/pypi/simple/acme-first/").await.status, 200);
    world.sso.aws.sso().end_sessions();
    world.sso.aws.sso().expire_role_credentials();
    // Nobody needs AWS credentials for this.
    let (path, _) = world.locked_wheel("acme-second").await;
    assert_eq!(world.get(&path).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_cached_is_served_while_the_login_is_away() {
    let setting = Setting::new().await;
    let _login = setting.sso.sign_in();
    setting.seed("first");
    let builder = impatient(setting.builder());
    let world = setting.start_as(builder).await;
    let (path, _) = world.locked_wheel("acme-first").await;
    assert_eq!(world.get(&path).await.status, 200);
    let page = world.get_as("/pypi/simple/acme-first/", ACCEPT_JSON).await;
    world.end_login();
    // Until the page is old, and then on.
    tests::eventually("the page is stale", async || {
        let stale = world.get_as("/pypi/simple/acme-first/", ACCEPT_JSON).await;
        assert_eq!(stale.status, 200, "{}", stale.text());
        assert_eq!(stale.body, page.body);
        stale.verdict().contains("stale")
    })
    .await;
    assert_eq!(world.get(&path).await.status, 200);
    assert_eq!(world.get("/pypi/simple/acme-none/").await.status, 503);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_client_is_held_and_goes_on_with_the_login() {
    /// Held in one piece, for longer than a busy machine takes to begin with all of them.
    const LONG: [&str; 4] = [
        "npm/11.19.1 node/v20.20.2",
        "pnpm/12.21.0 npm/? node/?",
        "Apache-Maven/3.8.7 (Java 17)",
        "curl/8.0",
    ];
    /// Sent to the same place again after 10 to 25 s.
    const SHORT: [&str; 4] = [
        "pip/26.3 {}",
        "uv/0.13.9 {}",
        "poetry/2.5.1 CPython/3.11.2",
        "Gradle/8.0",
    ];
    let setting = Setting::new().await;
    setting.seed("first");
    let builder = setting.builder().env("LOGIN_WAIT", "2m");
    let world = setting.start_as(builder).await;
    let asked = LONG.into_iter().chain(SHORT).map(async |agent| {
        let headers = [("user-agent", agent)];
        let mut path = "/pypi/simple/acme-first/".to_owned();
        loop {
            let answer = world.get_with(&path, &headers).await;
            if answer.status != 307 {
                assert_eq!(answer.status, 200, "{agent}: {}", answer.text());
                return;
            }
            assert!(SHORT.contains(&agent), "{agent} was sent away");
            let location = answer.header("location").to_owned();
            let (_, below) = location.split_once(PREFIX).expect("the same place");
            below.clone_into(&mut path);
        }
    });
    let login = async {
        tests::eventually("those wait that are held long", async || {
            world.waiting().await >= LONG.len() as u64
        })
        .await;
        world.sso.sign_in()
    };
    tokio::join!(futures_util::future::join_all(asked), login);
    tests::eventually("they were held", async || {
        world.proxy.log().matches(" held=true ").count() >= LONG.len()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publication_waits_with_its_body_for_a_login_that_only_its_endpoint_needs() {
    let setting = Setting::new().await;
    let _login = setting.sso.sign_in();
    setting.configure(&upstream("publish: true"));
    setting.seed("first");
    let builder = setting.builder().env("LOGIN_WAIT", "1m");
    let world = setting.start_as(builder).await;
    // The token is there from now on; where packages of Java are, nobody has asked yet.
    assert_eq!(world.get("/pypi/simple/acme-first/").await.status, 200);
    world.sso.aws.sso().end_sessions();
    world.sso.aws.sso().expire_role_credentials();
    in_state(&world.proxy, "login-required").await;
    let publish = world.put_zeros("/maven/com/acme/late/1/late-1.jar", 1000);
    let login = async {
        world.until_waiting().await;
        world.sso.sign_in()
    };
    let (status, _login) = tokio::join!(publish, login);
    assert!(
        (200..300).contains(&status),
        "{status}: {}",
        world.proxy.log()
    );
    assert_eq!(world.calls(Operation::PublishPackage).len(), 1);
}
