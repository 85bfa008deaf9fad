//! What the agent may do by itself.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// `SSO_LOGIN_MODE`, or what `sso-watcher mode` has chosen since.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Opens the sign-in page.
    #[default]
    Auto,
    /// Asks before it does.
    Notify,
    /// Renews tokens, and leaves logins to the person.
    Silent,
    /// Does nothing.
    Standalone,
}

impl Mode {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Auto, Self::Notify, Self::Silent, Self::Standalone];

    /// As it is written in files and variables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Notify => "notify",
            Self::Silent => "silent",
            Self::Standalone => "standalone",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Mode {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let found = Self::ALL
            .into_iter()
            .find(|mode| mode.name() == text.trim());
        found.ok_or(())
    }
}
