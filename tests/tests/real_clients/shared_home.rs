//! A home whose SSO files the proxy shares with other clients, at the same time.

use std::path::PathBuf;

use simulated_aws::SimulatedAws;
use sso_session::config::{CredentialSource, SsoProfile, resolve};
use sso_session::location::Locations;
use sso_session::token::{Reading, Token, TokenFile};
use tests::{ProxyBuilder, Scratch};

/// The only profile, and its session.
pub(crate) const PROFILE: &str = "team";

/// Where the files of one scratch are.
pub(crate) struct SharedHome<'a> {
    scratch: &'a Scratch,
    aws: &'a SimulatedAws,
}

impl<'a> SharedHome<'a> {
    /// Configures [`PROFILE`]; nobody has logged in.
    pub(crate) fn new(scratch: &'a Scratch, aws: &'a SimulatedAws) -> Self {
        scratch.write_config(&aws.sso().config(PROFILE));
        Self { scratch, aws }
    }

    /// A login without a client, which leaves what the AWS CLI leaves, in the way it does.
    pub(crate) fn log_in(&self) {
        let login = self.aws.sso().sign_in();
        let written = login.write_in_place(&self.token_folder(), PROFILE);
        written.expect("a token file");
    }

    /// A proxy that lives on the session.
    pub(crate) fn proxy(&self) -> ProxyBuilder {
        ProxyBuilder::new(self.scratch)
            .aws(self.aws)
            .profile(PROFILE)
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.scratch.home()
    }

    pub(crate) fn endpoint_url(&self) -> String {
        self.aws.endpoint_url()
    }

    pub(crate) fn token_folder(&self) -> PathBuf {
        self.locations().token_folder
    }

    pub(crate) fn locations(&self) -> Locations {
        let home = self.path().display().to_string();
        Locations::from_vars(&|name| (name == "HOME").then(|| home.clone()))
    }

    /// What our own reading of the configuration makes of [`PROFILE`].
    pub(crate) fn profile(&self) -> SsoProfile {
        let profile = resolve(&self.locations(), &|_| None, PROFILE).expect("a profile");
        match profile.source {
            CredentialSource::Sso(profile) => profile,
            other @ CredentialSource::Other(_) => panic!("no SSO profile: {other:?}"),
        }
    }

    pub(crate) fn token_file(&self) -> TokenFile {
        let name = self.profile().session.token_file_name();
        TokenFile::new(self.token_folder(), name)
    }

    /// The token in the file, if there is a whole one.
    pub(crate) fn token(&self) -> Option<Token> {
        match self.token_file().read() {
            Reading::Found(token) => Some(token),
            Reading::Absent | Reading::Unreadable(_) => None,
        }
    }

    /// Where the client registration is, for us and for the AWS CLI.
    pub(crate) fn registration(&self) -> PathBuf {
        let name = self.profile().session.registration_file_name();
        self.token_folder().join(name)
    }

    /// Whether the proxy asks the host for a login.
    pub(crate) fn login_is_asked_for(&self) -> bool {
        self.locations().signal_file.exists()
    }
}
