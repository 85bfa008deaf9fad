//! Folders below the user's home, as variables say.

use std::path::PathBuf;

/// A value that is not empty.
pub(crate) fn filled(value: Option<String>) -> Option<String> {
    value.filter(|value| !value.trim().is_empty())
}

/// `HOME`, or `/` without one.
pub fn home(vars: &impl Fn(&str) -> Option<String>) -> PathBuf {
    filled(vars("HOME")).map_or_else(|| PathBuf::from("/"), PathBuf::from)
}

/// The folder for configuration: `XDG_CONFIG_HOME`, else `~/.config`.
pub fn configuration(vars: &impl Fn(&str) -> Option<String>) -> PathBuf {
    base(vars, "XDG_CONFIG_HOME", ".config")
}

/// The folder for what programs remember: `XDG_STATE_HOME`, else `~/.local/state`.
pub fn state(vars: &impl Fn(&str) -> Option<String>) -> PathBuf {
    base(vars, "XDG_STATE_HOME", ".local/state")
}

/// A folder of the XDG Base Directory Specification, which has relative paths ignored.
fn base(vars: &impl Fn(&str) -> Option<String>, variable: &str, below_home: &str) -> PathBuf {
    let chosen = vars(variable).map(PathBuf::from);
    let chosen = chosen.filter(|folder| folder.is_absolute());
    chosen.unwrap_or_else(|| home(vars).join(below_home))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn only_a_whole_path_moves_a_folder() {
        let folders = |xdg: &str| {
            let vars = |name: &str| match name {
                "HOME" => Some("/home/dev".to_owned()),
                "XDG_CONFIG_HOME" | "XDG_STATE_HOME" => Some(xdg.to_owned()),
                _ => None,
            };
            (configuration(&vars), state(&vars))
        };
        let below_home = (
            PathBuf::from("/home/dev/.config"),
            PathBuf::from("/home/dev/.local/state"),
        );
        assert_eq!(folders(""), below_home);
        assert_eq!(folders("relative"), below_home);
        assert_eq!(folders("/xdg").0, Path::new("/xdg"));
    }
}
