//! The proof that an agent runs: the same process, seen alive twice.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::error::SupervisorError;

/// A supervisor that is busy starts a program within this.
const PATIENCE: Duration = Duration::from_secs(10);
/// An agent with a broken configuration ends well before.
const STEADY: Duration = Duration::from_secs(1);
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

/// Waits until the same process has been seen for a second. `hint` is a command that shows what the agent
/// said.
pub(super) async fn stays_up(
    mut look: impl AsyncFnMut() -> Result<Sight, SupervisorError>,
    hint: &str,
) -> Result<(), SupervisorError> {
    let began = Instant::now();
    let mut first: Option<(Option<u32>, Instant)> = None;
    let mut last_exit = None;
    loop {
        let sight = look().await?;
        let now = Instant::now();
        last_exit = sight.last_exit.or(last_exit);
        match first {
            Some((pid, since)) if sight.is_running && pid == sight.pid => {
                if now.duration_since(since) >= STEADY {
                    return Ok(());
                }
            }
            Some(_) | None => first = sight.is_running.then_some((sight.pid, now)),
        }
        if now.duration_since(began) >= PATIENCE {
            return Err(SupervisorError::NotUp {
                last_exit,
                look: hint.to_owned(),
            });
        }
        sleep(LOOK_EVERY).await;
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

    #[tokio::test(start_paused = true)]
    async fn a_process_that_ends_again_and_again_is_not_up() {
        let gone = Sight {
            last_exit: Some(64),
            ..Sight::default()
        };
        let sights: Vec<_> = (1..40).flat_map(|pid| [running(pid), gone]).collect();
        let (outcome, took) = outcome(&sights).await;
        assert_eq!(
            outcome.expect_err("never up").to_string(),
            "the agent was started, but does not stay up (its last exit code: 64). See why: `x`"
        );
        assert!(took >= PATIENCE && took < PATIENCE * 2, "{took:?}");
    }
}
