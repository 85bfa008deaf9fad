//! The configuration file: YAML in, a [`FileConfig`] or all faults at once out.
//!
//! Its keys are those of CredProxy's file, taken as they are, and some of ours. Here they are as the
//! rest of the program wants them: defaults merged, values substituted, nothing left to check.
//!
//! ```text
//! file ─► yaml (tree with places) ─► reader (values put in, kinds checked, unknown keys refused)
//!                                       └─► server, source, role, service, dynamic, codeartifact ─► FileConfig
//! ```

mod codeartifact;
mod dynamic;
mod faults;
mod interpolation;
mod layout;
mod reader;
mod role;
mod scalar;
mod server;
mod service;
mod source;
#[cfg(test)]
mod tests;
mod yaml;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sso_session::disk;
use sso_session::secret::Secret;

use super::{CodeArtifactUpstream, Listen};
use reader::{Field, Reading};
use yaml::{Mark, Node, Value};

pub use faults::{FileFault, FileFaults, Place};
pub use layout::schema;
pub(super) use source::is_region;

/// Services and the roles that they allow, together: each has a task that renews its credentials ahead.
pub const MOST_ROLES: usize = 1000;

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
    /// `codeartifact`, in the order of the file.
    pub codeartifact: Vec<CodeArtifactUpstream>,
    serves_containers: bool,
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

impl ServiceConfig {
    /// How many places of [`MOST_ROLES`] it takes.
    #[must_use]
    pub fn roles(&self) -> usize {
        1 + self.allowed_roles.len()
    }
}

impl ServiceConfig {
    /// Whether both say the same, wherever they stand.
    #[must_use]
    pub fn says_the_same(&self, other: &Self) -> bool {
        let place = other.place.clone();
        let here = Self {
            place,
            ..self.clone()
        };
        here == *other
    }
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
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
#[derive(Clone, PartialEq, Eq, Hash)]
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

/// An external id and a code are as good as secrets, and a policy is long.
impl RoleConfig {
    /// For a session of an hour, with nothing else asked.
    #[must_use]
    pub fn new(role_arn: impl Into<String>, session_name: impl Into<String>) -> Self {
        Self {
            role_arn: role_arn.into(),
            session_name: session_name.into(),
            duration: Duration::from_hours(1),
            external_id: None,
            policy_arns: Vec::new(),
            policy: None,
            tags: Vec::new(),
            transitive_tag_keys: Vec::new(),
            serial_number: None,
            token_code: None,
            source_identity: None,
            provided_contexts: Vec::new(),
        }
    }
}

impl std::fmt::Debug for RoleConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RoleConfig")
            .field("role_arn", &self.role_arn)
            .field("session_name", &self.session_name)
            .field("duration", &self.duration)
            .finish_non_exhaustive()
    }
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
/// from its beginning on; `file_pattern` is a glob of the name. Only files ending in `.yaml`, `.yml` or
/// `.json` count, unless `file_pattern` says otherwise; hidden ones never do.
#[derive(Clone, Debug, Default)]
pub struct FilePatterns {
    /// None takes every file.
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

/// A hundred services take a twentieth of it.
const LONGEST_FILE: u64 = 1 << 20;

impl FileConfig {
    /// Reads and checks the file at `path`.
    ///
    /// # Errors
    /// Everything that is wrong with it, with places and cures. No secret is in any of the texts.
    pub fn read(path: &Path, vars: Vars<'_>) -> Result<Self, FileFaults> {
        Self::read_with(path, vars, false)
    }

    /// Reads it again while the proxy runs. Then `services: {}` takes all services away; without that key or
    /// its value, the file may have been cut off.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_again(path: &Path, vars: Vars<'_>) -> Result<Self, FileFaults> {
        Self::read_with(path, vars, true)
    }

    fn read_with(path: &Path, vars: Vars<'_>, may_be_emptied: bool) -> Result<Self, FileFaults> {
        let mut reading = Reading::new(path, vars);
        let tree = tree(&mut reading, path);
        let config = tree
            .as_ref()
            .and_then(|tree| Self::of(&mut reading, tree, may_be_emptied));
        let (mut config, inputs) = reading.finish(config)?;
        config.inputs = inputs;
        Ok(config)
    }

    fn of(reading: &mut Reading<'_>, tree: &Node, may_be_emptied: bool) -> Option<Self> {
        let mut fields = reading.fields(&root(tree))?;
        let server = server::server(reading, fields.take("server").as_ref());
        let renewal = server::renewal(reading, fields.take("credentials").as_ref());
        let own = SourceConfig::default();
        let defaults = source::source(reading, fields.take("aws_defaults").as_ref(), &own);
        let services_field = fields.take("services");
        let services = services_field
            .as_ref()
            .map(|field| service::services(reading, field, &defaults))
            .unwrap_or_default();
        let roles: usize = services.iter().map(ServiceConfig::roles).sum();
        if roles > MOST_ROLES {
            let problem = format!("{roles} services and allowed roles are too many");
            let cure = format!("Write at most {MOST_ROLES} of them.");
            reading.fault(tree.mark, problem, cure);
        }
        let dynamic_field = fields.take("dynamic_services");
        let dynamic_services = dynamic_field
            .as_ref()
            .and_then(|field| dynamic::dynamic_services(reading, field));
        let metrics = fields.take("metrics");
        let prometheus = server::prometheus(reading, metrics.as_ref(), &server.listen);
        let codeartifact_field = fields.take("codeartifact");
        let codeartifact = codeartifact_field
            .as_ref()
            .map(|field| codeartifact::upstreams(reading, field))
            .unwrap_or_default();
        // A service or repository that is only wrong is told of by its own faults.
        let names_any = |field: Option<&Field<'_>>| {
            field.is_some_and(|field| may_be_emptied || field.node.has_content())
        };
        let names_services = names_any(services_field.as_ref()) || dynamic_services.is_some();
        if !names_services && !names_any(codeartifact_field.as_ref()) {
            let cure = "Define one below services, or set dynamic_services.enabled to true; or name a repository \
                        of CodeArtifact below codeartifact.";
            reading.fault(tree.mark, "there is no service", cure);
        }
        let serves_containers = names_services || fields.has("server");
        fields.finish(reading);
        Some(Self {
            server,
            renewal,
            defaults,
            services,
            dynamic_services,
            prometheus,
            codeartifact,
            serves_containers,
            inputs: Vec::new(),
        })
    }
}

