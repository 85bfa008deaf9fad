//! Which system's programs are driven. A value and not a `cfg`, so that all of it is built and tested
//! everywhere.

/// A system that the agent can live on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Platform {
    /// launchd, `osascript`, `open`, `ioreg`.
    MacOs,
    /// systemd, `notify-send`, `zenity`, `loginctl`.
    Linux,
}

/// For tests: drives the programs of the other system.
pub(crate) const OVERRIDE: &str = "SSO_WATCHER_PLATFORM";

impl Platform {
    /// The system that this runs on, unless `SSO_WATCHER_PLATFORM` says `macos` or `linux`.
    pub fn from_vars(vars: &impl Fn(&str) -> Option<String>) -> Self {
        match vars(OVERRIDE).as_deref() {
            Some("macos") => Self::MacOs,
            Some("linux") => Self::Linux,
            Some(_) | None if cfg!(target_os = "macos") => Self::MacOs,
            Some(_) | None => Self::Linux,
        }
    }
}
