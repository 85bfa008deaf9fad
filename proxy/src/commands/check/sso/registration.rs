//! The client registration, which the AWS CLI needs to log in and never mends.

use std::time::Duration;

use program::report::Report;
use sso_session::date;
use sso_session::registration::RegistrationError;
use sso_session::token::Token;

use crate::credentials::{SsoBasis, now};

const STEP: &str = "registration";
/// The AWS CLI treats one as ended so much before its end.
const ENDS_EARLY: Duration = Duration::from_mins(15);

pub(super) async fn check(basis: &SsoBasis, token: Option<&Token>, report: &mut Report) {
    let file = basis.registration_file().clone();
    let Ok(read) = tokio::task::spawn_blocking(move || file.read()).await else {
        return report.failed(STEP, "reading it ended unexpectedly", "Try again.");
    };
    match read {
        Ok(Some(registration)) => {
            let end = date::format(registration.expires_at);
            let is_over = registration.expires_at <= now() + ENDS_EARLY;
            let text = if is_over {
                format!("ended {end}: the next login makes a new one")
            } else {
                format!("until {end}")
            };
            report.passed(STEP, &text);
        }
        Ok(None) if token.is_some_and(|token| token.client_id.is_some()) => {
            report.passed(STEP, "none on its own: the token carries its client");
        }
        Ok(None) => report.passed(STEP, "none: the next login makes one"),
        Err(error @ RegistrationError::Content { .. }) => {
            let command = basis.registration_file().move_command();
            let cure = format!("Run `{command}`; until then every `aws sso login` fails.");
            report.failed(STEP, &error.to_string(), &cure);
        }
        Err(RegistrationError::Disk(error)) => {
            let cure = "Make it a file that this user may read and write.";
            report.failed(STEP, &error.to_string(), cure);
        }
    }
}
