//! Where credentials come from: the profile is read afresh for each attempt, so that no old error and
//! no old file stays in it.
//!
//! ```text
//! profile ─► SSO ──────────► Session (token) ─► portal (role credentials) ─► STS (further roles) ┐
//!        └─► anything else ─► aws-config ────────────────────────────────────────────────────────┤
//! keys ──────────────────────────────────────────────────────────────────────────────────────────┴► S3
//!                                                      for a service: STS (its role, or a session) ┘
//! ```

mod chain;
mod roles;
mod service;
mod shell;
mod sso;
mod words;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use sso_session::config::{
    ConfigError, CredentialSource, OtherSource, Profile as Resolved, SsoProfile,
};
use sso_session::location::Locations;
use tokio::time::sleep;

use super::session::{LoginNeed, Session};
use super::sessions::Sessions;
use super::{Identity, State};
use crate::config::{Keys, Profile, RoleConfig, SourceConfig, SourceKind};
use crate::error::Trouble;
use crate::metrics::Metrics;

/// Most tools write the configuration in place, truncated first, and need milliseconds for it; a second on a machine
/// that is busy with a build.
const READINGS: u32 = 11;
const PAUSE: Duration = Duration::from_millis(100);

/// The first link of the default chain.
const ACCESS_KEY: &str = "AWS_ACCESS_KEY_ID";

/// Fetches credentials for one profile, or for one service's role.
#[derive(Clone, Debug)]
pub struct Source {
    base: Base,
    locations: Arc<Locations>,
    region: String,
    http_client: SharedHttpClient,
    sessions: Sessions,
    /// For containers, that is.
    service: Option<ServiceNeeds>,
    /// What the profile's resolution reads of the environment.
    variables: Arc<BTreeMap<String, String>>,
}

/// What gives the first credentials.
#[derive(Clone, Debug)]
enum Base {
    Profile {
        profile: Profile,
        /// Where it was asked for.
        named_in: NamedIn,
    },
    Keys {
        keys: Arc<Keys>,
        /// For texts.
        name: String,
    },
}

/// Who chose a profile, and so where another one can be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NamedIn {
    /// `AWS_PROFILE`.
    Environment,
    /// A service's `iam_profile`, or that of `aws_defaults`.
    ConfigurationFile {
        /// It names the AWS configuration file, too.
        with_file: bool,
    },
}

/// What a service is given of its source's credentials.
#[derive(Clone, Debug)]
struct ServiceNeeds {
    /// Whose STS is asked, where the service says so.
    region: Option<String>,
    /// What is assumed on top of what the source gives.
    role: Option<Arc<RoleConfig>>,
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
    Chain {
        /// That of the profile, where there is one that names it.
        region: Option<String>,
        /// Whether anything says that there are credentials.
        has_source: bool,
    },
    /// Keys of the configuration file.
    Keys,
}

/// Why an attempt brought nothing.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) state: State,
    /// What to tell the host, where a login of an SSO session helps.
    pub(super) need: Option<LoginNeed>,
    /// Whether what was given before is not to be handed on any more, either.
    pub(super) evicts: bool,
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
        let evicts = matches!(state, State::Denied(_) | State::ConfigError(_));
        Self {
            state,
            need: None,
            evicts,
        }
    }
}

impl Failed {
    /// It may pass by itself, or say nothing about whose credentials are wanted: those given before stay until their
    /// end.
    fn keeping(state: State) -> Self {
        Self {
            evicts: false,
            ..state.into()
        }
    }

    /// It is what was given before that AWS refuses.
    fn evicting(state: State) -> Self {
        Self {
            evicts: true,
            ..state.into()
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
            base: Base::Profile {
                profile,
                named_in: NamedIn::Environment,
            },
            locations: Arc::new(sessions.locations().clone()),
            region,
            http_client,
            sessions,
            service: None,
            variables: Arc::new(variables.collect()),
        }
    }

