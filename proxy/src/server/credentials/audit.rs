//! What the log says: a line for each time that credentials are handed out, one for each refusal unless there
//! are too many, and none of a token.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::StatusCode;
use http::header::USER_AGENT;
use sso_session::date;
use tokio::time::Instant;
use tracing::{info, warn};

use super::Asked;
use super::limiter::Limiter;
use super::refusal::Refusal;
use crate::container_credentials::{Issued, Service, Supply};
use crate::error::Error;
use crate::metrics::Issuance;

/// By which `LOG_LEVEL` may name these lines.
const TARGET: &str = "bazel_proxy::audit";
/// Beside ten at once, so often a line about an address that gets no credentials: it may ask for hours while
/// nobody logs in.
const ONE_MORE_LINE: Duration = Duration::from_mins(1);
/// What is not told one by one is summed up this often.
const SUM_EVERY: Duration = Duration::from_mins(1);
/// Of what a client calls itself, in bytes.
const MOST_OF_CLIENT: usize = 80;

/// Writes the lines.
#[derive(Debug)]
pub(super) struct Audit {
    lines: Limiter,
    untold: Mutex<Untold>,
    ill: Mutex<Ill>,
}

/// Lines that were left out.
#[derive(Debug, Default)]
struct Untold {
    count: u64,
    summed_up: Option<Instant>,
}

impl Untold {
    /// One more; how many there are, where it is time to say so.
    fn add(&mut self, now: Instant) -> Option<u64> {
        self.count += 1;
        let is_time = |last: Instant| now.saturating_duration_since(last) >= SUM_EVERY;
        if !self.summed_up.is_none_or(is_time) {
            return None;
        }
        self.summed_up = Some(now);
        Some(std::mem::take(&mut self.count))
    }
}

/// Services that health checks found trouble with, and when the log said so.
#[derive(Debug, Default)]
struct Ill(HashMap<String, Instant>);

impl Ill {
    /// Whether the log has not said so within the last minute, or it was well meanwhile. Nobody needs a token
    /// for this, so it must not depend on how often somebody asks.
    fn is_news(&mut self, subject: &str, is_ill: bool, now: Instant) -> bool {
        let is_recent = |told: &Instant| now.saturating_duration_since(*told) < SUM_EVERY;
        self.0.retain(|_, told| is_recent(told));
        if !is_ill {
            self.0.remove(subject);
            return false;
        }
        let is_news = !self.0.contains_key(subject);
        if is_news {
            self.0.insert(subject.to_owned(), now);
        }
        is_news
    }
}

impl Audit {
    pub(super) fn new() -> Self {
        Self {
            lines: Limiter::new(ONE_MORE_LINE),
            untold: Mutex::default(),
            ill: Mutex::default(),
        }
    }

    /// There are none for whoever may have them.
    pub(super) fn none_to_issue(
        &self,
        service: &Service,
        outcome: Issuance,
        error: &Error,
        asked: &Asked<'_>,
    ) {
        self.unless_too_many(asked, || {
            warn!(
                target: TARGET,
                service = service.name,
                outcome = outcome.label(),
                reason = %error,
                peer = %asked.peer,
                client = client(asked),
                "no credentials to hand out"
            );
        });
    }

    /// A request is refused.
    pub(super) fn refused(&self, refusal: &Refusal, asked: &Asked<'_>) {
        self.unless_too_many(asked, || {
            warn!(
                target: TARGET,
                code = refusal.code(),
                reason = refusal.message(),
                status = refusal.status().as_u16(),
                peer = %asked.peer,
                client = client(asked),
                "refused a request for credentials"
            );
        });
    }

    /// Somebody looked after the process, or after what is called `subject`; `is_wanted`: each time is to be
    /// logged.
    pub(super) fn health(
        &self,
        subject: Option<&str>,
        status: StatusCode,
        is_wanted: bool,
        asked: &Asked<'_>,
    ) {
        // Only one of them has a part that is anybody's choice.
        const MOST_OF_PATH: usize = 100;
        let path = asked.request.uri.path();
        let path = &path[..path.floor_char_boundary(MOST_OF_PATH)];
        let mut ill = self.ill.lock().unwrap_or_else(PoisonError::into_inner);
        let is_ill = status.is_server_error();
        let is_news = subject.is_some_and(|subject| ill.is_news(subject, is_ill, Instant::now()));
        let (peer, status) = (asked.peer, status.as_u16());
        if is_news {
            warn!(target: TARGET, path, status, %peer, "a health check found trouble");
        } else if is_wanted {
            info!(target: TARGET, path, status, %peer, "health check");
        }
    }

    /// A crowd that fails must not fill a disk.
    fn unless_too_many(&self, asked: &Asked<'_>, write: impl FnOnce()) {
        if self.lines.take(asked.peer.ip()).is_ok() {
            return write();
        }
        let mut untold = self.untold.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = untold.add(Instant::now()) {
            warn!(
                target: TARGET,
                count,
                peer = %asked.peer,
                "too many requests without credentials as answer: they are only counted"
            );
        }
    }
}

/// Credentials are handed out: of the role that is assumed, or of the profile itself.
pub(super) fn issued(service: &Service, supply: &Supply, issued: &Issued, asked: &Asked<'_>) {
    let state = supply.credentials().state();
    let identity = state.valid().map(|valid| &valid.identity);
    info!(
        target: TARGET,
        service = service.name,
        role = supply.role_arn(),
        profile = identity.map(|identity| identity.profile.as_str()),
        peer = %asked.peer,
        expires_at = date::format(issued.expires_at),
        client = client(asked),
        "credentials handed out"
    );
}

/// What the client calls itself, if it can stand in a line.
fn client<'a>(asked: &Asked<'a>) -> Option<&'a str> {
    let text = asked.request.headers.get(USER_AGENT)?.to_str().ok()?;
    // ASCII, as `to_str` has checked.
    let text = text[..text.len().min(MOST_OF_CLIENT)].trim();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn trouble_found_by_health_checks_is_told_once_a_minute_and_when_it_comes_again() {
        let mut ill = Ill::default();
        let mut told = |subject, is_ill| ill.is_news(subject, is_ill, Instant::now());
        assert!(told("app", true) && told("", true));
        // A service that is well does not make the trouble of another one news.
        assert!(!told("batch", false) && !told("app", true) && !told("", true));
        assert!(!told("app", false) && told("app", true));
        tokio::time::advance(SUM_EVERY).await;
        assert!(told("app", true) && !told("app", true));
        assert_eq!(ill.0.len(), 1, "nothing old is kept");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_left_out_is_summed_up_once_a_minute() {
        let mut untold = Untold::default();
        assert_eq!(untold.add(Instant::now()), Some(1));
        let told: Vec<_> = (0..100)
            .filter_map(|_| untold.add(Instant::now()))
            .collect();
        assert!(told.is_empty(), "{told:?}");
        tokio::time::advance(SUM_EVERY).await;
        assert_eq!(untold.add(Instant::now()), Some(101));
    }
}
