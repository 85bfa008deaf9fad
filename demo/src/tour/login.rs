//! A login that ends and comes back, while the proxy runs.

use std::time::{Duration, Instant};

use http::StatusCode;
use tokio::time::sleep;

use super::Tour;
use crate::client::Answer;
use crate::error::Error;
use crate::repository::{ATLAS_JAR, HELLO_JAR};
use crate::stage::{FIRST_LOGIN, PROFILE, SECOND_LOGIN};
use crate::terminal::time;

/// What the proxy promises for the time from new keys to the first miss.
const PROMISE: Duration = Duration::from_secs(2);
/// Until when it is worth asking again, to see how late it is.
const PATIENCE: Duration = Duration::from_secs(15);
const ASK_EVERY: Duration = Duration::from_millis(100);

pub(super) async fn show_its_end(tour: &mut Tour<'_>) -> Result<(), Error> {
    tour.terminal
        .doing("AWS no longer takes the session token of profile `demo`");
    tour.stage.end(FIRST_LOGIN);
    let hit = tour.get(ATLAS_JAR).await?;
    let content = tour.stage.repository.content(ATLAS_JAR);
    tour.claim(
        hit.is_hit() && hit.is_copy_of(content),
        &format!(
            "what is cached is served as before, in {}",
            time(hit.last_byte)
        ),
    );
    let miss = tour.get(HELLO_JAR).await?;
    let retry = miss.header("retry-after");
    tour.claim(
        miss.status == StatusCode::SERVICE_UNAVAILABLE && !retry.is_empty(),
        &format!(
            "what is not cached yet: {} with Retry-After: {retry}, never \"not found\", for which \
             builds would ask the next repository",
            miss.status.as_u16()
        ),
    );
    let explanation = miss.explanation();
    tour.claim(
        explanation.contains(&format!("aws sso login --profile {PROFILE}")),
        "and the answer says what to do:",
    );
    tour.terminal.quote_wrapped(&explanation);
    Ok(())
}

pub(super) async fn show_its_return(tour: &mut Tour<'_>) -> Result<(), Error> {
    tour.terminal
        .doing("new keys are written to the proxy's ~/.aws/credentials");
    tour.stage.log_in(SECOND_LOGIN)?;
    let written = Instant::now();
    tour.terminal
        .doing(&format!("GET /{HELLO_JAR}, again and again"));
    let answer = until_available(tour, written).await?;
    let after = written.elapsed();
    let content = tour.stage.repository.content(HELLO_JAR);
    tour.claim(
        answer.is_copy_of(content) && after <= PROMISE,
        &format!(
            "it is there {} after the new keys (2 s are promised)",
            time(after)
        ),
    );
    let alive = tour.client.get("/healthz").await?;
    tour.claim(
        alive.status == StatusCode::OK,
        &format!(
            "nothing was restarted: process {} goes on",
            tour.stage.proxy.process_id()
        ),
    );
    Ok(())
}

async fn until_available(tour: &Tour<'_>, written: Instant) -> Result<Answer, Error> {
    loop {
        let answer = tour.client.get(&format!("/{HELLO_JAR}")).await?;
        if answer.status != StatusCode::SERVICE_UNAVAILABLE || written.elapsed() > PATIENCE {
            return Ok(answer);
        }
        sleep(ASK_EVERY).await;
    }
}
