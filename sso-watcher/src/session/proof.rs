//! The proof of a login: a changed access token, and role credentials by it. `expiresAt` may not move,
//! and the AWS CLI's word is not enough.

use std::time::Duration;

use super::Session;
use super::renewal::Tried;
use crate::decision::Proof;

/// A new token may be unknown to the portal for a moment.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_secs(2);

impl Session {
    /// Whether there is a login that was not there before, and works. `before` is the fingerprint of the
    /// token that was; none if there was none.
    pub async fn prove(&self, before: Option<&str>) -> Proof {
        let Some(token) = self.token().await else {
            return Proof::NoNewLogin;
        };
        if before == Some(token.fingerprint().as_str()) {
            return Proof::NoNewLogin;
        }
        let mut last = String::new();
        for attempt in 0..TRIES {
            if attempt > 0 {
                tokio::time::sleep(PAUSE).await;
            }
            match self.try_token(&token).await {
                Tried::Works => return Proof::Works,
                Tried::Hopeless(why) => return Proof::Hopeless(why),
                Tried::Rejected(why) | Tried::Passing(why) => last = why,
            }
        }
        Proof::Passing(format!(
            "there is a new login, and it could not be tried: {last}"
        ))
    }
}
