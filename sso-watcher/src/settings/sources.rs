//! Which variables count: the process's own, then those of `.env`, then what the agent was installed
//! with.
//!
//! A `.env` in the current folder or above it counts if it was written for these programs: other
//! projects have such files, too, and their profiles and proxies are not ours. `install` and
//! `restart` take one source as a whole, so that a line removed from `.env` is gone afterwards.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use program::dotenv::{Dotenv, DotenvError};
use program::environment;

use super::installed::{self, Installed};
use super::variables::{BROWSER, BROWSER_OF_FILE, counts_in_files, empty_is_unset, is_telling};
use super::{AGENT, PROGRAM};
use crate::home::filled;

/// What a command does with its variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Finds the agent's files, logs in, shows.
    Use,
    /// Makes them the agent's: `install` and `restart`.
    Install,
}

/// What files add to the environment.
#[derive(Default, PartialEq, Eq)]
pub struct Sources {
    /// The variables that the environment lacks.
    pub variables: BTreeMap<String, String>,
    /// The `.env` that they come from, directly or when the agent was installed.
    pub env_file: Option<PathBuf>,
}

impl fmt::Debug for Sources {
    /// Without values, as a password may be among them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources")
            .field("variables", &self.variables.keys())
            .field("env_file", &self.env_file)
            .finish()
    }
}

/// Makes the environment right, by executing the program anew if it is not; the `.env` in use. Call
/// before any thread runs.
pub fn prepare(purpose: Purpose) -> Result<Option<PathBuf>, DotenvError> {
    // A folder that is gone has no `.env`.
    let folder = std::env::current_dir().unwrap_or_default();
    let sources = sources(purpose, &folder, &environment::current())?;
    environment::complete(PROGRAM.name, sources.variables, empty_is_unset);
    Ok(sources.env_file)
}

/// What the files that are found from `folder` add to `environment`.
pub fn sources(
    purpose: Purpose,
    folder: &Path,
    environment: &BTreeMap<String, String>,
) -> Result<Sources, DotenvError> {
    let value = |name: &str| filled(environment.get(name).cloned());
    if value(AGENT).is_some() {
        return Ok(Sources::default());
    }
    let dotenv = Dotenv::find(folder, |file| file.names().any(is_telling))?;
    let place = installed::place(&value);
    let (env_file, layers) = match purpose {
        Purpose::Use => for_use(dotenv, &place)?,
        Purpose::Install => for_install(dotenv, &place)?,
    };
    Ok(Sources {
        variables: lacking(purpose, layers, environment),
        env_file,
    })
}

/// Variables in the order in which they were assigned.
type Assigned = Vec<(String, String)>;

/// What was installed, and `.env` over it.
fn for_use(
    dotenv: Option<Dotenv>,
    place: &Path,
) -> Result<(Option<PathBuf>, Assigned), DotenvError> {
    let installed = Installed::read(place)?.unwrap_or_default();
    let mut layers: Assigned = installed.variables.into_iter().collect();
    let Some(dotenv) = dotenv else {
        return Ok((installed.env_file, layers));
    };
    layers.extend(dotenv.variables()?);
    Ok((Some(dotenv.path().to_owned()), layers))
}

/// `.env`, else the one that was installed from, else what was installed.
fn for_install(
    dotenv: Option<Dotenv>,
    place: &Path,
) -> Result<(Option<PathBuf>, Assigned), DotenvError> {
    if let Some(dotenv) = dotenv {
        return Ok((Some(dotenv.path().to_owned()), dotenv.variables()?));
    }
    let installed = Installed::read(place)?.unwrap_or_default();
    let variables = match &installed.env_file {
        Some(path) if path.is_file() => Dotenv::read(path.clone())?.variables()?,
        Some(_) | None => installed.variables.into_iter().collect(),
    };
    Ok((installed.env_file, variables))
}

