//! The pieces of an SSO profile: session, account and role; token; client registration; renewal.

mod registration;
mod renewal;

use program::report::Report;
use sso_session::date;
use sso_session::token::{Reading, Token, UnreadableToken};

use crate::config::Profile;
use crate::credentials::{SsoBasis, now};

/// Says what the profile leads to.
pub(super) fn check_profile(requested: &Profile, basis: &SsoBasis, report: &mut Report) {
    let profile = basis.profile();
    let through = match &profile.session.name {
        Some(name) => format!("sso-session `{name}`"),
        None => format!("{} (a legacy profile)", profile.session.start_url),
    };
    let assumed: Vec<_> = profile
        .assume_roles
        .iter()
        .map(|role| format!(", then {}", role.role_arn))
        .collect();
    report.passed(
        "profile",
        &format!(
            "{requested}: role `{}` in account {}{}, through {through}",
            profile.role_name,
            profile.account_id,
            assumed.concat()
        ),
    );
}

/// Looks at what the session's files hold, and renews the token if that is due; whether there is an
/// access token to go on with.
pub(super) async fn check_session(basis: &SsoBasis, report: &mut Report) -> bool {
    let token = check_token(basis, report).await;
    registration::check(basis, token.as_ref(), report).await;
    let Some(token) = token else {
        report.skipped(&["refresh"], "there is no token to renew");
        return false;
    };
    renewal::check(basis, &token, report).await
}

/// The token, unless only a login can help.
async fn check_token(basis: &SsoBasis, report: &mut Report) -> Option<Token> {
    const STEP: &str = "token";
    let path = basis.token_file().path().display().to_string();
    let log_in = format!("Run `{}`.", basis.login_command());
    let token = match basis.token_file().read_settled().await {
        Reading::Found(token) => token,
        Reading::Absent => {
            let problem = format!("{path} does not exist: nobody has logged in, or has logged out");
            report.failed(STEP, &problem, &log_in);
            return None;
        }
        Reading::Unreadable(UnreadableToken::Content { problem, .. }) => {
            report.failed(STEP, &format!("{path} is no token: {problem}"), &log_in);
            return None;
        }
        Reading::Unreadable(UnreadableToken::Disk(error)) => {
            let cure = "Make it a file that this user may read and write.";
            report.failed(STEP, &error.to_string(), cure);
            return None;
        }
    };
    let end = date::format(token.expires_at);
    if now() < token.expires_at {
        report.passed(STEP, &format!("{path}, until {end}"));
    } else if token.can_refresh(now()) {
        report.passed(STEP, &format!("{path}, ended {end}, can be renewed"));
    } else {
        let problem = format!("{path} ended {end} by this machine's clock, and cannot be renewed");
        report.failed(STEP, &problem, &log_in);
        return None;
    }
    Some(token)
}
