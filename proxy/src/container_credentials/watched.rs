//! A file of configuration, looked at by its content: events of the file system are lost on bind mounts,
//! and times and inodes may lie there.
//!
//! What changed is taken up when two looks in a row found the same, so a file that is truncated and then
//! written, or removed and then put back, is never taken for what it is in between.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::{FileConfig, FileFault, FileFaults, Place, ServicesFile};
use crate::disk::content_digest;

/// Of one file; a larger one is refused by whoever reads it.
const MOST_BYTES: u64 = 1024 * 1024;
/// A file that is another one at each reading is left for the next look.
const READINGS: u32 = 5;

/// Something that was read from files.
pub(super) trait Inputs {
    /// All of them.
    fn inputs(&self) -> &[PathBuf];
}

impl Inputs for FileConfig {
    fn inputs(&self) -> &[PathBuf] {
        &self.inputs
    }
}

impl Inputs for ServicesFile {
    fn inputs(&self) -> &[PathBuf] {
        &self.inputs
    }
}

/// What a look at one file found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Nothing new.
    Same,
    /// Something new was taken up, be it a fault.
    Changed,
    /// Something is being changed: look again in a moment.
    Unsettled,
}

/// What looks at several files found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Something new was taken up.
    pub(super) is_changed: bool,
    /// Something is being changed: look again in a moment.
    pub(super) is_unsettled: bool,
}

impl Found {
    /// Takes one more look into account.
    pub(super) fn add(&mut self, look: Look) {
        match look {
            Look::Same => {}
            Look::Changed => self.is_changed = true,
            Look::Unsettled => self.is_unsettled = true,
        }
    }
}

/// Files, and digests of what was in them; none for what cannot be read.
type Contents = Vec<(PathBuf, Option<[u8; 32]>)>;

/// One file, with those that it names.
#[derive(Debug)]
pub(super) struct Watched<T> {
    path: Arc<Path>,
    /// What was there when it was read last.
    read: Option<Contents>,
    /// What was there at the last look.
    looked: Option<Contents>,
    /// Everything that the last reading looked for: with a fault, a file may be missing.
    inputs: Vec<PathBuf>,
    good: Option<Arc<T>>,
    faults: Option<FileFaults>,
}

