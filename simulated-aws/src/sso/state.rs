//! Who is registered and signed in.
//!
//! Nothing is forgotten when it ends: a late token must be told from an unknown one, and the clock may go
//! back.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use super::directory::Directory;
use super::error::oidc;
use super::{ACCOUNT_ACCESS, later};
use crate::random;
use crate::service::ErrorAnswer;

/// What a refresh does to the refresh token it used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rotation {
    /// It is spent: using it again is an `InvalidGrantException`.
    #[default]
    Strict,
    /// It stays good beside the new one.
    Lenient,
}

/// How long things live from when they are given out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lives {
    pub(super) access_token: Duration,
    pub(super) session: Duration,
    /// Until it is set, the portal gives an hour and STS what is asked for.
    pub(super) role_credentials: Option<Duration>,
    pub(super) registration: Duration,
}

impl Default for Lives {
    fn default() -> Self {
        Self {
            access_token: Duration::from_hours(1),
            session: Duration::from_hours(8),
            role_credentials: None,
            registration: Duration::from_hours(90 * 24),
        }
    }
}

/// A client that may ask people to sign in.
#[derive(Clone, Debug)]
pub(super) struct Registration {
    pub(super) secret: String,
    pub(super) expires: SystemTime,
    pub(super) scopes: Vec<String>,
    /// Empty for a client that named none: it may use any.
    pub(super) grant_types: Vec<String>,
    pub(super) redirect_uris: Vec<String>,
}

/// A sign-in, by its place in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SessionNumber(usize);

#[derive(Debug)]
struct Session {
    client_id: String,
    expires: SystemTime,
    ended: bool,
}

#[derive(Debug)]
struct AccessToken {
    session: SessionNumber,
    expires: SystemTime,
    revoked: bool,
}

#[derive(Debug)]
pub(super) struct RefreshToken {
    pub(super) session: SessionNumber,
    pub(super) spent: bool,
}

/// What a person decided on a sign-in page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Pending,
    Allowed,
    Denied,
    /// Allowed, and the tokens were fetched.
    Spent,
}

/// A sign-in with a device code.
#[derive(Debug)]
pub(super) struct Device {
    pub(super) user_code: String,
    pub(super) client_id: String,
    pub(super) expires: SystemTime,
    pub(super) decision: Decision,
}

/// A sign-in with PKCE, allowed and about to be redeemed.
#[derive(Debug)]
pub(super) struct AuthorizationCode {
    pub(super) client_id: String,
    pub(super) redirect_uri: String,
    pub(super) challenge: String,
    pub(super) expires: SystemTime,
}

/// What a grant earns.
pub(super) struct Tokens {
    pub(super) access_token: String,
    pub(super) refresh_token: Option<String>,
    pub(super) expires: SystemTime,
    pub(super) life: Duration,
}

/// Everything SSO knows.
#[derive(Default)]
pub(super) struct State {
    pub(super) lives: Lives,
    pub(super) rotation: Rotation,
    pub(super) approve_at_once: bool,
    pub(super) directory: Directory,
    pub(super) registrations: HashMap<String, Registration>,
    /// By device code.
    pub(super) devices: HashMap<String, Device>,
    pub(super) codes: HashMap<String, AuthorizationCode>,
    pub(super) refresh_tokens: HashMap<String, RefreshToken>,
    /// The access keys of all role credentials given out.
    pub(super) role_keys: Vec<String>,
    pub(super) refreshes: u64,
    access_tokens: HashMap<String, AccessToken>,
    sessions: Vec<Session>,
}

impl State {
    /// Registers a client and gives its id.
    pub(super) fn register(&mut self, registration: Registration) -> String {
        let client_id = random::text("", 22);
        self.registrations.insert(client_id.clone(), registration);
        client_id
    }

    /// The registration of a client that is still good, whoever asks.
    pub(super) fn registration(
        &self,
        client_id: &str,
        now: SystemTime,
    ) -> Result<&Registration, ErrorAnswer> {
        self.registrations
            .get(client_id)
            .filter(|registration| now < registration.expires)
            .ok_or_else(|| oidc("InvalidClientException", "Invalid client provided"))
    }

