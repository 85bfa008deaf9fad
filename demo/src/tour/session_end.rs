//! The SSO session ends while a build runs: hits are served, misses wait, the host is told.

use std::time::{Duration, Instant};

use http::StatusCode;
use simulated_aws::{Fault, Operation};

use super::Tour;
use super::build::Build;
use crate::error::Error;
use crate::repository::ATLAS_JAR;
use crate::stage::LOGIN_TIMEOUT_SECONDS;
use crate::terminal::time;

/// How many files the build fetches at once.
pub(super) const CLIENTS: usize = 4;
/// How long S3 takes for a file here, so that the build is not over at once.
const S3_TAKES: Duration = Duration::from_millis(200);
/// The session ends when the build has so many files.
const UNTIL_THEN: usize = 3;
/// How long the proxy looks whether another program has renewed the session, before it believes AWS
/// (`sso_session::refresh`).
const DOUBT: Duration = Duration::from_secs(2);
/// What the proxy promises for the time from that proof to the signal.
const PROMISE: Duration = Duration::from_secs(1);
/// The build waits as long as the login may take.
const BUILD_PATIENCE: Duration = Duration::from_secs(LOGIN_TIMEOUT_SECONDS);
/// Until when it is worth looking, to see how late it is.
const PATIENCE: Duration = Duration::from_secs(15);

/// What waits for a login.
pub(super) struct Waiting {
    pub(super) build: Build,
    /// When the host was told.
    pub(super) since: Option<Instant>,
}

pub(super) async fn show(tour: &mut Tour<'_>) -> Result<Waiting, Error> {
    let slow = Fault::on(Operation::GetObject).delay(S3_TAKES);
    let slow = tour.stage.aws.faults().add(slow);
    let shown = show_slowly(tour).await;
    tour.stage.aws.faults().remove(slow);
    shown
}

async fn show_slowly(tour: &mut Tour<'_>) -> Result<Waiting, Error> {
    let stage = tour.stage;
    let keys = stage.repository.keys_of_a_build();
    tour.terminal.doing(&format!(
        "a build begins to fetch {} files, {CLIENTS} at a time",
        keys.len()
    ));
    let client = tour.client.with_patience(BUILD_PATIENCE);
    let mut build = Build::begin(client, CLIENTS, keys);
    build.has_received(UNTIL_THEN, PATIENCE).await;
    stage.end_session();
    tour.terminal
        .doing("the SSO session ends: AWS takes none of its tokens and keys any more");
    let since = show_signal(tour).await;
    let hit = tour.get(ATLAS_JAR).await?;
    let content = stage.repository.content(ATLAS_JAR);
    tour.claim(
        hit.is_hit() && hit.is_copy_of(content),
        &format!(
            "what is cached is served as before, in {}",
            time(hit.last_byte)
        ),
    );
    let all_wait = async || (tour.waiting().await == Some(CLIENTS)).then_some(());
    let waiting = tour.until(PATIENCE, all_wait).await;
    let (received, files) = (build.received(), build.files());
    tour.claim(
        waiting.is_some() && received < files,
        &format!(
            "the build has {received} of its {files} files, and its {CLIENTS} downloads wait at the \
             proxy"
        ),
    );
    let alive = tour.client.get("/healthz").await?;
    tour.claim(
        alive.status == StatusCode::OK,
        &format!("meanwhile /healthz answered in {}", time(alive.last_byte)),
    );
    Ok(Waiting { build, since })
}

/// Gives when it was there.
async fn show_signal(tour: &mut Tour<'_>) -> Option<Instant> {
    let stage = tour.stage;
    let look = async || Some((stage.home.signal()?, Instant::now()));
    let seen = tour.until(PATIENCE, look).await;
    let late = seen
        .as_ref()
        .and_then(|(_, at)| Some(at.saturating_duration_since(*stage.refusals().last()?)));
    tour.claim(
        late.is_some_and(|late| late <= DOUBT + PROMISE),
        &late.map_or_else(
            || "the host was not told".to_owned(),
            |late| {
                format!(
                    "{} after AWS's refusal (3 s are promised, 2 of them for another program's renewal \
                     to show) the host is told, by ~/.aws/sso-renewer/login-required.json:",
                    time(late)
                )
            },
        ),
    );
    let (signal, since) = seen?;
    tour.terminal.quote_wrapped(&signal);
    Some(since)
}
