//! What is wrong with a configuration, where, and what to do about it.

use std::fmt;
use std::path::{Path, PathBuf};

/// Why a profile cannot be used. Holds no value of a key that may be secret.
#[derive(Clone, PartialEq, Eq)]
pub struct ConfigError(Box<Details>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Details {
    absent: bool,
    unreadable: bool,
    file: PathBuf,
    line: Option<usize>,
    profile: Option<String>,
    key: Option<String>,
    what: String,
    cure: String,
}

impl ConfigError {
    /// `what` has no full stop at its end, `cure` is one sentence or more.
    pub(super) fn new(file: &Path, what: impl Into<String>, cure: impl Into<String>) -> Self {
        Self(Box::new(Details {
            absent: false,
            unreadable: false,
            file: file.to_owned(),
            line: None,
            profile: None,
            key: None,
            what: what.into(),
            cure: cure.into(),
        }))
    }

    pub(super) fn absent(mut self) -> Self {
        self.0.absent = true;
        self
    }

    pub(super) fn unreadable(mut self) -> Self {
        self.0.unreadable = true;
        self
    }

    pub(super) fn at_line(mut self, line: usize) -> Self {
        self.0.line = Some(line);
        self
    }

    pub(super) fn in_profile(mut self, profile: &str) -> Self {
        self.0.profile = Some(profile.to_owned());
        self
    }

    pub(super) fn about(mut self, key: &str) -> Self {
        self.0.key = Some(key.to_owned());
        self
    }

    /// The profile, or every file, is not there at all: everything else is broken.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        self.0.absent
    }

    /// The file could not be read, so nothing is known of what it says.
    #[must_use]
    pub fn is_unreadable(&self) -> bool {
        self.0.unreadable
    }

    /// The file that has to be changed.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.0.file
    }

    /// The line in that file, counted from 1.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        self.0.line
    }

    /// The profile in which the trouble was found, which may be one that the requested one leads to.
    #[must_use]
    pub fn profile(&self) -> Option<&str> {
        self.0.profile.as_deref()
    }

    /// The key that is wrong or missing.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.0.key.as_deref()
    }

    /// Where and what; one line, without a full stop at its end.
    #[must_use]
    pub fn problem(&self) -> String {
        use fmt::Write as _;

        let mut text = shown(&self.0.file.to_string_lossy());
        // Writing to a string cannot fail.
        if let Some(line) = self.0.line {
            let _infallible = write!(text, ", line {line}");
        }
        if let Some(profile) = &self.0.profile {
            let _infallible = write!(text, ", profile {}", shown(profile));
        }
        let _infallible = write!(text, ": {}", self.0.what);
        text
    }

    /// What to do; a full sentence.
    #[must_use]
    pub fn cure(&self) -> &str {
        &self.0.cure
    }
}

/// A name from outside, on one line.
pub(super) fn shown(name: &str) -> String {
    let plain = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    name.chars().map(plain).collect()
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}. {}", self.problem(), self.cure())
    }
}

impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for ConfigError {}