    /// The registration of a client that proves itself with its secret.
    pub(super) fn client(
        &self,
        client_id: &str,
        client_secret: &str,
        now: SystemTime,
    ) -> Result<&Registration, ErrorAnswer> {
        let registration = self.registration(client_id, now)?;
        if registration.secret == client_secret {
            Ok(registration)
        } else {
            Err(oidc("InvalidClientException", "Invalid client provided"))
        }
    }

    /// Begins a session and gives its first tokens.
    pub(super) fn open_session(&mut self, client_id: &str, now: SystemTime) -> Tokens {
        self.sessions.push(Session {
            client_id: client_id.to_owned(),
            expires: later(now, self.lives.session),
            ended: false,
        });
        self.give_tokens(SessionNumber(self.sessions.len() - 1), now)
    }

    /// New tokens of a session; a refresh token only if the client has the scope for it.
    pub(super) fn give_tokens(&mut self, session: SessionNumber, now: SystemTime) -> Tokens {
        let life = self.lives.access_token;
        let expires = later(now, life);
        let access_token = random::text("aoaAAAAAG", 120);
        let token = AccessToken {
            session,
            expires,
            revoked: false,
        };
        self.access_tokens.insert(access_token.clone(), token);
        let client_id = &self.sessions[session.0].client_id;
        let refreshable = self
            .registrations
            .get(client_id)
            .is_some_and(|client| client.scopes.iter().any(|scope| scope == ACCOUNT_ACCESS));
        let refresh_token = refreshable.then(|| random::text("aorAAAAAG", 120));
        if let Some(refresh_token) = &refresh_token {
            let token = RefreshToken {
                session,
                spent: false,
            };
            self.refresh_tokens.insert(refresh_token.clone(), token);
        }
        Tokens {
            access_token,
            refresh_token,
            expires,
            life,
        }
    }

    /// The client a session belongs to.
    pub(super) fn client_of(&self, session: SessionNumber) -> &str {
        &self.sessions[session.0].client_id
    }

    /// Whether a session can still be refreshed.
    pub(super) fn is_alive(&self, session: SessionNumber, now: SystemTime) -> bool {
        let session = &self.sessions[session.0];
        !session.ended && now < session.expires
    }

    pub(super) fn sessions_alive(&self, now: SystemTime) -> usize {
        let all = (0..self.sessions.len()).map(SessionNumber);
        all.filter(|session| self.is_alive(*session, now)).count()
    }

    /// The session of an access token that the portal takes: the token's own life counts, and whether
    /// the session was ended, but not how long it could be refreshed.
    pub(super) fn session_of(&self, access_token: &str, now: SystemTime) -> Option<SessionNumber> {
        let token = self.access_tokens.get(access_token)?;
        let ended = self.sessions[token.session.0].ended;
        (now < token.expires && !token.revoked && !ended).then_some(token.session)
    }

    pub(super) fn end_session(&mut self, SessionNumber(number): SessionNumber) {
        self.sessions[number].ended = true;
    }

    pub(super) fn end_sessions(&mut self) {
        for session in &mut self.sessions {
            session.ended = true;
        }
    }

    pub(super) fn revoke_access_tokens(&mut self) {
        for token in self.access_tokens.values_mut() {
            token.revoked = true;
        }
    }

    /// Decides the pending sign-in of a user code; whether there was one.
    pub(super) fn decide(&mut self, user_code: &str, decision: Decision, now: SystemTime) -> bool {
        let pending = self.pending_device(user_code, now);
        pending.map(|device| device.decision = decision).is_some()
    }

    fn pending_device(&mut self, user_code: &str, now: SystemTime) -> Option<&mut Device> {
        self.devices.values_mut().find(|device| {
            device.user_code.eq_ignore_ascii_case(user_code)
                && device.decision == Decision::Pending
                && now < device.expires
        })
    }
}
