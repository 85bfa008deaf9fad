//! S3's own word on a key.

use simulated_aws::{Action, Fault, Operation};
use tests::ProxyBuilder;
use tests::scratch::ACCESS_KEY;

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_key_looks_missing_where_the_bucket_may_not_be_listed() {
    let world = World::new().await;
    world.put("g/a-1.jar", b"the jar");
    let identities = world.aws.identities();
    identities.deny(ACCESS_KEY.0, Action::ListBucket);
    assert_eq!(world.proxy.get("/g/a-1.jar").await.body, "the jar");
    for path in ["/g/none.jar", "/g/nor-this.jar"] {
        assert_eq!(world.proxy.get(path).await.status, 404);
    }
    assert_eq!(world.proxy.head("/g/not-at-all.jar").await.status, 404);
    let probes = world.aws.counters().count(Operation::ListObjectsV2);
    assert_eq!(probes, 1, "asked once, then known");
    let said = world
        .proxy
        .log()
        .matches("s3:ListBucket is missing")
        .count();
    assert_eq!(said, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denial_is_not_remembered() {
    let world = World::new().await;
    world.put("g/a-1.jar", b"the jar");
    let identities = world.aws.identities();
    identities.deny(ACCESS_KEY.0, Action::GetObject);
    assert_eq!(world.proxy.get("/g/a-1.jar").await.status, 403);
    identities.allow(ACCESS_KEY.0, Action::GetObject);
    assert_eq!(world.proxy.get("/g/a-1.jar").await.body, "the jar");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_bucket_is_our_configuration_and_no_404() {
    let world = World::with(|proxy| proxy.env("S3_BUCKET_NAME", "no-such-bucket")).await;
    for method in ["GET", "HEAD"] {
        let answer = world.proxy.request(method, "/g/a-1.jar", &[]).await;
        assert_eq!(answer.status, 503, "{method}");
        assert_ne!(answer.header("retry-after"), "");
        if method == "GET" {
            assert!(
                answer.text().contains("no-such-bucket"),
                "{}",
                answer.text()
            );
        }
    }
    assert_eq!(world.proxy.get("/g/").await.status, 503);
    let ready = world.proxy.get("/readyz").await;
    assert_eq!(ready.status, 503);
    assert!(ready.text().contains("no-such-bucket"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_of_a_missing_bucket_alone_is_no_404() {
    let world = World::with(|proxy| proxy.env("S3_BUCKET_NAME", "no-such-bucket")).await;
    assert_eq!(world.proxy.head("/g/a-1.jar").await.status, 503);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archived_object_is_403_and_says_so() {
    let world = World::new().await;
    world.put("g/a-1.jar", b"the jar");
    let fault = Fault::on(Operation::GetObject).respond(403, "InvalidObjectState");
    world.aws.faults().add(fault);
    let answer = world.proxy.get("/g/a-1.jar").await;
    assert_eq!(answer.status, 403);
    assert!(answer.text().contains("restored"), "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_not_s3s_is_no_404() {
    let world = World::new().await;
    world.put("g/a-1.jar", b"the jar");
    // Something else answers at the endpoint for a moment.
    let other = Fault::on(Operation::GetObject).times(2).respond(404, "");
    world.aws.faults().add(other);
    assert_eq!(world.proxy.get("/g/a-1.jar").await.body, "the jar");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_may_not_be_listed_is_403_in_plain_text() {
    let world = World::new().await;
    world.put("g/a-1.jar", b"the jar");
    world
        .aws
        .identities()
        .deny(ACCESS_KEY.0, Action::ListBucket);
    let answer = world.proxy.get("/g/").await;
    assert_eq!(answer.status, 403);
    assert!(answer.text().contains("listed"), "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_region_heals_itself() {
    for answer in [
        simulated_aws::WrongRegion::PermanentRedirect,
        simulated_aws::WrongRegion::AuthorizationHeaderMalformed,
    ] {
        for method in ["GET", "HEAD"] {
            let world = World::new().await;
            world.put("g/a-1.jar", b"the jar");
            world.put("g/b-1.jar", b"the jar");
            world.aws.s3().set_wrong_region(answer);
            world
                .aws
                .s3()
                .set_bucket_region("artifacts", "eu-central-1");
            let first = world.proxy.request(method, "/g/a-1.jar", &[]).await;
            assert_eq!(first.status, 200, "{answer:?} {method}");
            let before = world.aws.counters().total();
            assert_eq!(world.proxy.get("/g/b-1.jar").await.status, 200);
            assert_eq!(world.aws.counters().total(), before + 1, "learned for good");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_an_hour_off_heals_itself() {
    for offset in [3600, -3600] {
        let world = World::new().await;
        world.put("g/a-1.jar", b"the jar");
        world.put("g/b-1.jar", b"the jar");
        world.put("g/maven-metadata.xml", b"<metadata/>");
        world.aws.clock().set_offset_seconds(offset);
        assert_eq!(world.proxy.head("/g/a-1.jar").await.status, 200, "{offset}");
        assert_eq!(world.proxy.get("/g/a-1.jar").await.status, 200, "{offset}");
        let before = world.aws.counters().count_status(403);
        assert_eq!(world.proxy.get("/g/b-1.jar").await.status, 200, "{offset}");
        assert_eq!(world.proxy.get("/g/").await.status, 200, "{offset}");
        assert_eq!(
            world.aws.counters().count_status(403),
            before,
            "learned for good"
        );
        // And the clock is set right again.
        world.aws.clock().set_offset_seconds(0);
        assert_eq!(world.proxy.get("/g/maven-metadata.xml").await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_step_in_the_middle_of_a_download_is_survived() {
    let scratch = tests::Scratch::new();
    let aws = scratch.aws().await;
    let jar = crate::world::noise(2_000_000);
    aws.s3()
        .put("artifacts", "g/a-1.jar", &jar)
        .expect("an object");
    aws.faults().add(
        Fault::on(Operation::GetObject)
            .times(1)
            .cut_with_fin(1_000_000),
    );
    let proxy = ProxyBuilder::new(&scratch).aws(&aws).start().await;
    let mut answer = proxy.begin("GET", "/g/a-1.jar", &[]).await;
    aws.clock().set_offset_seconds(3600);
    let first = answer.next().await.expect("bytes").expect("no error");
    let rest = answer.finish().await;
    assert_eq!(rest.broken, None);
    assert!([first.as_ref(), rest.body.as_ref()].concat() == jar);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_that_fails_for_one_key_does_not_end_the_credentials() {
    let world = World::new().await;
    world.put("g/good.jar", b"good");
    world.put("g/other.jar", b"other");
    world.put("g/rewritten.jar", b"rewritten on its way");
    assert_eq!(world.proxy.get("/g/good.jar").await.body, "good");
    let fault = Fault::any().key("g/rewritten.jar");
    world
        .aws
        .faults()
        .add(fault.respond(403, "SignatureDoesNotMatch"));
    assert_eq!(world.proxy.get("/g/rewritten.jar").await.status, 503);
    assert_eq!(world.proxy.get("/g/other.jar").await.body, "other");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_404_to_head_is_believed_only_when_s3_itself_says_it() {
    let world = World::new().await;
    world.put("g/a-1.jar", b"the jar");
    world.put("g/b-1.jar", b"another");
    world.warm("/g/b-1.jar").await;
    // A HEAD's 404 has no body that would tell whose it is.
    let somebodys = Fault::on(Operation::HeadObject).respond(404, "NoSuchKey");
    world.aws.faults().add(somebodys);
    assert_eq!(world.proxy.head("/g/a-1.jar").await.status, 200);
    assert_eq!(world.proxy.head("/g/none.jar").await.status, 404);
}
