//! The SSO session behind a profile, as the host deals with it: renewed silently, probed, proven.

mod proof;
mod renewal;

use aws_smithy_runtime_api::client::http::SharedHttpClient;
use sso_session::config::{self, CredentialSource, SsoProfile};
use sso_session::disk;
use sso_session::failure::Failure;
use sso_session::location::Locations;
use sso_session::oidc::{Oidc, Probe};
use sso_session::portal::Portal;
use sso_session::refresh::Renewer;
use sso_session::registration::{RegistrationError, RegistrationFile};
use sso_session::token::{Reading, Token, TokenFile};
use thiserror::Error;
use tracing::{info, warn};

/// One session, with the profile whose role it is tried with.
#[derive(Clone, Debug)]
pub struct Session {
    profile: SsoProfile,
    renewer: Renewer,
    oidc: Oidc,
    portal: Portal,
}

/// Why nobody can log in for a profile. The text holds the cure.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{0}")]
pub struct ProfileFault(String);

/// The profile that is logged in with, as the files have it now. Blocks on the disk.
pub fn resolve(
    locations: &Locations,
    vars: &impl Fn(&str) -> Option<String>,
    profile: &str,
) -> Result<SsoProfile, ProfileFault> {
    let resolved = config::resolve(locations, vars, profile)
        .map_err(|error| ProfileFault(format!("{}. {}", error.problem(), error.cure())))?;
    match resolved.source {
        CredentialSource::Sso(profile) => Ok(profile),
        CredentialSource::Other(source) => Err(ProfileFault(format!(
            "profile `{profile}` has {source}, and no SSO session to log in to. Set AWS_PROFILE to a \
             profile with sso_session in {}.",
            locations.config_file.display()
        ))),
    }
}

impl Session {
    /// Opens the session of a profile; calls nothing.
    #[must_use]
    pub fn new(profile: SsoProfile, locations: &Locations, http: &SharedHttpClient) -> Self {
        let (session, endpoints) = (&profile.session, &profile.endpoints);
        let oidc = Oidc::new(&session.region, endpoints.sso_oidc.as_deref(), http.clone());
        let portal = Portal::new(&session.region, endpoints.sso.as_deref(), http.clone());
        let renewer = Renewer::new(
            &locations.token_folder,
            &locations.state_folder,
            &session.token_file_name(),
            &session.registration_file_name(),
            oidc.clone(),
        );
        Self {
            profile,
            renewer,
            oidc,
            portal,
        }
    }

    /// The profile.
    #[must_use]
    pub fn profile(&self) -> &SsoProfile {
        &self.profile
    }

    /// The session's token.
    #[must_use]
    pub fn token_file(&self) -> &TokenFile {
        self.renewer.token_file()
    }

    /// The portal that gives role credentials, and ends sessions.
    #[must_use]
    pub fn portal(&self) -> &Portal {
        &self.portal
    }

    /// The registration of the client that logs in.
    #[must_use]
    pub fn registration_file(&self) -> &RegistrationFile {
        self.renewer.registration_file()
    }

    /// The token in the file, if there is a whole one.
    pub async fn token(&self) -> Option<Token> {
        match self.token_file().read_settled().await {
            Reading::Found(token) => Some(token),
            Reading::Absent | Reading::Unreadable(_) => None,
        }
    }

    /// What tells the token in the file from every other.
    pub async fn fingerprint(&self) -> Option<String> {
        self.token().await.map(|token| token.fingerprint())
    }

    /// Whether AWS answers, or why not. A client registration that is damaged, or that AWS does not take
    /// any more, is moved aside: with it, `aws sso login` would fail or hang.
    pub async fn probe(&self) -> Result<(), String> {
        let file = self.registration_file().clone();
        let read = tokio::task::spawn_blocking(move || match file.read() {
            Err(RegistrationError::Content { path, problem }) => {
                warn!(path = %path.display(), %problem, "the client registration is damaged");
                move_aside(&file, None);
                None
            }
            Ok(registration) => registration,
            Err(error) => {
                warn!(%error, "the client registration cannot be read");
                None
            }
        });
        let registration = read.await.unwrap_or_default();
        match self.oidc.probe(registration.as_ref()).await {
            Ok(Probe::Answers) => Ok(()),
            Ok(Probe::RegistrationRejected) => {
                warn!("AWS does not take the client registration any more");
                let file = self.registration_file().clone();
                let client_id = registration.map(|registration| registration.client_id);
                let moving = move || move_aside(&file, client_id.as_deref());
                let _moved = tokio::task::spawn_blocking(moving).await;
                Ok(())
            }
            Err(failure) => Err(silence(&failure)),
        }
    }

    /// Whether a login could write its token, or why not; with the cure. The AWS CLI finds that out only
    /// after the person has signed in.
    pub async fn prove_writable(&self) -> Result<(), String> {
        let path = self.token_file().path().to_owned();
        let proving = move || {
            path.parent().map_or(Ok(()), disk::create_folder)?;
            disk::prove_replaceable(&path)
        };
        let proved = tokio::task::spawn_blocking(proving).await;
        let proved = proved.map_err(|error| error.to_string())?;
        proved.map_err(|error| {
            format!("no login could be written: {error}. Make the folder writable for this user.")
        })
    }

    /// Whether AWS answers, or why not; changes nothing.
    pub async fn answers(&self) -> Result<(), String> {
        let probed = self.oidc.probe(None).await;
        probed.map(|_| ()).map_err(|failure| silence(&failure))
    }

    /// Moves the registration aside, whosever it is.
    pub async fn give_up_registration(&self) {
        let file = self.registration_file().clone();
        let _moved = tokio::task::spawn_blocking(move || move_aside(&file, None)).await;
    }
}

fn silence(failure: &Failure) -> String {
    format!("AWS SSO does not answer: {failure}")
}

fn move_aside(file: &RegistrationFile, client_id: Option<&str>) {
    match file.move_aside(client_id) {
        Ok(true) => info!(path = %file.path().display(), "moved aside, with .rejected at its end"),
        Ok(false) => {}
        Err(error) => warn!(%error, "the client registration stays in the way of logins"),
    }
}
