//! What a test does to sign-ins and sessions behind the clients' backs.

use super::state::{Decision, Registration};
use super::{ACCOUNT_ACCESS, Login, Sso, later};
use crate::random;

impl Sso {
    /// Signs in at once, with a client of its own and without any request.
    #[must_use]
    pub fn sign_in(&self) -> Login {
        self.sign_in_with(vec![ACCOUNT_ACCESS.to_owned()])
    }

    /// Signs in as legacy profiles do: nothing can be refreshed.
    #[must_use]
    pub fn sign_in_without_refresh(&self) -> Login {
        self.sign_in_with(Vec::new())
    }

    fn sign_in_with(&self, scopes: Vec<String>) -> Login {
        let now = self.now();
        let mut state = self.lock();
        let (secret, expires) = (random::text("", 64), later(now, state.lives.registration));
        let client_id = state.register(Registration {
            secret: secret.clone(),
            expires,
            scopes: scopes.clone(),
            grant_types: Vec::new(),
            redirect_uris: Vec::new(),
        });
        let tokens = state.open_session(&client_id, now);
        Login {
            access_token: tokens.access_token,
            refresh_token: tokens.refresh_token,
            client_id,
            client_secret: secret,
            expires_at: tokens.expires,
            registration_expires_at: expires,
            start_url: self.start_url().to_owned(),
            region: self.region().to_owned(),
            scopes,
        }
    }

    /// Ends every session: refreshing is an `InvalidGrantException`, and the portal says 401. Role
    /// credentials that were given out stay good.
    pub fn end_sessions(&self) {
        self.lock().end_sessions();
    }

    /// Expires all role credentials that were given out by the portal and STS.
    pub fn expire_role_credentials(&self) {
        for key in &self.lock().role_keys {
            self.shared.identities.expire(key);
        }
    }

    /// Makes the portal refuse every access token given out so far; refreshing still works.
    pub fn revoke_access_tokens(&self) {
        self.lock().revoke_access_tokens();
    }

    /// Forgets every client: their calls are an `InvalidClientException`.
    pub fn forget_registrations(&self) {
        self.lock().registrations.clear();
    }

    /// The user codes of sign-ins with a device code that wait for a person.
    #[must_use]
    pub fn pending_sign_ins(&self) -> Vec<String> {
        let now = self.now();
        let state = self.lock();
        let pending = state
            .devices
            .values()
            .filter(|device| device.decision == Decision::Pending && now < device.expires);
        pending.map(|device| device.user_code.clone()).collect()
    }

    /// Allows the sign-in of a user code; whether one was waiting.
    #[must_use = "an unknown code approves nothing"]
    pub fn approve(&self, user_code: &str) -> bool {
        let now = self.now();
        self.lock().decide(user_code, Decision::Allowed, now)
    }

    /// Denies the sign-in of a user code; whether one was waiting.
    #[must_use = "an unknown code denies nothing"]
    pub fn deny(&self, user_code: &str) -> bool {
        let now = self.now();
        self.lock().decide(user_code, Decision::Denied, now)
    }

    /// Successful refreshes so far.
    #[must_use]
    pub fn refreshes(&self) -> u64 {
        self.lock().refreshes
    }

    /// Sessions that can still be refreshed, or could with a refresh token.
    #[must_use]
    pub fn sessions_alive(&self) -> usize {
        let now = self.now();
        self.lock().sessions_alive(now)
    }
}
