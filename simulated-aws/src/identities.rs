//! Who may sign requests, and with what.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use crate::Action;
use crate::principal::Principal;
use crate::role_credentials::RoleCredentials;

/// The registry of access keys. Clones share it, and changes hold from the next request on.
///
/// A new identity may do everything; [`deny`](Self::deny) takes permissions away.
#[derive(Clone, Default)]
pub struct Identities {
    known: Arc<Mutex<HashMap<String, Identity>>>,
}

struct Identity {
    secret: String,
    session: Option<Session>,
    denied: HashSet<Action>,
    principal: Principal,
}

struct Session {
    token: String,
    expires: Option<SystemTime>,
    expired: bool,
}

/// Why a request's credentials are refused, before its signature is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    UnknownAccessKey,
    WrongToken,
    ExpiredToken,
}

#[expect(
    clippy::must_use_candidate,
    reason = "the registry comes back for chaining only"
)]
impl Identities {
    /// Adds a long-term access key.
    pub fn add_static(&self, access_key_id: &str, secret: &str) -> &Self {
        self.add(access_key_id, secret, None, Principal::default())
    }

    /// Adds a temporary access key: requests must carry `token`, and none is served from `expires` on.
    pub fn add_session(
        &self,
        access_key_id: &str,
        secret: &str,
        token: &str,
        expires: Option<SystemTime>,
    ) -> &Self {
        let session = Session {
            token: token.to_owned(),
            expires,
            expired: false,
        };
        let principal = Principal {
            is_temporary: true,
            ..Principal::default()
        };
        self.add(access_key_id, secret, Some(session), principal)
    }

    /// Adds the credentials of an assumed role.
    pub(crate) fn add_role(&self, credentials: &RoleCredentials, principal: Principal) {
        let session = Session {
            token: credentials.session_token.clone(),
            expires: Some(credentials.expires),
            expired: false,
        };
        let (key, secret) = (&credentials.access_key_id, &credentials.secret_access_key);
        self.add(key, secret, Some(session), principal);
    }

    fn add(
        &self,
        access_key_id: &str,
        secret: &str,
        session: Option<Session>,
        principal: Principal,
    ) -> &Self {
        let identity = Identity {
            secret: secret.to_owned(),
            session,
            denied: HashSet::new(),
            principal,
        };
        self.lock().insert(access_key_id.to_owned(), identity);
        self
    }

    /// Expires a temporary key now. A long-term key has nothing to expire and stays as it is.
    pub fn expire(&self, access_key_id: &str) -> &Self {
        if let Some(Identity {
            session: Some(session),
            ..
        }) = self.lock().get_mut(access_key_id)
        {
            session.expired = true;
        }
        self
    }

    /// Forgets a key; its requests are answered with `InvalidAccessKeyId`.
    pub fn remove(&self, access_key_id: &str) -> &Self {
        self.lock().remove(access_key_id);
        self
    }

    /// Takes a permission away from a key.
    pub fn deny(&self, access_key_id: &str, action: Action) -> &Self {
        if let Some(identity) = self.lock().get_mut(access_key_id) {
            identity.denied.insert(action);
        }
        self
    }

    /// Gives a permission back to a key.
    pub fn allow(&self, access_key_id: &str, action: Action) -> &Self {
        if let Some(identity) = self.lock().get_mut(access_key_id) {
            identity.denied.remove(&action);
        }
        self
    }

    pub(crate) fn secret(&self, access_key_id: &str) -> Option<String> {
        self.lock()
            .get(access_key_id)
            .map(|identity| identity.secret.clone())
    }

    pub(crate) fn principal(&self, access_key_id: &str) -> Option<Principal> {
        self.lock()
            .get(access_key_id)
            .map(|identity| identity.principal.clone())
    }

    /// When a temporary key ends, if it does.
    pub(crate) fn expires(&self, access_key_id: &str) -> Option<SystemTime> {
        let known = self.lock();
        known.get(access_key_id)?.session.as_ref()?.expires
    }

    /// Whether a permission was taken away from a key; not from one that is forgotten.
    pub(crate) fn denies(&self, access_key_id: &str, action: Action) -> bool {
        self.lock()
            .get(access_key_id)
            .is_some_and(|identity| identity.denied.contains(&action))
    }

    pub(crate) fn may(&self, access_key_id: &str, action: Action) -> bool {
        self.lock()
            .get(access_key_id)
            .is_some_and(|identity| !identity.denied.contains(&action))
    }

    /// Judges key and token as AWS does. A temporary key without its token is unknown to AWS, a
    /// long-term key with a token has the wrong one.
    pub(crate) fn admit(
        &self,
        access_key_id: &str,
        token: Option<&str>,
        now: SystemTime,
    ) -> Result<(), Refusal> {
        let known = self.lock();
        let identity = known.get(access_key_id).ok_or(Refusal::UnknownAccessKey)?;
        match (&identity.session, token) {
            (None, None) => Ok(()),
            (None, Some(_)) => Err(Refusal::WrongToken),
            (Some(_), None) => Err(Refusal::UnknownAccessKey),
            (Some(session), Some(token)) if session.token != token => Err(Refusal::WrongToken),
            (Some(session), Some(_)) => {
                let late = session.expires.is_some_and(|expires| expires <= now);
                if late || session.expired {
                    Err(Refusal::ExpiredToken)
                } else {
                    Ok(())
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Identity>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_temporary_key_needs_its_own_token_before_its_end() {
        let identities = Identities::default();
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
        let end = now + Duration::from_secs(10);
        identities.add_session("ASIA1", "secret", "token", Some(end));
        assert_eq!(identities.admit("ASIA1", Some("token"), now), Ok(()));
        assert_eq!(
            identities.admit("ASIA1", Some("other"), now),
            Err(Refusal::WrongToken)
        );
        assert_eq!(
            identities.admit("ASIA1", None, now),
            Err(Refusal::UnknownAccessKey)
        );
        assert_eq!(
            identities.admit("ASIA1", Some("token"), end),
            Err(Refusal::ExpiredToken)
        );
        identities.expire("ASIA1");
        assert_eq!(
            identities.admit("ASIA1", Some("token"), now),
            Err(Refusal::ExpiredToken)
        );
    }

    #[test]
    fn permissions_are_taken_and_given_back() {
        let identities = Identities::default();
        identities
            .add_static("AKIA1", "secret")
            .deny("AKIA1", Action::ListBucket);
        assert!(!identities.may("AKIA1", Action::ListBucket));
        assert!(identities.may("AKIA1", Action::GetObject));
        identities.allow("AKIA1", Action::ListBucket);
        assert!(identities.may("AKIA1", Action::ListBucket));
    }
}
