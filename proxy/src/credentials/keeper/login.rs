//! The keeper and its SSO session: new tokens, the login that lies ahead, and the signal to the host.

use std::sync::Arc;

use tracing::{info, warn};

use super::Keeper;
use crate::credentials::State;
use crate::credentials::session::{LoginNeed, Session};
use crate::credentials::source::Principal;

impl Keeper {
    /// A new access token means new role credentials at once.
    pub(super) async fn look_at_token(&mut self) {
        let Some(session) = self.session() else {
            return;
        };
        let number = session.look().await.token_number();
        self.publisher.set_token(session.token_report());
        if number.is_some() && number != self.token_seen {
            self.token_seen = number;
            info!("there is a new SSO access token: role credentials are fetched with it");
            self.rejected = None;
            // Whoever asks again now would ask a person who has just logged in.
            self.need = None;
            self.fetch_anew();
        }
        self.look_ahead(&session).await;
    }

    /// Says before builds break that a login will be needed.
    async fn look_ahead(&mut self, session: &Session) {
        let Some(Principal::Sso(profile, _)) = self.principal.clone() else {
            return;
        };
        if !self.publisher.is_valid() {
            return;
        }
        let ahead = self.login_ahead(session);
        let trouble = ahead.as_ref();
        let trouble = trouble.map(|need| self.source.login_trouble(&profile, need));
        let is_news = self.publisher.set_login_ahead(trouble);
        match (is_news, ahead) {
            (true, Some(need)) => {
                warn!(
                    reason = need.reason,
                    "a login will be needed: the old credentials still serve"
                );
                self.signalling.raise(&profile, &need).await;
                // Role credentials outlive the token: the freshest ones last longest.
                self.is_fetch_owed = true;
            }
            (true, None) => self.signalling.clear(&profile).await,
            (false, _) => {}
        }
    }

    /// The token's end foresees a login, and so does a login that was lost already while the role
    /// credentials still serve.
    fn login_ahead(&self, session: &Session) -> Option<LoginNeed> {
        session.login_ahead().or_else(|| self.need.clone())
    }

    /// Says that a login is needed, or says it again, if it is.
    pub(super) async fn tell_host(&mut self) {
        let Some(Principal::Sso(profile, session)) = self.principal.clone() else {
            return;
        };
        let need = match self.publisher.state() {
            State::LoginRequired(_) => self.need.clone(),
            State::Valid(_) => self.login_ahead(&session),
            State::Refreshing
            | State::Offline(_)
            | State::ClockSkew(_)
            | State::Denied(_)
            | State::ConfigError(_) => None,
        };
        if let Some(need) = need {
            self.signalling.raise(&profile, &need).await;
        }
    }

    /// Fresh credentials prove that no login is needed. Old ones would prove nothing: another proxy
    /// on this home may know better. Where AWS lacks something that no login brings, a person who has
    /// just logged in must not be asked again.
    pub(super) async fn take_back_needless_signal(&mut self) {
        let Some(Principal::Sso(profile, session)) = self.principal.clone() else {
            return;
        };
        let is_needless = match self.publisher.state() {
            State::Valid(_) => self.last_failure.is_none(),
            State::Denied(_) | State::ConfigError(_) => true,
            State::Refreshing
            | State::LoginRequired(_)
            | State::Offline(_)
            | State::ClockSkew(_) => false,
        };
        if is_needless && session.login_ahead().is_none() {
            self.signalling.clear(&profile).await;
        }
    }

    pub(super) fn session(&self) -> Option<Arc<Session>> {
        match &self.principal {
            Some(Principal::Sso(_, session)) => Some(Arc::clone(session)),
            Some(Principal::Chain { .. } | Principal::Keys) | None => None,
        }
    }
}
