//! Bounded waits.

use std::time::Duration;

use tokio::time::Instant;

/// Nothing in these tests takes longer on a machine that works.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until `condition` holds, polling.
///
/// # Panics
/// With `what`, after [`PATIENCE`].
pub async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition().await {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The outcome of `future`.
///
/// # Panics
/// With `what`, after `limit`.
pub async fn within<T>(limit: Duration, what: &str, future: impl Future<Output = T>) -> T {
    let outcome = tokio::time::timeout(limit, future).await;
    outcome.unwrap_or_else(|_| panic!("took longer than {limit:?}: {what}"))
}

/// Looks for so long whether `condition` ever fails: for what must not happen.
///
/// # Panics
/// With `what`, when it fails.
pub async fn throughout(time: Duration, what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + time;
    while Instant::now() < end {
        assert!(condition().await, "no longer so: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
