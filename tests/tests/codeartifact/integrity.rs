//! What comes is what CodeArtifact's index has promised: altered files, altered pages, bodies that break off, and files
//! larger than any memory.

use sha2::{Digest as _, Sha256};
use simulated_aws::{Fault, Format, Operation};
use tests::{Answer, Pending};

use crate::calls;
use crate::memory;
use crate::world::{ACCEPT_JSON, PREFIX, World};

/// Long enough to break in the middle.
const LARGE: [&str; 2] = [
    "/pypi/simple/acme-large/1.0/acme_large-1.0.tar.gz",
    "/maven/com/acme/large/1.0/large-1.0.jar",
];

fn is_whole(answer: &Answer) -> bool {
    answer.status == 200 && answer.broken.is_none()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_altered_file_never_completes_and_is_never_kept() {
    let world = World::seeded(&["first"]).await;
    world.seed_large(3 << 20);
    let (wheel, _) = world.locked_wheel("acme-first").await;
    let faults = world.sso.aws.faults();
    let small = [wheel.as_str(), "/npm/@acme/first/-/first-1.0.0.tgz"];
    for path in LARGE.into_iter().chain(small) {
        let fault = faults.add(Fault::on(Operation::GetAsset).flip_byte(100));
        let answer = world.get(path).await;
        assert!(!is_whole(&answer), "{path}: {}", answer.status);
        faults.remove(fault);
        let answer = world.get(path).await;
        assert!(is_whole(&answer), "{path}: {:?}", answer.broken);
        assert_eq!(
            answer.header("content-length"),
            answer.body.len().to_string()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_bodies_are_mended_unseen_by_the_client() {
    let world = World::seeded(&[]).await;
    world.seed_large(3 << 20);
    let faults = world.sso.aws.faults();
    for path in LARGE {
        let fault = faults.add(
            Fault::on(Operation::GetAsset)
                .times(2)
                .cut_with_reset(1 << 20),
        );
        let answer = world.get(path).await;
        assert!(
            is_whole(&answer),
            "{path}: {} {:?}",
            answer.status,
            answer.broken
        );
        assert_eq!(faults.played(fault), 2, "{path}");
        faults.remove(fault);
        let resumed = world.calls(Operation::GetAsset);
        let resumed = resumed.iter().filter(|call| call.range.is_some());
        assert!(resumed.count() >= 2, "{path}: started again");
        world.sso.aws.counters().reset();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_mended_resets_the_client() {
    let world = World::seeded(&[]).await;
    world.seed_large(3 << 20);
    let faults = world.sso.aws.faults();
    let _cut = faults.add(
        Fault::on(Operation::GetAsset)
            .times(1)
            .cut_with_reset(1 << 20),
    );
    let _gone = faults.add(Fault::on(Operation::GetAsset).respond(404, "NoSuchKey"));
    let answer = world.get(LARGE[0]).await;
    assert_eq!(answer.status, 200);
    assert!(answer.broken.is_some(), "{} bytes", answer.body.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_and_heads_of_a_file_that_is_not_cached_are_answered() {
    let world = World::seeded(&[]).await;
    world.seed_large(3 << 20);
    let head = world.request("HEAD", LARGE[0], &[]).await;
    assert_eq!(head.status, 200);
    assert_eq!(head.header("content-length"), (3 << 20).to_string());
    assert_eq!(head.header("accept-ranges"), "bytes");
    let last = world.get_with(LARGE[1], &[("range", "bytes=-16")]).await;
    assert_eq!((last.status.as_u16(), last.body.len()), (206, 16));
    // CodeArtifact's redirects take no HEAD, and nothing of it is tried.
    for call in world.calls(Operation::GetAsset) {
        assert_eq!(calls::method(&call), "GET");
        assert!(calls::header(&call, "authorization").is_empty(), "{call:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn five_gigabytes_are_streamed_in_constant_memory() {
    const LENGTH: u64 = 5 << 30;
    const MORE_MEMORY: u64 = 200 << 20;
    let world = World::seeded(&[]).await;
    let (project, file) = ("acme-huge", "acme_huge-1.0.tar.gz");
    world
        .repository
        .put_large_file(project, "1.0", file, LENGTH);
    let path = format!("{PREFIX}/pypi/simple/{project}/1.0/{file}");
    let (of_index, sha256) = world
        .repository
        .length_and_sha256(Format::Pypi, &format!("simple/{project}/1.0/{file}"))
        .expect("the file");
    assert_eq!(of_index, LENGTH);
    let before = world.proxy.resident_bytes();
    let download = async {
        let mut pending = Pending::begin(world.proxy.address(), "GET", &path, &[]).await;
        assert_eq!(pending.status, 200);
        let (mut length, mut hasher) = (0, Sha256::new());
        while let Some(next) = pending.next().await {
            let bytes = next.expect("a whole body");
            length += bytes.len() as u64;
            hasher.update(&bytes);
        }
        (length, hex::encode(hasher.finalize()))
    };
    let (got, most) = memory::during(&world.proxy, download).await;
    assert_eq!(got, (LENGTH, sha256));
    assert!(most < before + MORE_MEMORY, "{before} bytes grew to {most}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_form_of_a_page_is_kept_apart_and_answered_as_it_is_asked() {
    let world = World::seeded(&["first"]).await;
    let path = "/pypi/simple/acme-first/";
    for (accept, kind) in [
        (ACCEPT_JSON, ACCEPT_JSON),
        (
            "application/vnd.pypi.simple.v1+html",
            "application/vnd.pypi.simple.v1+html",
        ),
        ("text/html", "text/html"),
        ("*/*", "text/html"),
    ] {
        for _ in 0..2 {
            let page = world.get_as(path, accept).await;
            assert_eq!(page.status, 200, "{accept}: {}", page.text());
            assert!(
                page.header("content-type").starts_with(kind),
                "{accept}: {:?}",
                page.headers
            );
            assert!(
                page.header("vary").to_lowercase().contains("accept"),
                "{accept}"
            );
            let same = [("accept", accept), ("if-none-match", page.header("etag"))];
            let again = world.get_with(path, &same).await;
            assert_eq!(again.status, 304, "{accept}");
            let url = world.sso.aws.endpoint_url();
            assert!(!page.text().contains(&url), "{accept}: {}", page.text());
        }
    }
    let refused = world.get_as(path, "application/x-unknown").await;
    assert_eq!(refused.status, 406, "{}", refused.text());
}
