//! Where everything lies. Nothing is read here: variables come in as a function.

use std::path::{Path, PathBuf};

/// The files and folders that both programs share with the AWS CLI and with each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Locations {
    /// `AWS_CONFIG_FILE`, else `~/.aws/config`. Never written.
    pub config_file: PathBuf,
    /// `AWS_SHARED_CREDENTIALS_FILE`, else `~/.aws/credentials`. Never written.
    pub credentials_file: PathBuf,
    /// `~/.aws/sso/cache`, with tokens and registrations. Only `HOME` moves it, for the AWS CLI as for us.
    pub token_folder: PathBuf,
    /// `SSO_STATE_DIR`, else `~/.aws/sso-renewer`: locks, mode, time of the last login.
    pub state_folder: PathBuf,
    /// `SSO_SIGNAL_FILE`, else `login-required.json` in the state folder.
    pub signal_file: PathBuf,
}

impl Locations {
    /// Reads the variables. An empty one counts as unset, a leading `~/` is `HOME`; without `HOME` it
    /// is `/`, as for a container's user that has no home.
    pub fn from_vars(vars: &impl Fn(&str) -> Option<String>) -> Self {
        let variable = |name: &str| vars(name).filter(|value| !value.is_empty());
        let home = variable("HOME").map_or_else(|| PathBuf::from("/"), PathBuf::from);
        let place = |name: &str| variable(name).map(|value| expand(&value, &home));
        let aws = home.join(".aws");
        let state_folder = place("SSO_STATE_DIR").unwrap_or_else(|| aws.join("sso-renewer"));
        Self {
            config_file: place("AWS_CONFIG_FILE").unwrap_or_else(|| aws.join("config")),
            credentials_file: place("AWS_SHARED_CREDENTIALS_FILE")
                .unwrap_or_else(|| aws.join("credentials")),
            token_folder: aws.join("sso/cache"),
            signal_file: place("SSO_SIGNAL_FILE")
                .unwrap_or_else(|| state_folder.join("login-required.json")),
            state_folder,
        }
    }
}

impl Locations {
    /// The same, with another configuration file. A leading `~/` is the folder that `.aws` is in.
    #[must_use]
    pub fn with_config_file(&self, file: &Path) -> Self {
        let home = self.token_folder.ancestors().nth(3);
        let home = home.unwrap_or_else(|| Path::new("/"));
        let config_file = match file.strip_prefix("~") {
            Ok(rest) => home.join(rest),
            Err(_) => file.to_owned(),
        };
        Self {
            config_file,
            ..self.clone()
        }
    }
}

fn expand(value: &str, home: &Path) -> PathBuf {
    match value.strip_prefix('~') {
        Some("") => home.to_owned(),
        Some(rest) if rest.starts_with('/') => home.join(rest.trim_start_matches('/')),
        Some(_) | None => PathBuf::from(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locations(vars: &[(&str, &str)]) -> Locations {
        Locations::from_vars(&|name| {
            let found = vars.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn everything_lies_below_home_unless_moved() {
        let plain = locations(&[("HOME", "/home/dev"), ("AWS_CONFIG_FILE", "")]);
        assert_eq!(plain.config_file, Path::new("/home/dev/.aws/config"));
        assert_eq!(
            plain.credentials_file,
            Path::new("/home/dev/.aws/credentials")
        );
        assert_eq!(plain.token_folder, Path::new("/home/dev/.aws/sso/cache"));
        assert_eq!(plain.state_folder, Path::new("/home/dev/.aws/sso-renewer"));
        assert_eq!(
            plain.signal_file,
            Path::new("/home/dev/.aws/sso-renewer/login-required.json")
        );
    }

    #[test]
    fn variables_move_all_but_the_tokens() {
        let moved = locations(&[
            ("HOME", "/home/dev"),
            ("AWS_CONFIG_FILE", "~/work/config"),
            ("AWS_SHARED_CREDENTIALS_FILE", "/etc/aws/credentials"),
            ("SSO_STATE_DIR", "/state"),
        ]);
        assert_eq!(moved.config_file, Path::new("/home/dev/work/config"));
        assert_eq!(moved.credentials_file, Path::new("/etc/aws/credentials"));
        assert_eq!(moved.token_folder, Path::new("/home/dev/.aws/sso/cache"));
        assert_eq!(moved.state_folder, Path::new("/state"));
        assert_eq!(moved.signal_file, Path::new("/state/login-required.json"));
        let signal = locations(&[("HOME", "/h"), ("SSO_SIGNAL_FILE", "~/signal.json")]);
        assert_eq!(signal.signal_file, Path::new("/h/signal.json"));
        assert_eq!(signal.state_folder, Path::new("/h/.aws/sso-renewer"));
    }

    #[test]
    fn another_configuration_file_moves_nothing_else() {
        let plain = locations(&[("HOME", "/home/dev")]);
        let other = plain.with_config_file(Path::new("~/work/config"));
        assert_eq!(other.config_file, Path::new("/home/dev/work/config"));
        let far = plain.with_config_file(Path::new("/etc/aws"));
        assert_eq!(far.config_file, Path::new("/etc/aws"));
        assert_eq!(far.with_config_file(&plain.config_file), plain);
    }

    #[test]
    fn without_a_home_it_is_the_root() {
        let homeless = locations(&[("SSO_STATE_DIR", "~other/state")]);
        assert_eq!(homeless.config_file, Path::new("/.aws/config"));
        assert_eq!(homeless.state_folder, Path::new("~other/state"));
    }
}
