//! A small Maven repository, made afresh: four artifacts with their poms, jars and checksums.
//!
//! ```text
//! com/example/<name>/maven-metadata.xml{,.sha1}
//! com/example/<name>/<version>/<name>-<version>.{pom,jar}{,.sha1}
//! ```
//!
//! The jars are real (a manifest first, as `jar` writes it) and the same at every run, so that a
//! checksum noted yesterday still holds.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Cursor, Write as _};

use sha1::{Digest as _, Sha1};
use sha2::Sha256;
use simulated_aws::S3;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::error::Error;

const MIB: usize = 1024 * 1024;

/// The file of an artifact, in Maven's layout.
pub(crate) const ATLAS_JAR: &str = "com/example/atlas/1.0/atlas-1.0.jar";
/// Another large jar.
pub(crate) const ICONS_JAR: &str = "com/example/icons/2.1/icons-2.1.jar";
/// A small jar.
pub(crate) const HELLO_JAR: &str = "com/example/hello/1.0/hello-1.0.jar";
/// A jar that nothing depends on.
pub(crate) const TIDES_JAR: &str = "com/example/tides/0.9/tides-0.9.jar";
/// The pom beside it.
pub(crate) const TIDES_POM: &str = "com/example/tides/0.9/tides-0.9.pom";
/// Tells Maven which versions there are; it changes with each release.
pub(crate) const HELLO_METADATA: &str = "com/example/hello/maven-metadata.xml";

struct Artifact {
    name: &'static str,
    version: &'static str,
    /// Of the one resource in the jar.
    resource: &'static str,
    resource_bytes: usize,
    dependencies: &'static [(&'static str, &'static str)],
}

const ARTIFACTS: [Artifact; 4] = [
    Artifact {
        name: "atlas",
        version: "1.0",
        resource: "com/example/atlas/coastlines.txt",
        resource_bytes: 6 * MIB,
        dependencies: &[],
    },
    Artifact {
        name: "hello",
        version: "1.0",
        resource: "com/example/hello/greetings.txt",
        resource_bytes: 2048,
        dependencies: &[("atlas", "1.0"), ("icons", "2.1")],
    },
    Artifact {
        name: "icons",
        version: "2.1",
        resource: "com/example/icons/icons.txt",
        resource_bytes: 4 * MIB,
        dependencies: &[],
    },
    Artifact {
        name: "tides",
        version: "0.9",
        resource: "com/example/tides/tables.txt",
        resource_bytes: 2048,
        dependencies: &[],
    },
];

/// All files by key.
#[derive(Debug)]
pub(crate) struct Repository {
    files: BTreeMap<String, Vec<u8>>,
}

impl Repository {
    /// How many artifacts there are.
    pub(crate) const ARTIFACTS: usize = ARTIFACTS.len();

    /// Makes all files, in memory.
    pub(crate) fn make() -> Result<Self, Error> {
        let mut files = BTreeMap::new();
        for artifact in &ARTIFACTS {
            let (name, version) = (artifact.name, artifact.version);
            let folder = format!("com/example/{name}");
            let stem = format!("{folder}/{version}/{name}-{version}");
            for (key, content) in [
                (format!("{folder}/maven-metadata.xml"), artifact.metadata()),
                (format!("{stem}.pom"), artifact.pom()),
                (format!("{stem}.jar"), artifact.jar()?),
            ] {
                let checksum = hex::encode(Sha1::digest(&content));
                files.insert(format!("{key}.sha1"), checksum.into_bytes());
                files.insert(key, content);
            }
        }
        Ok(Self { files })
    }

    /// Puts all files into a bucket.
    pub(crate) fn publish(&self, s3: &S3, bucket: &str) -> Result<(), Error> {
        for (key, content) in &self.files {
            s3.put(bucket, key, content)?;
        }
        Ok(())
    }

    /// All keys with their contents.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let files = self.files.iter();
        files.map(|(key, content)| (key.as_str(), content.as_slice()))
    }

    /// What a build of `hello` downloads: jars, poms and checksums, of what it depends on too.
    pub(crate) fn keys_of_a_build(&self) -> Vec<String> {
        let is_wanted = |key: &&String| {
            let names = ["atlas", "hello", "icons"];
            let mut folders = names.iter().map(|name| format!("com/example/{name}/"));
            folders.any(|folder| key.starts_with(&folder)) && !key.contains("maven-metadata")
        };
        self.files.keys().filter(is_wanted).cloned().collect()
    }

    /// A file's content; empty for one that was never made.
    pub(crate) fn content(&self, key: &str) -> &[u8] {
        self.files.get(key).map_or(&[], Vec::as_slice)
    }

    /// What Bazel wants beside a URL: SHA-256, in hex.
    pub(crate) fn sha256(&self, key: &str) -> String {
        hex::encode(Sha256::digest(self.content(key)))
    }

    /// How many files there are, and their bytes in all.
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.files.len(), self.files.values().map(Vec::len).sum())
    }
}

