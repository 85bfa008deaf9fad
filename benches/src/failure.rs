//! Why a measurement could not be made: a run that cannot measure ends, and prints no row about it.

use std::fmt;
use std::io;

/// What was being done, and what came of it; for a person.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl Failure {
    /// In whole words, with the cure where there is one.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

/// Says what an error of the system happened in.
pub(crate) trait While<T> {
    /// `what` is what was being done, as in "while `starting nginx`".
    fn when(self, what: impl FnOnce() -> String) -> Result<T, Failure>;
}

impl<T, E: fmt::Display> While<T> for Result<T, E> {
    fn when(self, what: impl FnOnce() -> String) -> Result<T, Failure> {
        self.map_err(|error| Failure(format!("{}: {error}", what())))
    }
}
