//! The tour: its steps in order, and how a step makes its claims.

mod build;
mod cache_on_disk;
mod cold_fetch;
mod crowd;
mod hit;
mod invitation;
mod outage;
mod parts;
mod patience;
mod renewal;
mod session_end;
mod signing_in;
mod silent_renewal;

use std::time::{Duration, Instant};

use http::StatusCode;

use crate::client::{Answer, Client};
use crate::error::Error;
use crate::report::Report;
use crate::stage::Stage;
use crate::terminal::{Terminal, time};

/// What every step works with.
struct Tour<'a> {
    stage: &'a Stage,
    client: Client,
    terminal: &'a Terminal,
    report: &'a mut Report,
    /// Whether the sign-in is left to whoever watches.
    click: bool,
}

/// Walks the whole tour. A step that fails does not keep the next ones from being shown. The sign-in is
/// the tour's own, or with `click` that of whoever watches.
pub(crate) async fn walk(stage: &Stage, click: bool, terminal: &Terminal, report: &mut Report) {
    let begin = Instant::now();
    let client = stage.client();
    let mut tour = Tour {
        stage,
        client,
        terminal,
        report,
        click,
    };
    tour.begin("What runs here");
    let outcome = parts::show(&mut tour).await;
    tour.end(outcome);
    tour.begin("The login renews itself");
    let outcome = renewal::show(&mut tour).await;
    tour.end(outcome);
    tour.begin("The host renews another login, which a script asks for");
    let outcome = silent_renewal::show(&mut tour).await;
    tour.end(outcome);
    tour.begin("A cold fetch: the artifact is not cached yet");
    let outcome = cold_fetch::show(&mut tour).await;
    let cold = tour.end(outcome);
    tour.begin("A hit: the same artifact again");
    let outcome = hit::show(&mut tour, cold).await;
    tour.end(outcome);
    tour.begin("A crowd: many clients want the same new artifact at once");
    let outcome = crowd::show(&mut tour).await;
    tour.end(outcome);
    tour.begin("The cache on disk");
    let outcome = cache_on_disk::show(&mut tour).await;
    tour.end(outcome);
    tour.begin("The SSO session ends under a build");
    let outcome = session_end::show(&mut tour).await;
    let waiting = tour.end(outcome);
    tour.begin("A client's patience ends");
    let outcome = patience::show(&mut tour).await;
    tour.end(outcome);
    tour.begin("Somebody signs in, and the build goes on");
    let outcome = signing_in::show(&mut tour, waiting).await;
    tour.end(outcome);
    tour.begin("S3 goes away");
    let outcome = outage::show(&mut tour).await;
    tour.end(outcome);
    tour.begin("Your turn");
    let outcome = invitation::show(&mut tour).await;
    tour.end(outcome);
    tour.report.complete();
    summarise(tour.report, terminal, begin);
}

fn summarise(report: &Report, terminal: &Terminal, begin: Instant) {
    let (all, good) = report.steps();
    let took = time(begin.elapsed());
    terminal.heading("The result");
    if report.is_good() {
        let held = report.held();
        terminal.held(&format!(
            "{all} of {all} steps did what they say: {held} claims checked in {took}"
        ));
    } else {
        terminal.failed(&format!(
            "only {good} of {all} steps did what they say: see the lines with ✗ above"
        ));
    }
}

impl Tour<'_> {
    fn begin(&mut self, title: &str) {
        let number = self.report.begin_step();
        self.terminal.heading(&format!("{number}. {title}"));
    }

    /// An error ends a step, and is a claim that did not hold.
    fn end<T>(&mut self, outcome: Result<T, Error>) -> Option<T> {
        match outcome {
            Ok(value) => Some(value),
            Err(error) => {
                self.report.record(false);
                self.terminal.failed(&error.to_string());
                None
            }
        }
    }

    /// States what was found; it counts as shown only if `holds`.
    fn claim(&mut self, holds: bool, text: &str) {
        self.report.record(holds);
        if holds {
            self.terminal.held(text);
        } else {
            self.terminal.failed(text);
        }
    }

    /// Waits until a key is in the cache for good, and says how long that took.
    ///
    /// The last byte reaches the clients before it is checked and safe on disk; who asks in
    /// between reads along with the download, without a call to S3.
    async fn until_kept(&self, key: &str) -> Result<Option<Duration>, Error> {
        const PATIENCE: Duration = Duration::from_secs(10);
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            let answer = self.client.head(&format!("/{key}")).await?;
            if answer.is_hit() {
                return Ok(Some(begin.elapsed()));
            }
            if answer.status != StatusCode::OK {
                break;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Ok(None)
    }

    /// Looks again and again, up to `patience`, until there is something to see.
    async fn until<T>(&self, patience: Duration, look: impl AsyncFn() -> Option<T>) -> Option<T> {
        const LOOK_EVERY: Duration = Duration::from_millis(5);
        let looking = async {
            loop {
                if let Some(seen) = look().await {
                    return seen;
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        tokio::time::timeout(patience, looking).await.ok()
    }

    /// How many requests wait for a login, as the proxy counts them.
    async fn waiting(&self) -> Option<usize> {
        let answer = self.client.get("/readyz").await.ok()?;
        let body: serde_json::Value = serde_json::from_slice(&answer.body).ok()?;
        usize::try_from(body["waiting"].as_u64()?).ok()
    }

    /// GET of a key, said and then done.
    async fn get(&mut self, key: &str) -> Result<Answer, Error> {
        self.terminal.doing(&format!("GET /{key}"));
        self.client.get(&format!("/{key}")).await
    }

    /// GET of a large key, with a progress bar; `watch` hears how many bytes of how many are there.
    async fn download(
        &mut self,
        key: &str,
        mut watch: impl FnMut(usize, usize),
    ) -> Result<Answer, Error> {
        self.terminal.doing(&format!("GET /{key}"));
        let terminal = self.terminal;
        let progress = |received, length| {
            watch(received, length);
            terminal.progress(received, length);
        };
        let answer = self.client.get_watched(&format!("/{key}"), progress).await;
        terminal.progress_ends();
        answer
    }
}
