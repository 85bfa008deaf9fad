//! The simulated STS: who one is, and credentials of a role for other credentials.
//! <https://docs.aws.amazon.com/STS/latest/APIReference/welcome.html>
//!
//! Anyone may assume any role. What may go wrong is for the faults to say.

mod document;
mod gate;

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::request::Parts;
use http::{Method, Request, Response};

use crate::credential::{Credential, form_value};
use crate::principal::Principal;
use crate::service::{ErrorAnswer, PlainBody, RequestId, Service, SmallBody, Target};
use crate::{Clock, Identities, Operation, Sso};
use gate::Gate;

/// The seconds a role may be assumed for.
const DURATION_SECONDS: std::ops::RangeInclusive<u64> = 900..=43_200;

/// The seconds it is assumed for unless asked otherwise.
const DEFAULT_DURATION_SECONDS: u64 = 3_600;

/// STS behind the exchange.
pub(crate) struct Sts {
    gate: Gate,
    /// Gives out role credentials, and knows their life.
    sso: Sso,
}

impl Sts {
    pub(crate) fn new(sso: Sso, identities: Identities, clock: Clock) -> Self {
        Self {
            gate: Gate { identities, clock },
            sso,
        }
    }

    fn serve(
        &self,
        head: &Parts,
        operation: Operation,
        request_id: &RequestId,
    ) -> Result<Response<PlainBody>, ErrorAnswer> {
        let form = SmallBody::of(head);
        let caller = self.gate.check(Credential::of(head), head, form)?;
        if operation == Operation::GetCallerIdentity {
            return Ok(document::caller_identity(&caller, request_id));
        }
        if operation == Operation::AssumeRole {
            let (principal, life) = asked_role(form)?;
            let credentials = self.sso.role_credentials(principal.clone(), Some(life));
            return Ok(document::assumed_role(&principal, &credentials, request_id));
        }
        let message = "The action is not valid for this endpoint.";
        Err(ErrorAnswer::new(400, "InvalidAction", message))
    }
}

impl Service for Sts {
    fn target(&self, head: &Parts) -> Option<Target> {
        if head.method != Method::POST || head.uri.path() != "/" {
            return None;
        }
        let operation = match form_value(SmallBody::of(head), "Action")?.as_str() {
            "AssumeRole" => Operation::AssumeRole,
            "GetCallerIdentity" => Operation::GetCallerIdentity,
            _ => Operation::Unknown,
        };
        Some(Target::of(operation))
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

/// The session of a role that is asked for, and for how long.
fn asked_role(form: &[u8]) -> Result<(Principal, Duration), ErrorAnswer> {
    let invalid = |message: &str| ErrorAnswer::new(400, "ValidationError", message);
    let arn = form_value(form, "RoleArn").unwrap_or_default();
    // arn:aws:iam::<account>:role/<path…>/<name>
    let role = arn.strip_prefix("arn:aws:iam::");
    let role = role.and_then(|role| role.split_once(":role/"));
    let (account, path) = role.ok_or_else(|| invalid("The role's ARN is invalid"))?;
    let name = path.rsplit('/').next().unwrap_or(path);
    let session = form_value(form, "RoleSessionName").filter(|name| name.len() >= 2);
    let session = session.ok_or_else(|| invalid("The role session's name is too short"))?;
    let seconds = match form_value(form, "DurationSeconds") {
        None => DEFAULT_DURATION_SECONDS,
        Some(text) => text
            .parse()
            .ok()
            .filter(|seconds| DURATION_SECONDS.contains(seconds))
            .ok_or_else(|| invalid("DurationSeconds must be 900 to 43200"))?,
    };
    let principal = Principal::assumed_role(account, name, &session);
    Ok((principal, Duration::from_secs(seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_read_with_its_path() {
        let form = b"RoleArn=arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2Fteam%2FDeployer\
                     &RoleSessionName=ci&DurationSeconds=900";
        let (principal, life) = asked_role(form).expect("a valid request");
        let arn = "arn:aws:sts::111122223333:assumed-role/Deployer/ci";
        assert_eq!(principal.arn, arn);
        assert_eq!(life, Duration::from_mins(15));
        assert!(asked_role(b"RoleArn=Deployer&RoleSessionName=ci").is_err());
    }
}
