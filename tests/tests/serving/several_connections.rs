//! Large objects from an S3 that limits each connection.
//!
//! The limit of these tests is far below what a proxy without optimisation takes on a busy machine, so a
//! connection is what a download waits for, and no test depends on how fast anything is.

use std::time::Duration;

use futures_util::future::join_all;
use simulated_aws::{Fault, Operation};
use tests::{Answer, eventually, throughout};

use crate::world::{End, World, get_and_close, noise, read_to_end};

const KEY: &str = "g/large.zip";
const PATH: &str = "/g/large.zip";
/// Of one connection, in bytes a second.
const RATE: u64 = 10_000_000;
const LENGTH: usize = 25_000_000;
/// By then every download has gone on over several connections.
const FAR: u64 = 20_000_000;
/// Requests with bytes waiting or on their way, the one that is being read included.
const MOST_AT_ONCE: usize = 6;

fn limited() -> Fault {
    Fault::on(Operation::GetObject).key(KEY).rate(RATE)
}

/// An object, behind faults that are played in this order, the limit last.
async fn with_large(length: usize, faults: impl IntoIterator<Item = Fault>) -> (World, Vec<u8>) {
    let world = World::new().await;
    let body = noise(length);
    world.put(KEY, &body);
    for fault in faults {
        world.aws.faults().add(fault);
    }
    world.aws.faults().add(limited());
    (world, body)
}

/// The ranges that S3 was asked for, without their ends where they go to the object's; in the order of
/// the requests, the unranged first one left out.
fn ranges(world: &World) -> Vec<(u64, Option<u64>)> {
    let log = world.aws.counters().log();
    let gets = log
        .iter()
        .filter(|call| call.key.as_deref() == Some(KEY) && call.operation == Operation::GetObject);
    let mut asked = gets.map(|call| call.range.as_deref());
    assert_eq!(asked.next(), Some(None), "the first GET is of the whole");
    let parsed = asked.map(|range| {
        let range = range.and_then(|range| range.strip_prefix("bytes="));
        let (start, last) = range.and_then(|range| range.split_once('-')).expect("one");
        let last = (!last.is_empty()).then(|| last.parse().expect("a number"));
        (start.parse().expect("a number"), last)
    });
    parsed.collect()
}

/// Every byte behind the place where the first connection was left was asked for once. Gives that place.
fn assert_each_byte_was_asked_for_once(world: &World) -> u64 {
    let mut ranges = ranges(world);
    ranges.sort_unstable();
    assert!(ranges.len() > 1, "only {ranges:?}");
    for pair in ranges.windows(2) {
        assert_eq!(pair[0].1, Some(pair[1].0 - 1), "{ranges:?}");
    }
    assert_eq!(ranges.last().and_then(|last| last.1), None, "{ranges:?}");
    assert!(ranges[0].0 < FAR, "{ranges:?}");
    ranges[0].0
}

