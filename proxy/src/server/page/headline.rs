//! The keeper's state in a person's words: what is the matter, what it means for a build, what to run.

use std::time::{Duration, SystemTime};

use serde::Serialize;
use sso_session::date;

use super::super::troubles::Noted;
use super::codeartifact::Tokens;
use crate::credentials::{Report, State};

/// Passing trouble that has failed a request within this time is told of beside good credentials.
const LATELY: Duration = Duration::from_mins(1);

/// The state, and what a person wants to know of it first.
#[derive(Serialize)]
pub(super) struct Headline {
    /// As in `/readyz`: `valid`, `login-required` and so on.
    name: &'static str,
    /// How much it matters.
    tone: Tone,
    title: &'static str,
    /// What it means for a build.
    meaning: String,
    since: String,
    /// What happened.
    reason: Option<String>,
    /// What to do about it.
    cure: Option<String>,
    /// The command of the cure, where there is one.
    command: Option<String>,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
enum Tone {
    /// All is well.
    Good,
    /// It passes by itself within moments.
    Busy,
    /// Everything is served, or will be again by itself.
    Warn,
    /// Somebody has to act.
    Bad,
}

/// What the proxy serves, as far as it makes a difference here.
#[derive(Clone, Debug)]
pub(super) struct Served {
    pub(super) bucket: bool,
    /// Where it is: how its tokens stand, which outlive a login.
    pub(super) codeartifact: Option<Tokens>,
    /// Another proxy is asked before S3, and needs no login of ours.
    pub(super) upstream: bool,
}

/// What a report comes to.
pub(super) fn of(
    report: &Report,
    troubles: &[Noted],
    served: &Served,
    login_wait: Duration,
    now: SystemTime,
) -> Headline {
    let recent = troubles
        .iter()
        .find(|noted| noted.is_passing)
        .filter(|noted| now.duration_since(noted.last).is_ok_and(|age| age < LATELY));
    let trouble = report
        .state
        .trouble()
        .or(report.login_ahead.as_ref())
        .or(report.renewal_trouble.as_ref());
    let trouble = trouble
        .map(AsRef::as_ref)
        .or(served
            .without_token()
            .and_then(|tokens| tokens.trouble.as_deref()))
        .or(recent.map(|noted| &noted.trouble));
    let hits = match (served.upstream, served.has_token()) {
        (true, true) => {
            "Cached artifacts are served, and so are what the upstream has, and CodeArtifact while its \
             token is good."
        }
        (true, false) => "Cached artifacts are served, and so is what the upstream has.",
        (false, true) => {
            "Cached artifacts are served, and so is CodeArtifact while its token is good."
        }
        (false, false) => "Cached artifacts are served.",
    };
    let (tone, title, others) = words(report, served, recent.is_some(), login_wait);
    Headline {
        name: report.state.name(),
        tone,
        title,
        meaning: format!("{hits} {others}"),
        since: date::format(report.since),
        reason: trouble.map(|trouble| trouble.reason.clone()),
        cure: trouble.map(|trouble| trouble.cure.clone()),
        command: trouble.and_then(|trouble| trouble.command.clone()),
    }
}

fn words(
    report: &Report,
    served: &Served,
    fails_lately: bool,
    login_wait: Duration,
) -> (Tone, &'static str, String) {
    match &report.state {
        State::Valid(_) if report.login_ahead.is_some() => (
            Tone::Warn,
            "A login will be needed",
            "So is everything else, until the credentials end. Log in before that, and no build waits."
                .to_owned(),
        ),
        State::Valid(_) if report.renewal_trouble.is_some() => (
            Tone::Warn,
            "The credentials cannot be renewed now",
            "So is everything else, until the credentials end. Renewing them is tried again by itself."
                .to_owned(),
        ),
        State::Valid(_) if let Some(tokens) = served.without_token() => missing(tokens),
        State::Valid(_) if fails_lately => (
            Tone::Warn,
            "Requests have failed lately",
            "The credentials are good, but requests for other artifacts have failed within the last \
             minute."
                .to_owned(),
        ),
        State::Valid(_) => (
            Tone::Good,
            "Ready",
            format!("Everything else comes from {}, once.", served.from()),
        ),
        State::Refreshing => (
            Tone::Busy,
            "Getting credentials",
            "Everything else waits for them, usually for a moment.".to_owned(),
        ),
        State::LoginRequired(_) => (
            Tone::Bad,
            "A login is needed",
            waits(login_wait),
        ),
        State::Offline(_) => (
            Tone::Warn,
            "AWS cannot be reached",
            "Everything else is tried for about 10 s and then fails with 503. No login helps; it goes \
             on by itself."
                .to_owned(),
        ),
        State::ClockSkew(_) => (
            Tone::Bad,
            "This machine's clock is wrong",
            "Everything else fails with 503 until the clock is right.".to_owned(),
        ),
        State::Denied(_) => (
            Tone::Bad,
            "AWS denies the credentials",
            "Everything else fails with 503. No login helps: somebody has to allow it; it is taken up \
             by itself."
                .to_owned(),
        ),
        State::ConfigError(_) => (
            Tone::Bad,
            "The configuration needs a change",
            "Everything else fails with 503 until then; a change is taken up by itself. \
             `bazel-proxy check` goes through each step."
                .to_owned(),
        ),
    }
}

/// What it is to have no token for some repositories, though the credentials are good.
fn missing(tokens: &Tokens) -> (Tone, &'static str, String) {
    let Tokens {
        missing,
        repositories,
        ..
    } = tokens;
    let (title, of) = if missing < repositories {
        (
            "Some packages cannot be had",
            format!("{missing} of {repositories} repositories"),
        )
    } else {
        ("No packages can be had", "its repositories".to_owned())
    };
    (
        Tone::Warn,
        title,
        format!(
            "The credentials are good, but CodeArtifact gives no token for {of}: what is not cached of \
             these fails with 503."
        ),
    )
}

impl Served {
    fn has_token(&self) -> bool {
        self.codeartifact
            .as_ref()
            .is_some_and(|tokens| tokens.is_one_good)
    }

    /// The tokens, where some cannot be had.
    fn without_token(&self) -> Option<&Tokens> {
        self.codeartifact
            .as_ref()
            .filter(|tokens| tokens.missing > 0)
    }

    /// Where things come from.
    fn from(&self) -> &'static str {
        match (self.bucket, self.codeartifact.is_some()) {
            (true, true) => "S3 and CodeArtifact",
            (false, true) => "CodeArtifact",
            (true | false, false) => "S3",
        }
    }
}

fn waits(login_wait: Duration) -> String {
    if login_wait.is_zero() {
        return "Everything else fails with 503 until somebody logs in.".to_owned();
    }
    let most = super::super::html::human_duration(login_wait);
    format!("Everything else waits for the login, as long as its client bears and at most {most}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_a_miss_waits_is_told() {
        assert!(waits(Duration::from_mins(9)).ends_with("at most 9 min."));
        assert!(waits(Duration::ZERO).contains("fails with 503"));
    }

    #[test]
    fn that_there_are_no_packages_is_not_called_ready() {
        let titled = |missing_tokens, repositories| {
            let (_, title, meaning) = missing(&Tokens {
                missing: missing_tokens,
                repositories,
                ..Tokens::default()
            });
            (title, meaning)
        };
        let (title, meaning) = titled(1, 2);
        assert_eq!(title, "Some packages cannot be had");
        assert!(meaning.contains("1 of 2 repositories"), "{meaning}");
        assert_eq!(titled(2, 2).0, "No packages can be had");
    }
}
