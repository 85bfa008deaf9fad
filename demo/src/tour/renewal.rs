//! An access token near its end: renewed without anybody.

use std::time::{Duration, SystemTime};

use super::Tour;
use crate::error::Error;
use crate::stage::{FIRST_TOKEN_LIFE, Stage};

/// Longer than the first token lives.
const PATIENCE: Duration = Duration::from_secs(15);

pub(super) async fn show(tour: &mut Tour<'_>) -> Result<(), Error> {
    let stage = tour.stage;
    let old_end = stage.first_token_ends;
    tour.terminal.say(&format!(
        "An SSO session lasts hours or days, its access token one hour: the proxy renews it 20 \
         minutes before its end, or at half of a shorter life. The first one of this tour lives {} s \
         and ends at {}.",
        FIRST_TOKEN_LIFE.as_secs(),
        clock(old_end)
    ));
    tour.terminal
        .doing("waiting, for the proxy to renew it by itself");
    let renewed = tour.until(PATIENCE, || renewed(stage, old_end)).await;
    let in_time = renewed.is_some_and(|(written, _)| written < old_end);
    tour.claim(
        in_time,
        &renewed.map_or_else(
            || "it was not renewed".to_owned(),
            |(written, end)| {
                let rest = old_end.duration_since(written).unwrap_or_default();
                format!(
                    "~/.aws/sso/cache has a new one {:.1} s before that; it ends at {}",
                    rest.as_secs_f64(),
                    clock(end)
                )
            },
        ),
    );
    let refreshes = stage.aws.sso().refreshes();
    let is_quiet = stage.home.signal().is_none();
    tour.claim(
        refreshes == 1 && is_quiet,
        &format!("AWS renewed the session's token × {refreshes}, and nobody was asked to log in"),
    );
    Ok(())
}

/// When a token that ends later was written, and its end.
async fn renewed(stage: &Stage, old_end: SystemTime) -> Option<(SystemTime, SystemTime)> {
    let token = stage.home.token().await?;
    let written = stage.home.token_written()?;
    (token.expires_at > old_end).then_some((written, token.expires_at))
}

/// The time of the day, in UTC as in all files of AWS.
fn clock(time: SystemTime) -> String {
    let date = sso_session::date::format(time);
    let time = date.split_once('T').map_or("", |(_, time)| time);
    format!("{} UTC", time.trim_end_matches('Z'))
}
