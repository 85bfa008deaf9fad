//! The person: whether there is a desktop, and how to tell, to ask and to look for whoever sits there.
//!
//! ```text
//! notification   a few words in a corner of the screen
//! question       a dialog that asks whether to log in now
//! terminals      a few words on the person's terminals, where there is no desktop
//! presence       since when there was no input, and whether the screen is locked
//! ```
//!
//! Everything goes through programs of the system, which may be missing or hang: each has its time, and
//! none of them can break a login. Texts of others are passed to them as arguments and never within a
//! script, and shown as they are.

mod markup;
pub mod notification;
pub mod presence;
pub mod question;
pub mod terminals;

use std::fmt;

use crate::platform::Platform;

/// Whether a browser can be opened in front of the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Desktop {
    /// It can.
    Here,
    /// It cannot.
    Absent(Absence),
}

/// Why there is no desktop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absence {
    /// The person sits elsewhere, at the other end of SSH.
    Ssh,
    /// Linux within Windows.
    Wsl,
    /// Neither X11 nor Wayland.
    NoDisplay,
}

impl Desktop {
    /// Goes by the variables of the session that this runs in.
    pub fn from_vars(platform: Platform, vars: &impl Fn(&str) -> Option<String>) -> Self {
        let any = |names: [&str; 2]| {
            let mut values = names.into_iter().filter_map(vars);
            values.any(|value| !value.is_empty())
        };
        if any(["SSH_CONNECTION", "SSH_TTY"]) {
            return Self::Absent(Absence::Ssh);
        }
        match platform {
            Platform::MacOs => Self::Here,
            // Its programs may open windows, but its browser is not where the person's sign-ins are.
            Platform::Linux if any(["WSL_DISTRO_NAME", "WSL_INTEROP"]) => {
                Self::Absent(Absence::Wsl)
            }
            Platform::Linux if any(["DISPLAY", "WAYLAND_DISPLAY"]) => Self::Here,
            Platform::Linux => Self::Absent(Absence::NoDisplay),
        }
    }
}

impl fmt::Display for Absence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ssh => "this is an SSH session",
            Self::Wsl => "this is Linux within Windows (WSL)",
            Self::NoDisplay => {
                "there is no graphical session (neither DISPLAY nor WAYLAND_DISPLAY is set)"
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_session_says_whether_there_is_a_desktop() {
        let x11 = ("DISPLAY", ":0");
        for (platform, vars, expected) in [
            (Platform::MacOs, &[] as &[(&str, &str)], Desktop::Here),
            (
                Platform::MacOs,
                &[("SSH_CONNECTION", "10.0.0.1 5 10.0.0.2 22")],
                Desktop::Absent(Absence::Ssh),
            ),
            (Platform::Linux, &[x11], Desktop::Here),
            (
                Platform::Linux,
                &[("WAYLAND_DISPLAY", "wayland-0")],
                Desktop::Here,
            ),
            (
                Platform::Linux,
                &[x11, ("SSH_TTY", "/dev/pts/0")],
                Desktop::Absent(Absence::Ssh),
            ),
            (
                Platform::Linux,
                &[x11, ("WSL_DISTRO_NAME", "Debian")],
                Desktop::Absent(Absence::Wsl),
            ),
            (
                Platform::Linux,
                &[("DISPLAY", "")],
                Desktop::Absent(Absence::NoDisplay),
            ),
        ] {
            let value = |name: &str| {
                let found = vars.iter().find(|(variable, _)| *variable == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(Desktop::from_vars(platform, &value), expected, "{vars:?}");
        }
    }
}
