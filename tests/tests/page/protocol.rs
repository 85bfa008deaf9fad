//! Who is given what, and what a browser is forbidden.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use tests::scratch::BUCKET;

use crate::scene::Scene;

#[tokio::test(flavor = "multi_thread")]
async fn people_get_a_page_and_programs_json() {
    let scene = Scene::new().await;
    for (accept, kind) in [
        (None, "text/html; charset=utf-8"),
        (Some("*/*"), "text/html; charset=utf-8"),
        (Some("text/html,*/*;q=0.8"), "text/html; charset=utf-8"),
        (
            Some("application/json;q=0, */*"),
            "text/html; charset=utf-8",
        ),
        (Some("application/json"), "application/json"),
        (
            Some("application/json, text/plain, */*"),
            "application/json",
        ),
        (
            Some("text/html;q=0.2, application/json"),
            "application/json",
        ),
    ] {
        let headers: Vec<_> = accept
            .map(|accept| ("accept", accept))
            .into_iter()
            .collect();
        let answer = scene.proxy.get_with("/status", &headers).await;
        assert_eq!(answer.status, 200, "{accept:?}");
        assert_eq!(answer.header("content-type"), kind, "{accept:?}");
        assert_eq!(answer.header("vary"), "Accept");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_has_no_body_and_nothing_is_written_there() {
    let scene = Scene::new().await;
    let head = scene.proxy.head("/status").await;
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
    assert_eq!(head.header("content-type"), "text/html; charset=utf-8");
    assert_ne!(head.header("content-security-policy"), "");
    for method in ["POST", "PUT", "DELETE"] {
        let answer = scene.proxy.request(method, "/status", &[]).await;
        assert_eq!(answer.status, 405, "{method}");
        assert!(answer.header("allow").contains("GET"), "{method}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_host_gets_nothing() {
    let scene = Scene::new().await;
    let foreign = [("host", "evil.example")];
    let answer = scene.proxy.get_with("/status", &foreign).await;
    assert_eq!(answer.status, 421);
    assert!(!answer.text().contains("team"), "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_allows_our_own_style_and_script_and_nothing_else() {
    let scene = Scene::new().await;
    let put = scene.world.aws.s3().put(BUCKET, "g/a.jar", b"x");
    put.expect("an object");
    for path in ["/status", "/g/"] {
        let answer = scene.proxy.get(path).await;
        let policy = answer.header("content-security-policy").to_owned();
        let html = answer.text();
        let mut allowed = policy.clone();
        for tag in ["style", "script"] {
            for text in contents(&html, tag) {
                let source = format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
                assert!(policy.contains(&source), "{path}: {tag} in {policy}");
                allowed = allowed.replace(&source, "");
            }
        }
        for directive in [
            "default-src 'none'",
            "connect-src 'self'",
            "img-src data:",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'none'",
        ] {
            assert!(policy.contains(directive), "{path}: {directive}");
        }
        assert!(
            !policy.contains("unsafe") && !policy.contains("http"),
            "{policy}"
        );
        assert!(!html.contains(" style=") && !html.contains(" onclick="));
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        let for_programs = [("accept", "application/json")];
        let json = scene.proxy.get_with(path, &for_programs).await;
        assert_eq!(json.header("content-type"), "application/json");
        assert_eq!(json.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_the_page_comes_from_elsewhere() {
    let scene = Scene::new().await;
    let html = scene.html().await;
    let html = contents(&html, "script")
        .iter()
        .fold(html.clone(), |html, script| html.replace(*script, ""));
    for attribute in ["src=\"", "href=\""] {
        let targets = html.split(attribute).skip(1);
        for target in targets.filter_map(|rest| rest.split('"').next()) {
            let is_ours = target.starts_with('/') || target.starts_with("data:image/svg+xml,");
            assert!(is_ours && !target.starts_with("//"), "{target}");
        }
    }
    assert!(!html.contains("@import") && !html.contains("url("));
}

/// What stands between `<tag>` and `</tag>`, each time.
fn contents<'a>(html: &'a str, tag: &str) -> Vec<&'a str> {
    let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
    let parts = html.split(open.as_str()).skip(1);
    parts
        .filter_map(|rest| rest.split(close.as_str()).next())
        .collect()
}
