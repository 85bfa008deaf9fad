//! Maven coordinates, and the keys that a repository keeps their files under.

use std::fmt;

use thiserror::Error;

use super::{ArtifactKey, KeyError};

/// Longer than what may follow a key that was checked: `pom` or `module` for the extension, and `.sha1`.
/// (The list of versions is shorter than any file, as its folder is.)
const SPARE_BYTES: usize = 24;

/// One artifact of a module: `group:artifact:version`, its classifier, and the extension of its file.
///
/// All parts together are a valid key. The version is one version, and no range.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Coordinates {
    group: String,
    artifact: String,
    version: String,
    classifier: Option<String>,
    extension: String,
}

/// Why a text is no coordinates.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CoordinatesError {
    /// Too few parts, or too many.
    #[error("`{0}` is not group:artifact:version[:classifier][@extension]")]
    Shape(String),
    /// An empty part, or one with a character that none has.
    #[error("`{0}` is no name of a group, an artifact, a version, a classifier or an extension")]
    Part(String),
    /// A range or a dynamic version.
    #[error("`{0}` stands for several versions; name the one that it was resolved to")]
    NotOneVersion(String),
    /// The key that they make is none.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl Coordinates {
    /// The jar of a module.
    pub fn jar(group: &str, artifact: &str, version: &str) -> Result<Self, CoordinatesError> {
        Self::new(group, artifact, version, None, "jar")
    }

    /// Any artifact of a module.
    pub fn new(
        group: &str,
        artifact: &str,
        version: &str,
        classifier: Option<&str>,
        extension: &str,
    ) -> Result<Self, CoordinatesError> {
        if is_dynamic(version) {
            return Err(CoordinatesError::NotOneVersion(version.to_owned()));
        }
        let parts = [group, artifact, version, extension];
        for part in parts.into_iter().chain(classifier) {
            if !is_part(part) {
                return Err(CoordinatesError::Part(part.to_owned()));
            }
        }
        if group.split('.').any(str::is_empty) {
            return Err(CoordinatesError::Part(group.to_owned()));
        }
        let coordinates = Self {
            group: group.to_owned(),
            artifact: artifact.to_owned(),
            version: version.to_owned(),
            classifier: classifier.map(str::to_owned),
            extension: extension.to_owned(),
        };
        let path = coordinates.path(classifier, extension);
        ArtifactKey::new(&format!("{path}{}", "-".repeat(SPARE_BYTES)))?;
        Ok(coordinates)
    }

    /// Reads Gradle's notation: `group:artifact:version[:classifier][@extension]`.
    pub fn parse(notation: &str) -> Result<Self, CoordinatesError> {
        let (parts, extension) = match notation.split_once('@') {
            Some((parts, extension)) => (parts, extension),
            None => (notation, "jar"),
        };
        let parts: Vec<_> = parts.split(':').collect();
        match *parts.as_slice() {
            [group, artifact, version] => Self::new(group, artifact, version, None, extension),
            [group, artifact, version, classifier] => {
                Self::new(group, artifact, version, Some(classifier), extension)
            }
            _ => Err(CoordinatesError::Shape(notation.to_owned())),
        }
    }

    /// The artifact itself.
    #[must_use]
    pub fn key(&self) -> ArtifactKey {
        ArtifactKey::known_valid(self.path(self.classifier.as_deref(), &self.extension))
    }

    /// The module's description for Maven.
    #[must_use]
    pub fn pom(&self) -> ArtifactKey {
        ArtifactKey::known_valid(self.path(None, "pom"))
    }

    /// The module's description for Gradle.
    #[must_use]
    pub fn gradle_module(&self) -> ArtifactKey {
        ArtifactKey::known_valid(self.path(None, "module"))
    }

    /// The list of the module's versions.
    #[must_use]
    pub fn metadata(&self) -> ArtifactKey {
        let Self {
            group, artifact, ..
        } = self;
        let group = group.replace('.', "/");
        ArtifactKey::known_valid(format!("{group}/{artifact}/maven-metadata.xml"))
    }

    /// A file of any name beside the artifact.
    pub fn file(&self, name: &str) -> Result<ArtifactKey, KeyError> {
        ArtifactKey::new(&format!("{}/{name}", self.folder()))
    }

    /// Whether this is the module's own jar, and nothing beside it.
    #[must_use]
    pub fn is_main(&self) -> bool {
        self.classifier.is_none() && self.extension == "jar"
    }

    /// Whether the version is a snapshot without a time stamp, which a repository need not have under
    /// this name.
    #[must_use]
    pub fn is_snapshot(&self) -> bool {
        self.version.ends_with("-SNAPSHOT")
    }

    /// The group.
    #[must_use]
    pub fn group(&self) -> &str {
        &self.group
    }

    /// The artifact's name.
    #[must_use]
    pub fn artifact(&self) -> &str {
        &self.artifact
    }

    /// The version.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    fn path(&self, classifier: Option<&str>, extension: &str) -> String {
        let Self {
            artifact, version, ..
        } = self;
        let dash = if classifier.is_some() { "-" } else { "" };
        let classifier = classifier.unwrap_or_default();
        let folder = self.folder();
        format!("{folder}/{artifact}-{version}{dash}{classifier}.{extension}")
    }

    /// A snapshot with a time stamp lives in the folder of its snapshot.
    fn folder(&self) -> String {
        let Self {
            group,
            artifact,
            version,
            ..
        } = self;
        let group = group.replace('.', "/");
        match without_time_stamp(version) {
            Some(base) => format!("{group}/{artifact}/{base}-SNAPSHOT"),
            None => format!("{group}/{artifact}/{version}"),
        }
    }
}

