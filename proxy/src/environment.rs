//! The process's environment, with `.env` in it and without empty AWS variables.
//!
//! The AWS libraries read the environment themselves, take an empty variable for a value, and
//! cannot be given another environment. Changing one's own environment is unsafe once threads run,
//! so the program is executed anew with the right one: same process, same id.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use thiserror::Error;

/// `.env` cannot be used.
#[derive(Debug, Error)]
#[error(
    ".env cannot be read: {0}\n    Each line is NAME=value; quote values that hold spaces or #."
)]
pub struct EnvironmentError(#[from] dotenvy::Error);

/// What has to change for the environment to be right.
#[derive(Debug, Default, PartialEq, Eq)]
struct Changes {
    set: BTreeMap<String, String>,
    removed: Vec<String>,
}

/// Makes the environment right, by executing the program anew if it is not. Call first in `main`.
pub fn prepare() -> Result<(), EnvironmentError> {
    let from_file = match dotenvy::dotenv_iter() {
        Ok(lines) => lines.collect::<Result<Vec<_>, _>>()?,
        Err(error) if error.not_found() => Vec::new(),
        Err(error) => return Err(error.into()),
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
