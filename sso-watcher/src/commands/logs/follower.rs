//! Reads a rotated log: its last lines first, then whatever is added, in this file and the next.

use std::fs::File;
use std::io::{self, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::last_lines::last_lines;
use crate::logging::files::rotated;

/// A place in a log, up to which all was shown.
#[derive(Debug)]
pub(super) struct Follower {
    log_file: PathBuf,
    newest: PathBuf,
    file: File,
}

impl Follower {
    /// Shows the last `lines` of all files together; `None` if there is no log.
    pub(super) fn start(
        log_file: &Path,
        lines: usize,
        out: &mut impl Write,
    ) -> io::Result<Option<Self>> {
        let mut wanted = lines;
        let mut shown = Vec::new();
        for path in rotated(log_file)?.into_iter().rev() {
            let Some(mut file) = open(&path)? else {
                continue;
            };
            let found = last_lines(&mut file, wanted)?;
            file.seek(SeekFrom::Start(found.offset))?;
            shown.push((path, file));
            wanted -= found.count;
            if wanted == 0 {
                break;
            }
        }
        for (_, file) in shown.iter_mut().rev() {
            io::copy(file, out)?;
        }
        out.flush()?;
        Ok(shown.into_iter().next().map(|(newest, file)| Self {
            log_file: log_file.to_owned(),
            newest,
            file,
        }))
    }

    /// Shows what was added since.
    pub(super) fn advance(&mut self, out: &mut impl Write) -> io::Result<()> {
        // Listed first: once there is a newer file, this one is complete.
        let files = rotated(&self.log_file)?;
        if self.file.metadata()?.len() < self.file.stream_position()? {
            self.file.rewind()?;
        }
        io::copy(&mut self.file, out)?;
        for path in files {
            if path > self.newest
                && let Some(mut file) = open(&path)?
            {
                io::copy(&mut file, out)?;
                (self.newest, self.file) = (path, file);
            }
        }
        out.flush()
    }
}

/// A file, unless it was removed meanwhile, as the oldest are.
fn open(path: &Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;

    use super::*;

    struct Log(tempfile::TempDir);

    impl Log {
        fn new() -> Self {
            Self(tempfile::tempdir().expect("a folder"))
        }

        fn path(&self) -> PathBuf {
            self.0.path().join("a.log")
        }

        fn add(&self, day: &str, text: &str) {
            let path = self.0.path().join(format!("a.log.2026-01-{day}"));
            let file = OpenOptions::new().append(true).create(true).open(path);
            let mut file = file.expect("a file");
            file.write_all(text.as_bytes()).expect("written");
        }

        fn start(&self, lines: usize) -> (Option<Follower>, String) {
            let mut out = Vec::new();
            let follower = Follower::start(&self.path(), lines, &mut out).expect("read");
            (follower, String::from_utf8(out).expect("a text"))
        }
    }

    fn added(follower: &mut Follower) -> String {
        let mut out = Vec::new();
        follower.advance(&mut out).expect("read");
        String::from_utf8(out).expect("a text")
    }

    #[test]
    fn the_last_lines_may_lie_in_several_files() {
        let log = Log::new();
        assert!(log.start(9).0.is_none());
        log.add("01", "one\ntwo\n");
        log.add("02", "three\n");
        log.add("03", "");
        assert_eq!(log.start(2).1, "two\nthree\n");
        assert_eq!(log.start(1).1, "three\n");
        assert_eq!(log.start(99).1, "one\ntwo\nthree\n");
    }

    #[test]
    fn what_is_added_is_followed_across_days() {
        let log = Log::new();
        log.add("01", "old\n");
        let (follower, shown) = log.start(0);
        assert_eq!(shown, "");
        let mut follower = follower.expect("a log");
        assert_eq!(added(&mut follower), "");
        log.add("01", "late ");
        assert_eq!(added(&mut follower), "late ");
        log.add("01", "at night\n");
        log.add("02", "morning\n");
        log.add("03", "noon\n");
        assert_eq!(added(&mut follower), "at night\nmorning\nnoon\n");
        log.add("03", "evening\n");
        assert_eq!(added(&mut follower), "evening\n");
    }

    #[test]
    fn an_emptied_file_is_read_from_its_start() {
        let log = Log::new();
        log.add("01", "many words\n");
        let mut follower = log.start(1).0.expect("a log");
        File::create(log.0.path().join("a.log.2026-01-01")).expect("emptied");
        log.add("01", "few\n");
        assert_eq!(added(&mut follower), "few\n");
    }
}