impl FileConfig {
    /// Whether there is anything to give to containers: a file with repositories alone opens no listener for
    /// credentials.
    #[must_use]
    pub fn serves_containers(&self) -> bool {
        self.serves_containers
    }

    /// Whether the file at `path` seems to name repositories of CodeArtifact, whatever is wrong there or elsewhere.
    #[must_use]
    pub fn seems_to_name_upstreams(path: &Path) -> bool {
        let tree = beginning(path);
        let field = tree.as_ref().map(root);
        let Some(Value::Mapping(entries)) = field.map(|field| &field.node.value) else {
            return false;
        };
        let mut entries = entries.iter();
        entries.any(|entry| entry.key == "codeartifact" && entry.node.has_content())
    }
}

impl ServerConfig {
    /// What can be understood of `server` in the file at `path`, whatever is wrong there or elsewhere; what
    /// cannot is as if it were not written. While its file is broken, a proxy serves on with what it has read
    /// before, which is most likely this.
    #[must_use]
    pub fn guess(path: &Path, vars: Vars<'_>) -> Self {
        let mut reading = Reading::new(path, vars);
        let tree = beginning(path);
        let fields = tree.as_ref().and_then(|tree| reading.fields(&root(tree)));
        let field = fields.and_then(|mut fields| fields.take("server"));
        server::server(&mut reading, field.as_ref())
    }
}

/// The services of one file in a folder of `dynamic_services`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicesFile {
    /// Below a key `services` as in the main file, there also none; or one alone, which is called as its
    /// file is.
    pub services: Vec<ServiceConfig>,
    /// All files that were read for them: itself first.
    pub inputs: Vec<PathBuf>,
}

impl ServicesFile {
    /// Reads and checks the file at `path`.
    ///
    /// # Errors
    /// As [`FileConfig::read`].
    pub fn read(path: &Path, defaults: &SourceConfig, vars: Vars<'_>) -> Result<Self, FileFaults> {
        let mut reading = Reading::new(path, vars);
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let tree = tree(&mut reading, path);
        let services = tree.and_then(|tree| services_of(&mut reading, &tree, &name, defaults));
        let (services, inputs) = reading.finish(services)?;
        Ok(Self { services, inputs })
    }
}

fn services_of(
    reading: &mut Reading<'_>,
    tree: &Node,
    name: &str,
    defaults: &SourceConfig,
) -> Option<Vec<ServiceConfig>> {
    let root = root(tree);
    let mut fields = reading.fields(&root)?;
    if !fields.has("services") {
        let service = service::single(reading, &root, name, defaults)?;
        return Some(vec![service]);
    }
    let cure = "Define one below services, or remove the file.";
    let field = fields.need("services", reading, cure);
    fields.finish(reading);
    Some(service::services(reading, &field?, defaults))
}

/// What can be read of the file, up to whatever is wrong with it.
fn beginning(path: &Path) -> Option<Node> {
    let bytes = disk::read_bounded(path, LONGEST_FILE).ok();
    let text = bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    text.as_deref().and_then(yaml::parse_beginning)
}

/// The document as the value of no key.
fn root(tree: &Node) -> Field<'_> {
    Field {
        path: String::new(),
        node: tree,
    }
}

/// The file's tree; what is wrong with file and document is noted.
fn tree(reading: &mut Reading<'_>, path: &Path) -> Option<Node> {
    let bytes = match disk::read_bounded(path, LONGEST_FILE) {
        Ok(bytes) => bytes,
        Err(error) => {
            let problem = format!("it cannot be read: {}", error.source);
            let cure = "Name a file of at most 1 MiB that the proxy may read.";
            reading.fault(Mark::START, problem, cure);
            return None;
        }
    };
    let text = match std::str::from_utf8(&bytes) {
        Ok(text) => text,
        Err(error) => {
            let before = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
            let line = before.matches('\n').count() + 1;
            let mark = Mark { line, column: 1 };
            reading.fault(mark, "this line is not UTF-8", "Save the file as UTF-8.");
            return None;
        }
    };
    let (tree, faults) = yaml::parse(text);
    reading.take_over(faults);
    let tree = tree.filter(|tree| !tree.is_null());
    if tree.is_none() {
        reading.fault_unless_any(
            Mark::START,
            "the file is empty",
            "Define a service below services.",
        );
    }
    tree
}
