//! A section's keys, and errors that say where one of them stands or is missing.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use super::ConfigError;
use super::ini::{Entries, Entry, Ini, Section, Value};

/// A profile's, session's or services section's keys.
#[derive(Clone)]
pub(super) struct Settings<'a> {
    name: String,
    file: &'a Path,
    line: usize,
    /// The first that has a key decides.
    layers: Vec<Layer<'a>>,
}

/// Which of the two files.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Config,
    Credentials,
}

#[derive(Clone)]
struct Layer<'a> {
    origin: Origin,
    file: &'a Path,
    entries: Arc<Entries>,
}

/// A key's value and where it stands.
#[derive(Clone, Copy)]
pub(super) struct Found<'s> {
    pub(super) file: &'s Path,
    pub(super) line: usize,
    pub(super) value: &'s Value,
}

impl<'a> Settings<'a> {
    pub(super) fn new(
        name: &str,
        origin: Origin,
        file: &'a Path,
        section: &Section,
        ini: &Ini,
    ) -> Self {
        let layers = [&section.entries, &ini.defaults];
        let layers = layers.map(|entries| Layer {
            origin,
            file,
            entries: Arc::clone(entries),
        });
        Self {
            name: name.to_owned(),
            file,
            line: section.line,
            layers: layers.into(),
        }
    }

    /// Lets keys of the same profile in the other file win.
    pub(super) fn lay_over(&mut self, upper: Self) {
        self.layers.splice(0..0, upper.layers);
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The region that a profile names.
    pub(super) fn region(&self) -> Result<Option<String>, ConfigError> {
        let region = self.text_or_empty(self, "region")?;
        Ok(region
            .filter(|region| !region.is_empty())
            .map(str::to_owned))
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    pub(super) fn has_in(&self, origin: Origin, key: &str) -> bool {
        let mut layers = self.layers.iter().filter(|layer| layer.origin == origin);
        layers.any(|layer| layer.entries.contains_key(key))
    }

    pub(super) fn get(&self, key: &str) -> Option<Found<'_>> {
        self.layers.iter().find_map(|layer| {
            let Entry { line, value } = layer.entries.get(key)?;
            Some(Found {
                file: layer.file,
                line: *line,
                value,
            })
        })
    }

    /// Every key, once.
    pub(super) fn keys(&self) -> BTreeSet<&str> {
        let all = self.layers.iter().flat_map(|layer| layer.entries.keys());
        all.map(String::as_str).collect()
    }

    /// The value of a key; an empty one is an error in the name of `profile`.
    pub(super) fn text(
        &self,
        profile: &Settings<'_>,
        key: &str,
    ) -> Result<Option<&str>, ConfigError> {
        match self.text_or_empty(profile, key)? {
            Some("") => Err(self.error_at(
                profile,
                key,
                format!("{key} is empty"),
                "Give it a value, or remove the line.",
            )),
            other => Ok(other),
        }
    }

    /// A value that cannot hold white space: then a comment stands behind it, most likely.
    pub(super) fn word(
        &self,
        profile: &Settings<'_>,
        key: &str,
    ) -> Result<Option<&str>, ConfigError> {
        match self.text(profile, key)? {
            Some(text) if text.contains('\n') => Err(self.error_at(
                profile,
                key,
                format!("the value of {key} goes on in the next line, as that is indented"),
                "Begin the next line without white space, like the others.",
            )),
            Some(text) if text.contains(char::is_whitespace) => Err(self.error_at(
                profile,
                key,
                format!("the value of {key} holds white space"),
                "Write the bare value; a comment needs a line of its own.",
            )),
            other => Ok(other),
        }
    }

    /// [`Settings::word`] that has to be there.
    pub(super) fn required(
        &self,
        profile: &Settings<'_>,
        key: &str,
        cure: &str,
    ) -> Result<&str, ConfigError> {
        self.word(profile, key)?
            .ok_or_else(|| self.error(profile, key, format!("{key} is missing"), cure))
    }

    pub(super) fn text_or_empty(
        &self,
        profile: &Settings<'_>,
        key: &str,
    ) -> Result<Option<&str>, ConfigError> {
        match self.get(key).map(|found| found.value) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(Value::Block(_) | Value::Secret) => Err(self.error_at(
                profile,
                key,
                format!("{key} has an indented block instead of a value"),
                "Write the value on the same line as its key.",
            )),
        }
    }

    /// An error at the line of a key that is there.
    pub(super) fn error_at(
        &self,
        profile: &Settings<'_>,
        key: &str,
        what: impl Into<String>,
        cure: impl Into<String>,
    ) -> ConfigError {
        let (file, line) = self
            .get(key)
            .map_or((self.file, self.line), |found| (found.file, found.line));
        ConfigError::new(file, what, cure)
            .at_line(line)
            .in_profile(profile.name())
            .about(key)
    }

    /// An error at the section's own line, as a key is missing.
    pub(super) fn error(
        &self,
        profile: &Settings<'_>,
        key: &str,
        what: impl Into<String>,
        cure: impl Into<String>,
    ) -> ConfigError {
        ConfigError::new(self.file, what, cure)
            .at_line(self.line)
            .in_profile(profile.name())
            .about(key)
    }
}