/// As in Gradle's notation.
impl fmt::Display for Coordinates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            group,
            artifact,
            version,
            classifier,
            extension,
        } = self;
        write!(f, "{group}:{artifact}:{version}")?;
        if let Some(classifier) = classifier {
            write!(f, ":{classifier}")?;
        }
        if extension != "jar" {
            write!(f, "@{extension}")?;
        }
        Ok(())
    }
}

/// Whether a version is a range, or one of Gradle's `1.+` and `latest.release`.
#[must_use]
pub fn is_dynamic(version: &str) -> bool {
    version.contains(['[', ']', '(', ')', ',', '{', '}'])
        || version.ends_with('+')
        || version.starts_with("latest.")
}

/// What Maven refuses, too (`DefaultModelValidator`: `ILLEGAL_VERSION_CHARS`), and white space.
fn is_part(part: &str) -> bool {
    const NEVER: [char; 11] = ['/', '\\', ':', '"', '<', '>', '|', '?', '*', '@', '$'];
    let is_odd = |character: char| character.is_whitespace() || character.is_control();
    !part.is_empty() && !part.contains(NEVER) && !part.contains(is_odd)
}

/// `1.0` of `1.0-20260102.030405-1`.
fn without_time_stamp(version: &str) -> Option<&str> {
    let (rest, build) = version.rsplit_once('-')?;
    let (base, stamp) = rest.rsplit_once('-')?;
    let (date, time) = stamp.split_once('.')?;
    let is_number = |text: &str, digits: usize| {
        text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    let is_stamp = is_number(date, 8) && is_number(time, 6) && is_number(build, build.len());
    (is_stamp && !build.is_empty()).then_some(base)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(notation: &str) -> (String, String) {
        let coordinates = Coordinates::parse(notation).expect("coordinates");
        assert_eq!(coordinates.to_string(), notation);
        (coordinates.key().to_string(), coordinates.pom().to_string())
    }

    #[test]
    fn a_module_lives_where_maven_puts_it() {
        let folder = "com/google/guava/guava/31.1-jre/guava-31.1-jre";
        for (notation, ending) in [
            ("com.google.guava:guava:31.1-jre", ".jar"),
            ("com.google.guava:guava:31.1-jre:sources", "-sources.jar"),
            ("com.google.guava:guava:31.1-jre@aar", ".aar"),
            ("com.google.guava:guava:31.1-jre:x@tar.gz", "-x.tar.gz"),
        ] {
            let expected = (format!("{folder}{ending}"), format!("{folder}.pom"));
            assert_eq!(keys(notation), expected);
        }
    }

    #[test]
    fn a_snapshot_with_a_time_stamp_is_in_its_snapshots_folder() {
        let (key, _) = keys("g:a:1.0-rc-20260102.030405-7");
        assert_eq!(key, "g/a/1.0-rc-SNAPSHOT/a-1.0-rc-20260102.030405-7.jar");
        let (key, _) = keys("g:a:1.0-20260102-7");
        assert_eq!(key, "g/a/1.0-20260102-7/a-1.0-20260102-7.jar");
    }

    #[test]
    fn what_is_no_single_artifact_is_refused() {
        for notation in ["", "g", "g:a", "g:a:1:c:x", "g:a:1@"] {
            assert!(Coordinates::parse(notation).is_err(), "{notation}");
        }
        for version in ["1.+", "[1,2)", "latest.release", "+", "{strictly 1}"] {
            let error = Coordinates::jar("g", "a", version);
            assert_eq!(
                error,
                Err(CoordinatesError::NotOneVersion(version.to_owned()))
            );
        }
        for (group, version) in [
            ("", "1"),
            ("g..h", "1"),
            ("g/h", "1"),
            ("g", "a b"),
            ("g", ".."),
        ] {
            assert!(Coordinates::jar(group, "a", version).is_err());
        }
        let long = "v".repeat(1000);
        assert!(Coordinates::jar("g", "a", &long).is_err());
    }
}
