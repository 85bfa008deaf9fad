//! What killed writers leave: known by its name, removed when it is old.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::nonce::{is_nonce, nonce};

/// Nothing of anybody else ends so; tokens end in `.json`.
const SUFFIX: &str = ".sso-session.tmp";

/// A writer needs milliseconds.
const OLD: Duration = Duration::from_hours(24);

/// A unique name for a file that will replace `name`.
pub(super) fn temp_name(name: &OsStr) -> OsString {
    let mut temp = OsString::from(".");
    temp.push(name);
    temp.push(".");
    temp.push(nonce());
    temp.push(SUFFIX);
    temp
}

/// Removes what is ours and older than a day. `now` is the time of a file just written there, so
/// that only one clock counts: the file system's.
pub(super) fn remove(folder: &Path, now: SystemTime) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if !is_ours(&entry.file_name()) {
            continue;
        }
        let modified = entry.metadata().and_then(|file| file.modified());
        let age = modified.ok().and_then(|time| now.duration_since(time).ok());
        if age.is_some_and(|age| age > OLD) {
            let path = entry.path();
            let outcome = fs::remove_file(&path);
            tracing::debug!(path = %path.display(), ?outcome, "removing what a killed writer left");
        }
    }
}

fn is_ours(name: &OsStr) -> bool {
    let nonce_of = |name: &str| {
        let name = name.strip_prefix('.')?.strip_suffix(SUFFIX)?;
        name.rsplit_once('.').map(|(_, nonce)| is_nonce(nonce))
    };
    name.to_str().and_then(nonce_of).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn only_our_own_old_files_are_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let ours = temp_name(OsStr::new("token.json"));
        let fresh = temp_name(OsStr::new("token.json"));
        let names = [
            OsStr::new("token.json"),
            OsStr::new("tmpabcdef.tmp"),
            OsStr::new(".x.sso-session.tmp"),
            &ours,
            &fresh,
        ];
        let now = SystemTime::UNIX_EPOCH + Duration::from_hours(1000);
        for name in names {
            let file = File::create(folder.path().join(name)).expect("created");
            let age = if name == fresh { OLD } else { OLD * 2 };
            file.set_modified(now - age).expect("dated");
        }
        remove(folder.path(), now);
        let left = names.map(|name| folder.path().join(name).exists());
        assert_eq!(left, [true, true, true, false, true]);
    }

    #[test]
    fn a_temp_name_is_hidden_and_ends_as_no_token_does() {
        let name = temp_name(OsStr::new("0beec7b5.json"));
        let name = name.to_str().expect("a text");
        let hidden = name.strip_prefix(".0beec7b5.json.");
        assert!(
            hidden.is_some_and(|rest| rest.split('.').next_back() == Some("tmp")),
            "{name}"
        );
    }
}
