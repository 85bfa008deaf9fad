//! What becomes of an attempt: published, or kept back while old credentials serve.

use std::sync::Arc;

use aws_credential_types::Credentials as AwsCredentials;
use tokio::time::Instant;
use tracing::debug;

use super::{Keeper, TRY_REFUSED_AFTER};
use crate::credentials::source::{Attempt, Failed, Principal};
use crate::credentials::{State, schedule};
use crate::error::Trouble;

impl Keeper {
    pub(super) async fn publish(&mut self, attempt: Attempt) {
        self.fetching = None;
        let fetches = &self.source.sessions().metrics().credential_fetches;
        fetches.with_label_values(&[attempt.outcome_name()]).inc();
        let is_about_principal = attempt.principal.is_some();
        if let Some(principal) = attempt.principal {
            self.adopt(principal);
        }
        if attempt.token.is_some() {
            self.token_seen = attempt.token;
        }
        let session = self.session();
        self.publisher
            .set_token(session.and_then(|session| session.token_report()));
        if matches!(
            self.principal,
            Some(Principal::Chain { .. } | Principal::Keys)
        ) {
            // What was asked for a session that the profile has no more.
            self.signalling.take_back().await;
        }
        match attempt.outcome {
            Ok(credentials) => match self.refused(&credentials) {
                Some(reason) => self.publish_failure(self.refused_again(&reason).into()),
                None => self.publish_valid(credentials),
            },
            Err(failed) => self.publish_failure(failed),
        }
        self.tell_host().await;
        if is_about_principal {
            self.take_back_needless_signal().await;
        }
    }

    fn adopt(&mut self, principal: Principal) {
        self.publisher
            .set_identity(self.source.identity(&principal));
        let is_same_session = match (&principal, &self.principal) {
            (Principal::Sso(_, new), Some(Principal::Sso(_, old))) => Arc::ptr_eq(new, old),
            (Principal::Sso(..) | Principal::Chain { .. } | Principal::Keys, _) => false,
        };
        if !is_same_session {
            self.token_seen = None;
        }
        self.principal = Some(principal);
    }

    fn publish_failure(&mut self, failed: Failed) {
        let Failed {
            state,
            need,
            evicts,
        } = failed;
        self.need = need;
        if self.evicts && evicts {
            return self.publisher.publish(state);
        }
        if self.publisher.holds_credentials_of_this_identity() {
            self.publisher.note_failed_renewal(&state);
            self.last_failure = Some(state);
            return self.rest();
        }
        self.publisher.publish(state);
    }

    /// Nothing newer is to be had for a while: whoever wants it need not wait.
    fn rest(&self) {
        if let Some(valid) = self.publisher.valid() {
            let pause = schedule::retry_pause(&valid, self.pace());
            // A slow attempt may have taken longer than the pause.
            let soonest = Instant::now() + pause / 4;
            self.publisher
                .rest_until(soonest.max(self.last_fetch + pause));
        }
    }

    /// Why these very credentials are known to be bad, if they are.
    fn refused(&self, credentials: &AwsCredentials) -> Option<String> {
        let rejected = self.rejected.as_ref()?;
        let is_recent = rejected.at.elapsed() < TRY_REFUSED_AFTER;
        (is_recent && same(&rejected.credentials, credentials)).then(|| rejected.reason.clone())
    }

    /// The source has nothing but what AWS has refused.
    fn refused_again(&self, reason: &str) -> State {
        match &self.principal {
            // Whether a login is needed is for SSO to say.
            Some(Principal::Sso(..)) => State::Offline(Trouble::with_command(
                format!("AWS refuses the role credentials that its SSO portal gives ({reason})"),
                "bazel-proxy check",
                |command| format!("This is tried again by itself; run `{command}` if it stays."),
            )),
            Some(Principal::Chain { .. } | Principal::Keys) | None => {
                State::LoginRequired(self.source.login_needed(reason))
            }
        }
    }

    fn publish_valid(&mut self, credentials: AwsCredentials) {
        self.rejected = None;
        self.need = None;
        self.last_failure = None;
        self.publisher.note_renewal();
        let is_known = self.publisher.valid().is_some_and(|valid| {
            let known = &valid.credentials;
            same(known, &credentials) && known.expiry() == credentials.expiry()
        });
        if is_known {
            debug!("the credentials are the same as before");
            return self.rest();
        }
        self.publisher.publish_credentials(credentials);
    }
}

fn same(one: &AwsCredentials, other: &AwsCredentials) -> bool {
    one.access_key_id() == other.access_key_id()
        && one.secret_access_key() == other.secret_access_key()
        && one.session_token() == other.session_token()
}
