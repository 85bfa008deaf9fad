//! From sections to profiles, sessions and services, with both files laid over each other.
//!
//! * In the config file a profile is `[profile NAME]` or `[default]`; in the credentials file `[NAME]`.
//!   A key in the credentials file wins over the same key in the config file.
//! * Two spellings of one name (`[default]` and `[profile default]`, `[profile a]` and `[profile "a"]`):
//!   the later section counts, the earlier one as a whole does not.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use super::error::shown;
use super::ini::{self, Entries, Entry, Ini, Section, Value};
use super::{ConfigError, words};

/// A configuration file as it was read: where it lies, for texts, and its bytes if it is there.
#[derive(Clone, Copy)]
pub struct FileContent<'a> {
    /// Where it lies, or would lie.
    pub path: &'a Path,
    /// Nothing if there is no such file.
    pub bytes: Option<&'a [u8]>,
}

/// Both files, read.
pub(super) struct Sections<'a> {
    config: FileContent<'a>,
    credentials: FileContent<'a>,
    profiles: BTreeMap<String, Settings<'a>>,
    sessions: BTreeMap<String, Settings<'a>>,
    services: BTreeMap<String, Settings<'a>>,
    /// Sections of the config file that mean nothing here.
    others: BTreeMap<String, usize>,
}

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

impl<'a> Sections<'a> {
    pub(super) fn parse(
        config: FileContent<'a>,
        credentials: FileContent<'a>,
    ) -> Result<Self, ConfigError> {
        let mut sections = Self {
            config,
            credentials,
            profiles: BTreeMap::new(),
            sessions: BTreeMap::new(),
            services: BTreeMap::new(),
            others: BTreeMap::new(),
        };
        sections.take_config(&parse(config)?);
        sections.take_credentials(&parse(credentials)?);
        Ok(sections)
    }

    fn take_config(&mut self, ini: &Ini) {
        for section in &ini.sections {
            // Any word that begins so, as with botocore.
            let target = match section.name.as_str() {
                name if name.starts_with("profile") => &mut self.profiles,
                name if name.starts_with("sso-session") => &mut self.sessions,
                name if name.starts_with("services") => &mut self.services,
                name @ "default" => {
                    let settings =
                        Settings::new(name, Origin::Config, self.config.path, section, ini);
                    self.profiles.insert(name.to_owned(), settings);
                    continue;
                }
                name => {
                    self.others.insert(name.to_owned(), section.line);
                    continue;
                }
            };
            let words = words::split(&section.name).unwrap_or_default();
            if let [_, name] = words.as_slice() {
                let settings = Settings::new(name, Origin::Config, self.config.path, section, ini);
                target.insert(name.clone(), settings);
            }
        }
    }

    fn take_credentials(&mut self, ini: &Ini) {
        for section in &ini.sections {
            let name = section.name.as_str();
            let settings = Settings::new(
                name,
                Origin::Credentials,
                self.credentials.path,
                section,
                ini,
            );
            match self.profiles.get_mut(name) {
                Some(profile) => {
                    profile.layers.splice(0..0, settings.layers);
                }
                None => {
                    self.profiles.insert(name.to_owned(), settings);
                }
            }
        }
    }

    pub(super) fn profile(&self, name: &str) -> Option<&Settings<'a>> {
        self.profiles.get(name)
    }

    pub(super) fn session(&self, name: &str) -> Option<&Settings<'a>> {
        self.sessions.get(name)
    }

    pub(super) fn services(&self, name: &str) -> Option<&Settings<'a>> {
        self.services.get(name)
    }

    /// The profile that was asked for; the error says what there is instead.
    pub(super) fn requested_profile(&self, name: &str) -> Result<&Settings<'a>, ConfigError> {
        if let Some(profile) = self.profiles.get(name) {
            return Ok(profile);
        }
        let file = self.config.path;
        let quoted = words::shell_quoted(&shown(name));
        if self.config.bytes.is_none() && self.credentials.bytes.is_none() {
            return Err(ConfigError::new(
                file,
                format!("there is no such file, so no profile {quoted}"),
                format!(
                    "Write it with `aws configure sso --profile {quoted}`, or mount the folder that holds it."
                ),
            )
            .absent());
        }
        if let Some(line) = self.others.get(name) {
            return Err(ConfigError::new(
                file,
                format!("[{0}] is no profile in this file", shown(name)),
                format!("Write [profile {quoted}]."),
            )
            .at_line(*line)
            .absent());
        }
        let cure = match self.some_names() {
            Some(names) => format!("The profiles here are {names}: choose one of them"),
            None => "There are no profiles here at all: check the file's place".to_owned(),
        };
        let cure = format!("{cure}, or write it with `aws configure sso --profile {quoted}`.");
        let what = format!("there is no profile {quoted}");
        Err(ConfigError::new(file, what, cure).absent())
    }

    fn some_names(&self) -> Option<String> {
        const MOST: usize = 8;
        let names: Vec<String> = self
            .profiles
            .keys()
            .take(MOST)
            .map(|name| shown(name))
            .collect();
        let more = self.profiles.len() - names.len();
        let and_more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        (!names.is_empty()).then(|| names.join(", ") + &and_more)
    }
}

fn parse(file: FileContent<'_>) -> Result<Ini, ConfigError> {
    let Some(bytes) = file.bytes else {
        return Ok(Ini::default());
    };
    ini::parse(bytes)
        .map_err(|error| ConfigError::new(file.path, error.what, error.cure).at_line(error.line))
}

impl<'a> Settings<'a> {
    fn new(name: &str, origin: Origin, file: &'a Path, section: &Section, ini: &Ini) -> Self {
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
