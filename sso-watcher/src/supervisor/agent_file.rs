//! What an agent's file says, whichever system reads it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::logging::error_log;
use crate::platform::Platform;

/// Where macOS and Linux keep the programs that an agent starts. launchd's own `PATH` has neither of the
/// first two, where people have `aws`.
const SYSTEM_FOLDERS: [&str; 6] = [
    "/opt/homebrew/bin",
    "/usr/local/bin",
    "/usr/bin",
    "/bin",
    "/usr/sbin",
    "/sbin",
];

/// The installed agent: what is started, and with which variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentFile {
    /// `sso-watcher` itself, absolute.
    pub program: PathBuf,
    /// Its variables, besides `PATH`. Nothing in a value is expanded.
    pub variables: BTreeMap<String, String>,
    /// Its `PATH`.
    pub search_path: String,
    /// Its log. It writes that itself; launchd puts the words of a panic beside it.
    pub log: PathBuf,
}

/// Something cannot be written into an agent's file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{what} cannot be written into the agent's file: {why}. {cure}")]
pub struct Unwritable {
    /// A variable, or a path. Never a value, as there may be a password in it.
    what: String,
    why: &'static str,
    cure: &'static str,
}

impl AgentFile {
    /// The `PATH` of an agent that finds `aws` first where it was found at install.
    ///
    /// A folder with a colon in its name cannot be on a `PATH`, and is left out.
    #[must_use]
    pub fn search_path(aws: Option<&Path>) -> String {
        let found = aws.and_then(Path::parent).and_then(Path::to_str);
        let found = found.filter(|folder| folder.starts_with('/') && !folder.contains(':'));
        let others = SYSTEM_FOLDERS
            .into_iter()
            .filter(|folder| Some(*folder) != found);
        let folders: Vec<_> = found.into_iter().chain(others).collect();
        folders.join(":")
    }

    /// Where launchd puts what the agent says when its log cannot take it.
    pub(super) fn error_log(&self) -> PathBuf {
        error_log(&self.log)
    }

    /// That, as the text that it has to be in a file.
    pub(super) fn error_log_text(&self) -> Result<String, Unwritable> {
        path_text(LOG, &self.error_log()).map(str::to_owned)
    }

    /// All variables with `PATH`, each known to fit on one line.
    pub(super) fn environment(&self) -> Result<BTreeMap<&str, &str>, Unwritable> {
        let path = ("PATH", self.search_path.as_str());
        let variables = self.variables.iter();
        let variables = variables.map(|(name, value)| (name.as_str(), value.as_str()));
        let all: BTreeMap<_, _> = variables.chain([path]).collect();
        for (name, value) in &all {
            if !is_variable(name) {
                let why = "a variable's name has letters, digits and `_` only";
                return Err(variable(format!("{name:?}"), why));
            }
            if !fits_on_a_line(value) {
                let why = "its value holds a line break or another control character";
                return Err(variable((*name).to_owned(), why));
            }
        }
        Ok(all)
    }

    /// The program, as the text that it has to be in a file.
    pub(super) fn program(&self, platform: Platform) -> Result<&str, Unwritable> {
        let program = path_text(PROGRAM, &self.program)?;
        // systemd itself refuses such a path, however it is quoted.
        if platform == Platform::Linux && program.contains(['"', '\'', '\\']) {
            let why = "systemd starts no program with a quote or backslash in its path";
            return Err(PROGRAM.refused(why));
        }
        Ok(program)
    }
}

fn variable(name: String, why: &'static str) -> Unwritable {
    Unwritable {
        what: name,
        why,
        cure: "Correct it in .env or in the environment, and run the command again.",
    }
}

/// A path in the file: what it is called, and what to do if it does not fit.
#[derive(Clone, Copy)]
struct Role {
    name: &'static str,
    cure: &'static str,
}

const PROGRAM: Role = Role {
    name: "the path of sso-watcher",
    cure: "Install it elsewhere, as with `cargo install --root FOLDER`, and run the command there.",
};
const LOG: Role = Role {
    name: "the path of the log",
    cure: "Let HOME name a folder without it, and run the command again.",
};

impl Role {
    fn refused(self, why: &'static str) -> Unwritable {
        Unwritable {
            what: self.name.to_owned(),
            why,
            cure: self.cure,
        }
    }
}

/// An absolute path as text.
fn path_text(role: Role, path: &Path) -> Result<&str, Unwritable> {
    let text = path
        .to_str()
        .ok_or_else(|| role.refused("it is no UTF-8"))?;
    if !path.is_absolute() {
        return Err(role.refused("it is relative"));
    }
    if !fits_on_a_line(text) {
        return Err(role.refused("it holds a control character"));
    }
    Ok(text)
}

/// Neither XML 1.0 nor a unit can hold all control characters, and a line break ends a unit's setting.
fn fits_on_a_line(text: &str) -> bool {
    let is_refused =
        |c: char| (c.is_control() && c != '\t') || matches!(c, '\u{fffe}' | '\u{ffff}');
    !text.contains(is_refused)
}

fn is_variable(name: &str) -> bool {
    let is_letter = |c: char| c == '_' || c.is_ascii_alphabetic();
    name.starts_with(is_letter) && name.chars().all(|c| is_letter(c) || c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aws_is_looked_for_first_where_it_was_found() {
        let path = |aws: &str| AgentFile::search_path(Some(Path::new(aws)));
        assert!(path("/home/jo/my tools/aws").starts_with("/home/jo/my tools:/opt/homebrew/bin:"));
        assert_eq!(
            path("/usr/bin/aws"),
            "/usr/bin:/opt/homebrew/bin:/usr/local/bin:/bin:/usr/sbin:/sbin"
        );
    }

    #[test]
    fn what_cannot_be_on_a_path_is_left_out() {
        let without = AgentFile::search_path(None);
        for aws in ["aws", "/odd:name/aws", "/"] {
            assert_eq!(AgentFile::search_path(Some(Path::new(aws))), without);
        }
    }

    #[test]
    fn no_variable_takes_the_place_of_the_path() {
        let file = AgentFile {
            program: PathBuf::from("/bin/sso-watcher"),
            variables: [("PATH".to_owned(), "/evil".to_owned())].into(),
            search_path: "/good".to_owned(),
            log: PathBuf::from("/x.log"),
        };
        assert_eq!(file.environment(), Ok([("PATH", "/good")].into()));
    }
}
