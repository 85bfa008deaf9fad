//! The configuration file: YAML in, a [`FileConfig`] or all faults at once out.
//!
//! Its keys are those of CredProxy's file, taken as they are, and some of ours. Here they are as the
//! rest of the program wants them: defaults merged, values substituted, nothing left to check.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sso_session::secret::Secret;

use super::Listen;

/// Everything that the file says.
#[derive(Clone, Debug)]
pub struct FileConfig {
    /// `server`.
    pub server: ServerConfig,
    /// `credentials`.
    pub renewal: RenewalConfig,
    /// `aws_defaults`: what a service's `source_credentials` leave open. For dynamic services, too.
    pub defaults: SourceConfig,
    /// `services`, in the order of the file.
    pub services: Vec<ServiceConfig>,
    /// `dynamic_services`, where they are enabled.
    pub dynamic_services: Option<DynamicServicesConfig>,
    /// `metrics.prometheus`, where the file asks for a listener of its own.
    pub prometheus: Option<Listen>,
    /// All files that were read for it: itself first, then those of `${fromFile:…}`. A change of any is a
    /// change of the configuration.
    pub inputs: Vec<PathBuf>,
}

/// The listener for credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerConfig {
    /// `host` and `port`; loopback unless there is TLS or `allow_non_loopback`.
    pub listen: Listen,
    /// `tls`.
    pub tls: Option<TlsConfig>,
    /// `allowed_hosts`: names that may stand in a `Host` header beside addresses and `localhost`.
    pub allowed_hosts: Vec<String>,
    /// `debug`: log at debug, unless a level is set elsewhere.
    pub debug: bool,
    /// `log_health_checks`, or `CREDPROXY_LOG_HEALTH_CHECKS`.
    pub log_health_checks: bool,
}

/// The certificate that the listener shows; both files are PEM, and read again when they change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsConfig {
    /// `certificate_file`: the chain, the server's own first.
    pub certificate_file: PathBuf,
    /// `key_file`.
    pub key_file: PathBuf,
}

/// What the file asks of renewals; the proxy's own rules hold where it says nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RenewalConfig {
    /// `refresh_buffer_seconds`: renewals begin at least so long ahead of the end.
    pub least_ahead: Option<Duration>,
    /// `retry_delay`: the pause after a renewal that failed while old credentials serve.
    pub retry_pause: Option<Duration>,
    /// `request_timeout`: how long one attempt may take.
    pub attempt_timeout: Option<Duration>,
}

/// One service: a token, and whose credentials it is given for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceConfig {
    /// Its name: letters, digits, `-` and `_`.
    pub name: String,
    /// `auth_token`.
    pub token: TokenConfig,
    /// `source_credentials` over `aws_defaults`.
    pub source: SourceConfig,
    /// `assumed_role`; without one, the source's own credentials are given.
    pub role: Option<Arc<RoleConfig>>,
    /// `allowed_roles`: what else it may ask for by `/role-arn/<arn>`.
    pub allowed_roles: Vec<Arc<RoleConfig>>,
    /// Where it is defined.
    pub place: Place,
}

/// A service's token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenConfig {
    /// The token, at least 16 characters.
    pub secret: Secret,
    /// Where all of it came from one `${fromFile:…}`: that file. Then a change is a rotation.
    pub file: Option<PathBuf>,
}

/// Where a service's credentials begin.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SourceConfig {
    /// `region`: whose STS is asked; the proxy's own where nothing is said.
    pub region: Option<String>,
    /// `iam_profile` or `iam_keys`.
    pub kind: SourceKind,
}

/// What gives the first credentials.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum SourceKind {
    /// What the proxy itself uses: `AWS_PROFILE`, or the default chain.
    #[default]
    Own,
    /// `iam_profile`: a profile of any kind, SSO included.
    Profile {
        /// `profile_name`.
        name: String,
        /// `config_file`, where it is not the usual one.
        config_file: Option<PathBuf>,
    },
    /// `iam_keys`.
    Keys(Arc<Keys>),
}

/// `iam_keys`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    /// `aws_access_key_id`.
    pub access_key_id: String,
    /// `aws_secret_access_key`.
    pub secret_access_key: Secret,
    /// `session_token`, of temporary credentials.
    pub session_token: Option<Secret>,
}

/// Two keys of one id are told apart by comparing, so the hash may leave the secrets out.
impl std::hash::Hash for Keys {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.access_key_id.hash(state);
    }
}

