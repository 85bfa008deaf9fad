//! The configuration: environment variables in, a [`Config`] or all [`Faults`] at once out.
//!
//! Variables come in through a function, so tests never touch the process's environment. The
//! table of variables is [`VARIABLES`]; `.env.example` and the README are held to it by tests.

mod codeartifact;
mod credproxy;
mod file;
mod older;
mod setting;
mod traces;
mod upstream;
mod variables;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::time::Duration;

use program::Program;
use program::faults::{Fault, Faults, Subject};
use program::reader::{LONGEST, Reader};

pub use codeartifact::{CodeArtifactUpstream, Format, PublicFallback};
pub use file::{
    DirectoryConfig, DynamicServicesConfig, FileConfig, FileFault, FileFaults, FilePatterns, Keys,
    MOST_ROLES, Place, RenewalConfig, RoleConfig, ServerConfig, ServiceConfig, ServicesFile,
    SourceConfig, SourceKind, TlsConfig, TokenConfig, Vars, schema,
};
pub use traces::{Sampling, TracesConfig};
pub use variables::{VARIABLES, empty_is_unset};

/// Who reads the variables.
pub const PROGRAM: Program = Program {
    name: "bazel-proxy",
    variables_come_from: "Variables are read from the environment and from a file .env in this \
                          folder or above it;\n.env.example lists them all.",
};

/// Everything that the process is told from outside.
#[derive(Clone, Debug)]
pub struct Config {
    /// Whether artifacts are served, out of a bucket or CodeArtifact. A process with neither has credentials to
    /// give, by its configuration file, and nothing else.
    pub serves_artifacts: bool,
    /// `S3_BUCKET_NAME`; empty where there is none: see [`Self::has_bucket`].
    pub bucket: String,
    /// `S3_PREFIX`: empty, or ending in `/`.
    pub prefix: String,
    /// `AWS_PROFILE`.
    pub profile: Profile,
    /// `AWS_REGION`.
    pub region: String,
    /// `AWS_ENDPOINT_URL_S3`, else `AWS_ENDPOINT_URL`; with one, path-style addressing is used.
    pub s3_endpoint: Option<String>,
    /// `AWS_ENDPOINT_URL_CODEARTIFACT`, else `AWS_ENDPOINT_URL`: where tokens are asked for. It says itself where
    /// its packages are.
    pub codeartifact_endpoint: Option<String>,
    /// `UPSTREAM_PROXY_URL`: another proxy to ask before S3; scheme and authority only.
    pub upstream_proxy_url: Option<String>,
    /// `PROXY_HOST` and `PROXY_PORT`.
    pub listen: Listen,
    /// `PROXY_ALLOWED_HOSTS`: names that may stand in a `Host` header beside the loopback ones.
    pub allowed_hosts: Vec<String>,
    /// The cache's folder and bounds.
    pub cache: CacheConfig,
    /// `METADATA_TTL`: how long a mutable artifact is served without asking S3 again.
    pub metadata_ttl: Duration,
    /// `CHECK_INTERVAL`: how often credentials are checked.
    pub check_interval: Duration,
    /// `RENEWAL_THRESHOLD`: how long before its end an SSO access token is renewed.
    pub renewal_threshold: Duration,
    /// `LOGIN_WAIT`: how long a miss waits for a login at most; zero for not at all.
    pub login_wait: Duration,
    /// `LOG_LEVEL`, `LOG_FORMAT` and `ACCESS_LOG_HITS`.
    pub log: LogConfig,
    /// Where traces go, if anywhere.
    pub traces: Option<TracesConfig>,
    /// The certificates in `AWS_CA_BUNDLE`, PEM.
    pub ca_bundle: Option<Vec<u8>>,
    /// `BAZEL_PROXY_CONFIG_FILE`, which `--config` beats, and which beats `CREDPROXY_CONFIG_FILE`.
    pub file_path: Option<PathBuf>,
    /// The repositories of CodeArtifact that are served: those of the file, and the one of the variables.
    pub codeartifact: Vec<CodeArtifactUpstream>,
    /// What stands in that file.
    pub file: Option<FileConfig>,
    /// What whoever set a variable should know: that it has no effect here, or another name.
    pub notes: Vec<String>,
}

