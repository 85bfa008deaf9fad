//! What is kept, as `bazel-proxy cache` shows it.

use super::Tour;
use crate::error::Error;
use crate::repository::{ATLAS_JAR, ICONS_JAR};

pub(super) async fn show(tour: &mut Tour<'_>) -> Result<(), Error> {
    tour.terminal.doing("bazel-proxy cache ls");
    let listed = tour.stage.proxy.run(&["cache", "ls"]).await?;
    let list = String::from_utf8_lossy(&listed.stdout);
    tour.terminal.quote(&list);
    let is_listed = |key: &&str| list.lines().any(|line| line.ends_with(*key));
    let all = [ATLAS_JAR, ICONS_JAR].iter().all(is_listed);
    tour.claim(
        listed.status.success() && all,
        "both jars are listed: their sizes, when they were last served, their keys",
    );
    tour.terminal.doing("bazel-proxy cache verify");
    let verified = tour.stage.proxy.run(&["cache", "verify"]).await?;
    let verdict = String::from_utf8_lossy(&verified.stdout);
    tour.claim(
        verified.status.success(),
        &format!(
            "every byte on disk was read and matches its checksum: {}",
            verdict.trim()
        ),
    );
    tour.terminal
        .say("A restart, or a kill -9, loses nothing of this: these files are the index.");
    Ok(())
}
