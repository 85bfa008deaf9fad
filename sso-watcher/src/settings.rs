//! What the agent and its commands are told from outside: variables in, [`Settings`] or all faults at
//! once out.
//!
//! ```text
//! process environment ─┐
//! .env ────────────────┼─► sources ─► the environment, made right ─► Settings
//! installed ───────────┘                                        └──► passed on: the agent's file,
//!    ▲                                                                and `installed` again
//!    └── what the agent was installed with, for commands in any other folder
//! ```
//!
//! The running agent has everything in its environment: [`AGENT`] says so, and no file counts then.

pub mod installed;
pub mod sources;
mod variables;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use program::Program;
use program::faults::Faults;
use program::reader::Reader;
use sso_session::location::Locations;
use sso_session::signal::is_usable_name;

pub use variables::VARIABLES;
use variables::{BROWSER, BROWSER_OF_FILE};

use crate::home::{self, filled};
use crate::logging;
use crate::mode::Mode;
use crate::platform::Platform;

/// Who reads the variables.
pub const PROGRAM: Program = Program {
    name: "sso-watcher",
    variables_come_from: "Variables are read from the environment, from a file .env in this folder \
                          or above it,\nand from what the agent was installed with; .env.example \
                          lists them all.",
};

/// Set to anything, this variable says that the environment is the installed agent's, and complete.
pub const AGENT: &str = "SSO_WATCHER_AGENT";

/// Everything that the agent is told from outside.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `AWS_PROFILE`.
    pub profile: String,
    /// `SSO_COOLDOWN_SECONDS`: from one attempt to the next.
    pub cooldown: Duration,
    /// `SSO_POLL_SECONDS`: between two looks at the signal.
    pub poll: Duration,
    /// `SSO_LOGIN_MODE`: the mode until `sso-watcher mode` chooses another.
    pub mode: Mode,
    /// `SSO_LOGIN_TIMEOUT_SECONDS`: what a login may take.
    pub login_timeout: Duration,
    /// `SSO_LOGIN_COMMAND`: the one AWS CLI to use, an absolute path or a name to be found on PATH.
    pub login_command: Option<PathBuf>,
    /// `SSO_MAX_PROMPTS_PER_HOUR`.
    pub max_prompts_per_hour: u32,
    /// The files of the contract.
    pub locations: Locations,
    /// `LOG_LEVEL`: a level or a filter in `tracing`'s syntax.
    pub log_filter: String,
    /// The newest of the agent's own log files.
    pub log_file: PathBuf,
    /// The certificates in `AWS_CA_BUNDLE`, PEM.
    pub ca_bundle: Option<Vec<u8>>,
}

impl Settings {
    /// Reads all variables, or reports every fault found.
    pub fn from_vars(
        vars: &impl Fn(&str) -> Option<String>,
        platform: Platform,
    ) -> Result<Self, Faults> {
        let (settings, checked) = Self::read(vars, platform);
        checked.map(|()| settings)
    }

    /// Reads all variables, and reports every fault found. What a variable at fault says is not to be
    /// relied on; for commands that do without.
    pub fn read(
        vars: &impl Fn(&str) -> Option<String>,
        platform: Platform,
    ) -> (Self, Result<(), Faults>) {
        let mut read = Reader::new(PROGRAM, vars);
        if !read.is_set("HOME") {
            read.fault("HOME", "not set", "name your home folder");
        }
        let locations = locations(&mut read, vars);
        let settings = Self {
            profile: profile(&mut read),
            cooldown: seconds(&mut read, "SSO_COOLDOWN_SECONDS", 60, [0, 1800]),
            poll: seconds(&mut read, "SSO_POLL_SECONDS", 5, [1, 60]),
            mode: mode(&mut read),
            // An `aws sso login` that nobody completes would end by itself after ten minutes.
            login_timeout: seconds(&mut read, "SSO_LOGIN_TIMEOUT_SECONDS", 180, [30, 570]),
            login_command: login_command(&mut read, &home::home(vars)),
            max_prompts_per_hour: read.number_within("SSO_MAX_PROMPTS_PER_HOUR", 4, 1..=60),
            locations,
            log_filter: read.log_filter(),
            log_file: logging::log_file(platform, vars),
            ca_bundle: read.ca_bundle(),
        };
        read.forward_proxy("HTTPS_PROXY");
        (settings, read.finish(()))
    }