/// Where credentials come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Profile {
    /// The named profile of `~/.aws/config` and `~/.aws/credentials`, and nothing else.
    Named(String),
    /// The SDK's default chain: environment, default profile, web identity, container, IMDS.
    DefaultChain,
}

/// The addresses to bind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// At least one address.
    pub addresses: Vec<IpAddr>,
    /// 0 lets the system choose.
    pub port: u16,
    /// Whether the addresses were chosen by the user: then each must bind.
    pub explicit: bool,
}

impl Listen {
    /// Where this very machine reaches it: what listens on all addresses, on loopback.
    #[must_use]
    pub fn on_this_machine(&self) -> SocketAddr {
        let ip = match self.addresses.first() {
            Some(ip) if !ip.is_unspecified() => *ip,
            Some(IpAddr::V6(_)) => IpAddr::V6(Ipv6Addr::LOCALHOST),
            Some(IpAddr::V4(_)) | None => IpAddr::V4(Ipv4Addr::LOCALHOST),
        };
        SocketAddr::new(ip, self.port)
    }
}

/// The cache's folder and bounds, in bytes.
#[derive(Clone, Debug)]
pub struct CacheConfig {
    /// `CACHE_DIR`.
    pub folder: PathBuf,
    /// `CACHE_MAX_SIZE`.
    pub max_size_bytes: u64,
    /// `CACHE_MIN_FREE`.
    pub min_free_bytes: u64,
}

/// How to log.
#[derive(Clone, Debug)]
pub struct LogConfig {
    /// A level or a filter in `tracing`'s syntax.
    pub filter: String,
    /// Text or JSON.
    pub format: LogFormat,
    /// `ACCESS_LOG_HITS`: which hits get a line at `info`; `None` for none. The others' are at `debug`.
    pub hits: Option<EveryNth>,
}

/// One of so many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EveryNth(pub NonZeroU64);

/// `LOG_FORMAT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Listen {
    /// Whether both want the same port of the same address. Port 0 is a different one each time.
    fn overlaps(&self, other: &Self) -> bool {
        let all =
            |ip: &IpAddr, other: &IpAddr| ip.is_unspecified() && ip.is_ipv4() == other.is_ipv4();
        let is_same =
            |one: &IpAddr, other: &IpAddr| one == other || all(one, other) || all(other, one);
        let mut addresses = self.addresses.iter();
        self.port != 0
            && self.port == other.port
            && addresses.any(|one| other.addresses.iter().any(|other| is_same(one, other)))
    }
}

