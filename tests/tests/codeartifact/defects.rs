//! What the Flask proxy for CodeArtifact is known to do wrong: a test for each that we do not. That a private name
//! which is public, too, comes from the public index there is in `confusion`.

use simulated_aws::{Fault, Operation};
use tests::eventually;

use crate::calls;
use crate::world::{
    ACCEPT_JSON, DOMAIN, OWNER, REGION, REPOSITORY, Setting, World, upstream, wheel_bytes,
};

/// A path as the Flask proxy has them.
fn older(path: &str) -> String {
    format!("/{OWNER}/{REGION}/{DOMAIN}/{REPOSITORY}/{path}")
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_is_redirected_to_a_url_with_a_token() {
    let world = World::seeded(&["first"]).await;
    let (file, _) = world.locked_wheel("acme-first").await;
    let file = file.trim_start_matches("/pypi/");
    for path in [
        "simple/acme-first/",
        "simple/acme-first",
        "simple/Acme.First/",
        file,
    ] {
        for method in ["GET", "HEAD"] {
            let answer = world.proxy.request(method, &older(path), &[]).await;
            let location = answer.header("location");
            let is_here = location.is_empty() || !location.contains("://");
            assert!(is_here, "{method} {path}: {location}");
            for secret in world.secrets() {
                let text = format!("{:?}{}", answer.headers, answer.text());
                assert!(!text.contains(&secret), "{method} {path}: {text}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_configured_repositories_are_reachable() {
    let setting = Setting::new().await;
    let _login = setting.sso.sign_in();
    // These exist, and the credentials reach them.
    let others = [
        ("999999999999", REGION, DOMAIN, REPOSITORY),
        (OWNER, "eu-west-1", DOMAIN, REPOSITORY),
        (OWNER, REGION, "other", REPOSITORY),
        (OWNER, REGION, DOMAIN, "other"),
    ];
    for (owner, region, domain, repository) in others {
        setting
            .service()
            .add_repository(domain, owner, region, repository);
    }
    let world = setting.start().await;
    for (owner, region, domain, repository) in others {
        let path = format!("/{owner}/{region}/{domain}/{repository}/simple/acme-first/");
        let answer = world.proxy.get(&path).await;
        assert_eq!(answer.status, 404, "{path}: {}", answer.text());
    }
    let answer = world.proxy.get("/codeartifact/other/pypi/simple/x/").await;
    assert_eq!(answer.status, 404, "{}", answer.text());
    assert!(world.asked().is_empty(), "{:?}", world.asked());
}

#[tokio::test(flavor = "multi_thread")]
async fn leading_zeros_of_an_account_are_kept() {
    assert!(OWNER.starts_with('0'));
    let world = World::seeded(&["first"]).await;
    let answer = world.proxy.get(&older("simple/acme-first/")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let without = older("simple/acme-first/").replace("/0", "/");
    assert_eq!(world.proxy.get(&without).await.status, 404);
    for call in world.calls(Operation::GetAuthorizationToken) {
        assert!(calls::target(&call).contains(OWNER), "{call:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_is_answered_as_its_get_without_a_body() {
    let world = World::seeded(&["first"]).await;
    let (file, _) = world.locked_wheel("acme-first").await;
    let (_, last) = world.locked_wheel("acme-first-base").await;
    assert!(!last.is_empty());
    for path in [
        "/pypi/simple/acme-first/",
        file.as_str(),
        "/npm/@acme%2ffirst",
    ] {
        // Cold and warm.
        for _ in 0..2 {
            let head = world.request("HEAD", path, &[]).await;
            let get = world.get(path).await;
            assert_eq!(head.status, 200, "{path}");
            assert_eq!(get.status, 200, "{path}");
            assert!(head.body.is_empty());
            for name in ["content-length", "content-type", "etag"] {
                assert_eq!(head.header(name), get.header(name), "{path}: {name}");
            }
            assert_eq!(
                head.header("content-length"),
                get.body.len().to_string(),
                "{path}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_goes_to_where_codeartifact_takes_it() {
    let setting = Setting::new().await;
    let _login = setting.sso.sign_in();
    setting.configure(&upstream("publish: true"));
    let world = setting.start().await;
    // twine's repository_url is the index without `simple/`, in the older URLs, too.
    for (path, name) in [
        ("/codeartifact/main/pypi/".to_owned(), "acme-new"),
        (older(""), "acme-older"),
    ] {
        let status = world.upload_wheel(&path, name, &wheel_bytes(name)).await;
        assert!((200..300).contains(&status), "{path}: {status}");
        let sent = world.calls(Operation::PublishPackage);
        let target = calls::target(sent.last().expect("an upload"));
        assert!(
            target.ends_with(&format!("/pypi/{REPOSITORY}/")),
            "{target}"
        );
        let page = world.get(&format!("/pypi/simple/{name}/")).await;
        assert_eq!(page.status, 200, "{}", page.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_failure_is_not_remembered() {
    let setting = Setting::new().await;
    let _login = setting.sso.sign_in();
    setting.seed("first");
    let faults = setting.sso.aws.faults().clone();
    let denied = Fault::on(Operation::GetAuthorizationToken).respond(403, "AccessDeniedException");
    let fault = faults.add(denied);
    let world = setting.start().await;
    let answer = world.get("/pypi/simple/acme-first/").await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(
        answer.text().contains("codeartifact:GetAuthorizationToken"),
        "{}",
        answer.text()
    );
    faults.remove(fault);
    eventually("it is served", async || {
        world.get("/pypi/simple/acme-first/").await.status == 200
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_range_is_answered() {
    let world = World::seeded(&["first"]).await;
    let (path, _) = world.locked_wheel("acme-first").await;
    let whole = world.get(&path).await.body;
    let length = whole.len();
    for (range, from, to) in [
        ("bytes=0-9".to_owned(), 0, 10),
        ("bytes=10-".to_owned(), 10, length),
        ("bytes=-20".to_owned(), length - 20, length),
        (format!("bytes=5-{}", length + 100), 5, length),
    ] {
        let part = world.get_with(&path, &[("range", &range)]).await;
        assert_eq!(part.status, 206, "{range}");
        assert_eq!(part.body, whole.slice(from..to), "{range}");
        let said = format!("bytes {from}-{}/{length}", to - 1);
        assert_eq!(part.header("content-range"), said, "{range}");
    }
    let beyond = format!("bytes={length}-");
    assert_eq!(
        world.get_with(&path, &[("range", &beyond)]).await.status,
        416
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_fetched_once_is_not_fetched_again() {
    let world = World::seeded(&["first"]).await;
    let (path, _) = world.locked_wheel("acme-first").await;
    for _ in 0..3 {
        assert_eq!(world.get(&path).await.status, 200);
        let page = world.get_as("/pypi/simple/acme-first/", ACCEPT_JSON).await;
        assert_eq!(page.status, 200);
    }
    assert_eq!(world.calls(Operation::GetAsset).len(), 1);
    let pages = world.calls(Operation::ReadPackage).len();
    assert!(pages <= 2, "{pages} pages");
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_tells_of_a_token_that_cannot_be_had_and_recovers() {
    let setting = Setting::new().await;
    let _login = setting.sso.sign_in();
    let faults = setting.sso.aws.faults().clone();
    let denied = Fault::on(Operation::GetAuthorizationToken).respond(403, "AccessDeniedException");
    let fault = faults.add(denied);
    let world = setting.start().await;
    let answer = world.proxy.get("/readyz").await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(answer.text().contains("codeartifact"), "{}", answer.text());
    faults.remove(fault);
    eventually("it is ready", async || {
        world.proxy.get("/readyz").await.status == 200
    })
    .await;
    assert_eq!(world.proxy.get("/healthz").await.status, 200);
}