    /// What the installed agent's file carries: the known variables that have a value.
    ///
    /// `BROWSER` is among them if a file names it. A password in `HTTPS_PROXY` is, too, since no login works without it: the file has to
    /// be 0600.
    pub fn passed_on(vars: &impl Fn(&str) -> Option<String>) -> BTreeMap<String, String> {
        let browser = (BROWSER, BROWSER_OF_FILE);
        variables::known()
            .map(|name| (name, name))
            .chain([browser])
            .filter_map(|(name, from)| Some((name.to_owned(), filled(vars(from))?)))
            .collect()
    }
}

fn profile(read: &mut Reader<'_>) -> String {
    const VARIABLE: &str = "AWS_PROFILE";
    let profile = read.text(VARIABLE);
    let profile = profile.unwrap_or_else(|| "default".to_owned());
    if !is_usable_name(&profile) {
        read.fault(
            VARIABLE,
            "this is no profile's name: it begins with `-` or holds a control character",
            "give a name that stands in ~/.aws/config",
        );
    }
    profile
}

fn seconds(
    read: &mut Reader<'_>,
    variable: &'static str,
    default: u64,
    [least, most]: [u64; 2],
) -> Duration {
    let bounds = Duration::from_secs(least)..=Duration::from_secs(most);
    read.duration(variable, Duration::from_secs(default), bounds)
}

fn mode(read: &mut Reader<'_>) -> Mode {
    const VARIABLE: &str = "SSO_LOGIN_MODE";
    let Some(text) = read.text(VARIABLE) else {
        return Mode::default();
    };
    text.parse().unwrap_or_else(|_| {
        let problem = format!("`{text}` is not a mode");
        read.fault(VARIABLE, problem, format!("use {}", Mode::NAMES));
        Mode::default()
    })
}

/// The places of files, each from the root: the agent does not start in the folder of `.env`.
fn locations(read: &mut Reader<'_>, vars: &impl Fn(&str) -> Option<String>) -> Locations {
    let locations = Locations::from_vars(&|name| filled(vars(name)));
    let bundle = read.text("AWS_CA_BUNDLE").map(PathBuf::from);
    for (variable, path) in [
        ("SSO_STATE_DIR", Some(&locations.state_folder)),
        ("SSO_SIGNAL_FILE", Some(&locations.signal_file)),
        ("AWS_CONFIG_FILE", Some(&locations.config_file)),
        (
            "AWS_SHARED_CREDENTIALS_FILE",
            Some(&locations.credentials_file),
        ),
        ("AWS_CA_BUNDLE", bundle.as_ref()),
    ] {
        if let Some(path) = path.filter(|path| read.is_set(variable) && path.is_relative()) {
            let problem = format!("`{}` does not begin with `/`", path.display());
            let cure = "give the whole path: the agent starts in another folder than your shell";
            read.fault(variable, problem, cure);
        }
    }
    locations
}

