//! The process's environment, with variables of files in it and without empty ones.
//!
//! The AWS libraries read the environment themselves, take an empty variable for a value, and
//! cannot be given another environment. Changing one's own environment is unsafe once threads run,
//! so the program is executed anew with the right one: same process, same id.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use crate::dotenv::{Dotenv, DotenvError};

/// What has to change for the environment to be right.
#[derive(Debug, Default, PartialEq, Eq)]
struct Changes {
    set: BTreeMap<String, String>,
    removed: Vec<String>,
}

/// Completes the environment with `.env` of the current folder or the nearest one above it. Call
/// first in `main`.
pub fn prepare(program: &str, empty_is_unset: impl Fn(&str) -> bool) -> Result<(), DotenvError> {
    let file = match std::env::current_dir() {
        Ok(folder) => Dotenv::find(&folder, |_| true)?,
        Err(_) => None,
    };
    let from_file = file.map_or_else(|| Ok(Vec::new()), |file| file.variables())?;
    complete(program, from_file, empty_is_unset);
    Ok(())
}

/// Makes the environment right, by executing the program anew if it is not: with `additions` where
/// it has no such variable, and without empty variables of names for which `empty_is_unset`.
///
/// Returns if nothing has to change; else only if the execution fails, and then the environment as
/// it is has to do. `program` is its name in the message about that.
pub fn complete(
    program: &str,
    additions: impl IntoIterator<Item = (String, String)>,
    empty_is_unset: impl Fn(&str) -> bool,
) {
    let changes = changes(&current(), additions, empty_is_unset);
    if changes != Changes::default()
        && let Ok(executable) = std::env::current_exe()
    {
        let mut again = Command::new(executable);
        again.args(std::env::args_os().skip(1)).envs(changes.set);
        for name in changes.removed {
            again.env_remove(name);
        }
        let error = again.exec();
        eprintln!("{program}: .env has no effect: {error}");
    }
}

/// The variables of this process that are text.
#[must_use]
pub fn current() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// The environment beats the additions.
fn changes(
    current: &BTreeMap<String, String>,
    additions: impl IntoIterator<Item = (String, String)>,
    empty_is_unset: impl Fn(&str) -> bool,
) -> Changes {
    let is_noise = |name: &str, value: &str| value.trim().is_empty() && empty_is_unset(name);
    let removed = current
        .iter()
        .filter(|(name, value)| is_noise(name, value))
        .map(|(name, _)| name.clone())
        .collect();
    let set = additions
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

    fn empty_is_unset(name: &str) -> bool {
        name.starts_with("AWS_") && name != "AWS_PROFILE"
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
        let first = changes(&current, file.clone(), empty_is_unset);
        assert_eq!(first.removed, ["AWS_ENDPOINT_URL"]);
        assert_eq!(
            first.set.keys().collect::<Vec<_>>(),
            ["AWS_PROFILE", "S3_BUCKET_NAME"]
        );
        current.retain(|name, _| !first.removed.contains(name));
        current.extend(first.set);
        assert_eq!(changes(&current, file, empty_is_unset), Changes::default());
    }

    #[test]
    fn the_environment_beats_the_file() {
        let current = pairs(&[("PROXY_PORT", "1")]).into_iter().collect();
        assert_eq!(
            changes(&current, pairs(&[("PROXY_PORT", "2")]), empty_is_unset),
            Changes::default()
        );
    }
}
