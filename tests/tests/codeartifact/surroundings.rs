//! What is around the packages: the file that changes, the older URL, no bucket, readiness, and headers.

use http::HeaderValue;
use http::header::LOCATION;
use simulated_aws::Operation;
use tests::eventually;

use crate::calls;
use crate::world::{ACCEPT_JSON, DOMAIN, OWNER, REGION, REPOSITORY, Setting, World, upstream};

#[tokio::test(flavor = "multi_thread")]
async fn upstreams_follow_the_file_and_the_last_good_ones_stay() {
    let setting = Setting::new().await;
    let _login = setting.sso.sign_in();
    setting.seed("first");
    let world = setting.start().await;
    let status = async |alias: &str| {
        let path = format!("/codeartifact/{alias}/pypi/simple/acme-first/");
        world.proxy.get(&path).await.status.as_u16()
    };
    assert_eq!((status("main").await, status("other").await), (200, 404));
    world.configure(&upstream("").replace("  main:", "  other:"));
    eventually("the new name is served", async || {
        status("other").await == 200
    })
    .await;
    assert_eq!(status("main").await, 404);
    world.configure("codeartifact: [");
    eventually("the fault is told", async || {
        world.proxy.log().contains("codeartifact.yaml")
    })
    .await;
    assert_eq!(status("other").await, 200);
    world.configure(&upstream(""));
    eventually("the old name is back", async || status("main").await == 200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_older_url_serves_the_same_bytes() {
    let world = World::seeded(&["first"]).await;
    let older = format!("/{OWNER}/{REGION}/{DOMAIN}/{REPOSITORY}");
    let page = world.get_as("/pypi/simple/acme-first/", ACCEPT_JSON).await;
    let headers = [("accept", ACCEPT_JSON)];
    let same = world
        .proxy
        .get_with(&format!("{older}/simple/acme-first/"), &headers)
        .await;
    assert_eq!(same.body, page.body);
    let (path, sha256) = world.locked_wheel("acme-first").await;
    let file = format!("{older}/{}", path.trim_start_matches("/pypi/"));
    let file = world.proxy.get(&file).await;
    assert_eq!(file.status, 200);
    assert_eq!(crate::world::sha256(&file.body), sha256);
}

#[tokio::test(flavor = "multi_thread")]
async fn codeartifact_is_served_without_a_bucket() {
    let setting = Setting::new().await;
    let _login = setting.sso.sign_in();
    setting.seed("first");
    let builder = setting.builder().without("S3_BUCKET_NAME");
    let world = setting.start_as(builder).await;
    assert_eq!(world.get("/pypi/simple/acme-first/").await.status, 200);
    let answer = world.proxy.get("/g/a.jar").await;
    assert_eq!(answer.status, 404);
    assert!(answer.text().contains("bucket"), "{}", answer.text());
    eventually("it is ready", async || {
        world.proxy.get("/readyz").await.status == 200
    })
    .await;
    let root = world.proxy.get("/").await;
    assert_eq!(root.status, 404);
    assert!(root.text().contains("S3_BUCKET_NAME"), "{}", root.text());
    for path in ["/status", "/metrics", "/readyz"] {
        let page = world.proxy.get(path).await;
        assert_eq!(page.status, 200, "{path}: {}", page.text());
        assert!(!page.text().contains("s3://"), "{path}: {}", page.text());
    }
    let metrics = world.proxy.get("/metrics").await.text();
    assert!(
        metrics.contains("bazel_proxy_codeartifact_requests_total"),
        "{metrics}"
    );
    assert!(
        world
            .asked()
            .iter()
            .all(|call| call.operation != Operation::HeadBucket)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_the_client_reaches_codeartifact_but_what_it_accepts() {
    let world = World::seeded(&["first"]).await;
    let headers = [
        ("accept", ACCEPT_JSON),
        ("authorization", "Basic Y2xpZW50OnNlY3JldA=="),
        ("cookie", "session=client-secret"),
        ("proxy-authorization", "Basic Y2xpZW50OnNlY3JldA=="),
        ("x-forwarded-for", "10.1.2.3"),
        ("te", "trailers"),
    ];
    assert_eq!(
        world
            .get_with("/pypi/simple/acme-first/", &headers)
            .await
            .status,
        200
    );
    let (path, _) = world.locked_wheel("acme-first").await;
    assert_eq!(world.get_with(&path, &headers).await.status, 200);
    let calls = world.asked();
    assert!(!calls.is_empty());
    for call in &calls {
        calls::assert_nothing_of_the_client(call);
    }
    let pages = world.calls(Operation::ReadPackage);
    assert!(
        pages
            .iter()
            .any(|call| calls::header(call, "accept") == ACCEPT_JSON)
    );
    for call in world.calls(Operation::GetAsset) {
        assert!(calls::header(&call, "authorization").is_empty(), "{call:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_to_a_foreign_host_is_not_followed() {
    let world = World::seeded(&["first"]).await;
    let (path, _) = world.locked_wheel("acme-first").await;
    let foreign = tests::StandIn::http(|_: &str, _: &str| (200, "not a wheel".to_owned())).await;
    let away = format!(
        "http://localhost.example:{}/x?X-Amz-Signature=s",
        foreign.address().port()
    );
    let fault = simulated_aws::Fault::on(Operation::ReadAsset)
        .respond(302, "Found")
        .header(LOCATION, HeaderValue::from_str(&away).expect("a header"));
    let fault = world.sso.aws.faults().add(fault);
    let answer = world.get(&path).await;
    assert!(answer.status.is_server_error(), "{}", answer.status);
    let text = answer.text();
    assert!(!text.contains("X-Amz-Signature"), "{text}");
    assert_eq!(foreign.asked(), 0);
    world.sso.aws.faults().remove(fault);
    assert_eq!(world.get(&path).await.status, 200);
}
