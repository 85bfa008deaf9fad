//! Who calls the control plane: the access key, its token, the clock, the signature, the permission.

use std::time::UNIX_EPOCH;

use http::request::Parts;

use super::Shared;
use crate::Action;
use crate::credential::Credential;
use crate::identities::Refusal;
use crate::principal::Principal;
use crate::service::{ErrorAnswer, SmallBody};
use crate::signature;

/// How far a signature may be from the server's clock.
const MAX_SKEW_SECONDS: u64 = 15 * 60;

/// A caller whose signature is right.
pub(super) struct Caller {
    pub(super) access_key_id: String,
    pub(super) region: String,
    pub(super) principal: Principal,
}

impl Caller {
    /// The caller of a request, or why there is none. The codes are those that all of AWS's JSON services share.
    /// <https://docs.aws.amazon.com/codeartifact/latest/APIReference/CommonErrors.html>
    pub(super) fn of(shared: &Shared, head: &Parts) -> Result<Self, ErrorAnswer> {
        let refuse = |code: &str, message: &str| ErrorAnswer::new(403, code, message);
        let credential = Credential::of(head);
        let credential = credential.ok_or_else(|| {
            refuse(
                "MissingAuthenticationTokenException",
                "Missing Authentication Token",
            )
        })?;
        let key = credential.access_key_id.as_str();
        let now = shared.clock.now();
        shared
            .identities
            .admit(key, credential.token.as_deref(), now)
            .map_err(|refusal| match refusal {
                Refusal::UnknownAccessKey | Refusal::WrongToken => {
                    let message = "The security token included in the request is invalid.";
                    refuse("UnrecognizedClientException", message)
                }
                Refusal::ExpiredToken => {
                    let message = "The security token included in the request is expired";
                    refuse("ExpiredTokenException", message)
                }
            })?;
        let now = now
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        let signed_at = credential.signed_at_seconds();
        let signed_at = signed_at.and_then(|seconds| u64::try_from(seconds).ok());
        if signed_at.is_none_or(|signed_at| now.abs_diff(signed_at) > MAX_SKEW_SECONDS) {
            let claimed = credential.signed_at.as_deref().unwrap_or_default();
            let message = if signed_at.is_some_and(|signed_at| signed_at > now) {
                format!("Signature not yet current: {claimed} is still in the future")
            } else {
                format!("Signature expired: {claimed} is too far in the past")
            };
            return Err(refuse("InvalidSignatureException", &message));
        }
        let secret = shared.identities.secret(key).unwrap_or_default();
        if !signature::is_right(head, SmallBody::of(head), &secret) {
            let message =
                "The request signature we calculated does not match the signature you provided.";
            return Err(refuse("InvalidSignatureException", message));
        }
        Ok(Self {
            principal: shared.identities.principal(key).unwrap_or_default(),
            access_key_id: credential.access_key_id,
            region: credential.region,
        })
    }

    /// Whether the caller may do that on that resource.
    pub(super) fn allow(
        &self,
        shared: &Shared,
        action: Action,
        resource: &str,
    ) -> Result<(), ErrorAnswer> {
        if !shared.denies(&self.access_key_id, action) {
            return Ok(());
        }
        let (who, what) = (&self.principal.arn, action.name());
        let message = format!(
            "User: {who} is not authorized to perform: {what} on resource: {resource} because no identity-based \
             policy allows the {what} action"
        );
        Err(ErrorAnswer::new(403, "AccessDeniedException", &message))
    }
}
