//! How far the agent goes by itself.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What the agent does when a login is asked for. Written as its name, in lower case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Logs in.
    #[default]
    Auto,
    /// Asks the person first.
    Notify,
    /// Renews tokens, and never asks anybody.
    Silent,
    /// Nothing at all.
    Standalone,
}

/// No mode has this name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not a mode: use {names}", names = Mode::NAMES)]
pub struct UnknownMode(String);

impl Mode {
    /// Every mode.
    pub const ALL: [Self; 4] = [Self::Auto, Self::Notify, Self::Silent, Self::Standalone];
    /// Their names, for a person.
    pub(crate) const NAMES: &str = "auto, notify, silent or standalone";

    /// As it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Notify => "notify",
            Self::Silent => "silent",
            Self::Standalone => "standalone",
        }
    }

    /// What it means, for a person: goes on after "the agent".
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Auto => "logs in by itself, which opens your browser",
            Self::Notify => "asks you before it opens your browser",
            Self::Silent => "renews logins, and never opens your browser",
            Self::Standalone => "does nothing: you log in by yourself",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Mode {
    type Err = UnknownMode;

    fn from_str(text: &str) -> Result<Self, UnknownMode> {
        let text = text.trim();
        Self::ALL
            .into_iter()
            .find(|mode| mode.name().eq_ignore_ascii_case(text))
            .ok_or_else(|| UnknownMode(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_is_read_as_it_is_written_here_and_in_json() {
        for mode in Mode::ALL {
            assert_eq!(mode.to_string().parse(), Ok(mode));
            let json = serde_json::to_string(&mode).expect("json");
            assert_eq!(json, format!("\"{mode}\""));
            assert_eq!(serde_json::from_str::<Mode>(&json).expect("a mode"), mode);
            assert!(Mode::NAMES.contains(mode.name()));
        }
        assert_eq!(" Notify\n".parse(), Ok(Mode::Notify));
        let error = "loud".parse::<Mode>().expect_err("no mode").to_string();
        assert_eq!(
            error,
            "`loud` is not a mode: use auto, notify, silent or standalone"
        );
    }
}