/// `assumed_role`: the parameters of STS's `AssumeRole`.
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RoleConfig {
    /// `RoleArn`.
    pub role_arn: String,
    /// `RoleSessionName`.
    pub session_name: String,
    /// `DurationSeconds`: an hour unless the file says otherwise.
    pub duration: Duration,
    /// `ExternalId`.
    pub external_id: Option<String>,
    /// `PolicyArns`.
    pub policy_arns: Vec<String>,
    /// `Policy`: JSON.
    pub policy: Option<String>,
    /// `Tags`, as keys and values.
    pub tags: Vec<(String, String)>,
    /// `TransitiveTagKeys`.
    pub transitive_tag_keys: Vec<String>,
    /// `SerialNumber` of an MFA device.
    pub serial_number: Option<String>,
    /// `TokenCode` of that device: good for one call.
    pub token_code: Option<String>,
    /// `SourceIdentity`.
    pub source_identity: Option<String>,
    /// `ProvidedContexts`, as provider ARNs and assertions.
    pub provided_contexts: Vec<(String, String)>,
}

/// `dynamic_services`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DynamicServicesConfig {
    /// `directories`, or the one of `directory`.
    pub directories: Vec<DirectoryConfig>,
    /// `reload_interval`: how often they are looked at.
    pub reload_interval: Duration,
}

/// One folder with files of services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryConfig {
    /// `path`.
    pub path: PathBuf,
    /// Which of its files count.
    pub files: FilePatterns,
}

/// `include_patterns` and `exclude_patterns`: regular expressions for a file's name or its whole path,
/// from its beginning on; `file_pattern` is a glob of the name.
#[derive(Clone, Debug, Default)]
pub struct FilePatterns {
    /// None takes every file ending in `.yaml`, `.yml` or `.json`.
    pub include: Vec<regex::Regex>,
    /// What is left out although it is included.
    pub exclude: Vec<regex::Regex>,
    /// `file_pattern`.
    pub glob: Option<glob::Pattern>,
}

impl PartialEq for FilePatterns {
    fn eq(&self, other: &Self) -> bool {
        let texts = |patterns: &[regex::Regex]| {
            patterns.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        texts(&self.include) == texts(&other.include)
            && texts(&self.exclude) == texts(&other.exclude)
            && self.glob == other.glob
    }
}

impl Eq for FilePatterns {}

/// The variables of the environment.
pub type Vars<'a> = &'a dyn Fn(&str) -> Option<String>;

impl FileConfig {
    /// Reads and checks the file at `path`.
    ///
    /// # Errors
    /// Everything that is wrong with it, with places and cures. No secret is in any of the texts.
    pub fn read(path: &Path, _vars: Vars<'_>) -> Result<Self, FileFaults> {
        Err(FileFaults::unreadable(path, "it is not read yet"))
    }
}

/// The services of one file in a folder of `dynamic_services`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicesFile {
    /// Below a key `services` as in the main file; or one alone, which is called as its file is.
    pub services: Vec<ServiceConfig>,
    /// All files that were read for them: itself first.
    pub inputs: Vec<PathBuf>,
}

impl ServicesFile {
    /// Reads and checks the file at `path`.
    ///
    /// # Errors
    /// As [`FileConfig::read`].
    pub fn read(
        path: &Path,
        _defaults: &SourceConfig,
        _vars: Vars<'_>,
    ) -> Result<Self, FileFaults> {
        Err(FileFaults::unreadable(path, "it is not read yet"))
    }
}

/// What is wrong with one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFaults {
    /// At least one.
    pub list: Vec<FileFault>,
}

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFault {
    /// Where it is.
    pub place: Place,
    /// What is wrong; never a secret.
    pub problem: String,
    /// What to write instead.
    pub cure: String,
}

impl FileFaults {
    fn unreadable(path: &Path, problem: &str) -> Self {
        let place = Place {
            file: path.into(),
            line: 1,
            column: 1,
        };
        let fault = FileFault {
            place,
            problem: problem.to_owned(),
            cure: "Name a file that can be read.".to_owned(),
        };
        Self { list: vec![fault] }
    }
}

impl std::fmt::Display for FileFaults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let lines = self.list.iter().map(|fault| {
            let FileFault {
                place,
                problem,
                cure,
            } = fault;
            format!("{place}: {problem}\n    {cure}")
        });
        f.write_str(&lines.collect::<Vec<_>>().join("\n"))
    }
}

impl std::error::Error for FileFaults {}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: Arc<Path>,
    /// From 1 on.
    pub line: usize,
    /// In characters, from 1 on.
    pub column: usize,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}
