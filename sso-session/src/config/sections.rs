//! From sections to profiles, sessions and services, with both files laid over each other.
//!
//! * In the config file a profile is `[profile NAME]` or `[default]`; in the credentials file `[NAME]`.
//!   A key in the credentials file wins over the same key in the config file.
//! * Two spellings of one name (`[default]` and `[profile default]`, `[profile a]` and `[profile "a"]`):
//!   the later section counts, the earlier one as a whole does not.

use std::collections::BTreeMap;
use std::path::Path;

use super::error::shown;
use super::ini::{self, Ini};
use super::settings::{Origin, Settings};
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
                    profile.lay_over(settings);
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
