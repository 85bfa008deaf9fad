//! Which artifacts may change after they were published.

use super::ArtifactKey;

/// Checksum and signature files that belong to another file and change with it.
const SIDECARS: [&str; 5] = [".sha1", ".md5", ".sha256", ".sha512", ".asc"];

/// Whether an artifact may change under its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Published once; a cached copy is good for ever.
    Immutable,
    /// May change: a cached copy is good for `METADATA_TTL`, then revalidated.
    Mutable,
}

impl Freshness {
    /// As [`ArtifactKey::freshness`], of a key that is known to be one: every hit asks, so nothing is
    /// allocated.
    #[must_use]
    pub fn of(key: &str) -> Self {
        let whole = || file_name(key);
        let name = base_of_sidecar(key).map_or_else(whole, file_name);
        let metadata = name.starts_with("maven-metadata") && has_extension(name, "xml");
        // A deployed snapshot's files carry a time stamp instead (`app-1.0-20260102.030405-1.jar`).
        let snapshot = name.contains("-SNAPSHOT");
        if metadata || snapshot || name == "archetype-catalog.xml" {
            Self::Mutable
        } else {
            Self::Immutable
        }
    }
}

impl ArtifactKey {
    /// Whether the artifact may change, by Maven's naming rules.
    ///
    /// Mutable are `maven-metadata*.xml`, `archetype-catalog.xml`, snapshots without a time stamp
    /// in their name, and the checksum files of all of these.
    #[must_use]
    pub fn freshness(&self) -> Freshness {
        Freshness::of(self.as_str())
    }

    /// The other files that are only meaningful together with this one: a mutable file and its
    /// checksums, in whichever direction. Empty for immutable artifacts.
    #[must_use]
    pub fn companions(&self) -> Vec<ArtifactKey> {
        match self.freshness() {
            Freshness::Immutable => Vec::new(),
            Freshness::Mutable => {
                let base = self.group();
                let sidecars = SIDECARS.iter().map(|suffix| base.with_suffix(suffix));
                std::iter::once(base.clone())
                    .chain(sidecars)
                    .filter(|key| key != self)
                    .collect()
            }
        }
    }

    /// The file that this one is a checksum or signature of, or itself: one name for all that are
    /// refreshed together.
    #[must_use]
    pub fn group(&self) -> ArtifactKey {
        self.sidecar_base().unwrap_or_else(|| self.clone())
    }

    fn sidecar_base(&self) -> Option<ArtifactKey> {
        base_of_sidecar(self.as_str()).map(|base| ArtifactKey::known_valid(base.to_owned()))
    }
}

/// What is left of a key without the suffix of a sidecar, where that is a key, too: `...sha1` is a name
/// like any other, and not the checksum of `..`.
fn base_of_sidecar(key: &str) -> Option<&str> {
    let base = SIDECARS
        .iter()
        .find_map(|suffix| key.strip_suffix(suffix))?;
    (!matches!(file_name(base), "" | "." | "..")).then_some(base)
}

fn file_name(key: &str) -> &str {
    key.rsplit('/').next().unwrap_or(key)
}

fn has_extension(name: &str, extension: &str) -> bool {
    name.rsplit_once('.')
        .is_some_and(|(_, found)| found.eq_ignore_ascii_case(extension))
}

#[cfg(test)]
mod tests {
    use super::super::RequestPath;
    use super::*;

    fn key(path: &str) -> ArtifactKey {
        match RequestPath::parse(&format!("/{path}"), 0) {
            Ok(RequestPath::Artifact(key)) => key,
            other => panic!("{path}: {other:?}"),
        }
    }

    #[test]
    fn metadata_snapshots_and_their_checksums_may_change() {
        for path in [
            "g/a/maven-metadata.xml",
            "g/a/maven-metadata-central.xml",
            "g/a/maven-metadata.xml.sha1",
            "archetype-catalog.xml",
            "g/a/1.0-SNAPSHOT/a-1.0-SNAPSHOT.jar",
            "g/a/1.0-SNAPSHOT/a-1.0-SNAPSHOT.jar.md5",
            "g/a/1.0-SNAPSHOT/a-1.0-SNAPSHOT-sources.jar",
        ] {
            assert_eq!(key(path).freshness(), Freshness::Mutable, "{path}");
        }
    }

    #[test]
    fn everything_else_never_changes() {
        for path in [
            "g/a/1.0/a-1.0.jar",
            "g/a/1.0/a-1.0.pom.sha1",
            "g/a/1.0-SNAPSHOT/a-1.0-20260102.030405-1.jar",
            "maven-metadata/notes.txt",
            "g/maven-metadata.html",
        ] {
            assert_eq!(key(path).freshness(), Freshness::Immutable, "{path}");
        }
    }

    #[test]
    fn a_checksum_file_of_no_possible_name_belongs_to_nothing() {
        for path in ["a/...sha1", "a/..sha1", "a/.sha1", ".md5"] {
            assert_eq!(key(path).group(), key(path), "{path}");
        }
    }

    #[test]
    fn a_mutable_file_and_its_checksums_know_each_other() {
        let companions = key("g/maven-metadata.xml.sha1").companions();
        assert_eq!(companions.len(), 5);
        assert!(companions.contains(&key("g/maven-metadata.xml")));
        assert!(companions.contains(&key("g/maven-metadata.xml.md5")));
        assert!(key("g/a-1.jar").companions().is_empty());
    }
}
