//! What the page says of credentials: until when, what comes next, and what the host was asked for.

use std::time::SystemTime;

use serde::Serialize;
use sso_session::date;
use sso_session::signal::LoginSignal;

use crate::credentials::{Identity, Report, TokenReport};
use crate::error::Trouble;

/// Something to be done.
#[derive(Serialize)]
pub(super) struct Advice {
    reason: String,
    cure: String,
    command: Option<String>,
}

/// The credentials in use, and the login that they come from.
#[derive(Serialize)]
pub(super) struct Credentials {
    expires_at: Option<String>,
    /// About when new ones are fetched.
    renewal_at: Option<String>,
    /// The SSO session's access token.
    token: Option<Token>,
}

#[derive(Serialize)]
struct Token {
    expires_at: String,
    /// That time has come, or AWS does not take it any more.
    has_ended: bool,
    /// About when it is renewed; without that, it cannot be.
    renewal_at: Option<String>,
    problem: Option<String>,
}

/// `login-required.json`: what the host has been asked for.
#[derive(Serialize)]
pub(super) struct Signal {
    profile: String,
    sso_session: Option<String>,
    /// Whether it asks for the login that this proxy's profile needs.
    is_for_this_profile: bool,
    is_rehearsal: bool,
    source: Option<String>,
    reason: Option<String>,
    code: Option<String>,
    since: Option<String>,
    last_seen: Option<String>,
    /// Before when the host's agent does not try again; only while that is to come.
    next_attempt_after: Option<String>,
    /// What became of its last attempt.
    last_error: Option<String>,
}

impl Advice {
    pub(super) fn of(trouble: &Trouble) -> Self {
        Self {
            reason: trouble.reason.clone(),
            cure: trouble.cure.clone(),
            command: trouble.command.clone(),
        }
    }
}

impl Credentials {
    pub(super) fn of(report: &Report) -> Self {
        let valid = report.state.valid();
        let expiry = valid.and_then(|valid| valid.credentials.expiry());
        let renewal = valid.and_then(|valid| valid.renewal_at());
        Self {
            expires_at: expiry.map(date::format),
            renewal_at: renewal.map(date::format),
            token: report.token.as_ref().map(Token::of),
        }
    }
}

impl Token {
    fn of(token: &TokenReport) -> Self {
        Self {
            expires_at: date::format(token.expires_at),
            has_ended: token.has_ended,
            renewal_at: token.renewal_at.map(date::format),
            problem: token.problem.clone(),
        }
    }
}

impl Signal {
    pub(super) fn of(signal: &LoginSignal, ours: Option<&Identity>, now: SystemTime) -> Self {
        let next = signal.next_attempt_after(now).filter(|next| *next > now);
        Self {
            profile: signal.profile.clone(),
            sso_session: signal.sso_session.clone(),
            is_for_this_profile: ours
                .is_some_and(|ours| signal.is_for(&ours.profile, ours.sso_session.as_deref())),
            is_rehearsal: signal.is_test(),
            source: signal.source.clone(),
            reason: signal.reason.clone(),
            code: signal.code.clone(),
            since: signal.timestamp.map(date::format),
            last_seen: signal.last_seen.map(date::format),
            next_attempt_after: next.map(date::format),
            last_error: signal.last_error.clone(),
        }
    }
}
