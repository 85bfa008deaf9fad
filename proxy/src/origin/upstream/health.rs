//! Whether the upstream is worth asking.
//!
//! ```text
//! Answering ─► failed ─► Away: left alone for 5 s, at last for 60 s
//!     ▲                   │  ▲
//!     └──── answers ◄─ one request tries ─► fails again
//! ```
//!
//! A laptop that has left its network pays for that with the one request that notices, and then with
//! one at each trial.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tracing::{debug, info, warn};

use crate::error::Trouble;

const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// The state, shared by all who ask.
pub(super) struct Health {
    url: String,
    standing: Mutex<Standing>,
    /// The pause after the next bad body. Heads are fine where bodies are not, so only a good body
    /// makes it short again.
    pause_after_body: Mutex<Duration>,
}

enum Standing {
    NotAskedYet,
    Answering,
    Away(Away),
}

struct Away {
    trouble: Arc<Trouble>,
    pause: Duration,
    until: Instant,
    on_trial: bool,
}

/// How the upstream is, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpstreamState {
    /// Nothing was asked of it so far.
    NotAskedYet,
    /// It has answered last time.
    Answering,
    /// It has not, and S3 is asked in its place.
    Away(Arc<Trouble>),
}

/// Leave to ask once. Dropping it without a word leaves everything as it was.
pub(super) struct Trial<'a> {
    health: &'a Health,
    is_alone: bool,
}

impl Health {
    pub(super) fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            standing: Mutex::new(Standing::NotAskedYet),
            pause_after_body: Mutex::new(FIRST_PAUSE),
        }
    }

    /// `None` while it is left alone.
    pub(super) fn admit(&self) -> Option<Trial<'_>> {
        let mut standing = self.standing();
        let is_alone = match &mut *standing {
            Standing::NotAskedYet | Standing::Answering => false,
            Standing::Away(away) if away.is_due() => {
                away.on_trial = true;
                true
            }
            Standing::Away(_) => return None,
        };
        Some(Trial {
            health: self,
            is_alone,
        })
    }

    /// Whether [`Self::admit`] would give leave.
    pub(super) fn admits(&self) -> bool {
        match &*self.standing() {
            Standing::NotAskedYet | Standing::Answering => true,
            Standing::Away(away) => away.is_due(),
        }
    }

    pub(super) fn state(&self) -> UpstreamState {
        match &*self.standing() {
            Standing::NotAskedYet => UpstreamState::NotAskedYet,
            Standing::Answering => UpstreamState::Answering,
            Standing::Away(away) => UpstreamState::Away(Arc::clone(&away.trouble)),
        }
    }

    pub(super) fn answered(&self) {
        let before = std::mem::replace(&mut *self.standing(), Standing::Answering);
        if let Standing::Away(_) = before {
            info!(upstream = self.url, "the upstream answers again");
        }
    }

    /// It has failed. Of the requests that fail together only the first counts.
    pub(super) fn failed(&self, trouble: Arc<Trouble>) {
        self.leave_alone(trouble, FIRST_PAUSE);
    }

    /// A body of it was no good, although its head was.
    pub(super) fn failed_in_body(&self, trouble: Arc<Trouble>) {
        let mut pause = self.pause_after_body();
        if self.leave_alone(trouble, *pause) {
            *pause = longer(*pause);
        }
    }

    /// A body of it was good.
    pub(super) fn proved_in_body(&self) {
        *self.pause_after_body() = FIRST_PAUSE;
    }

    /// Whether that is news.
    fn leave_alone(&self, trouble: Arc<Trouble>, pause: Duration) -> bool {
        let mut standing = self.standing();
        match &*standing {
            Standing::NotAskedYet | Standing::Answering => {}
            Standing::Away(_) => return false,
        }
        warn!(
            upstream = self.url,
            reason = trouble.reason,
            cure = trouble.cure,
            "the upstream is left alone for a while, and S3 asked instead"
        );
        *standing = Standing::Away(Away::new(trouble, pause));
        true
    }

    fn failed_again(&self, trouble: Arc<Trouble>) {
        let mut standing = self.standing();
        let Standing::Away(away) = &mut *standing else {
            drop(standing);
            return self.failed(trouble);
        };
        let reason = &trouble.reason;
        if away.trouble == trouble {
            debug!(upstream = self.url, reason, "the upstream fails as before");
        } else {
            warn!(upstream = self.url, reason, "the upstream fails otherwise");
        }
        *away = Away::new(trouble, longer(away.pause));
    }

    fn pause_after_body(&self) -> MutexGuard<'_, Duration> {
        let pause = self.pause_after_body.lock();
        pause.unwrap_or_else(PoisonError::into_inner)
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn longer(pause: Duration) -> Duration {
    (pause * 2).min(LONGEST_PAUSE)
}