    /// The source of a service for containers, beside this one, which is the proxy's own: what `source`
    /// names, and `role` on top of it. SSO sessions are shared with all other sources of this one.
    #[must_use]
    pub fn for_service(&self, source: &SourceConfig, role: Option<Arc<RoleConfig>>) -> Self {
        let mut locations = Arc::clone(&self.locations);
        let base = match &source.kind {
            SourceKind::Own => self.base.clone(),
            SourceKind::Profile { name, config_file } => {
                if let Some(file) = config_file {
                    locations = Arc::new(self.locations.with_config_file(file));
                }
                let with_file = config_file.is_some();
                Base::Profile {
                    profile: Profile::Named(name.clone()),
                    named_in: NamedIn::ConfigurationFile { with_file },
                }
            }
            SourceKind::Keys(keys) => Base::Keys {
                name: format!("iam_keys {}", keys.access_key_id),
                keys: Arc::clone(keys),
            },
        };
        Self {
            base,
            locations,
            service: Some(ServiceNeeds {
                region: source.region.clone(),
                role,
            }),
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

    /// The profile's name, for texts; of keys, which ones.
    #[must_use]
    pub fn profile_name(&self) -> &str {
        match &self.base {
            Base::Profile { profile, .. } => profile.name(),
            Base::Keys { name, .. } => name,
        }
    }

    /// The role that a service assumes.
    pub(super) fn role_arn(&self) -> Option<&str> {
        let role = self.service.as_ref()?.role.as_ref()?;
        Some(&role.role_arn)
    }

    /// Where the profiles and the files of SSO sessions lie.
    #[must_use]
    pub fn locations(&self) -> &Locations {
        &self.locations
    }

    /// The files whose change may mean new credentials, as the AWS SDKs find them.
    pub(super) fn files(&self, vars: &impl Fn(&str) -> Option<String>) -> Vec<PathBuf> {
        let is_chain = match &self.base {
            Base::Keys { .. } => return Vec::new(),
            Base::Profile { .. } => self.is_default_chain(),
        };
        let Locations {
            config_file,
            credentials_file,
            ..
        } = self.locations();
        let mut files = vec![config_file.clone(), credentials_file.clone()];
        let tokens = [
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        ];
        if is_chain || self.service.is_none() {
            let set = |name| vars(name).filter(|value| !value.is_empty());
            files.extend(tokens.into_iter().filter_map(set).map(PathBuf::from));
        }
        files
    }

    /// Waits for renewals under way, also those of attempts that were given up, within `patience`: a
    /// granted token that is not written is a lost session.
    pub(crate) async fn finish_renewals(&self, patience: Duration) {
        self.sessions.finish(patience).await;
    }

    /// One attempt, within `patience`; a failure comes back as the state that it means.
    pub(super) async fn load(&self, patience: Duration) -> Attempt {
        let principal = match self.principal().await {
            Ok(principal) => principal,
            Err(failed) => {
                return Attempt {
                    principal: None,
                    token: None,
                    outcome: Err(failed),
                };
            }
        };
        let mut token = None;
        let attempt = async {
            let given = match &principal {
                Principal::Sso(profile, session) => {
                    self.load_sso(profile, session, &mut token).await?
                }
                Principal::Chain { has_source, .. } => {
                    self.in_turn(self.load_other(*has_source)).await?
                }
                Principal::Keys => self.load_other(true).await?,
            };
            self.in_turn(self.serve(&principal, given)).await
        };
        let outcome = tokio::time::timeout(patience, attempt).await;
        Attempt {
            principal: Some(principal),
            token,
            outcome: outcome.unwrap_or_else(|_| Err(took_too_long().into())),
        }
    }

    /// What asks AWS for a service takes turns with all others that do.
    fn in_turn<T>(&self, asking: impl Future<Output = T>) -> impl Future<Output = T> {
        let asking = Box::pin(asking);
        async move {
            if self.is_for_service() {
                self.sessions.turns().take(asking).await
            } else {
                asking.await
            }
        }
    }

    async fn load_other(&self, has_source: bool) -> Result<Credentials, Failed> {
        match &self.base {
            Base::Profile { profile, .. } => self.load_chain(profile, has_source).await,
            Base::Keys { keys, .. } => Ok(Credentials::new(
                keys.access_key_id.clone(),
                keys.secret_access_key.expose(),
                keys.session_token
                    .as_ref()
                    .map(|token| token.expose().to_owned()),
                None,
                "iam_keys",
            )),
        }
    }

    async fn principal(&self) -> Result<Principal, Failed> {
        if matches!(self.base, Base::Keys { .. }) {
            return Ok(Principal::Keys);
        }
        let Some(profile) = self.resolve().await? else {
            return Ok(Principal::Chain {
                region: None,
                has_source: true,
            });
        };
        Ok(match profile.source {
            CredentialSource::Sso(sso) => {
                let session = self.sessions.of(&sso);
                Principal::Sso(Box::new(sso), session)
            }
            CredentialSource::Other(other) => Principal::Chain {
                region: profile.region,
                has_source: self.is_default_chain() || other != OtherSource::Nothing,
            },
        })
    }

    /// Whose credentials come of it.
    pub(super) fn identity(&self, principal: &Principal) -> Identity {
        let mut identity = Identity::of_profile(self.profile_name());
        if let Principal::Sso(sso, _) = principal {
            let assumed = sso.assume_roles.last();
            identity.sso_session.clone_from(&sso.session.name);
            identity.start_url = Some(sso.session.start_url.clone());
            identity.account_id = Some(sso.account_id.clone());
            identity.role_name = Some(sso.role_name.clone());
            identity.assumed_role_arn = assumed.map(|role| role.role_arn.clone());
        }
        if let Some(role_arn) = self.role_arn() {
            identity.assumed_role_arn = Some(role_arn.to_owned());
        }
        identity
    }

    /// Reads the profile; `None` for a default chain that needs none. A file of which a part is missing
    /// may be one that is being written: it is read again before it is believed.
    pub(super) async fn resolve(&self) -> Result<Option<Resolved>, Failed> {
        let mut resolved = self.resolve_once().await;
        for _ in 1..READINGS {
            let is_config = |failed: &Failed| matches!(failed.state, State::ConfigError(_));
            if !resolved.as_ref().is_err_and(is_config) {
                break;
            }
            sleep(PAUSE).await;
            resolved = self.resolve_once().await;
        }
        let path = self.variables.get(shell::PATH).map(String::as_str);
        match resolved {
            Ok(Some(profile)) => {
                match shell::missing_for(&profile, path, &self.another_profile()) {
                    Some(trouble) => Err(State::ConfigError(trouble).into()),
                    None => Ok(Some(profile)),
                }
            }
            Ok(None) | Err(_) => resolved,
        }
    }

    async fn resolve_once(&self) -> Result<Option<Resolved>, Failed> {
        let name = match &self.base {
            Base::Keys { .. } => return Ok(None),
            // The chain asks the default profile where the environment holds no keys.
            Base::Profile { .. }
                if self.is_default_chain() && self.variables.contains_key(ACCESS_KEY) =>
            {
                return Ok(None);
            }
            Base::Profile { profile, .. } => profile.name().to_owned(),
        };
        let resolved =
            self.read(move |locations, vars| sso_session::config::resolve(locations, &vars, &name));
        match resolved.await? {
            Ok(profile) => Ok(Some(profile)),
            // A chain has more links than the default profile.
            Err(error) if self.is_default_chain() && error.is_absent() => Ok(None),
            Err(error) => Err(self.misconfigured(&error)),
        }
    }

    /// Reads the AWS configuration, off the threads that serve.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Locations, &dyn Fn(&str) -> Option<String>) -> T + Send + 'static,
    ) -> Result<T, State> {
        let (locations, variables) = (Arc::clone(&self.locations), Arc::clone(&self.variables));
        let reading = tokio::task::spawn_blocking(move || {
            read(&locations, &|name| variables.get(name).cloned())
        });
        reading.await.map_err(|error| {
            State::Offline(Trouble::new(
                format!("reading the AWS configuration ended unexpectedly: {error}"),
                "It is tried again by itself.",
            ))
        })
    }

    pub(super) fn is_default_chain(&self) -> bool {
        matches!(
            &self.base,
            Base::Profile {
                profile: Profile::DefaultChain,
                ..
            }
        )
    }

    /// The AWS configuration file that a service names, in place of the usual one.
    fn own_config_file(&self) -> Option<&Path> {
        match &self.base {
            Base::Profile {
                named_in: NamedIn::ConfigurationFile { with_file: true },
                ..
            } => Some(&self.locations.config_file),
            Base::Profile { .. } | Base::Keys { .. } => None,
        }
    }

    /// Whether its profiles are in another file than everyone's, which the host's watcher does not read.
    pub(super) fn has_profiles_of_its_own(&self) -> bool {
        self.locations.config_file != self.sessions.locations().config_file
    }

    /// Whether its credentials are for containers.
    pub(super) fn is_for_service(&self) -> bool {
        self.service.is_some()
    }

    pub(super) fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    fn misconfigured(&self, error: &ConfigError) -> Failed {
        let cure = if error.is_absent() {
            self.how_to_configure()
        } else {
            error.cure().to_owned()
        };
        let state = State::ConfigError(Trouble::new(error.problem(), cure));
        if error.is_unreadable() {
            Failed::keeping(state)
        } else {
            state.into()
        }
    }
}

fn took_too_long() -> State {
    State::Offline(Trouble::new(
        "no credentials came in time",
        "Check the network, and the credential_process of the profile if it has one.",
    ))
}
