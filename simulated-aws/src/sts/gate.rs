//! Who calls STS: the access key, its token, the clock and the signature, in that order.

use std::time::UNIX_EPOCH;

use http::request::Parts;

use crate::credential::Credential;
use crate::identities::Refusal;
use crate::principal::Principal;
use crate::service::ErrorAnswer;
use crate::signature;
use crate::{Clock, Identities};

/// How far a signature may be from the server's clock.
const MAX_SKEW_SECONDS: u64 = 15 * 60;

/// The checks on the way in.
pub(super) struct Gate {
    pub(super) identities: Identities,
    pub(super) clock: Clock,
}

impl Gate {
    /// The caller, or why there is none.
    pub(super) fn check(
        &self,
        credential: Option<Credential>,
        head: &Parts,
        body: &[u8],
    ) -> Result<Principal, ErrorAnswer> {
        let refuse = |code: &str, message: &str| ErrorAnswer::new(403, code, message);
        let credential = credential
            .ok_or_else(|| refuse("MissingAuthenticationToken", "The request is not signed."))?;
        let key = credential.access_key_id.as_str();
        let token = credential.token.as_deref();
        self.identities
            .admit(key, token, self.clock.now())
            .map_err(|refusal| match refusal {
                Refusal::UnknownAccessKey | Refusal::WrongToken => {
                    let message = "The security token included in the request is invalid.";
                    refuse("InvalidClientTokenId", message)
                }
                Refusal::ExpiredToken => {
                    let message = "The security token included in the request is expired";
                    refuse("ExpiredToken", message)
                }
            })?;
        if let Some(message) = self.skew(&credential) {
            return Err(refuse("SignatureDoesNotMatch", &message));
        }
        let secret = self.identities.secret(key).unwrap_or_default();
        if !signature::is_right(head, body, &secret) {
            let message = "The request signature we calculated does not match the signature you \
                           provided.";
            return Err(refuse("SignatureDoesNotMatch", message));
        }
        Ok(self.identities.principal(key).unwrap_or_default())
    }

    /// STS has no code of its own for a clock that is off; the message says so.
    fn skew(&self, credential: &Credential) -> Option<String> {
        let now = self.clock.now().duration_since(UNIX_EPOCH).ok()?.as_secs();
        let signed_at = u64::try_from(credential.signed_at_seconds()?).ok()?;
        if now.abs_diff(signed_at) <= MAX_SKEW_SECONDS {
            return None;
        }
        let claimed = credential.signed_at.as_deref().unwrap_or_default();
        Some(if signed_at < now {
            format!("Signature expired: {claimed} is too far in the past")
        } else {
            format!("Signature not yet current: {claimed} is still in the future")
        })
    }
}
