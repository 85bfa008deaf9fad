//! The simulated STS: who one is, credentials of a role for other credentials, temporary ones for long-term
//! keys. <https://docs.aws.amazon.com/STS/latest/APIReference/welcome.html>
//!
//! ```text
//! form ─► gate (who signs) ─► request (bounds) ─► roles (rules) ─► identities, so S3 takes what is given
//! ```
//!
//! Anyone may assume any role that has no [`RoleRules`]. What else may go wrong is for the faults to say, which
//! know a role by its ARN, as the key of the call.

mod document;
mod gate;
mod partition;
mod request;
mod roles;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::request::Parts;
use http::{Method, Request, Response};

pub use roles::{AskedRole, RoleRules};

use crate::credential::{Credential, form_value};
use crate::principal::Principal;
use crate::service::{ErrorAnswer, PlainBody, RequestId, Service, SmallBody, Target};
use crate::{Clock, Identities, Operation, Sso};
use gate::Gate;
use request::AssumeRole;
use roles::Roles;

/// The simulated STS. Clones share it.
#[derive(Clone)]
pub struct Sts {
    gate: Arc<Gate>,
    /// Gives out role credentials, and knows their life.
    sso: Sso,
    roles: Roles,
    longest_life: Arc<Mutex<Option<Duration>>>,
}

impl Sts {
    pub(crate) fn new(sso: Sso, identities: Identities, clock: Clock) -> Self {
        Self {
            gate: Arc::new(Gate { identities, clock }),
            sso,
            roles: Roles::default(),
            longest_life: Arc::default(),
        }
    }

    /// Gives a role rules, in place of those that it has.
    pub fn set_rules(&self, role_arn: &str, rules: RoleRules) {
        self.roles.set_rules(role_arn, rules);
    }

    /// Takes a role's rules away: anyone may assume it.
    pub fn remove_rules(&self, role_arn: &str) {
        self.roles.remove_rules(role_arn);
    }

    /// Lets whatever is given out from now on live no longer than this, whatever was asked for, and says so in
    /// `Expiration`: AWS gives no less than 15 minutes, for which no test waits. `None` gives what is asked for.
    pub fn set_longest_life(&self, life: Option<Duration>) {
        *self
            .longest_life
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = life;
    }

    /// What the last call for that role asked for, whatever came of it.
    #[must_use]
    pub fn asked(&self, role_arn: &str) -> Option<AskedRole> {
        self.roles.asked(role_arn)
    }

    fn serve(
        &self,
        head: &Parts,
        operation: Operation,
        request_id: &RequestId,
    ) -> Result<Response<PlainBody>, ErrorAnswer> {
        let form = SmallBody::of(head);
        let credential = Credential::of(head);
        let region = credential.as_ref().map(|claims| claims.region.clone());
        let region = region.unwrap_or_default();
        let caller = self.gate.check(credential, head, form)?;
        let form = request::parameters(form);
        if operation == Operation::GetCallerIdentity {
            return Ok(document::caller_identity(&caller, request_id));
        }
        if operation == Operation::AssumeRole {
            self.roles.note(&form, &region, &caller);
            let asked = AssumeRole::of(&form)?;
            self.roles.admit(&asked, &region, &caller)?;
            let role = Principal::assumed_role_in(
                &asked.arn.partition,
                &asked.arn.account,
                &asked.arn.name,
                &asked.session_name,
            );
            let life = self.life(asked.life);
            let credentials = self.sso.role_credentials(role.clone(), Some(life));
            return Ok(document::assumed_role(
                &role,
                &asked,
                &credentials,
                request_id,
            ));
        }
        if operation == Operation::GetSessionToken {
            if caller.is_temporary {
                let message = "Cannot call GetSessionToken with session credentials";
                return Err(ErrorAnswer::new(403, "AccessDenied", message));
            }
            let life = self.life(request::session_life(&form)?);
            let principal = Principal {
                is_temporary: true,
                ..caller
            };
            let credentials = self.sso.role_credentials(principal, Some(life));
            return Ok(document::session_token(&credentials, request_id));
        }
        let message = "The action is not valid for this endpoint.";
        Err(ErrorAnswer::new(400, "InvalidAction", message))
    }

    fn life(&self, asked: Duration) -> Duration {
        let longest = self.longest_life.lock();
        let longest = *longest.unwrap_or_else(PoisonError::into_inner);
        longest.map_or(asked, |longest| longest.min(asked))
    }
}

impl Service for Sts {
    fn target(&self, head: &Parts) -> Option<Target> {
        if head.method != Method::POST || head.uri.path() != "/" {
            return None;
        }
        let form = SmallBody::of(head);
        let operation = match form_value(form, "Action")?.as_str() {
            "AssumeRole" => Operation::AssumeRole,
            "GetCallerIdentity" => Operation::GetCallerIdentity,
            "GetSessionToken" => Operation::GetSessionToken,
            _ => Operation::Unknown,
        };
        Some(Target {
            key: form_value(form, "RoleArn"),
            ..Target::of(operation)
        })
    }

    fn answer(
        &self,
        request: Request<PlainBody>,
        target: Target,
    ) -> BoxFuture<'_, Response<PlainBody>> {
        let head = request.into_parts().0;
        let request_id = RequestId::of(&head);
        let answer = self.serve(&head, target.operation, &request_id);
        let response = answer.unwrap_or_else(|error| document::error(&error, &request_id));
        async { response }.boxed()
    }

    fn error(&self, error: &ErrorAnswer, request_id: &RequestId) -> Response<PlainBody> {
        document::error(error, request_id)
    }
}
