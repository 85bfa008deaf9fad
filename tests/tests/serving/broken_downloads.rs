//! What clients see of a network that breaks between S3 and us.

use std::time::Duration;

use simulated_aws::{Fault, Operation};
use tests::eventually;
use tests::scratch::BUCKET;

use crate::world::{End, World, get_and_close, noise, read_to_end};

const LENGTH: usize = 3_000_000;
const CUT_AT: u64 = 1_234_567;

async fn with_artifact() -> (World, Vec<u8>) {
    let world = World::new().await;
    let jar = noise(LENGTH);
    world.put("g/a-1.jar", &jar);
    (world, jar)
}

fn on_get() -> Fault {
    Fault::on(Operation::GetObject)
}

/// The `Range` headers that S3 was sent, in order.
fn ranges(world: &World) -> Vec<Option<String>> {
    let log = world.aws.counters().log();
    let gets = log
        .into_iter()
        .filter(|call| call.operation == Operation::GetObject);
    gets.map(|call| call.range).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_cut_by_a_fin_is_resumed_unseen_by_the_client() {
    let (world, jar) = with_artifact().await;
    world
        .aws
        .faults()
        .add(on_get().times(1).cut_with_fin(CUT_AT));
    let answer = world.proxy.get("/g/a-1.jar").await;
    assert_eq!((answer.status.as_u16(), answer.broken), (200, None));
    assert!(answer.body == jar);
    assert_eq!(ranges(&world), [None, Some(format!("bytes={CUT_AT}-"))]);
    assert!(world.warm("/g/a-1.jar").await.body == jar);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_cut_by_a_reset_is_resumed_unseen_by_the_client() {
    let (world, jar) = with_artifact().await;
    world
        .aws
        .faults()
        .add(on_get().times(1).cut_with_reset(CUT_AT));
    let answer = world.proxy.get("/g/a-1.jar").await;
    assert_eq!((answer.status.as_u16(), answer.broken), (200, None));
    assert!(answer.body == jar);
    let ranges = ranges(&world);
    assert_eq!((ranges.len(), &ranges[0]), (2, &None));
    assert!(
        ranges[1]
            .as_deref()
            .is_some_and(|range| range.starts_with("bytes="))
    );
    assert!(world.warm("/g/a-1.jar").await.body == jar);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_cuts_in_one_download_are_all_mended() {
    let (world, jar) = with_artifact().await;
    world
        .aws
        .faults()
        .add(on_get().times(8).cut_with_fin(300_000));
    let answer = world.proxy.get("/g/a-1.jar").await;
    assert!(answer.body == jar && answer.broken.is_none());
    assert_eq!(world.gets("g/a-1.jar"), 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_goes_and_comes_back_in_mid_download_is_survived() {
    let (world, jar) = with_artifact().await;
    world
        .aws
        .faults()
        .add(on_get().times(1).delay_body(CUT_AT, Duration::from_mins(1)));
    let mut answer = world.proxy.begin("GET", "/g/a-1.jar", &[]).await;
    let first = answer.next().await.expect("bytes").expect("no error");
    world.aws.go_offline().await.expect("offline");
    eventually("the cut was noticed", async || {
        world
            .proxy
            .log()
            .contains("a download broke off and is resumed")
    })
    .await;
    world.aws.go_online().await.expect("online");
    let rest = answer.finish().await;
    assert_eq!(rest.broken, None);
    assert!([first.as_ref(), rest.body.as_ref()].concat() == jar);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_stalls_is_asked_for_again() {
    let (world, jar) = with_artifact().await;
    let for_ever = Duration::from_hours(1);
    world
        .aws
        .faults()
        .add(on_get().times(1).delay_body(CUT_AT, for_ever));
    let answer = world.proxy.get("/g/a-1.jar").await;
    assert_eq!(answer.broken, None);
    assert!(answer.body == jar);
    assert_eq!(ranges(&world), [None, Some(format!("bytes={CUT_AT}-"))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_changed_before_the_resumption_resets_the_client() {
    let (world, _) = with_artifact().await;
    world
        .aws
        .faults()
        .add(on_get().times(1).cut_with_fin(CUT_AT));
    // The resumption waits, so that the change comes between.
    world
        .aws
        .faults()
        .add(on_get().times(1).delay(Duration::from_millis(800)));
    let request = get_and_close("/g/a-1.jar");
    let change = async {
        eventually("the download is resumed", async || {
            world.gets("g/a-1.jar") == 2
        })
        .await;
        world.put("g/a-1.jar", noise(LENGTH - 1));
    };
    let ((received, end), ()) = tokio::join!(read_to_end(&world.proxy, &request), change);
    assert_eq!(end, End::Reset, "after {} bytes", received.len());
    assert!(received.len() < LENGTH);
    assert_eq!(
        world.aws.counters().count_status(412),
        1,
        "S3 was asked for the rest of the same object only"
    );
    // Nothing of it was kept: the next client gets the new object.
    let next = world.proxy.get("/g/a-1.jar").await;
    assert!(!next.is_hit());
    assert!(next.body == noise(LENGTH - 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_that_cannot_be_mended_resets_the_client() {
    let (world, jar) = with_artifact().await;
    world
        .aws
        .faults()
        .add(on_get().times(1).cut_with_fin(CUT_AT));
    world.aws.faults().add(on_get().cut_with_reset(0));
    let (received, end) = read_to_end(&world.proxy, &get_and_close("/g/a-1.jar")).await;
    assert_eq!(end, End::Reset, "after {} bytes", received.len());
    world.aws.faults().clear();
    let next = world.proxy.get("/g/a-1.jar").await;
    assert!(!next.is_hit(), "a partial object was kept");
    assert!(next.body == jar);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_altered_large_object_never_completes_and_is_never_kept() {
    let (world, jar) = with_artifact().await;
    world.aws.faults().add(on_get().times(1).flip_byte(CUT_AT));
    let (received, end) = read_to_end(&world.proxy, &get_and_close("/g/a-1.jar")).await;
    assert_eq!(end, End::Reset);
    assert!(received.len() < LENGTH);
    let next = world.proxy.get("/g/a-1.jar").await;
    assert!(!next.is_hit() && next.body == jar);
}

/// Alters a byte in the middle, and the last one, of an object of which S3 promises only so much.
async fn never_completes(attributes: simulated_aws::ObjectAttributes) {
    let (world, jar) = with_artifact().await;
    for (number, at) in [CUT_AT, LENGTH as u64 - 1].into_iter().enumerate() {
        let key = format!("g/{number}.jar");
        world.put_with(&key, &jar, attributes.clone());
        world.aws.faults().add(on_get().times(1).flip_byte(at));
        let path = format!("/{key}");
        let (received, end) = read_to_end(&world.proxy, &get_and_close(&path)).await;
        assert_eq!(end, End::Reset, "altered at {at}");
        assert!(received.len() < LENGTH, "altered at {at}");
        let next = world.proxy.get(&path).await;
        assert!(!next.is_hit() && next.body == jar, "altered at {at}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_altered_object_of_which_only_a_crc_is_promised_never_completes() {
    never_completes(simulated_aws::ObjectAttributes {
        etag: Some("\"00000000000000000000000000000000-3\"".to_owned()),
        ..simulated_aws::ObjectAttributes::default()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_altered_object_of_which_only_the_md5_is_promised_never_completes() {
    never_completes(simulated_aws::ObjectAttributes {
        checksums: Some(vec![]),
        ..simulated_aws::ObjectAttributes::default()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_altered_small_object_is_fetched_once_more_unseen_by_the_client() {
    let world = World::new().await;
    let pom = noise(40_000);
    world.put("g/a-1.pom", &pom);
    world.aws.faults().add(on_get().times(1).flip_byte(39_000));
    let answer = world.proxy.get("/g/a-1.pom").await;
    assert_eq!((answer.status.as_u16(), answer.broken), (200, None));
    assert!(answer.body == pom);
    assert_eq!(world.gets("g/a-1.pom"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_is_always_altered_is_never_answered() {
    let world = World::new().await;
    world.put("g/a-1.pom", b"<project/>");
    world.aws.faults().add(on_get().flip_byte(3));
    for _ in 0..2 {
        let answer = world.proxy.get("/g/a-1.pom").await;
        assert_eq!(answer.status, 503);
        assert_ne!(answer.header("retry-after"), "");
    }
    assert_eq!(world.gets("g/a-1.pom"), 4, "nothing was kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_deleted_before_the_resumption_resets_the_client() {
    let (world, _) = with_artifact().await;
    world
        .aws
        .faults()
        .add(on_get().times(1).cut_with_fin(CUT_AT));
    world
        .aws
        .faults()
        .add(on_get().times(1).delay(Duration::from_millis(500)));
    let request = get_and_close("/g/a-1.jar");
    let delete = async {
        eventually("the download is resumed", async || {
            world.gets("g/a-1.jar") == 2
        })
        .await;
        world.aws.s3().delete(BUCKET, "g/a-1.jar").expect("deleted");
    };
    let ((_, end), ()) = tokio::join!(read_to_end(&world.proxy, &request), delete);
    assert_eq!(end, End::Reset);
    assert_eq!(world.proxy.get("/g/a-1.jar").await.status, 404);
}
