//! The second fetch of a key: from the cache, without AWS.

use std::time::Duration;

use super::Tour;
use crate::error::Error;
use crate::repository::ATLAS_JAR;
use crate::terminal::time;

/// `cold` is what the first fetch took, if it came about.
pub(super) async fn show(tour: &mut Tour<'_>, cold: Option<Duration>) -> Result<(), Error> {
    let calls_before = tour.stage.counters().total();
    let answer = tour.get(ATLAS_JAR).await?;
    let calls = tour.stage.counters().total() - calls_before;
    let took = answer.last_byte;
    let content = tour.stage.repository.content(ATLAS_JAR);
    tour.claim(
        answer.is_hit() && answer.is_copy_of(content),
        &format!(
            "the same bytes, from the cache: Cache-Status: {}",
            answer.cache_status()
        ),
    );
    if let Some(cold) = cold {
        tour.claim(
            took < cold,
            &format!("{} instead of {}", time(took), time(cold)),
        );
    }
    tour.claim(calls == 0, &format!("AWS was not asked: {calls} calls"));
    Ok(())
}
