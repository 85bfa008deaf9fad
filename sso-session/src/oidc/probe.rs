//! Whether SSO-OIDC answers: asked before a browser is opened on a page that nobody could load.

use tokio::time::timeout;

use super::{CALL_TIMEOUT, Oidc, failure};
use crate::failure::Failure;
use crate::registration::Registration;

/// Stands for a client, and for a refresh token: neither can exist, so nothing is spent and no login ends.
const NOBODY: &str = "is-anybody-there";

/// What SSO-OIDC said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// It is there, so a login can be tried.
    Answers,
    /// It is there and does not take this client: every login fails until the registration is gone.
    RegistrationRejected,
}

impl Oidc {
    /// Asks whether SSO-OIDC answers, and whether it takes this client, within ten seconds.
    ///
    /// # Errors
    /// Whatever passes: no network, no answer in time, an answer that is not AWS's (a captive portal), AWS's
    /// own errors, throttling.
    pub async fn probe(&self, registration: Option<&Registration>) -> Result<Probe, Failure> {
        let (client, secret) = registration.map_or((NOBODY, NOBODY), |known| {
            (&known.client_id, known.client_secret.expose())
        });
        let call = self
            .0
            .create_token()
            .grant_type("refresh_token")
            .client_id(client)
            .client_secret(secret)
            .refresh_token(NOBODY)
            .send();
        let failure = match timeout(CALL_TIMEOUT, call).await {
            Ok(Ok(answer)) if answer.access_token.is_some() => return Ok(Probe::Answers),
            Ok(Ok(_)) => Failure::garbage("the answer is not one of SSO-OIDC"),
            Ok(Err(error)) => failure(&error),
            Err(_) => Failure::timed_out(CALL_TIMEOUT),
        };
        if is_passing(&failure) {
            return Err(failure);
        }
        let rejected = failure.code.as_deref() == Some("InvalidClientException");
        Ok(match registration {
            Some(_) if rejected => Probe::RegistrationRejected,
            Some(_) | None => Probe::Answers,
        })
    }
}

/// Only a code is AWS's word. Without one it may be anybody's answer, and busy is as good as absent.
fn is_passing(failure: &Failure) -> bool {
    let is_trouble = failure
        .status
        .is_none_or(|status| status == 429 || status >= 500);
    let is_busy = failure.code.as_deref() == Some("SlowDownException");
    failure.code.is_none() || is_trouble || is_busy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_code_that_blames_the_question_is_an_answer() {
        for (code, status, passing) in [
            (Some("InvalidGrantException"), Some(400), false),
            (Some("InvalidClientException"), Some(401), false),
            (Some("AccessDeniedException"), Some(400), false),
            (Some("SlowDownException"), Some(400), true),
            (Some("TooManyRequestsException"), Some(429), true),
            (Some("InternalServerException"), Some(500), true),
            (None, Some(400), true),
            (None, Some(511), true),
            (None, None, true),
        ] {
            let failure = Failure {
                code: code.map(str::to_owned),
                status,
                ..Failure::default()
            };
            assert_eq!(is_passing(&failure), passing, "{code:?} {status:?}");
        }
    }
}
