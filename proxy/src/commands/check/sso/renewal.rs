//! The renewal of the token: can it be done from here, and if it is due, is it done?

use program::report::Report;
use sso_session::date;
use sso_session::refresh::RenewalError;
use sso_session::token::Token;

use crate::credentials::{Outlook, SsoBasis, now};

const STEP: &str = "refresh";

/// Whether there is an access token to go on with.
pub(super) async fn check(basis: &SsoBasis, found: &Token, report: &mut Report) -> bool {
    if !found.can_refresh(now()) {
        tell_why_not(basis, found, report);
        return true;
    }
    // Also when nothing is due yet: it will be, and then it is too late to find out.
    if let Err(error) = basis.prove_writable().await {
        tell_failure(basis, &error, report);
        return now() < found.expires_at;
    }
    let Some(outlook) = basis.renewed_if_due().await else {
        let cure = "Another program is at work on it: try again.";
        report.failed(STEP, "the token has gone meanwhile", cure);
        return false;
    };
    tell_outcome(basis, found, &outlook, report);
    !outlook.is_spent
}

fn tell_outcome(basis: &SsoBasis, found: &Token, outlook: &Outlook, report: &mut Report) {
    if let Some(failure) = &outlook.failure {
        return tell_failure(basis, failure, report);
    }
    if !outlook.is_saved {
        return report.failed(
            STEP,
            "the token was renewed, but could not be written: the login is lost with this process",
            &format!("Free some space, then run `{}`.", basis.login_command()),
        );
    }
    if !outlook.can_refresh {
        return tell_why_not(basis, &outlook.token, report);
    }
    let end = date::format(outlook.token.expires_at);
    let next = date::format(outlook.renewal_at);
    let text = if outlook.token.is_same_login(found) {
        format!("renewable, next at about {next}")
    } else {
        format!("renewed, until {end}; next at about {next}")
    };
    report.passed(STEP, &text);
}

/// A token that cannot be renewed is no failure while it lasts.
fn tell_why_not(basis: &SsoBasis, token: &Token, report: &mut Report) {
    let session = &basis.profile().session;
    let end = date::format(token.expires_at);
    let log_in = basis.login_command();
    let what = format!("not renewable: a person has to log in again at {end}");
    let advice = match &session.name {
        None => format!(
            "This is a legacy profile, which gets no refresh token. Name an sso-session in it \
             (`aws configure sso`), and run `{log_in}`."
        ),
        Some(name) if !session.can_be_refreshed() => format!(
            "Add sso_registration_scopes = sso:account:access to [sso-session {name}], and run \
             `{log_in}`."
        ),
        Some(_) => format!(
            "The token came without a refresh token, or its client registration has ended: run \
             `{log_in}`."
        ),
    };
    report.advised(STEP, &what, &advice);
}

fn tell_failure(basis: &SsoBasis, failure: &RenewalError, report: &mut Report) {
    let log_in = basis.login_command();
    let (problem, cure) = match failure {
        RenewalError::LoginRequired { reason, .. } => (
            format!("this login cannot be renewed any more ({reason})"),
            format!("Run `{log_in}`."),
        ),
        RenewalError::LoginOnce { reason, .. } => (
            format!("this login cannot be renewed ({reason})"),
            format!(
                "Run `{log_in}` once; if this comes again, check sso_region and \
                 sso_registration_scopes."
            ),
        ),
        RenewalError::ReadOnly(reason) => (
            format!("a renewed token could not be written here, so none is asked for ({reason})"),
            "Make ~/.aws/sso/cache and SSO_STATE_DIR writable for this user; in a container mount \
             the folder ~/.aws writable. Else only the host can renew it."
                .to_owned(),
        ),
        RenewalError::Denied(reason) => (
            format!("this login cannot be renewed, and another one does not help ({reason})"),
            "Ask the administrator of IAM Identity Center, and show this text.".to_owned(),
        ),
        RenewalError::Misconfigured(reason) => (
            format!("this login cannot be renewed: its configuration is wrong ({reason})"),
            "Check sso_region, sso_start_url and sso_registration_scopes.".to_owned(),
        ),
        RenewalError::Passing(reason) => (
            format!("the token could not be renewed now ({reason})"),
            "This passes and is tried again by itself; check the network, HTTPS_PROXY and \
             AWS_CA_BUNDLE if it stays."
                .to_owned(),
        ),
    };
    report.failed(STEP, &problem, &cure);
}
