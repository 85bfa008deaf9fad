//! The process's environment, with `.env` in it and without empty AWS variables.
//!
//! The AWS libraries read the environment themselves, take an empty variable for a value, and
//! cannot be given another environment. Changing one's own environment is unsafe once threads run,
//! so the program is executed anew with the right one: same process, same id.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use thiserror::Error;

/// `.env` cannot be used.
#[derive(Debug, Error)]
pub enum EnvironmentError {
    /// The file cannot be opened or read.
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// One of its lines is no assignment. The line itself may hold a secret, and is not shown.
    #[error(
        "{}, line {line}{} cannot be understood\n    Each line is NAME=value; quote values that hold spaces or #.",
        path.display(),
        name.as_ref().map(|name| format!(" ({name})")).unwrap_or_default(),
    )]
    Line {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// The variable's name, where there is one.
        name: Option<String>,
    },
}

/// What has to change for the environment to be right.
#[derive(Debug, Default, PartialEq, Eq)]
struct Changes {
    set: BTreeMap<String, String>,
    removed: Vec<String>,
}

/// Makes the environment right, by executing the program anew if it is not. Call first in `main`.
pub fn prepare() -> Result<(), EnvironmentError> {
    let from_file = match find_file() {
        Some(path) => read(&path)?,
        None => Vec::new(),
    };
    let current = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let changes = changes(&current, from_file);
    if changes != Changes::default()
        && let Ok(program) = std::env::current_exe()
    {
        let mut again = Command::new(program);
        again.args(std::env::args_os().skip(1)).envs(changes.set);
        for name in changes.removed {
            again.env_remove(name);
        }
        // Returns only if it failed; then the environment as it is has to do.
        let error = again.exec();
        eprintln!("bazel-proxy: .env has no effect: {error}");
    }
    Ok(())
}

/// `.env` in the current folder or the nearest one above it.
fn find_file() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    let mut candidates = here.ancestors().map(|folder| folder.join(".env"));
    candidates.find(|path| path.is_file())
}

fn read(path: &PathBuf) -> Result<Vec<(String, String)>, EnvironmentError> {
    let unreadable = |source| EnvironmentError::Unreadable {
        path: path.clone(),
        source,
    };
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    parse(&text).map_err(|error| match error {
        dotenvy::Error::Io(source) => unreadable(source),
        dotenvy::Error::LineParse(broken, _) => {
            let (line, name) = locate(&text, &broken);
            EnvironmentError::Line {
                path: path.clone(),
                line,
                name,
            }
        }
        other @ (dotenvy::Error::EnvVar(_) | _) => unreadable(io::Error::other(other.to_string())),
    })
}

fn parse(text: &str) -> Result<Vec<(String, String)>, dotenvy::Error> {
    dotenvy::from_read_iter(text.as_bytes()).collect()
}

/// Where a broken line begins, and the name that is assigned there. A value with an open quote
/// runs on to the end of the file.
fn locate(text: &str, broken: &str) -> (usize, Option<String>) {
    let first = broken.trim_start().lines().next().unwrap_or_default();
    let found = text.lines().position(|line| line.trim() == first.trim());
    let name = first.split_once('=').map(|(name, _)| name.trim());
    let is_name = |name: &&str| {
        name.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let name = name.map(|name| name.trim_start_matches("export "));
    (
        found.map_or(1, |index| index + 1),
        name.filter(is_name).map(str::to_owned),
    )
}

/// The environment beats the file, and empty AWS variables count as unset. An empty `AWS_PROFILE`
/// stays: it means the default chain.
fn changes(current: &BTreeMap<String, String>, from_file: Vec<(String, String)>) -> Changes {
    let is_noise = |name: &str, value: &str| {
        name.starts_with("AWS_") && name != "AWS_PROFILE" && value.trim().is_empty()
    };
    let removed: Vec<_> = current
        .iter()
        .filter(|(name, value)| is_noise(name, value))
        .map(|(name, _)| name.clone())
        .collect();
    let set = from_file
        .into_iter()
        .filter(|(name, value)| !current.contains_key(name) && !is_noise(name, value))
        .collect();
    Changes { set, removed }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn a_second_run_has_nothing_left_to_change() {
        let file = pairs(&[
            ("S3_BUCKET_NAME", "b"),
            ("AWS_CA_BUNDLE", ""),
            ("AWS_PROFILE", ""),
        ]);
        let mut current: BTreeMap<_, _> = pairs(&[("AWS_ENDPOINT_URL", ""), ("PATH", "/bin")])
            .into_iter()
            .collect();
        let first = changes(&current, file.clone());
        assert_eq!(first.removed, ["AWS_ENDPOINT_URL"]);
        assert_eq!(
            first.set.keys().collect::<Vec<_>>(),
            ["AWS_PROFILE", "S3_BUCKET_NAME"]
        );
        current.retain(|name, _| !first.removed.contains(name));
        current.extend(first.set);
        assert_eq!(changes(&current, file), Changes::default());
    }

    #[test]
    fn the_environment_beats_the_file() {
        let current = pairs(&[("PROXY_PORT", "1")]).into_iter().collect();
        assert_eq!(
            changes(&current, pairs(&[("PROXY_PORT", "2")])),
            Changes::default()
        );
    }
}
