//! Every route that containers may know, and the answers as every SDK takes them.

use serde_json::Value;

use crate::world::{
    ACCOUNT, BUILD_TOKEN, DEPLOY_TOKEN, World, config, document, role, service, session_of,
};

/// The document that every SDK takes: `docs/CONTAINERS.md`.
fn must_be_credentials(document: &Value) {
    for name in ["AccessKeyId", "SecretAccessKey", "Token", "Expiration"] {
        let text = document[name].as_str().unwrap_or_default();
        assert!(!text.is_empty(), "{name} in {document}");
    }
    assert!(document.get("Code").is_none_or(|code| code == "Success"));
    // YYYY-MM-DDTHH:MM:SSZ, as the JS and Rust SDKs take no other.
    let end = document["Expiration"].as_str().expect("a text");
    let shape: String = end
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    assert_eq!(shape, "0000-00-00T00:00:00Z");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_gives_the_document_that_sdks_want() {
    let world = World::new().await;
    let first = world.given(BUILD_TOKEN).await;
    let arn = role("Builder");
    let encoded = arn.replace('/', "%2F").replace(':', "%3A");
    let paths = [
        "/v1/credentials",
        "/creds",
        "/role/build",
        &format!("/role-arn/{arn}"),
        &format!("/role-arn/{encoded}"),
    ];
    let with_slash = paths.iter().map(|path| format!("{path}/"));
    let mut all: Vec<_> = paths.iter().map(ToString::to_string).collect();
    all.extend(with_slash);
    all.push("/".to_owned());
    for path in all {
        let answer = world.get(&path, BUILD_TOKEN).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert_eq!(answer.header("content-type"), "application/json", "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        let said = document(&answer);
        must_be_credentials(&said);
        assert_eq!(said["AccountId"], ACCOUNT, "{path}");
        assert_eq!(said["AccessKeyId"], first["AccessKeyId"], "{path}");
        let head = [("authorization", BUILD_TOKEN)];
        let head = world.request("HEAD", &path, &head).await;
        assert_eq!(head.status, 200, "{path}");
        let length = answer.body.len().to_string();
        assert_eq!(head.header("content-length"), length, "{path}");
        assert!(head.body.is_empty(), "{path}");
    }
    let owner = world.owner(&first).await;
    assert_eq!(owner, session_of("Builder", "build"));
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_have_both_spellings_and_the_status_that_sdks_go_by() {
    let world = World::new().await;
    world.given(BUILD_TOKEN).await;
    let deployer = format!("/role-arn/{}", role("Deployer"));
    let rows = [
        ("GET", "/v1/credentials", None, 401),
        ("GET", "/role/nobody", Some("a-token-of-nobody-at-all"), 401),
        ("GET", "/role/deploy", Some(BUILD_TOKEN), 403),
        ("GET", deployer.as_str(), Some(BUILD_TOKEN), 403),
        ("GET", "/v2/credentials", Some(BUILD_TOKEN), 404),
        ("PUT", "/v1/credentials", Some(BUILD_TOKEN), 405),
        ("POST", "/", Some(BUILD_TOKEN), 405),
        ("DELETE", "/creds", Some(BUILD_TOKEN), 405),
    ];
    for (method, path, token, status) in rows {
        let header = token.map(|token| ("authorization", token));
        let headers: Vec<_> = header.into_iter().collect();
        let answer = world.request(method, path, &headers).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        let said = document(&answer);
        for (one, other) in [("code", "Code"), ("message", "Message")] {
            let text = said[one].as_str().unwrap_or_default();
            assert!(!text.is_empty(), "{method} {path}: {said}");
            assert_eq!(said[one], said[other], "{method} {path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_may_have_roles_beside_its_own_and_no_others() {
    let other = role("Reader");
    let build = service("build", BUILD_TOKEN, "Builder")
        + &format!("    allowed_roles:\n      - {other}\n");
    let own = format!("  own:\n    auth_token: {DEPLOY_TOKEN}\n");
    let world = World::of(&config(&[build, own])).await;
    let own = world.given(DEPLOY_TOKEN).await;
    let owner = world.owner(&own).await;
    assert!(owner.contains("AWSReservedSSO_Developer_"), "{owner}");

    let path = format!("/role-arn/{other}");
    tests::eventually("the other role's credentials are there", async || {
        world.get(&path, BUILD_TOKEN).await.status == 200
    })
    .await;
    let reader = document(&world.get(&path, BUILD_TOKEN).await);
    assert!(world.owner(&reader).await.contains("assumed-role/Reader/"));
    let build = world.given(BUILD_TOKEN).await;
    assert_ne!(build["AccessKeyId"], reader["AccessKeyId"]);
    let refused = world.get(&path, DEPLOY_TOKEN).await;
    assert_eq!(refused.status, 403, "{}", refused.text());
    let refused = world
        .get(&format!("/role-arn/{}", role("Admin")), BUILD_TOKEN)
        .await;
    assert_eq!(refused.status, 403, "{}", refused.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn health_needs_no_token_and_readiness_tells_of_each_service() {
    let world = World::new().await;
    world.given(BUILD_TOKEN).await;
    world.given(DEPLOY_TOKEN).await;
    for path in ["/health", "/livez", "/readyz"] {
        let answer = world.request("GET", path, &[]).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    }
    let ready = document(&world.request("GET", "/readyz", &[]).await).to_string();
    for word in ["build", "deploy"] {
        assert!(ready.contains(word), "{word}: {ready}");
    }
    let access: Vec<_> = world.proxy.log().lines().map(str::to_owned).collect();
    let health = access.iter().find(|line| line.contains("/livez"));
    assert_eq!(health, None, "health is not logged unless asked for");
}