impl Artifact {
    fn pom(&self) -> Vec<u8> {
        let mut pom = format!(
            r#"<?xml version="1.0" encoding="UTF-8"?>
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>com.example</groupId>
  <artifactId>{}</artifactId>
  <version>{}</version>
"#,
            self.name, self.version
        );
        if !self.dependencies.is_empty() {
            pom.push_str("  <dependencies>\n");
            for (name, version) in self.dependencies {
                // Writing to a text cannot fail.
                let _ok = writeln!(
                    pom,
                    "    <dependency>\n      <groupId>com.example</groupId>\n      \
                     <artifactId>{name}</artifactId>\n      <version>{version}</version>\n    \
                     </dependency>"
                );
            }
            pom.push_str("  </dependencies>\n");
        }
        pom.push_str("</project>\n");
        pom.into_bytes()
    }

    fn metadata(&self) -> Vec<u8> {
        let (name, version) = (self.name, self.version);
        format!(
            r#"<?xml version="1.0" encoding="UTF-8"?>
<metadata>
  <groupId>com.example</groupId>
  <artifactId>{name}</artifactId>
  <versioning>
    <latest>{version}</latest>
    <release>{version}</release>
    <versions>
      <version>{version}</version>
    </versions>
    <lastUpdated>20260102030405</lastUpdated>
  </versioning>
</metadata>
"#
        )
        .into_bytes()
    }

    fn jar(&self) -> Result<Vec<u8>, Error> {
        // Without a clock's time in it: the same bytes at every run.
        let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        let mut jar = ZipWriter::new(Cursor::new(Vec::new()));
        jar.start_file("META-INF/MANIFEST.MF", stored)?;
        jar.write_all(b"Manifest-Version: 1.0\r\nCreated-By: bazel-proxy demo\r\n\r\n")?;
        jar.start_file(self.resource, stored)?;
        jar.write_all(&lines(self.name, self.resource_bytes))?;
        Ok(jar.finish()?.into_inner())
    }
}

/// Numbered lines, so that a piece in the wrong place is a different text.
fn lines(name: &str, bytes: usize) -> Vec<u8> {
    let mut text = String::with_capacity(bytes + 64);
    for number in 0.. {
        if text.len() >= bytes {
            break;
        }
        // Writing to a text cannot fail.
        let _ok = writeln!(text, "{name}, line {number:08}");
    }
    text.truncate(bytes);
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    #[test]
    fn the_named_files_are_there_with_their_checksums() {
        let repository = Repository::make().expect("made");
        for key in [
            ATLAS_JAR,
            ICONS_JAR,
            HELLO_JAR,
            TIDES_JAR,
            TIDES_POM,
            HELLO_METADATA,
        ] {
            let content = repository.content(key);
            assert!(!content.is_empty(), "{key}");
            let checksum = repository.content(&format!("{key}.sha1"));
            assert_eq!(checksum, hex::encode(Sha1::digest(content)).as_bytes());
        }
    }

    #[test]
    fn a_jar_is_a_zip_with_its_manifest_first_and_the_same_at_every_run() {
        let repository = Repository::make().expect("made");
        let jar = repository.content(HELLO_JAR);
        let mut archive = zip::ZipArchive::new(Cursor::new(jar)).expect("a zip");
        let mut manifest = archive.by_index(0).expect("a first entry");
        assert_eq!(manifest.name().expect("a name"), "META-INF/MANIFEST.MF");
        let mut text = String::new();
        manifest.read_to_string(&mut text).expect("readable");
        assert!(text.starts_with("Manifest-Version: 1.0\r\n"));
        let again = Repository::make().expect("made");
        assert_eq!(jar, again.content(HELLO_JAR));
    }

    #[test]
    fn hello_depends_on_the_others() {
        let repository = Repository::make().expect("made");
        let pom =
            String::from_utf8_lossy(repository.content("com/example/hello/1.0/hello-1.0.pom"));
        assert!(pom.contains("<artifactId>atlas</artifactId>"));
        assert!(pom.contains("<artifactId>icons</artifactId>"));
    }

    #[test]
    fn a_build_wants_twelve_files() {
        let keys = Repository::make().expect("made").keys_of_a_build();
        assert_eq!(keys.len(), 12, "{keys:?}");
        assert!(keys.iter().any(|key| key == ICONS_JAR));
        assert!(!keys.iter().any(|key| key == TIDES_JAR));
    }
}