/// The variables in `layers` that count, the last of which wins, that have a value and that the
/// environment gives none.
fn lacking(
    purpose: Purpose,
    layers: Vec<(String, String)>,
    environment: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    let layers = layers.into_iter();
    for (name, value) in layers.filter(|(name, _)| counts_in_files(name)) {
        let name = match purpose {
            Purpose::Install if name == BROWSER => BROWSER_OF_FILE.to_owned(),
            Purpose::Install | Purpose::Use => name,
        };
        let is_set = filled(environment.get(&name).cloned()).is_some();
        if !is_set && !value.trim().is_empty() {
            variables.insert(name, value);
        }
    }
    variables
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;

    use super::*;
    use crate::settings::Settings;

    /// A home with a repository and another folder in it.
    struct Home {
        top: tempfile::TempDir,
        environment: BTreeMap<String, String>,
    }

    impl Home {
        fn new(environment: &[(&str, &str)]) -> Self {
            let top = tempfile::tempdir().expect("a folder");
            for folder in ["repository/below", "elsewhere"] {
                fs::create_dir_all(top.path().join(folder)).expect("a folder");
            }
            let home = top.path().display().to_string();
            let environment = [("HOME", home.as_str())]
                .iter()
                .chain(environment)
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect();
            Self { top, environment }
        }

        fn path(&self, below: &str) -> PathBuf {
            self.top.path().join(below)
        }

        fn put(&self, below: &str, text: &str) {
            let mut file = fs::File::create(self.path(below)).expect("created");
            file.write_all(text.as_bytes()).expect("written");
        }

        /// Installs what was found in the repository.
        fn install(&self) {
            let sources = self.sources(Purpose::Install, "repository");
            let installed = Installed {
                env_file: sources.env_file,
                variables: sources.variables,
            };
            let place = self.path(".config/sso-watcher/settings.env");
            installed.write(&place).expect("written");
        }

        fn sources(&self, purpose: Purpose, folder: &str) -> Sources {
            let folder = self.path(folder);
            sources(purpose, &folder, &self.environment).expect("readable")
        }

        fn variables(&self, purpose: Purpose, folder: &str) -> Vec<String> {
            let variables = self.sources(purpose, folder).variables;
            let line = |(name, value): (&String, &String)| format!("{name}={value}");
            variables.iter().map(line).collect()
        }
    }

    #[test]
    fn the_environment_beats_dotenv_which_beats_what_was_installed() {
        let home = Home::new(&[("SSO_POLL_SECONDS", "1"), ("LOG_LEVEL", "")]);
        home.put(
            "repository/.env",
            "SSO_POLL_SECONDS=2\nAWS_PROFILE=old\nSSO_LOGIN_MODE=silent\nLOG_LEVEL=debug\n",
        );
        home.install();
        home.put("repository/.env", "SSO_POLL_SECONDS=3\nAWS_PROFILE=new\n");
        let seen = home.variables(Purpose::Use, "repository/below");
        let expected = [
            "AWS_PROFILE=new",
            "LOG_LEVEL=debug",
            "SSO_LOGIN_MODE=silent",
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn commands_elsewhere_find_what_the_agent_was_installed_with() {
        let home = Home::new(&[]);
        home.put("repository/.env", "SSO_STATE_DIR=/state\n");
        assert!(home.variables(Purpose::Use, "elsewhere").is_empty());
        home.install();
        home.put("repository/.env", "SSO_STATE_DIR=/not-yet-installed\n");
        assert_eq!(
            home.variables(Purpose::Use, "elsewhere"),
            ["SSO_STATE_DIR=/state"]
        );
    }

    #[test]
    fn a_line_removed_from_dotenv_is_gone_after_the_next_install() {
        let home = Home::new(&[]);
        home.put(
            "repository/.env",
            "S3_BUCKET_NAME=b\nAWS_PROFILE=build\nSSO_POLL_SECONDS=7\n",
        );
        home.install();
        home.put("repository/.env", "S3_BUCKET_NAME=b\nAWS_PROFILE=build\n");
        for folder in ["repository", "elsewhere"] {
            assert_eq!(
                home.variables(Purpose::Install, folder),
                ["AWS_PROFILE=build"]
            );
        }
    }

    #[test]
    fn without_its_dotenv_a_restart_takes_what_was_installed() {
        let home = Home::new(&[]);
        home.put("repository/.env", "S3_BUCKET_NAME=b\nAWS_PROFILE=build\n");
        home.install();
        fs::remove_file(home.path("repository/.env")).expect("removed");
        let sources = home.sources(Purpose::Install, "elsewhere");
        assert_eq!(sources.variables["AWS_PROFILE"], "build");
        assert_eq!(sources.env_file, Some(home.path("repository/.env")));
    }

    #[test]
    fn the_dotenv_of_another_project_is_left_alone() {
        let home = Home::new(&[]);
        home.put("repository/.env", "S3_BUCKET_NAME=b\nAWS_PROFILE=build\n");
        home.install();
        home.put(
            "elsewhere/.env",
            "AWS_PROFILE=theirs\nLOG_LEVEL=verbose\nNOT = understood \"\n",
        );
        for purpose in [Purpose::Use, Purpose::Install] {
            assert_eq!(home.variables(purpose, "elsewhere"), ["AWS_PROFILE=build"]);
        }
    }

    #[test]
    fn keys_and_foreign_variables_in_dotenv_do_not_count() {
        let home = Home::new(&[]);
        home.put(
            "repository/.env",
            "S3_BUCKET_NAME=b\nAWS_SECRET_ACCESS_KEY=s\nPATH=/bin\nAWS_PROFILE=\nNO_PROXY=x\n",
        );
        assert_eq!(home.variables(Purpose::Use, "repository"), ["NO_PROXY=x"]);
    }

    #[test]
    fn the_agent_gets_its_browser_from_a_file_and_never_from_the_terminal() {
        let home = Home::new(&[("BROWSER", "/of/an/editor")]);
        home.put("repository/.env", "SSO_POLL_SECONDS=2\n");
        home.install();
        let passed_on = |home: &Home| {
            let sources = home.sources(Purpose::Install, "repository");
            let mut all = home.environment.clone();
            all.extend(sources.variables);
            let passed_on = Settings::passed_on(&|name| all.get(name).cloned());
            passed_on.get("BROWSER").cloned()
        };
        assert_eq!(passed_on(&home), None);
        home.put("repository/.env", "SSO_POLL_SECONDS=2\nBROWSER=firefox\n");
        assert_eq!(passed_on(&home).as_deref(), Some("firefox"));
        // The terminal's own one is good enough for a login there.
        let used = home.variables(Purpose::Use, "repository");
        assert_eq!(used, ["SSO_POLL_SECONDS=2"]);
        let elsewhere = Home::new(&[]);
        elsewhere.put("repository/.env", "SSO_POLL_SECONDS=2\nBROWSER=firefox\n");
        let used = elsewhere.variables(Purpose::Use, "repository");
        assert_eq!(used, ["BROWSER=firefox", "SSO_POLL_SECONDS=2"]);
    }

    #[test]
    fn the_installed_agent_reads_no_file() {
        let home = Home::new(&[(AGENT, "1")]);
        home.put("repository/.env", "S3_BUCKET_NAME=b\nAWS_PROFILE=build\n");
        assert_eq!(home.sources(Purpose::Use, "repository"), Sources::default());
    }

    #[test]
    fn a_second_run_has_nothing_left_to_add() {
        let mut home = Home::new(&[]);
        home.put("repository/.env", "S3_BUCKET_NAME=b\nAWS_PROFILE=build\n");
        let first = home.sources(Purpose::Install, "repository");
        home.environment.extend(first.variables);
        let second = home.sources(Purpose::Install, "repository");
        assert_eq!(second.variables, BTreeMap::new());
        assert_eq!(second.env_file, first.env_file);
    }

    #[test]
    fn a_broken_file_is_named() {
        let home = Home::new(&[]);
        home.put(
            "repository/.env",
            "AWS_PROFILE=\"build\nSSO_POLL_SECONDS=1\n",
        );
        let folder = home.path("repository");
        let error = sources(Purpose::Use, &folder, &home.environment).expect_err("broken");
        assert!(
            error
                .to_string()
                .contains("repository/.env, line 1 (AWS_PROFILE)"),
            "{error}"
        );
    }
}
