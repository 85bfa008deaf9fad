//! Many clients of one new key: one download.

use simulated_aws::{Fault, Operation};
use tokio::task::JoinSet;

use super::Tour;
use crate::client::Answer;
use crate::error::Error;
use crate::repository::ICONS_JAR;
use crate::terminal::{size, time};

const CLIENTS: usize = 20;
const S3_BYTES_PER_SECOND: u64 = 4 * 1024 * 1024;

pub(super) async fn show(tour: &mut Tour<'_>) -> Result<(), Error> {
    tour.terminal
        .doing(&format!("GET /{ICONS_JAR} × {CLIENTS}"));
    let slow = Fault::on(Operation::GetObject).rate(S3_BYTES_PER_SECOND);
    let slow = tour.stage.aws.faults().add(slow);
    let answers = fetch_all(tour).await;
    tour.stage.aws.faults().remove(slow);
    let answers = answers?;
    tour.until_kept(ICONS_JAR).await?;
    let content = tour.stage.repository.content(ICONS_JAR);
    let whole = answers
        .iter()
        .filter(|answer| answer.is_copy_of(content))
        .count();
    let last = answers
        .iter()
        .map(|answer| answer.last_byte)
        .max()
        .unwrap_or_default();
    tour.claim(
        whole == CLIENTS,
        &format!(
            "{whole} of {CLIENTS} clients have all {} of it, the last one after {}",
            size(content.len()),
            time(last)
        ),
    );
    let gets = tour.stage.s3_gets(ICONS_JAR);
    tour.claim(
        gets == 1,
        &format!("S3 was asked once for all of them: GetObject × {gets}"),
    );
    Ok(())
}

async fn fetch_all(tour: &Tour<'_>) -> Result<Vec<Answer>, Error> {
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let client = tour.client;
        clients.spawn(async move { client.get(&format!("/{ICONS_JAR}")).await });
    }
    clients.join_all().await.into_iter().collect()
}