impl Config {
    /// Reads all variables, or reports every fault found.
    pub fn from_vars(vars: &impl Fn(&str) -> Option<String>) -> Result<Self, Faults> {
        let mut read = Reader::new(PROGRAM, vars);
        let any = Duration::ZERO..=LONGEST;
        let file_path = file_path(&read);
        let file = file_path
            .as_deref()
            .map(|path| FileConfig::read(path, vars));
        let names_upstream = CodeArtifactUpstream::is_in_variables(&read);
        let of_variables = CodeArtifactUpstream::of_variables(&mut read);
        let in_file = file.iter().flatten().flat_map(|file| &file.codeartifact);
        let codeartifact: Vec<_> = of_variables.into_iter().chain(in_file.cloned()).collect();
        let older = older::Names::of(&read, !codeartifact.is_empty());
        let is_debug = matches!(&file, Some(Ok(file)) if file.server.debug) || older.is_debug;
        let has_bucket = read.is_set("S3_BUCKET_NAME");
        let bucket = if has_bucket || (file_path.is_none() && !names_upstream) {
            setting::bucket_name(&mut read)
        } else {
            String::new()
        };
        let mut notes = credproxy::without_effect(vars);
        notes.extend(older.notes);
        if !has_bucket && !codeartifact.is_empty() {
            notes.extend(without_a_bucket(&read));
        }
        let mut config = Self {
            serves_artifacts: has_bucket || !codeartifact.is_empty(),
            bucket,
            prefix: setting::prefix(&mut read),
            profile: profile(vars),
            region: setting::region(&mut read),
            s3_endpoint: setting::s3_endpoint(&mut read),
            codeartifact_endpoint: setting::codeartifact_endpoint(&mut read),
            upstream_proxy_url: upstream::proxy_url(&mut read),
            listen: listen(&mut read, older.host, older.port),
            allowed_hosts: setting::host_names(&mut read, "PROXY_ALLOWED_HOSTS"),
            cache: cache(&mut read),
            metadata_ttl: read.duration("METADATA_TTL", Duration::from_mins(1), any.clone()),
            check_interval: check_interval(&mut read),
            renewal_threshold: renewal_threshold(&mut read),
            // Just below the ten minutes that coursier's callers allow it.
            login_wait: read.duration("LOGIN_WAIT", Duration::from_mins(9), any),
            log: log(&mut read, is_debug),
            traces: TracesConfig::read(&mut read),
            ca_bundle: read.ca_bundle(),
            file_path,
            codeartifact,
            file: None,
            notes,
        };
        // Read by the HTTP client itself, which would go on without it.
        read.forward_proxy("HTTPS_PROXY");
        match file {
            Some(Ok(file)) => {
                refuse_shared_ports(&mut read, &config, &file);
                config.file = Some(file);
            }
            Some(Err(faults)) => faults
                .list
                .into_iter()
                .map(of_file)
                .for_each(|fault| read.push(fault)),
            None => {}
        }
        read.finish(config)
    }

    /// The configuration file that is named, whatever else is wrong.
    pub fn named_file(vars: &impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
        file_path(&Reader::new(PROGRAM, vars))
    }

    /// Whether artifacts of a bucket are served.
    #[must_use]
    pub fn has_bucket(&self) -> bool {
        !self.bucket.is_empty()
    }

    /// The repositories of CodeArtifact that are to be served where the configuration file says this by now: the
    /// one that variables name stays.
    #[must_use]
    pub fn upstreams_with(&self, file: &FileConfig) -> Vec<CodeArtifactUpstream> {
        let of_file: Vec<_> = self
            .file
            .iter()
            .flat_map(|file| &file.codeartifact)
            .collect();
        let own = self.codeartifact.iter();
        let own = own.filter(|upstream| !of_file.contains(upstream));
        own.chain(&file.codeartifact).cloned().collect()
    }

    /// What tells this bucket's artifacts from every other's, as a part of each cache key.
    #[must_use]
    pub fn repository(&self) -> String {
        let (bucket, prefix) = (&self.bucket, &self.prefix);
        match &self.s3_endpoint {
            Some(endpoint) => format!("{}/{bucket}/{prefix}", endpoint.trim_end_matches('/')),
            None => format!("s3://{bucket}/{prefix}"),
        }
    }
}

impl std::fmt::Display for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Named(name) => write!(f, "profile `{name}`"),
            Self::DefaultChain => f.write_str("the default chain"),
        }
    }
}

impl Profile {
    /// The profile that a person would name on a command line.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Named(name) => name,
            Self::DefaultChain => "default",
        }
    }
}

/// The configuration file; `~/` is understood, as no shell looks at a `.env`.
fn file_path(read: &Reader<'_>) -> Option<PathBuf> {
    let set = |variable| read.text(variable);
    let written = set("BAZEL_PROXY_CONFIG_FILE").or_else(|| set("CREDPROXY_CONFIG_FILE"))?;
    let path = match (written.strip_prefix("~/"), set("HOME")) {
        (Some(below), Some(home)) => Path::new(&home).join(below),
        (_, _) => PathBuf::from(written),
    };
    // The process may change its folder, and messages should say where the file is.
    Some(std::path::absolute(&path).unwrap_or(path))
}

fn of_file(fault: FileFault) -> Fault {
    Fault {
        subject: Subject::Place(fault.place.to_string()),
        problem: fault.problem,
        cure: fault.cure,
    }
}

