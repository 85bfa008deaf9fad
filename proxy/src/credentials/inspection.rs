//! What credentials rest on, piece by piece: for `check`, which names the piece that is broken.

use std::sync::Arc;
use std::time::Duration;

use sso_session::config::{CredentialSource, OtherSource, SsoProfile};
use sso_session::refresh::RenewalError;
use sso_session::registration::RegistrationFile;
use sso_session::token::TokenFile;

use super::session::{Outlook, Session};
use super::{Source, State};

/// Longer than a renewal takes behind another process's.
const RENEWAL_PATIENCE: Duration = Duration::from_secs(40);

/// What a profile's credentials rest on.
#[derive(Debug)]
pub(crate) enum Basis {
    /// The SDK's default chain.
    DefaultChain,
    /// A profile that has nothing to do with SSO.
    Other(OtherSource),
    /// An SSO session.
    Sso(Box<SsoBasis>),
}

/// The pieces of an SSO profile.
#[derive(Debug)]
pub(crate) struct SsoBasis {
    profile: SsoProfile,
    session: Arc<Session>,
}

impl Source {
    /// Reads the profile; the state that its trouble means, where it cannot be used.
    pub(crate) async fn basis(&self) -> Result<Basis, State> {
        let resolved = self.resolve().await.map_err(|failed| failed.state)?;
        Ok(match resolved.map(|profile| profile.source) {
            // A default profile without SSO is one of the chain's links.
            Some(CredentialSource::Other(_)) if self.is_default_chain() => Basis::DefaultChain,
            Some(CredentialSource::Other(other)) => Basis::Other(other),
            None => Basis::DefaultChain,
            Some(CredentialSource::Sso(profile)) => {
                let session = self.sessions().of(&profile);
                Basis::Sso(Box::new(SsoBasis { profile, session }))
            }
        })
    }
}

impl SsoBasis {
    pub(crate) fn profile(&self) -> &SsoProfile {
        &self.profile
    }

    /// The command that logs in.
    pub(crate) fn login_command(&self) -> String {
        let SsoProfile {
            session,
            base_profile,
            ..
        } = &self.profile;
        session.login_command(base_profile)
    }

    pub(crate) fn token_file(&self) -> &TokenFile {
        self.session.renewer().token_file()
    }

    pub(crate) fn registration_file(&self) -> &RegistrationFile {
        self.session.renewer().registration_file()
    }

    /// Proves that a renewed token could be written.
    pub(crate) async fn prove_writable(&self) -> Result<(), RenewalError> {
        self.session.renewer().prove_writable().await
    }

    /// Renews the token, if that is due, as the keeper would; `None` without a token.
    pub(crate) async fn renewed_if_due(&self) -> Option<Outlook> {
        self.session.renewed_if_due(RENEWAL_PATIENCE).await
    }
}