impl<T: Inputs> Watched<T> {
    /// A file of which nothing is known yet.
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.into(),
            read: None,
            looked: None,
            inputs: Vec::new(),
            good: None,
            faults: None,
        }
    }

    /// A file that was read already, before anybody looked after it.
    pub(super) fn known(path: &Path, good: Arc<T>) -> Self {
        Self {
            inputs: good.inputs().to_vec(),
            good: Some(good),
            ..Self::new(path)
        }
    }

    /// The last good version.
    pub(super) fn good(&self) -> Option<&Arc<T>> {
        self.good.as_ref()
    }

    /// What is wrong with what is there now.
    pub(super) fn faults(&self) -> Option<&FileFaults> {
        self.faults.as_ref()
    }

    /// It has to be read again, although nothing in it changed.
    pub(super) fn forget(&mut self) {
        self.read = None;
    }

    /// Looks, and takes up what has settled. Blocks on the disk.
    pub(super) fn look(&mut self, read: &dyn Fn(&Path) -> Result<T, FileFaults>) -> Look {
        let contents = self.contents();
        if self.read.as_ref() == Some(&contents) {
            self.looked = Some(contents);
            return Look::Same;
        }
        if self.looked.as_ref() != Some(&contents) {
            self.looked = Some(contents);
            return Look::Unsettled;
        }
        self.take_up(contents, read)
    }

    /// Takes up what is there now. Blocks on the disk.
    pub(super) fn load(&mut self, read: &dyn Fn(&Path) -> Result<T, FileFaults>) -> Look {
        let contents = self.contents();
        self.take_up(contents, read)
    }

    /// Reads until what was read is what was there before and after.
    fn take_up(
        &mut self,
        mut contents: Contents,
        read: &dyn Fn(&Path) -> Result<T, FileFaults>,
    ) -> Look {
        for _ in 0..READINGS {
            // A reading leaves nothing half done: it only makes something new. What panics must not keep
            // other files from being looked at.
            let outcome = catch_unwind(AssertUnwindSafe(|| read(&self.path)))
                .unwrap_or_else(|_| Err(self.panicked()));
            self.inputs = match &outcome {
                Ok(good) => good.inputs().to_vec(),
                Err(faults) => faults.inputs.clone(),
            };
            let after = self.contents();
            if after == contents {
                return self.adopt(contents, outcome);
            }
            contents = after;
        }
        self.looked = None;
        Look::Unsettled
    }

    fn adopt(&mut self, contents: Contents, outcome: Result<T, FileFaults>) -> Look {
        self.looked = Some(contents.clone());
        let is_reread = self.read.replace(contents.clone()) == Some(contents);
        match outcome {
            Ok(good) => {
                let was_faulty = self.faults.take().is_some();
                if is_reread && !was_faulty {
                    return Look::Same;
                }
                self.good = Some(Arc::new(good));
                Look::Changed
            }
            Err(faults) if self.faults.as_ref() == Some(&faults) => Look::Same,
            Err(faults) => {
                self.faults = Some(faults);
                Look::Changed
            }
        }
    }

    fn panicked(&self) -> FileFaults {
        let place = Place {
            file: Arc::clone(&self.path),
            line: 1,
            column: 1,
        };
        FileFaults {
            list: vec![FileFault {
                place,
                problem: "reading it ended in a panic, which is a fault of the proxy".to_owned(),
                cure: "Report it, and write the file in another way.".to_owned(),
            }],
            inputs: self.paths().map(Path::to_owned).collect(),
        }
    }

    /// Itself, and the files that it names.
    fn paths(&self) -> impl Iterator<Item = &Path> {
        let others = self.inputs.iter().map(PathBuf::as_path);
        let others = others.filter(|input| **input != *self.path);
        std::iter::once(&*self.path).chain(others)
    }

    fn contents(&self) -> Contents {
        let read = |path: &Path| (path.to_owned(), content_digest(path, MOST_BYTES));
        self.paths().map(read).collect()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use sso_session::disk::replace;

    use super::*;

    /// The text of a file, and of another one beside it if it names one as `from:<name>`.
    #[derive(Debug, PartialEq, Eq)]
    struct Text(String, Vec<PathBuf>);

    impl Inputs for Text {
        fn inputs(&self) -> &[PathBuf] {
            &self.1
        }
    }

    fn read(path: &Path) -> Result<Text, FileFaults> {
        let fault = |problem: &str, inputs: &[PathBuf]| FileFaults {
            inputs: inputs.to_vec(),
            list: vec![FileFault {
                place: Place {
                    file: path.into(),
                    line: 1,
                    column: 1,
                },
                problem: problem.to_owned(),
                cure: String::new(),
            }],
        };
        let text = |path: &Path, inputs: &[PathBuf]| {
            std::fs::read_to_string(path).map_err(|_| fault("unreadable", inputs))
        };
        let mut inputs = vec![path.to_owned()];
        let content = text(path, &inputs)?;
        let content = match content.strip_prefix("from:") {
            Some(name) => {
                let other = path.with_file_name(name);
                inputs.push(other.clone());
                text(&other, &inputs)?
            }
            None => content,
        };
        assert!(!content.contains("panic"), "a reader's fault");
        if content.contains("broken") {
            return Err(fault(&content, &inputs));
        }
        Ok(Text(content, inputs))
    }

    fn put(path: &Path, content: &str) {
        replace(path, content.as_bytes()).expect("written");
    }

    fn text(watched: &Watched<Text>) -> &str {
        &watched.good().expect("a good version").0
    }

    #[test]
    fn what_is_there_twice_in_a_row_is_taken_up() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.yaml");
        put(&path, "one");
        let mut watched = Watched::new(&path);
        assert_eq!(watched.load(&read), Look::Changed);
        assert_eq!(watched.look(&read), Look::Same);
        put(&path, "");
        assert_eq!(watched.look(&read), Look::Unsettled);
        put(&path, "two");
        assert_eq!(watched.look(&read), Look::Unsettled);
        assert_eq!(text(&watched), "one", "nothing between is ever seen");
        assert_eq!(watched.look(&read), Look::Changed);
        assert_eq!(text(&watched), "two");
        assert_eq!(watched.look(&read), Look::Same);
    }

    #[test]
    fn a_broken_version_leaves_the_good_one_and_is_told_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.yaml");
        put(&path, "one");
        let mut watched = Watched::new(&path);
        watched.load(&read);
        put(&path, "broken");
        assert_eq!(watched.look(&read), Look::Unsettled);
        assert_eq!(watched.look(&read), Look::Changed);
        assert!(watched.faults().is_some());
        assert_eq!(text(&watched), "one");
        assert_eq!(watched.look(&read), Look::Same);
        put(&path, "one");
        assert_eq!(watched.look(&read), Look::Unsettled);
        assert_eq!(watched.look(&read), Look::Changed);
        assert!(watched.faults().is_none());
    }

    #[test]
    fn a_panic_of_the_reader_is_a_fault_of_the_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.yaml");
        put(&path, "from:secret");
        put(&folder.path().join("secret"), "one");
        let mut watched = Watched::new(&path);
        watched.load(&read);
        put(&folder.path().join("secret"), "panic");
        assert_eq!(watched.look(&read), Look::Unsettled);
        assert_eq!(watched.look(&read), Look::Changed);
        let told = watched.faults().expect("it is told").to_string();
        assert!(
            told.contains("a.yaml:1:1: reading it ended in a panic"),
            "{told}"
        );
        assert_eq!(text(&watched), "one");
        assert_eq!(watched.look(&read), Look::Same);
        put(&folder.path().join("secret"), "two");
        assert_eq!(watched.look(&read), Look::Unsettled);
        assert_eq!(watched.look(&read), Look::Changed);
        assert_eq!(text(&watched), "two");
    }

    #[test]
    fn a_file_that_another_names_counts_as_that_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.yaml");
        put(&path, "from:secret");
        let mut watched = Watched::new(&path);
        assert_eq!(watched.load(&read), Look::Changed);
        assert!(watched.faults().is_some(), "it is missing");
        put(&folder.path().join("secret"), "one");
        assert_eq!(watched.look(&read), Look::Unsettled, "it was put there");
        assert_eq!(watched.look(&read), Look::Changed);
        assert_eq!(text(&watched), "one");
        put(&folder.path().join("secret"), "two");
        assert_eq!(watched.look(&read), Look::Unsettled);
        assert_eq!(watched.look(&read), Look::Changed);
        assert_eq!(text(&watched), "two");
    }

    #[test]
    fn a_file_that_was_read_before_is_read_again_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.yaml");
        put(&path, "one");
        let boot = read(&path).expect("a good version");
        put(&path, "two");
        let mut watched = Watched::known(&path, Arc::new(boot));
        assert_eq!(watched.look(&read), Look::Unsettled);
        assert_eq!(watched.look(&read), Look::Changed);
        assert_eq!(text(&watched), "two");
        watched.forget();
        assert_eq!(watched.look(&read), Look::Changed);
        assert_eq!(watched.look(&read), Look::Same);
    }
}
