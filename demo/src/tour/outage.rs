//! S3 refuses connections for a while.

use std::time::{Duration, Instant};

use http::StatusCode;
use tokio::time::sleep;

use super::Tour;
use crate::error::Error;
use crate::repository::{ATLAS_JAR, HELLO_METADATA, TIDES_POM};
use crate::stage::METADATA_TTL_SECONDS;
use crate::terminal::time;

/// How long a build waits for S3 in this tour; the proxy tries for about ten seconds.
const WAIT: Duration = Duration::from_secs(1);

pub(super) async fn show(tour: &mut Tour<'_>) -> Result<(), Error> {
    tour.terminal.say(&format!(
        "Jars never change; maven-metadata.xml does, with each release. The proxy asks S3 about it \
         again after METADATA_TTL, {METADATA_TTL_SECONDS} s in this tour."
    ));
    let before = tour.get(HELLO_METADATA).await?;
    let content = tour.stage.repository.content(HELLO_METADATA);
    tour.claim(
        before.is_copy_of(content),
        &format!(
            "fetched while S3 is there: Cache-Status: {}",
            before.cache_status()
        ),
    );
    sleep(Duration::from_secs(METADATA_TTL_SECONDS)).await;
    tour.terminal.doing("S3 closes its port");
    tour.stage.aws.go_offline().await?;
    let shown = show_copies(tour).await;
    let waited = show_a_patient_miss(tour).await;
    shown.and(waited)
}

async fn show_copies(tour: &mut Tour<'_>) -> Result<(), Error> {
    let hit = tour.get(ATLAS_JAR).await?;
    let content = tour.stage.repository.content(ATLAS_JAR);
    tour.claim(
        hit.is_hit() && hit.is_copy_of(content),
        &format!("the jar is served as before, in {}", time(hit.last_byte)),
    );
    let stale = tour.get(HELLO_METADATA).await?;
    let content = tour.stage.repository.content(HELLO_METADATA);
    tour.claim(
        stale.cache_status() == "hit; detail=stale" && stale.is_copy_of(content),
        &format!(
            "the metadata too, Cache-Status: {} (after asking for {})",
            stale.cache_status(),
            time(stale.last_byte)
        ),
    );
    Ok(())
}

/// Brings S3 back, whatever happens.
async fn show_a_patient_miss(tour: &mut Tour<'_>) -> Result<(), Error> {
    tour.terminal
        .doing(&format!("GET /{TIDES_POM}, which is not cached yet"));
    let client = tour.client;
    let waiting = tokio::spawn(async move { client.get(&format!("/{TIDES_POM}")).await });
    sleep(WAIT).await;
    let alive = tour.client.get("/healthz").await;
    let waits = !waiting.is_finished();
    tour.terminal
        .doing(&format!("S3 comes back, {} into the wait", time(WAIT)));
    tour.stage.aws.go_online().await?;
    let back = Instant::now();
    let answer = waiting.await.map_err(std::io::Error::other)??;
    let content = tour.stage.repository.content(TIDES_POM);
    tour.claim(
        waits && answer.is_copy_of(content),
        &format!(
            "the client waited and has it now, {} later: its build noticed nothing",
            time(back.elapsed())
        ),
    );
    let alive = alive?;
    tour.claim(
        alive.status == StatusCode::OK,
        &format!("meanwhile /healthz answered in {}", time(alive.last_byte)),
    );
    Ok(())
}
