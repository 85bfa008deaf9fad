//! Whatever form CodeArtifact's answers have: links, checksums, tags and lengths that may be there or not, URLs of files
//! that end, packages that appear.

use std::time::Duration;

use serde_json::Value;
use simulated_aws::packages::{NpmPackage, Wheel};
use simulated_aws::{Fault, Links, Operation};
use tests::clients::{PYTHON, Part, are_installed};
use tests::eventually;

use crate::calls;
use crate::clients::{Client as _, LIMIT, Pip, Place, Pnpm, install, run_all};
use crate::world::{ACCEPT_JSON, Setting, World, sha256, upstream};

#[tokio::test(flavor = "multi_thread")]
async fn absolute_links_lead_here_too() {
    let world = World::seeded(&["first"]).await;
    world.service().set_links(Links::Absolute);
    let (path, promised) = world.locked_wheel("acme-first").await;
    let file = world.get(&path).await;
    assert_eq!(file.status, 200, "{}", file.text());
    assert_eq!(sha256(&file.body), promised);
    let endpoint = world.sso.aws.endpoint_url();
    for accept in [ACCEPT_JSON, "text/html"] {
        let page = world.get_as("/pypi/simple/acme-first/", accept).await;
        let text = page.text();
        assert!(text.contains("acme_first-1.0-py3-none-any.whl"), "{text}");
        assert!(!text.contains(&endpoint), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_without_tags_or_lengths_are_served_and_renewed() {
    let setting = Setting::new().await;
    let _login = setting.sso.sign_in();
    setting.seed("first");
    let service = setting.service();
    service.set_validators(false, false).set_chunked_pages(true);
    let builder = setting.builder().env("METADATA_TTL", "1");
    let world = setting.start_as(builder).await;
    let pages = [
        "/pypi/simple/acme-first/",
        "/npm/@acme%2ffirst",
        "/maven/com/acme/first/maven-metadata.xml",
    ];
    for path in pages {
        let page = world.get(path).await;
        assert_eq!(page.status, 200, "{path}: {}", page.text());
        let length = page.header("content-length");
        assert_eq!(length, page.body.len().to_string(), "{path}");
        // A page has a tag of the proxy's own, a file of Maven's none but CodeArtifact's.
        let tag = page.header("etag").to_owned();
        if tag.is_empty() {
            assert!(path.starts_with("/maven/"), "{path}");
            continue;
        }
        let same = world.get_with(path, &[("if-none-match", &tag)]).await;
        assert_eq!(same.status, 304, "{path}: {tag}");
    }
    world
        .repository
        .put_wheel(&Wheel::new("acme-first", "7.0"))
        .put_npm(&NpmPackage::new("@acme/first", "7.0.0"))
        .put_maven("com/acme/first/7.0/first-7.0.jar", "new");
    for path in pages {
        eventually("the new version is there", async || {
            world.get(path).await.text().contains("7.0")
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pnpm_takes_packages_whose_integrity_codeartifact_leaves_out() {
    if !are_installed(&Pnpm.parts()) {
        return;
    }
    let world = World::seeded(&["first"]).await;
    world.service().set_integrity(false);
    let got = install(&Pnpm, &world.index(), "@acme/first").await;
    assert_eq!(got.as_deref(), Ok("1.0.0"));
    let page = world.get("/npm/@acme%2ffirst").await;
    let page: Value = serde_json::from_slice(&page.body).expect("JSON");
    let integrity = page["versions"]["1.0.0"]["dist"]["integrity"].as_str();
    assert!(
        integrity.is_some_and(|integrity| integrity.starts_with("sha1-")),
        "{page}"
    );
}

/// It crashes at metadata under names that it takes for its own.
#[tokio::test(flavor = "multi_thread")]
async fn the_pip_of_debian_takes_pages_with_metadata() {
    const OLD_PIP: Part = Part::new("Debian's pip", "/usr/lib/python3/dist-packages/pip");
    if !are_installed(&[PYTHON, OLD_PIP]) {
        return;
    }
    // Those that CodeArtifact offers, and those that the proxy adds once it has the wheels.
    for (has_metadata, times) in [(true, 1), (false, 2)] {
        let world = World::seeded(&["first"]).await;
        world.service().set_metadata(has_metadata);
        for name in ["acme-first", "acme-first-base"].repeat(times) {
            let place = Place::new(&world.index());
            let mut commands = Pip.install(&place, name);
            commands[0].env_remove("PYTHONPATH");
            let ended = run_all(commands, LIMIT).await;
            let said = format!("{}{}", ended.text(), ended.stderr);
            assert_eq!(
                Pip.installed(&place, name).as_deref(),
                Some("1.0"),
                "{said}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_files_url_that_ends_in_the_middle_is_asked_for_again() {
    const LIFE: Duration = Duration::from_secs(2);
    let world = World::seeded(&[]).await;
    world.seed_large(3 << 20);
    world.service().set_presigned_life(LIFE);
    let cut = Fault::on(Operation::GetAsset)
        .times(1)
        .delay_body(1 << 20, LIFE * 2)
        .cut_with_reset(2 << 20);
    let cut = world.sso.aws.faults().add(cut);
    let path = "/pypi/simple/acme-large/1.0/acme_large-1.0.tar.gz";
    let file = world.get(path).await;
    assert_eq!(world.sso.aws.faults().played(cut), 1);
    assert_eq!((file.status.as_u16(), file.broken.as_deref()), (200, None));
    assert_eq!(file.body.len(), 3 << 20);
    let urls: Vec<_> = world.calls(Operation::GetAsset);
    let last = urls.last().expect("a download");
    assert!(last.range.is_some(), "started again: {last:?}");
    assert_eq!(last.status, Some(206), "{last:?}");
    assert_ne!(calls::target(&urls[0]), calls::target(last));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_elsewhere_is_found_right_after_our_404() {
    let world = World::seeded(&["first"]).await;
    // A token that has worked: a 404 is one.
    assert_eq!(world.get("/pypi/simple/acme-first/").await.status, 200);
    let paths = [
        "/pypi/simple/acme-late/",
        "/npm/@acme%2flate",
        "/maven/com/acme/late/maven-metadata.xml",
        "/maven/com/acme/late/1.0/late-1.0.jar",
    ];
    for path in paths {
        assert_eq!(world.get(path).await.status, 404, "{path}");
    }
    world.seed("late");
    for path in paths {
        let answer = world.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_for_as_long_as_the_roles_session_is_asked_for_with_zero() {
    let setting = Setting::new().await;
    let _login = setting.sso.sign_in();
    setting.seed("first");
    setting.configure(&upstream("token_duration: 0"));
    let world = setting.start().await;
    assert_eq!(world.get("/pypi/simple/acme-first/").await.status, 200);
    let asked = world.calls(Operation::GetAuthorizationToken);
    assert_eq!(asked.len(), 1);
    let query = calls::target(&asked[0]);
    assert!(
        query.split(['?', '&']).any(|part| part == "duration=0"),
        "{query}"
    );
}