impl Away {
    fn new(trouble: Arc<Trouble>, pause: Duration) -> Self {
        Self {
            trouble,
            pause,
            until: Instant::now() + pause,
            on_trial: false,
        }
    }

    fn is_due(&self) -> bool {
        !self.on_trial && Instant::now() >= self.until
    }
}

impl Trial<'_> {
    pub(super) fn answered(self) {
        self.health.answered();
    }

    pub(super) fn failed(self, trouble: Arc<Trouble>) {
        if self.is_alone {
            self.health.failed_again(trouble);
        } else {
            self.health.failed(trouble);
        }
    }
}

impl Drop for Trial<'_> {
    fn drop(&mut self) {
        if self.is_alone
            && let Standing::Away(away) = &mut *self.health.standing()
        {
            away.on_trial = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trouble(reason: &str) -> Arc<Trouble> {
        Trouble::new(reason, "Mend it.")
    }

    fn ask(health: &Health) -> Trial<'_> {
        health.admit().expect("leave to ask")
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_fails_is_left_alone_for_longer_and_longer() {
        let health = Health::new("http://team:9000");
        let mut pauses = Vec::new();
        for _ in 0..6 {
            ask(&health).failed(trouble("refused"));
            let failed = Instant::now();
            while !health.admits() {
                tokio::time::advance(Duration::from_secs(1)).await;
            }
            pauses.push(failed.elapsed().as_secs());
        }
        assert_eq!(pauses, [5, 10, 20, 40, 60, 60]);
        ask(&health).answered();
        assert_eq!(health.state(), UpstreamState::Answering);
        ask(&health).failed(trouble("refused"));
        tokio::time::advance(FIRST_PAUSE).await;
        assert!(health.admits(), "it begins anew");
    }

    #[tokio::test(start_paused = true)]
    async fn one_request_tries_and_the_others_do_not_wait_for_it() {
        let health = Health::new("http://team:9000");
        ask(&health).failed(trouble("refused"));
        assert!(health.admit().is_none());
        tokio::time::advance(FIRST_PAUSE).await;
        let trial = ask(&health);
        assert!(health.admit().is_none());
        // Its client has left.
        drop(trial);
        ask(&health).answered();
        let (_one, _other) = (ask(&health), ask(&health));
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_sends_bad_bodies_is_left_alone_for_longer_until_it_sends_a_good_one() {
        let health = Health::new("http://team:9000");
        let mut pauses = Vec::new();
        for round in 0..4 {
            ask(&health).answered();
            if round == 3 {
                health.proved_in_body();
            }
            health.failed_in_body(trouble("altered"));
            // Of the same moment.
            health.failed_in_body(trouble("altered"));
            let failed = Instant::now();
            while !health.admits() {
                tokio::time::advance(Duration::from_secs(1)).await;
            }
            pauses.push(failed.elapsed().as_secs());
        }
        assert_eq!(pauses, [5, 10, 20, 5]);
    }

    #[tokio::test(start_paused = true)]
    async fn requests_that_fail_together_count_as_one() {
        let health = Health::new("http://team:9000");
        let together = [ask(&health), ask(&health), ask(&health)];
        for trial in together {
            trial.failed(trouble("refused"));
        }
        tokio::time::advance(FIRST_PAUSE).await;
        assert!(health.admits());
    }
}
