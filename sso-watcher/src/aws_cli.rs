//! The AWS CLI: finding one that can log in, running its login, and what came of it.
//!
//! ```text
//! search ─► AwsCli ─► login (plan ─► running ─► ending) ─► verdict
//!   └─► version                │
//!                              └─► invitation (the page and the code that it shows)
//! ```
//!
//! Only a program that says of itself that it is version 2.9 or newer is ever asked to log in. A
//! script that stands for the CLI passes `--version` on to it.

pub mod login;
pub mod search;
pub mod verdict;
mod version;

use std::path::PathBuf;

use crate::run::Environment;

pub use version::Version;

/// An AWS CLI that can log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsCli {
    /// The program.
    pub path: PathBuf,
    /// What it says of itself.
    pub version: Version,
}

/// Knows `sso-session` sections, and takes them for what the proxy takes them for.
/// <https://github.com/aws/aws-cli/blob/v2/CHANGELOG.rst>
const OLDEST: Version = Version::new(2, 9, 0);

/// Signs in with an authorization code (PKCE), unless told not to.
/// <https://github.com/aws/aws-cli/blob/v2/CHANGELOG.rst>
const AUTHORIZATION_CODE: Version = Version::new(2, 22, 0);

impl AwsCli {
    /// Whether `aws sso login` takes `--use-device-code`. Those that do not know it always use one.
    #[must_use]
    pub fn knows_device_code_flag(&self) -> bool {
        self.version >= AUTHORIZATION_CODE
    }
}

/// Where it is started: at home, whatever folder a command of ours was called in. What a shim takes for
/// `aws` may go by the folder.
fn working_folder(environment: &Environment) -> PathBuf {
    let home = environment.get_os("HOME").map(PathBuf::from);
    home.filter(|home| home.is_dir())
        .unwrap_or_else(|| PathBuf::from("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flow_goes_by_the_version() {
        for (version, is_new) in [
            (Version::new(2, 9, 19), false),
            (Version::new(2, 21, 99), false),
            (Version::new(2, 22, 0), true),
            (Version::new(2, 38, 5), true),
        ] {
            let path = PathBuf::from("/usr/bin/aws");
            let cli = AwsCli { path, version };
            assert_eq!(cli.knows_device_code_flag(), is_new, "{version}");
        }
    }
}
