//! Says why nothing comes, when nothing comes: most often a login is waited for.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::StatusCode;
use tokio::time::{Instant, sleep};

use super::progress::Progress;
use super::visit::Visitor;

/// Patience before the proxy is asked for the reason.
const SILENCE: Duration = Duration::from_secs(3);
/// Readiness is not asked for more often.
const ASK_EVERY: Duration = Duration::from_secs(10);

/// When something was last done.
#[derive(Clone, Debug)]
pub(super) struct Pulse(Arc<Mutex<Instant>>);

impl Pulse {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    pub(super) fn beat(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn silence(&self) -> Duration {
        let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.elapsed()
    }
}

/// Looks until it is aborted. Says each reason once, and when it is gone.
pub(super) async fn look(visitor: Arc<Visitor>, pulse: Pulse, progress: Arc<Progress>) {
    let mut told: Option<String> = None;
    loop {
        let silence = pulse.silence();
        if silence < SILENCE {
            sleep(SILENCE.saturating_sub(silence)).await;
            if told.take().is_some() {
                progress.say("it goes on");
            }
            continue;
        }
        let reason = match visitor.client().page("/readyz").await {
            Ok((StatusCode::SERVICE_UNAVAILABLE, body)) => reason(&body),
            Ok(_) | Err(_) => None,
        };
        if let Some(reason) = reason
            && told.as_ref() != Some(&reason)
        {
            progress.say(&format!("waiting: {reason}"));
            told = Some(reason);
        }
        sleep(ASK_EVERY).await;
    }
}

/// What `/readyz` says: the reason, and what helps.
fn reason(body: &str) -> Option<String> {
    let body: serde_json::Value = serde_json::from_str(body).ok()?;
    let text = |name: &str| body[name].as_str().map(str::to_owned);
    let reason = text("reason")?;
    Some(match text("cure") {
        Some(cure) => format!("{reason}. {cure}"),
        None => reason,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_comes_with_its_cure() {
        let body = r#"{"reason": "it ended", "cure": "Run this.", "ready": false}"#;
        assert_eq!(reason(body).as_deref(), Some("it ended. Run this."));
        assert_eq!(reason(r#"{"reason": "x"}"#).as_deref(), Some("x"));
        assert_eq!(reason("<html>"), None);
    }
}
