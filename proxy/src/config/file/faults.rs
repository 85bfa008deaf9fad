//! What is wrong with a file, and where.

use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is wrong with one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFaults {
    /// At least one, in the order of their places.
    pub list: Vec<FileFault>,
    /// All files that were read, or looked for in vain: a change of any may mend it. The file itself first.
    pub inputs: Vec<PathBuf>,
}

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFault {
    /// Where it is.
    pub place: Place,
    /// What is wrong; never a secret.
    pub problem: String,
    /// What to write instead.
    pub cure: String,
}

impl std::fmt::Display for FileFaults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let lines = self.list.iter().map(|fault| {
            let FileFault {
                place,
                problem,
                cure,
            } = fault;
            format!("{place}: {problem}\n    {cure}")
        });
        f.write_str(&lines.collect::<Vec<_>>().join("\n"))
    }
}

impl std::error::Error for FileFaults {}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: Arc<Path>,
    /// From 1 on.
    pub line: usize,
    /// In characters, from 1 on.
    pub column: usize,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}