fn login_command(read: &mut Reader<'_>, home: &Path) -> Option<PathBuf> {
    const VARIABLE: &str = "SSO_LOGIN_COMMAND";
    let text = read.text(VARIABLE)?;
    let path = match text.strip_prefix("~/") {
        Some(below) => home.join(below),
        None => PathBuf::from(&text),
    };
    if text.contains(char::is_whitespace) && !path.is_file() {
        read.fault(
            VARIABLE,
            format!("there is no file `{text}`"),
            "name one program without arguments, for example /opt/homebrew/bin/aws",
        );
    } else if text.contains('/') && path.is_relative() {
        read.fault(
            VARIABLE,
            format!("`{text}` does not begin with `/`"),
            "give the whole path, or a name that is found on PATH",
        );
    }
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(vars: &[(&str, &str)]) -> impl Fn(&str) -> Option<String> {
        let vars: BTreeMap<String, String> = [("HOME", "/home/dev")]
            .iter()
            .chain(vars)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        move |name| vars.get(name).cloned()
    }

    fn valid(vars: &[(&str, &str)]) -> Settings {
        Settings::from_vars(&lookup(vars), Platform::Linux).expect("valid settings")
    }

    fn faults(vars: &[(&str, &str)]) -> Faults {
        Settings::from_vars(&lookup(vars), Platform::Linux).expect_err("faults")
    }

    #[test]
    fn nothing_needs_to_be_set() {
        let settings = valid(&[]);
        assert_eq!(settings.profile, "default");
        assert_eq!(settings.cooldown, Duration::from_mins(1));
        assert_eq!(settings.poll, Duration::from_secs(5));
        assert_eq!(settings.mode, Mode::Auto);
        assert_eq!(settings.login_timeout, Duration::from_mins(3));
        assert_eq!(settings.login_command, None);
        assert_eq!(settings.max_prompts_per_hour, 4);
        assert_eq!(settings.log_filter, "info");
        let signal = "/home/dev/.aws/sso-renewer/login-required.json";
        assert_eq!(settings.locations.signal_file, Path::new(signal));
    }

    #[test]
    fn an_empty_value_is_an_unset_one_the_profile_included() {
        let empty: Vec<_> = VARIABLES
            .iter()
            .map(|variable| (variable.name, " "))
            .collect();
        let settings = valid(&empty);
        assert_eq!(settings.profile, "default");
        assert_eq!(settings.locations, valid(&[]).locations);
        assert_eq!(Settings::passed_on(&lookup(&empty)), BTreeMap::new());
    }

    #[test]
    fn durations_may_have_a_unit() {
        let settings = valid(&[
            ("SSO_LOGIN_TIMEOUT_SECONDS", "5m"),
            ("SSO_COOLDOWN_SECONDS", "0"),
        ]);
        assert_eq!(settings.login_timeout, Duration::from_mins(5));
        assert_eq!(settings.cooldown, Duration::ZERO);
    }

    #[test]
    fn all_faults_are_reported_at_once_with_variable_and_cure() {
        let wrong = [
            ("SSO_STATE_DIR", "state"),
            ("AWS_CONFIG_FILE", "./config"),
            ("AWS_PROFILE", "--help"),
            ("SSO_COOLDOWN_SECONDS", "31m"),
            ("SSO_POLL_SECONDS", "0"),
            ("SSO_LOGIN_MODE", "loud"),
            ("SSO_LOGIN_TIMEOUT_SECONDS", "10m"),
            ("SSO_LOGIN_COMMAND", "aws --no-verify-ssl"),
            ("SSO_MAX_PROMPTS_PER_HOUR", "61"),
            ("LOG_LEVEL", "verbose"),
            ("AWS_CA_BUNDLE", "/does/not/exist.pem"),
            ("HTTPS_PROXY", "http://me:secret word@proxy"),
        ];
        let faults = faults(&wrong);
        let mut named: Vec<_> = faults
            .list
            .iter()
            .map(|fault| fault.subject.to_string())
            .collect();
        let mut expected: Vec<_> = wrong.iter().map(|(name, _)| *name).collect();
        named.sort_unstable();
        expected.sort_unstable();
        assert_eq!(named, expected);
        insta::assert_snapshot!(faults.to_string());
    }

    #[test]
    fn the_login_command_is_one_program_and_may_have_spaces_in_its_path() {
        let command = |value| valid(&[("SSO_LOGIN_COMMAND", value)]).login_command;
        assert_eq!(command("aws2"), Some(PathBuf::from("aws2")));
        assert_eq!(
            command("~/bin/aws"),
            Some(PathBuf::from("/home/dev/bin/aws"))
        );
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("my aws");
        std::fs::File::create(&path).expect("a file");
        assert_eq!(command(path.to_str().expect("a text")), Some(path));
        let relative = faults(&[("SSO_LOGIN_COMMAND", "bin/aws")]).to_string();
        assert!(relative.contains("does not begin with `/`"), "{relative}");
    }

    #[test]
    fn keys_and_foreign_variables_are_never_passed_on() {
        let passed = Settings::passed_on(&lookup(&[
            ("AWS_PROFILE", "build"),
            ("AWS_ACCESS_KEY_ID", "AKIA"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_SESSION_TOKEN", "token"),
            ("AWS_CA_BUNDLE", ""),
            ("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1"),
            ("https_proxy", "http://me:password@proxy:3128"),
            ("all_proxy", "socks5://proxy"),
            ("PATH", "/bin"),
            ("BROWSER", "/of/an/editor"),
            ("S3_BUCKET_NAME", "artifacts"),
        ]));
        let names: Vec<_> = passed.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "AWS_ENDPOINT_URL_STS",
                "AWS_PROFILE",
                "all_proxy",
                "https_proxy"
            ]
        );
    }
}
