//! Where credentials come from: the profile is read afresh for each attempt, so that no old error and
//! no old file stays in it.
//!
//! ```text
//! profile ─► SSO ──────────► Session (token) ─► portal (role credentials) ─► STS (further roles)
//!        └─► anything else ─► aws-config
//! ```

mod chain;
mod roles;
mod shell;
mod sso;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use sso_session::config::{ConfigError, CredentialSource, Profile as Resolved, SsoProfile};
use tokio::time::sleep;

pub(super) use sso::login_trouble;

use super::session::{LoginNeed, Session};
use super::sessions::Sessions;
use super::{Identity, State};
use crate::config::{Profile, RoleConfig, SourceConfig};
use crate::error::Trouble;
use crate::metrics::Metrics;

/// No attempt takes longer: a slow `credential_process`, or a renewal behind another process's.
pub(super) const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(45);

/// Most tools write the configuration in place, truncated first, and need milliseconds for it; a second on a machine
/// that is busy with a build.
const READINGS: u32 = 11;
const PAUSE: Duration = Duration::from_millis(100);

/// The first link of the default chain.
const ACCESS_KEY: &str = "AWS_ACCESS_KEY_ID";

/// Fetches credentials for one profile.
#[derive(Clone, Debug)]
pub struct Source {
    profile: Profile,
    region: String,
    http_client: SharedHttpClient,
    sessions: Sessions,
    /// The role that a service assumes on top of what the profile gives.
    role: Option<Arc<RoleConfig>>,
    /// What the profile's resolution reads of the environment.
    variables: Arc<BTreeMap<String, String>>,
}

/// One attempt, and whose credentials it was for.
#[derive(Debug)]
pub(super) struct Attempt {
    /// Unknown where the configuration cannot be read.
    pub(super) principal: Option<Principal>,
    /// The number of the SSO access token that was used last.
    pub(super) token: Option<u64>,
    pub(super) outcome: Result<Credentials, Failed>,
}

/// Who the credentials are for.
#[derive(Clone, Debug)]
pub(super) enum Principal {
    /// A role of an SSO session.
    Sso(Box<SsoProfile>, Arc<Session>),
    /// Anything that `aws-config` knows.
    Chain,
}

/// Why an attempt brought nothing.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) state: State,
    /// What to tell the host, where a login of an SSO session helps.
    pub(super) need: Option<LoginNeed>,
}

impl Attempt {
    /// The value of the label `outcome`.
    pub(super) fn outcome_name(&self) -> &'static str {
        match &self.outcome {
            Ok(_) => "ok",
            Err(failed) => failed.state.name(),
        }
    }
}

impl From<State> for Failed {
    fn from(state: State) -> Self {
        Self { state, need: None }
    }
}

impl Principal {
    /// For people and for telling one from another.
    pub(super) fn identity(&self, profile: &str) -> Identity {
        let Self::Sso(sso, _) = self else {
            return Identity::of_profile(profile);
        };
        let assumed = sso.assume_roles.last();
        Identity {
            profile: profile.to_owned(),
            sso_session: sso.session.name.clone(),
            start_url: Some(sso.session.start_url.clone()),
            account_id: Some(sso.account_id.clone()),
            role_name: Some(sso.role_name.clone()),
            assumed_role_arn: assumed.map(|role| role.role_arn.clone()),
        }
    }
}

impl Source {
    /// Names the profile; nothing is read yet.
    #[must_use]
    pub fn new(
        profile: Profile,
        region: String,
        http_client: SharedHttpClient,
        sessions: Sessions,
        vars: &impl Fn(&str) -> Option<String>,
    ) -> Self {
        let read = |name: &&str| Some(((*name).to_owned(), vars(name)?));
        let names = sso_session::config::VARIABLES.iter();
        let names = names.chain([&ACCESS_KEY, &shell::PATH]);
        let variables = names.filter_map(read);
        Self {
            profile,
            region,
            http_client,
            sessions,
            role: None,
            variables: Arc::new(variables.collect()),
        }
    }

    /// The source of a service for containers, beside this one, which is the proxy's own: what `source`
    /// names, and `role` on top of it.
    #[must_use]
    pub fn for_service(&self, source: &SourceConfig, role: Option<Arc<RoleConfig>>) -> Self {
        let region = source.region.clone();
        Self {
            region: region.unwrap_or_else(|| self.region.clone()),
            role,
            ..self.clone()
        }
    }

    /// What is done for it is counted there.
    #[must_use]
    pub fn counted_by(self, metrics: Arc<Metrics>) -> Self {
        Self {
            sessions: self.sessions.counted_by(metrics),
            ..self
        }
    }

    /// The profile's name, for texts.
    #[must_use]
    pub fn profile_name(&self) -> &str {
        self.profile.name()
    }

    /// Where the files of SSO sessions lie.
    #[must_use]
    pub fn locations(&self) -> &sso_session::location::Locations {
        self.sessions.locations()
    }

