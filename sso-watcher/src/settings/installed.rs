//! What the agent was installed with: a file that commands in any other folder find.
//!
//! It is of the form of `.env`, and 0600, as a forward proxy's password may be in it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use program::dotenv::{Dotenv, DotenvError, assignment};
use sso_session::disk::{self, DiskError};

use super::variables;
use crate::home::{self, filled};

/// In the file: the `.env` that its variables came from.
const ENV_FILE: &str = "SSO_ENV_FILE";

const HEAD: &str = "\
# Written by `sso-watcher install`: what the agent runs with, for commands in any folder. To change it,
# change the .env below and run `sso-watcher restart`, which writes this file anew.
";

/// What the agent was installed with.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Installed {
    /// The `.env` that was in use, from the root.
    pub env_file: Option<PathBuf>,
    /// The variables that were passed on to the agent.
    pub variables: BTreeMap<String, String>,
}

impl fmt::Debug for Installed {
    /// Without values, as a password may be among them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Installed")
            .field("env_file", &self.env_file)
            .field("variables", &self.variables.keys())
            .finish()
    }
}

/// Where it lies: `sso-watcher/settings.env` in `XDG_CONFIG_HOME`, else in `~/.config`.
pub fn place(vars: &impl Fn(&str) -> Option<String>) -> PathBuf {
    home::configuration(vars).join("sso-watcher/settings.env")
}

impl Installed {
    /// Reads the file, if there is one. Only variables that count in files do here.
    pub fn read(place: &Path) -> Result<Option<Self>, DotenvError> {
        if !place.is_file() {
            return Ok(None);
        }
        let mut variables: BTreeMap<_, _> = Dotenv::read(place.to_owned())?
            .variables()?
            .into_iter()
            .collect();
        let env_file = filled(variables.remove(ENV_FILE)).map(PathBuf::from);
        variables.retain(|name, _| variables::counts_in_files(name));
        Ok(Some(Self {
            env_file,
            variables,
        }))
    }

    /// Writes the file, in place of an older one.
    pub fn write(&self, place: &Path) -> Result<(), DiskError> {
        disk::replace(place, self.to_text().as_bytes())
    }

    /// Removes the file; whether there was one.
    pub fn remove(place: &Path) -> Result<bool, DiskError> {
        disk::remove(place)
    }

    fn to_text(&self) -> String {
        let env_file = self.env_file.as_ref().and_then(|path| path.to_str());
        let env_file = env_file.map(|path| assignment(ENV_FILE, path));
        let variables = self.variables.iter();
        let lines = variables.map(|(name, value)| assignment(name, value));
        let lines: Vec<_> = env_file.into_iter().chain(lines).collect();
        format!("{HEAD}{}\n", lines.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use proptest::prelude::*;

    use super::*;

    fn installed(env_file: Option<&str>, variables: &[(&str, &str)]) -> Installed {
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Installed {
            env_file: env_file.map(PathBuf::from),
            variables: variables.iter().map(pair).collect(),
        }
    }

    #[test]
    fn what_was_installed_is_found_again_by_its_user_only() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().join("sso-watcher/settings.env");
        assert_eq!(Installed::read(&place).expect("readable"), None);
        let installed = installed(
            Some("/home/dev/my repository/.env"),
            &[("AWS_PROFILE", "build & test"), ("LOG_LEVEL", "debug")],
        );
        installed.write(&place).expect("written");
        assert_eq!(Installed::read(&place).expect("readable"), Some(installed));
        let mode = place.metadata().expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(Installed::remove(&place).expect("removed"));
        assert!(!Installed::remove(&place).expect("nothing to remove"));
    }

    #[test]
    fn the_file_says_who_wrote_it_and_how_to_change_it() {
        let installed = installed(Some("/r/.env"), &[("AWS_PROFILE", "build")]);
        insta::assert_snapshot!(installed.to_text(), @r#"
        # Written by `sso-watcher install`: what the agent runs with, for commands in any folder. To change it,
        # change the .env below and run `sso-watcher restart`, which writes this file anew.
        SSO_ENV_FILE="/r/.env"
        AWS_PROFILE="build"
        "#);
    }

    proptest! {
        #[test]
        fn any_value_survives_the_file(value in "\\PC*|[\\s\"'$#&\\\\{}a-z\r\n]*") {
            let folder = tempfile::tempdir().expect("a folder");
            let place = folder.path().join("settings.env");
            let installed = installed(Some("/r/.env"), &[("AWS_PROFILE", &value), ("NO_PROXY", "x")]);
            installed.write(&place).expect("written");
            prop_assert_eq!(Installed::read(&place).expect("readable"), Some(installed));
        }
    }
}
