//! The files of a log that is rotated by days.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The files of a log, oldest first; none if there is no folder.
pub(crate) fn rotated(log_file: &Path) -> io::Result<Vec<PathBuf>> {
    let (Some(folder), Some(name)) = (log_file.parent(), log_file.file_name()) else {
        return Ok(Vec::new());
    };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry?;
        if is_rotated(&entry.file_name(), name) {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

/// Whether a name is `<log>.YYYY-MM-DD`.
fn is_rotated(name: &OsStr, log: &OsStr) -> bool {
    let (name, log) = (name.to_string_lossy(), log.to_string_lossy());
    let date = name.strip_prefix(&*log);
    let date = date.and_then(|rest| rest.strip_prefix('.'));
    date.is_some_and(|date| {
        let fits = |(byte, form): (u8, u8)| match form {
            b'-' => byte == b'-',
            _ => byte.is_ascii_digit(),
        };
        date.len() == 10 && date.bytes().zip(*b"YYYY-MM-DD").all(fits)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_days_of_this_log_count_and_the_oldest_comes_first() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("a.log");
        for name in [
            "a.log.2026-01-10",
            "a.log.2025-12-31",
            "a.log.2026-01-1x",
            "a.log.2026-01-10.gz",
            "b.log.2026-01-10",
            "a.err.log",
        ] {
            fs::File::create(folder.path().join(name)).expect("a file");
        }
        std::os::unix::fs::symlink("a.log.2026-01-10", &log).expect("a link");
        let expected = ["a.log.2025-12-31", "a.log.2026-01-10"];
        let expected = expected.map(|name| folder.path().join(name));
        assert_eq!(rotated(&log).expect("a folder"), expected);
        let absent = folder.path().join("absent/a.log");
        assert!(rotated(&absent).expect("no folder").is_empty());
    }
}
