//! The proof that an agent runs: the same process, seen alive twice.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::error::SupervisorError;

/// A supervisor that is busy starts a program within this.
const PATIENCE: Duration = Duration::from_secs(10);
/// An agent with a broken configuration ends well before.
const STEADY: Duration = Duration::from_secs(1);
/// An agent that was seen dead so often, in a row or between two starts, is not just about to be started.
const FAILED_LOOKS: u32 = 10;
/// How often a supervisor is asked.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(200);

/// What a supervisor says of a process that it started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sight {
    pub(super) is_running: bool,
    pub(super) pid: Option<u32>,
    /// With what the one before ended.
    pub(super) last_exit: Option<i32>,
}

impl Sight {
    fn has_failed(self) -> bool {
        !self.is_running && self.last_exit.is_some_and(|code| code != 0)
    }
}

/// Waits until the same process has been seen for a second. `hint` is a command that shows what the agent
/// said.
pub(super) async fn stays_up(
    mut look: impl AsyncFnMut() -> Result<Sight, SupervisorError>,
    hint: &str,
) -> Result<(), SupervisorError> {
    let began = Instant::now();
    let mut sight = look().await?;
    let mut unchanged_since = began;
    let mut failed_looks = 0;
    loop {
        if sight.is_running && unchanged_since.elapsed() >= STEADY {
            return Ok(());
        }
        failed_looks += u32::from(sight.has_failed());
        if failed_looks >= FAILED_LOOKS || began.elapsed() >= PATIENCE {
            return Err(SupervisorError::NotUp {
                last_exit: sight.last_exit,
                look: hint.to_owned(),
            });
        }
        sleep(LOOK_EVERY).await;
        let next = look().await?;
        if next != sight {
            unchanged_since = Instant::now();
        }
        sight = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sights in turn, the last one for ever; how long it took.
    async fn outcome(sights: &[Sight]) -> (Result<(), SupervisorError>, Duration) {
        let (began, mut next) = (Instant::now(), 0);
        let look = async || {
            let sight = sights[next.min(sights.len() - 1)];
            next += 1;
            Ok(sight)
        };
        (stays_up(look, "`x`").await, began.elapsed())
    }

    fn running(pid: u32) -> Sight {
        Sight {
            is_running: true,
            pid: Some(pid),
            last_exit: None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_that_stays_for_a_second_is_up() {
        let (outcome, took) = outcome(&[Sight::default(), running(7)]).await;
        outcome.expect("up");
        assert!(took >= STEADY && took < STEADY * 2, "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_process_has_to_stay_as_long() {
        let sights = [running(7), running(7), running(8)];
        let (outcome, took) = outcome(&sights).await;
        outcome.expect("up");
        assert!(took >= STEADY + 2 * LOOK_EVERY, "{took:?}");
    }

    fn ended(code: i32) -> Sight {
        Sight {
            last_exit: Some(code),
            ..Sight::default()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_that_ends_at_once_is_not_up() {
        let (outcome, took) = outcome(&[running(7), ended(64)]).await;
        assert_eq!(
            outcome.expect_err("not up").to_string(),
            "the agent was started, but does not stay up (its last exit code: 64). See why: `x`"
        );
        assert!(took < PATIENCE / 2, "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_that_ends_again_and_again_is_not_up() {
        let sights: Vec<_> = (1..40).flat_map(|pid| [running(pid), ended(1)]).collect();
        let (outcome, took) = outcome(&sights).await;
        outcome.expect_err("never up");
        assert!(took < PATIENCE / 2, "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_that_never_comes_is_not_up() {
        let (outcome, took) = outcome(&[Sight::default()]).await;
        outcome.expect_err("never up");
        assert!(took >= PATIENCE && took < PATIENCE * 2, "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_a_former_process_is_no_failure() {
        let sights = [ended(64), ended(64), running(8)];
        let (outcome, _) = outcome(&sights).await;
        outcome.expect("up");
    }
}