/// What has no effect where CodeArtifact alone is served.
fn without_a_bucket(read: &Reader<'_>) -> Vec<String> {
    let set = ["S3_PREFIX", "UPSTREAM_PROXY_URL"].into_iter();
    let set = set.filter(|variable| read.is_set(variable));
    set.map(|variable| format!("{variable} has no effect: S3_BUCKET_NAME is not set"))
        .collect()
}

/// Unset means `default`; set but empty means the SDK's default chain.
fn profile(vars: &impl Fn(&str) -> Option<String>) -> Profile {
    match vars("AWS_PROFILE").as_deref().map(str::trim) {
        None => Profile::Named("default".to_owned()),
        Some("") => Profile::DefaultChain,
        Some(name) => Profile::Named(name.to_owned()),
    }
}

fn listen(read: &mut Reader<'_>, host: &'static str, port: &'static str) -> Listen {
    const LOOPBACKS: [IpAddr; 2] = [
        IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::LOCALHOST),
    ];
    let hosts = read.list(host);
    let mut addresses = Vec::new();
    for name in &hosts {
        match name.trim_matches(['[', ']']).parse::<IpAddr>() {
            Ok(address) => addresses.push(address),
            Err(_) if name == "localhost" => addresses.extend(LOOPBACKS),
            Err(_) => read.fault(
                host,
                format!("`{name}` is not an IP address"),
                "give addresses separated by commas, for example 127.0.0.1,::1 or 0.0.0.0",
            ),
        }
    }
    Listen {
        explicit: !hosts.iter().all(|name| name == "localhost"),
        addresses: if addresses.is_empty() {
            LOOPBACKS.to_vec()
        } else {
            addresses
        },
        port: read.number(port, 9000, "a port from 0 to 65535"),
    }
}

/// Artifacts have a listener of their own, and so has each section of the file.
fn refuse_shared_ports(read: &mut Reader<'_>, config: &Config, file: &FileConfig) {
    if !config.serves_artifacts {
        return;
    }
    let others = [
        (
            "server.port",
            file.serves_containers().then_some(&file.server.listen),
        ),
        ("metrics.prometheus.port", file.prometheus.as_ref()),
    ];
    for (key, other) in others {
        if other.is_some_and(|other| config.listen.overlaps(other)) {
            let problem = format!(
                "{} is `{key}` of the configuration file, too, on the same address",
                config.listen.port
            );
            let cure = "choose another for one of them: each has a listener of its own";
            read.fault("PROXY_PORT", problem, cure);
        }
    }
}

fn cache(read: &mut Reader<'_>) -> CacheConfig {
    const GIB: u64 = 1 << 30;
    CacheConfig {
        folder: setting::cache_folder(read),
        max_size_bytes: read.size("CACHE_MAX_SIZE", 20 * GIB),
        min_free_bytes: read.size("CACHE_MIN_FREE", 2 * GIB),
    }
}

fn renewal_threshold(read: &mut Reader<'_>) -> Duration {
    const DEFAULT: Duration = Duration::from_mins(20);
    read.duration(
        "RENEWAL_THRESHOLD",
        DEFAULT,
        Duration::from_secs(1)..=LONGEST,
    )
}

/// `CHECK_INTERVAL` beats `REFRESH_INTERVAL`, its older spelling in milliseconds.
fn check_interval(read: &mut Reader<'_>) -> Duration {
    const DEFAULT: Duration = Duration::from_mins(1);
    const LEAST: Duration = Duration::from_secs(1);
    const MOST_MILLISECONDS: u64 = 365 * 24 * 3_600_000;
    if read.is_set("CHECK_INTERVAL") {
        return read.duration("CHECK_INTERVAL", DEFAULT, LEAST..=LONGEST);
    }
    let milliseconds: u64 =
        read.number("REFRESH_INTERVAL", 60_000, "a whole number of milliseconds");
    if milliseconds > MOST_MILLISECONDS {
        read.fault(
            "REFRESH_INTERVAL",
            format!("{milliseconds} milliseconds are too long"),
            "at most a year; better write CHECK_INTERVAL=60",
        );
    }
    if milliseconds < 1000 {
        let seconds = milliseconds.max(1);
        read.fault(
            "REFRESH_INTERVAL",
            format!("{milliseconds} is less than a second: this variable counts milliseconds"),
            format!(
                "write REFRESH_INTERVAL={} for {seconds} seconds, or better \
                 CHECK_INTERVAL={seconds}",
                seconds * 1000,
            ),
        );
    }
    Duration::from_millis(milliseconds)
}