fn assert_whole(answer: &Answer, body: &[u8]) {
    assert_eq!((answer.status.as_u16(), &answer.broken), (200, &None));
    assert!(answer.body == body, "other bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_object_comes_over_several_connections_each_byte_asked_for_once() {
    // Who stays with the first connection to the end waits for it in vain.
    let for_ever = Duration::from_hours(1);
    let first = limited().times(1).delay_body(FAR, for_ever);
    let (world, body) = with_large(LENGTH, [first]).await;
    assert_whole(&world.proxy.get(PATH).await, &body);
    assert_each_byte_was_asked_for_once(&world);
    assert!(!world.proxy.log().contains("broke off"));
    assert_whole(&world.warm(PATH).await, &body);
    let numbers = world.proxy.get("/metrics").await.text();
    assert!(numbers.contains("bazel_proxy_s3_parallel_total 1\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_clients_read_along_with_the_ranges_of_one_download() {
    let (world, body) = with_large(LENGTH, []).await;
    let whole = (0..10).map(|_| world.proxy.get(PATH));
    let parts = (0..90).map(async |number| {
        let start = number * LENGTH / 90;
        let range = format!("bytes={start}-{}", start + 999);
        let answer = world.proxy.get_with(PATH, &[("range", &range)]).await;
        (start, answer)
    });
    let (whole, parts) = tokio::join!(join_all(whole), join_all(parts));
    for answer in &whole {
        assert_whole(answer, &body);
    }
    for (start, answer) in &parts {
        assert_eq!((answer.status.as_u16(), &answer.broken), (206, &None));
        assert!(answer.body == body[*start..start + 1000], "from {start}");
    }
    assert_each_byte_was_asked_for_once(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_before_a_range_that_hangs_are_sent_and_no_more_are_asked_for_than_may_wait() {
    // From the second range on there is no answer until the fault is removed.
    let (world, body) = with_large(70_000_000, []).await;
    world.aws.faults().clear();
    let hanging = limited().skip_first(2).hang();
    let hanging = world.aws.faults().add(hanging);
    world.aws.faults().add(limited());
    let mut answer = world.proxy.begin("GET", PATH, &[]).await;
    let asked = || {
        let mut ranges = ranges(&world);
        // An attempt that is not answered is made once more.
        ranges.sort_unstable();
        ranges.dedup();
        ranges
    };
    let mut received = Vec::new();
    let mut hangs_at = None;
    while hangs_at.is_none_or(|at| (received.len() as u64) < at) {
        let bytes = answer.next().await.expect("more").expect("no error");
        received.extend_from_slice(&bytes);
        hangs_at = asked().first().and_then(|first| Some(first.1? + 1));
    }
    // The first range has been read, so the second one is being read, and all other places are taken.
    let all = 1 + MOST_AT_ONCE;
    eventually("all that may wait is asked for", async || {
        asked().len() == all
    })
    .await;
    let quiet = Duration::from_millis(500);
    throughout(quiet, "nothing more is", async || asked().len() == all).await;
    world.aws.faults().remove(hanging);
    let rest = answer.finish().await;
    assert_eq!(rest.broken, None);
    assert!([&received[..], &rest.body].concat() == body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_that_breaks_off_keeps_what_it_has_and_the_ones_behind_it() {
    const CUT_AT: u64 = 1_234_567;
    let cut = limited().skip_first(2).times(1).cut_with_fin(CUT_AT);
    let (world, body) = with_large(LENGTH, [cut]).await;
    assert_whole(&world.proxy.get(PATH).await, &body);
    let mut ranges = ranges(&world);
    ranges.sort_unstable();
    let mended: Vec<_> = ranges
        .windows(2)
        .filter(|pair| pair[1] == (pair[0].0 + CUT_AT, pair[0].1))
        .collect();
    assert_eq!(mended.len(), 1, "{ranges:?}");
    let unbroken = ranges
        .windows(2)
        .filter(|pair| pair[0].1 == Some(pair[1].0 - 1));
    assert_eq!(unbroken.count(), ranges.len() - 2, "{ranges:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_connection_that_breaks_off_is_resumed_up_to_the_first_range() {
    const CUT_AT: u64 = 5_500_000;
    let cut = limited().times(1).cut_with_fin(CUT_AT);
    let (world, body) = with_large(LENGTH, [cut]).await;
    assert_whole(&world.proxy.get(PATH).await, &body);
    assert_eq!(assert_each_byte_was_asked_for_once(&world), CUT_AT);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_replaced_while_its_ranges_are_fetched_resets_the_client() {
    // From the third request on all wait, so that the change comes between.
    let late = limited().skip_first(2).times(100);
    let late = late.delay(Duration::from_millis(800));
    let (world, _) = with_large(LENGTH, [late]).await;
    let replace = async {
        eventually("ranges are asked for", async || world.gets(KEY) >= 3).await;
        world.put(KEY, noise(LENGTH - 1));
    };
    let request = get_and_close(PATH);
    let ((received, end), ()) = tokio::join!(read_to_end(&world.proxy, &request), replace);
    assert_eq!(end, End::Reset, "after {} bytes", received.len());
    assert!(received.len() < LENGTH);
    assert!(world.aws.counters().count_status(412) > 0);
    world.aws.faults().clear();
    let next = world.proxy.get(PATH).await;
    assert!(!next.is_hit());
    assert_whole(&next, &noise(LENGTH - 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_byte_altered_in_a_range_is_never_kept() {
    let flip = limited().skip_first(2).times(1).flip_byte(1_000_000);
    let (world, body) = with_large(LENGTH, [flip]).await;
    let (received, end) = read_to_end(&world.proxy, &get_and_close(PATH)).await;
    assert_eq!(end, End::Reset);
    assert!(received.len() < LENGTH);
    let next = world.proxy.get(PATH).await;
    assert!(!next.is_hit());
    assert_whole(&next, &body);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_s3_that_knows_no_ranges_is_read_over_one_connection() {
    let body = noise(LENGTH);
    let whole = Fault::on(Operation::GetObject).key(KEY).skip_first(1);
    let whole = whole.respond_with(200, "application/zip", body.clone());
    let (world, _) = with_large(LENGTH, [whole]).await;
    assert_whole(&world.proxy.get(PATH).await, &body);
    assert_eq!(ranges(&world).len(), 1, "{:?}", ranges(&world));
    let said = "answers a range with the whole object";
    assert_eq!(world.proxy.log().matches(said).count(), 1);
    assert_whole(&world.warm(PATH).await, &body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_range_that_is_refused_leaves_the_download_on_its_connection() {
    let refused = Fault::on(Operation::GetObject).key(KEY).skip_first(1);
    let refused = refused.respond(403, "AccessDenied");
    let (world, body) = with_large(LENGTH, [refused]).await;
    assert_whole(&world.proxy.get(PATH).await, &body);
    assert_eq!(ranges(&world).len(), 1, "{:?}", ranges(&world));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_range_that_is_not_answered_leaves_the_download_on_its_connection() {
    let hanging = Fault::on(Operation::GetObject).key(KEY).skip_first(1);
    let (world, body) = with_large(LENGTH, [hanging.hang()]).await;
    assert_whole(&world.proxy.get(PATH).await, &body);
    assert_eq!(ranges(&world).len(), 1, "{:?}", ranges(&world));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_smaller_object_comes_over_one_connection_however_slow() {
    let (world, body) = with_large(16_000_000, []).await;
    assert_whole(&world.proxy.get(PATH).await, &body);
    assert_eq!(world.gets(KEY), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_s3_that_is_fast_enough_is_read_over_one_connection() {
    let world = World::new().await;
    let body = noise(LENGTH);
    // A machine that is busy enough makes any S3 slow, but not for ever.
    let mut number = 0;
    eventually("an object comes over one connection", async || {
        number += 1;
        let key = format!("g/{number}.zip");
        world.put(&key, &body);
        assert_whole(&world.proxy.get(&format!("/{key}")).await, &body);
        world.gets(&key) == 1
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_several_connections_only_share_spares_the_next_download_the_ranges() {
    let world = World::new().await;
    let body = noise(30_000_000);
    world.put(KEY, &body);
    world.put("g/next.zip", &body);
    // Six of these are slower than the first one alone.
    let shared = Fault::on(Operation::GetObject).key(KEY).rate(RATE / 20);
    let next = Fault::on(Operation::GetObject).key("g/next.zip").rate(RATE);
    for fault in [limited().times(1), shared, next] {
        world.aws.faults().add(fault);
    }
    assert_whole(&world.proxy.get(PATH).await, &body);
    assert!(world.gets(KEY) > 1);
    assert_whole(&world.proxy.get("/g/next.zip").await, &body);
    assert_eq!(world.gets("g/next.zip"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_large_downloads_than_there_are_places_for_ranges_all_arrive() {
    let world = World::new().await;
    let body = noise(LENGTH);
    let slowly = Fault::on(Operation::GetObject).rate(RATE);
    world.aws.faults().add(slowly);
    let paths: Vec<_> = (0..6).map(|number| format!("/g/{number}.zip")).collect();
    for path in &paths {
        world.put(&path[1..], &body);
    }
    for answer in join_all(paths.iter().map(|path| world.proxy.get(path))).await {
        assert_whole(&answer, &body);
    }
    let gets = world.aws.counters().count(Operation::GetObject);
    assert!(gets > paths.len() as u64, "none came over several");
}