    /// Waits for renewals under way, also those of attempts that were given up, within `patience`: a
    /// granted token that is not written is a lost session.
    pub(crate) async fn finish_renewals(&self, patience: Duration) {
        self.sessions.finish(patience).await;
    }

    /// One attempt, within [`ATTEMPT_TIMEOUT`]; a failure comes back as the state that it means.
    pub(super) async fn load(&self) -> Attempt {
        let principal = match self.principal().await {
            Ok(principal) => principal,
            Err(state) => {
                return Attempt {
                    principal: None,
                    token: None,
                    outcome: Err(state.into()),
                };
            }
        };
        let mut token = None;
        let attempt = async {
            match &principal {
                Principal::Sso(profile, session) => {
                    self.load_sso(profile, session, &mut token).await
                }
                Principal::Chain => self.load_chain().await.map_err(Failed::from),
            }
        };
        let outcome = tokio::time::timeout(ATTEMPT_TIMEOUT, attempt).await;
        Attempt {
            principal: Some(principal),
            token,
            outcome: outcome.unwrap_or_else(|_| Err(took_too_long().into())),
        }
    }

    async fn principal(&self) -> Result<Principal, State> {
        Ok(match self.resolve().await?.map(|profile| profile.source) {
            Some(CredentialSource::Sso(sso)) => {
                let session = self.sessions.of(&sso);
                Principal::Sso(Box::new(sso), session)
            }
            Some(CredentialSource::Other(_)) | None => Principal::Chain,
        })
    }

    /// Reads the profile; `None` for a default chain that needs none. A file of which a part is missing
    /// may be one that is being written: it is read again before it is believed.
    pub(super) async fn resolve(&self) -> Result<Option<Resolved>, State> {
        let mut resolved = self.resolve_once().await;
        for _ in 1..READINGS {
            if !matches!(resolved, Err(State::ConfigError(_))) {
                break;
            }
            sleep(PAUSE).await;
            resolved = self.resolve_once().await;
        }
        let path = self.variables.get(shell::PATH).map(String::as_str);
        match resolved {
            Ok(Some(profile)) => match shell::missing_for(&profile, path) {
                Some(trouble) => Err(State::ConfigError(trouble)),
                None => Ok(Some(profile)),
            },
            Ok(None) | Err(_) => resolved,
        }
    }

    async fn resolve_once(&self) -> Result<Option<Resolved>, State> {
        let name = match &self.profile {
            Profile::Named(name) => name.clone(),
            // The chain asks the default profile where the environment holds no keys.
            Profile::DefaultChain if self.variables.contains_key(ACCESS_KEY) => return Ok(None),
            Profile::DefaultChain => self.profile.name().to_owned(),
        };
        let (locations, variables) = (self.locations().clone(), Arc::clone(&self.variables));
        let resolved = tokio::task::spawn_blocking(move || {
            let vars = |name: &str| variables.get(name).cloned();
            sso_session::config::resolve(&locations, &vars, &name)
        });
        match resolved.await {
            Ok(Ok(profile)) => Ok(Some(profile)),
            // A chain has more links than the default profile.
            Ok(Err(error)) if self.is_default_chain() && error.is_absent() => Ok(None),
            Ok(Err(error)) => Err(self.misconfigured(&error)),
            Err(error) => Err(State::Offline(Trouble::new(
                format!("reading the AWS configuration ended unexpectedly: {error}"),
                "It is tried again by itself.",
            ))),
        }
    }

    pub(super) fn is_default_chain(&self) -> bool {
        self.profile == Profile::DefaultChain
    }

    pub(super) fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    fn misconfigured(&self, error: &ConfigError) -> State {
        let cure = if error.is_absent() {
            self.how_to_configure()
        } else {
            error.cure().to_owned()
        };
        State::ConfigError(Trouble::new(error.problem(), cure))
    }

    pub(super) fn how_to_configure(&self) -> String {
        match &self.profile {
            Profile::Named(name) => format!(
                "Add profile `{name}` to ~/.aws/config or ~/.aws/credentials, name another in \
                 AWS_PROFILE, or set AWS_PROFILE= (empty) to use the environment's \
                 AWS_ACCESS_KEY_ID."
            ),
            Profile::DefaultChain => {
                "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile in AWS_PROFILE."
                    .to_owned()
            }
        }
    }
}

fn took_too_long() -> State {
    State::Offline(Trouble::new(
        "no credentials came in time",
        "Check the network, and the credential_process of the profile if it has one.",
    ))
}

/// The files whose change may mean new credentials, as the AWS SDKs find them.
pub(super) fn files(vars: &impl Fn(&str) -> Option<String>) -> Vec<PathBuf> {
    let locations = sso_session::location::Locations::from_vars(vars);
    let mut files = vec![locations.config_file, locations.credentials_file];
    let tokens = [
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    ];
    let set = |name| vars(name).filter(|value| !value.is_empty());
    files.extend(tokens.into_iter().filter_map(set).map(PathBuf::from));
    files
}