fn log(read: &mut Reader<'_>, is_debug: bool) -> LogConfig {
    let format = match read.text("LOG_FORMAT").as_deref() {
        None | Some("text") => LogFormat::Text,
        Some("json") => LogFormat::Json,
        Some(other) => {
            read.fault(
                "LOG_FORMAT",
                format!("`{other}` is not a format"),
                "use text or json",
            );
            LogFormat::Text
        }
    };
    LogConfig {
        filter: read.log_filter_of(
            &["LOG_LEVEL", "CREDPROXY_LOG_LEVEL"],
            if is_debug { "debug" } else { "info" },
        ),
        format,
        hits: setting::access_log_hits(read),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(vars: &[(&str, &str)]) -> Result<Config, Faults> {
        Config::from_vars(&|name| {
            let fallback = (name == "HOME").then(|| "/home/dev".to_owned());
            vars.iter()
                .find(|(found, _)| *found == name)
                .map(|(_, value)| (*value).to_owned())
                .or(fallback)
        })
    }

    fn valid(vars: &[(&str, &str)]) -> Config {
        let all: Vec<_> = [("S3_BUCKET_NAME", "artifacts")]
            .iter()
            .chain(vars)
            .copied()
            .collect();
        from(&all).expect("a valid configuration")
    }

    #[test]
    fn a_bucket_is_all_that_is_needed() {
        let config = valid(&[]);
        assert_eq!(config.profile, Profile::Named("default".to_owned()));
        assert_eq!(config.region, "us-west-2");
        assert_eq!(config.listen.port, 9000);
        assert_eq!(config.listen.addresses.len(), 2);
        assert_eq!(config.cache.max_size_bytes, 20 << 30);
        assert_eq!(config.cache.min_free_bytes, 2 << 30);
        assert_eq!(config.metadata_ttl, Duration::from_mins(1));
        assert_eq!(config.check_interval, Duration::from_mins(1));
        assert_eq!(config.login_wait, Duration::from_mins(9));
        assert_eq!(config.repository(), "s3://artifacts/");
    }

    #[test]
    fn an_empty_value_is_an_unset_one_except_for_the_profile() {
        let config = valid(&[
            ("AWS_PROFILE", ""),
            ("AWS_CA_BUNDLE", ""),
            ("PROXY_PORT", " "),
        ]);
        assert_eq!(config.profile, Profile::DefaultChain);
        assert!(config.ca_bundle.is_none());
        assert_eq!(config.listen.port, 9000);
    }

    #[test]
    fn all_faults_are_reported_at_once_with_variable_and_cure() {
        let faults = from(&[
            ("S3_BUCKET_NAME", "Not A Bucket"),
            ("PROXY_PORT", "90000"),
            ("CACHE_MAX_SIZE", "lots"),
            ("LOG_FORMAT", "xml"),
            ("AWS_ENDPOINT_URL_S3", "localhost:9000"),
            ("REFRESH_INTERVAL", "60"),
            ("PROXY_ALLOWED_HOSTS", "http://proxy:9000/"),
            ("HTTPS_PROXY", "::"),
            ("ACCESS_LOG_HITS", "1/0"),
        ])
        .expect_err("nine faults");
        let text = faults.to_string();
        for name in [
            "S3_BUCKET_NAME",
            "PROXY_PORT",
            "CACHE_MAX_SIZE",
            "LOG_FORMAT",
            "AWS_ENDPOINT_URL_S3",
            "REFRESH_INTERVAL=60000",
            "PROXY_ALLOWED_HOSTS",
            "HTTPS_PROXY",
            "ACCESS_LOG_HITS",
        ] {
            assert!(text.contains(name), "{name} is missing in:\n{text}");
        }
    }

    #[test]
    fn a_configuration_file_needs_no_bucket() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str, text: &str| {
            let path = folder.path().join(name);
            let mut file = std::fs::File::create(&path).expect("a file");
            std::io::Write::write_all(&mut file, text.as_bytes()).expect("written");
            path.to_str().expect("a text").to_owned()
        };
        let ours = path(
            "ours.yaml",
            "server: {debug: true}\nservices: {ours: {auth_token: 0123456789abcdef}}\n",
        );
        let theirs = path("theirs.yaml", "services: {theirs: {auth_token: short}}\n");
        let config = from(&[
            ("BAZEL_PROXY_CONFIG_FILE", &ours),
            ("CREDPROXY_CONFIG_FILE", &theirs),
        ])
        .expect("ours beats theirs");
        assert!(!config.serves_artifacts);
        assert_eq!(config.file_path.as_deref(), Some(Path::new(&ours)));
        assert_eq!(config.file.expect("a file").services[0].name, "ours");
        assert_eq!(config.log.filter, "debug");
        let level = valid(&[
            ("BAZEL_PROXY_CONFIG_FILE", &ours),
            ("CREDPROXY_LOG_LEVEL", "Warning"),
        ]);
        assert!(level.serves_artifacts);
        assert_eq!(level.log.filter, "warn");
        let faults = from(&[("CREDPROXY_CONFIG_FILE", &theirs), ("PROXY_PORT", "x")]);
        let text = faults.expect_err("two faults").to_string();
        assert!(
            text.contains("2 faults") && text.contains("PROXY_PORT: "),
            "{text}"
        );
        assert!(
            text.contains("theirs.yaml:1:33: services.theirs.auth_token"),
            "{text}"
        );
        assert!(!text.contains("S3_BUCKET_NAME"), "{text}");
        let absent = from(&[("BAZEL_PROXY_CONFIG_FILE", "~/absent.yaml")]);
        let text = absent.expect_err("no file").to_string();
        assert!(
            text.contains("/home/dev/absent.yaml:1:1: it cannot be read"),
            "{text}"
        );
    }

    #[test]
    fn a_repository_of_codeartifact_needs_no_bucket() {
        let named = [
            ("CODEARTIFACT_DOMAIN", "acme"),
            ("CODEARTIFACT_DOMAIN_OWNER", "012345678901"),
            ("CODEARTIFACT_REPOSITORY", "main"),
        ];
        let config = from(&named).expect("a valid configuration");
        assert!(config.serves_artifacts && !config.has_bucket());
        assert_eq!(config.codeartifact[0].alias, "default");
        assert_eq!(config.notes, [""; 0]);
        let team = [("UPSTREAM_PROXY_URL", "http://artifacts.example:9000")];
        let config = from(&[&named[..], &team].concat()).expect("a valid configuration");
        assert_eq!(
            config.notes,
            ["UPSTREAM_PROXY_URL has no effect: S3_BUCKET_NAME is not set"]
        );
        let both = valid(&[&named[..], &team].concat());
        assert_eq!(both.notes, [""; 0]);
        assert!(both.serves_artifacts && both.has_bucket());
        assert_eq!(both.codeartifact.len(), 1);
        let told = from(&[]).expect_err("nothing to serve").to_string();
        for way in ["S3_BUCKET_NAME", "CODEARTIFACT_DOMAIN", "--config"] {
            assert!(told.contains(way), "{way} is missing in:\n{told}");
        }
        let told = from(&[("CODEARTIFACT_REPOSITORY", "main")]);
        let told = told.expect_err("half a name").to_string();
        assert!(
            told.contains("2 faults") && !told.contains("S3_BUCKET_NAME"),
            "{told}"
        );
    }

    #[test]
    fn variables_of_the_older_proxy_count_where_repositories_are_served() {
        let theirs = [
            ("LISTEN_ADDRESS", "0.0.0.0"),
            ("PORT", "5000"),
            ("DEBUG", "Yes"),
        ];
        let upstream = [
            ("CODEARTIFACT_DOMAIN", "acme"),
            ("CODEARTIFACT_DOMAIN_OWNER", "012345678901"),
            ("CODEARTIFACT_REPOSITORY", "main"),
        ];
        let config = valid(&[&theirs[..], &upstream].concat());
        assert_eq!(
            config.listen.on_this_machine().to_string(),
            "127.0.0.1:5000"
        );
        assert!(config.listen.explicit);
        assert_eq!(config.log.filter, "debug");
        assert_eq!(
            config.notes,
            [
                "LISTEN_ADDRESS is taken for PROXY_HOST: better set that",
                "PORT is taken for PROXY_PORT: better set that",
                "DEBUG is taken for LOG_LEVEL=debug: better set that",
            ]
        );
        let ours = [
            ("PROXY_HOST", "::1"),
            ("PROXY_PORT", "9001"),
            ("LOG_LEVEL", "warn"),
        ];
        for (config, address, level) in [
            (valid(&theirs), "127.0.0.1:9000", "info"),
            (
                valid(&[&theirs[..], &upstream, &ours].concat()),
                "[::1]:9001",
                "warn",
            ),
        ] {
            assert_eq!(config.listen.on_this_machine().to_string(), address);
            assert_eq!(config.log.filter, level);
            assert_eq!(config.notes, [""; 0]);
        }
        let wrong = [("S3_BUCKET_NAME", "artifacts"), ("PORT", "http")];
        let told = from(&[&wrong[..], &upstream].concat()).expect_err("no port");
        assert!(told.to_string().contains("PORT: `http` is not"), "{told}");
        assert!(from(&wrong).is_ok(), "it is somebody else's");
    }

    #[test]
    fn repositories_of_variables_and_of_the_file_are_served_side_by_side() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config.yaml");
        let with_file = |file: &str| {
            sso_session::disk::replace(&path, file.as_bytes()).expect("written");
            from(&[
                ("CODEARTIFACT_DOMAIN", "acme"),
                ("CODEARTIFACT_DOMAIN_OWNER", "123456789012"),
                ("CODEARTIFACT_REPOSITORY", "main"),
                ("BAZEL_PROXY_CONFIG_FILE", path.to_str().expect("a text")),
                ("PROXY_PORT", "1338"),
            ])
        };
        let of_file = |alias: &str, more: &str| {
            format!(
                "codeartifact: {{{alias}: {{domain: acme, domain_owner: '123456789012', {more}}}}}\n"
            )
        };
        let config = with_file(&of_file("team", "repository: team")).expect("no fault");
        let aliases = |upstreams: &[CodeArtifactUpstream]| {
            let aliases = upstreams.iter().map(|upstream| upstream.alias.clone());
            aliases.collect::<Vec<_>>()
        };
        assert!(config.serves_artifacts && !config.has_bucket());
        assert_eq!(aliases(&config.codeartifact), ["default", "team"]);
        let file = config.file.clone().expect("a file");
        assert!(!file.serves_containers(), "nothing listens on 1338");
        let mut later = file;
        later.codeartifact[0].alias = "other".to_owned();
        assert_eq!(
            aliases(&config.upstreams_with(&later)),
            ["default", "other"]
        );
        later.codeartifact.clear();
        assert_eq!(aliases(&config.upstreams_with(&later)), ["default"]);

        let same_name = with_file(&of_file("default", "repository: team"));
        let told = same_name.expect_err("a clash").to_string();
        assert!(
            told.contains("config.yaml:1:16: codeartifact.default: variables name"),
            "{told}"
        );
        let twin = with_file(&of_file("team", "repository: main, publish: true"));
        let told = twin.expect_err("a clash").to_string();
        assert!(told.contains("name the same repository"), "{told}");
        with_file(&of_file("team", "repository: main")).expect("it says the same");
    }

    #[test]
    fn a_port_of_the_file_that_artifacts_have_is_a_fault() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config.yaml");
        let with_file = |server: &str, host: &str| {
            let text = format!("{server}\nservices: {{a: {{auth_token: 0123456789abcdef}}}}\n");
            sso_session::disk::replace(&path, text.as_bytes()).expect("written");
            let faults = from(&[
                ("S3_BUCKET_NAME", "artifacts"),
                ("BAZEL_PROXY_CONFIG_FILE", path.to_str().expect("a text")),
                ("PROXY_HOST", host),
            ]);
            faults.map_or_else(|faults| faults.to_string(), |_| String::new())
        };
        for (server, host, key) in [
            ("server: {port: 9000}", "", "`server.port`"),
            ("server: {port: 9000}", "0.0.0.0", "`server.port`"),
            (
                "server: {port: 9000, host: '::1'}",
                "127.0.0.1,::",
                "`server.port`",
            ),
            (
                "metrics: {prometheus: {port: 9000}}",
                "",
                "`metrics.prometheus.port`",
            ),
        ] {
            let told = with_file(server, host);
            assert!(
                told.contains("PROXY_PORT: 9000") && told.contains(key),
                "{server}: {told}"
            );
        }
        for (server, host) in [
            ("server: {port: 9001}", ""),
            ("server: {port: 9000, host: 127.0.0.2}", "127.0.0.1"),
            ("server: {port: 9000, host: '::1'}", "0.0.0.0"),
            ("metrics: {prometheus: {port: 9000, enabled: false}}", ""),
        ] {
            assert_eq!(with_file(server, host), "", "{server}");
        }
    }

    #[test]
    fn nobody_waits_where_login_wait_is_zero() {
        assert_eq!(valid(&[("LOGIN_WAIT", "0")]).login_wait, Duration::ZERO);
        assert_eq!(
            valid(&[("LOGIN_WAIT", "5m")]).login_wait,
            Duration::from_mins(5)
        );
    }

    #[test]
    fn hits_are_logged_all_or_none_or_one_of_so_many() {
        let hits = |value| valid(&[("ACCESS_LOG_HITS", value)]).log.hits;
        let every = |number| NonZeroU64::new(number).map(EveryNth);
        assert_eq!((hits(""), hits("off")), (None, None));
        assert_eq!((hits("all"), hits("1/1")), (every(1), every(1)));
        assert_eq!(hits("1/1000"), every(1000));
        for wrong in ["1/0", "1/-2", "2/3", "on", "1/", "0.1"] {
            let faults = from(&[("S3_BUCKET_NAME", "artifacts"), ("ACCESS_LOG_HITS", wrong)]);
            assert!(faults.is_err(), "{wrong}");
        }
    }

    #[test]
    fn check_interval_beats_its_older_spelling() {
        assert_eq!(
            valid(&[("REFRESH_INTERVAL", "90000")]).check_interval,
            Duration::from_secs(90)
        );
        let both = valid(&[("REFRESH_INTERVAL", "5"), ("CHECK_INTERVAL", "30")]);
        assert_eq!(both.check_interval, Duration::from_secs(30));
    }

    #[test]
    fn a_prefix_is_a_folder_however_it_is_written() {
        for written in ["maven/releases", "/maven/releases/", "maven/releases/"] {
            assert_eq!(valid(&[("S3_PREFIX", written)]).prefix, "maven/releases/");
        }
        assert_eq!(valid(&[("S3_PREFIX", "/")]).prefix, "");
    }

    #[test]
    fn the_specific_endpoint_beats_the_general_one() {
        let config = valid(&[
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
            ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:2/"),
        ]);
        assert_eq!(config.s3_endpoint.as_deref(), Some("http://127.0.0.1:2/"));
        assert_eq!(config.repository(), "http://127.0.0.1:2/artifacts/");
    }

    #[test]
    fn addresses_are_listed_and_names_are_refused() {
        let listen = valid(&[("PROXY_HOST", "127.0.0.1, [::1]")]).listen;
        assert_eq!(listen.addresses.len(), 2);
        assert!(listen.explicit);
        assert!(!valid(&[("PROXY_HOST", "localhost")]).listen.explicit);
        let faults = from(&[
            ("S3_BUCKET_NAME", "artifacts"),
            ("PROXY_HOST", "example.com"),
        ]);
        assert!(
            faults
                .expect_err("a name")
                .to_string()
                .contains("PROXY_HOST")
        );
    }
}
