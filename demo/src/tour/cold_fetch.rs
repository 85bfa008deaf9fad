//! The first fetch of a key: streamed while it is stored.

use std::time::Duration;

use http::StatusCode;
use simulated_aws::{Fault, Operation};

use super::Tour;
use crate::client::Answer;
use crate::error::Error;
use crate::repository::ATLAS_JAR;
use crate::terminal::{size, time};

const S3_BYTES_PER_SECOND: u64 = 4 * 1024 * 1024;

/// Returns how long it took.
pub(super) async fn show(tour: &mut Tour<'_>) -> Result<Duration, Error> {
    tour.terminal
        .say("The simulated S3 sends only 4 MiB/s here, like a bucket far away.");
    let slow = Fault::on(Operation::GetObject).rate(S3_BYTES_PER_SECOND);
    let slow = tour.stage.aws.faults().add(slow);
    let fetched = fetch(tour).await;
    tour.stage.aws.faults().remove(slow);
    let (answer, came_early) = fetched?;
    let kept = tour.until_kept(ATLAS_JAR).await?;
    let (first, last) = (answer.first_byte, answer.last_byte);
    tour.claim(
        came_early && first < last / 2,
        &format!(
            "the first byte came after {}, while S3 was still sending; the last one after {}",
            time(first),
            time(last)
        ),
    );
    let content = tour.stage.repository.content(ATLAS_JAR);
    tour.claim(
        answer.is_copy_of(content),
        &format!(
            "{}, every byte as it is in the bucket",
            size(answer.body.len())
        ),
    );
    let gets = tour.stage.s3_gets(ATLAS_JAR);
    tour.claim(gets == 1, &format!("S3 was asked once: GetObject × {gets}"));
    tour.claim(
        kept.is_some(),
        &kept.map_or_else(
            || "it is not in the cache afterwards".to_owned(),
            |after| {
                format!(
                    "checked and safe on disk {} after the last byte",
                    time(after)
                )
            },
        ),
    );
    if answer.status != StatusCode::OK {
        tour.terminal.quote_wrapped(&answer.explanation());
    }
    Ok(last)
}

/// The answer, and whether its first byte was here before S3 had sent the last.
async fn fetch(tour: &mut Tour<'_>) -> Result<(Answer, bool), Error> {
    let counters = tour.stage.counters().clone();
    let sent_before = counters.bytes_sent();
    let mut came_early = None;
    let watch = |_, length: usize| {
        came_early.get_or_insert_with(|| counters.bytes_sent() - sent_before < length as u64);
    };
    let answer = tour.download(ATLAS_JAR, watch).await?;
    Ok((answer, came_early.unwrap_or(false)))
}
