//! Java packages: files by their paths, with the checksums and metadata that the repository makes itself.
//! <https://maven.apache.org/repositories/layout.html>

use std::collections::BTreeMap;
use std::fmt::Write as _;

use http::{Method, Response, StatusCode};
use http_body_util::BodyExt;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Shared;
use super::asset::{Asset, Digests, Hasher, Received};
use super::data::{Asked, blocked, conflict, not_allowed, not_found};
use super::page::Page;
use crate::service::{ErrorAnswer, PlainBody, reply};
use crate::xml::escape;

const METADATA: &str = "maven-metadata.xml";

/// The checksums that are served beside every file.
const CHECKSUMS: [&str; 4] = ["md5", "sha1", "sha256", "sha512"];

/// All files, by path.
#[derive(Clone, Debug, Default)]
pub(super) struct Artifacts {
    files: BTreeMap<String, Asset>,
}

/// What is at a path.
#[derive(Debug)]
pub(super) enum Found {
    /// A file, to be redirected to.
    File,
    /// A text that is answered at once, with its type.
    Text(String, &'static str),
}

/// Answers what is asked of a repository.
pub(super) async fn serve(
    shared: &Shared,
    asked: &Asked,
    body: PlainBody,
) -> Result<Response<PlainBody>, ErrorAnswer> {
    if asked.method == Method::PUT {
        return store(shared, asked, body).await;
    }
    if asked.method != Method::GET && asked.method != Method::HEAD {
        return Err(not_allowed());
    }
    let options = shared.options();
    let state = shared.lock();
    let packages = state.repositories.get(&asked.place);
    let found = packages.and_then(|packages| packages.maven.find(&asked.path));
    let page = match found.ok_or_else(|| not_found("No such file"))? {
        Found::File => None,
        Found::Text(text, content_type) => Some(Page {
            bytes: text.into(),
            content_type,
            modified: None,
        }),
    };
    drop(state);
    match page {
        None => shared.redirect(asked),
        Some(page) => Ok(page.answer(&options, &asked.headers)),
    }
}

/// Stores a file. Of what the repository makes itself, the client's own is taken and let go, but for a checksum
/// that is wrong.
async fn store(
    shared: &Shared,
    asked: &Asked,
    mut body: PlainBody,
) -> Result<Response<PlainBody>, ErrorAnswer> {
    let bad = |message: &str| ErrorAnswer::new(400, "BadRequest", message);
    let path = asked.path.as_str();
    let mut received = Received::default();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| bad(&format!("The body broke off: {error}")))?;
        if let Ok(data) = frame.into_data() {
            received.push(&data);
        }
    }
    let asset = received.finish(shared.clock.now());
    let mut state = shared.lock();
    let packages = state.repositories.get_mut(&asked.place);
    let packages = packages.ok_or_else(|| not_found("The repository does not exist"))?;
    let created = || Ok(reply(StatusCode::CREATED, "text/plain", ""));
    if let Some((file, algorithm)) = path.rsplit_once('.')
        && is_checksum(path)
    {
        let expected = packages.maven.file(file);
        let expected = expected.and_then(|asset| digest(&asset.digests, algorithm));
        let said = asset
            .bytes()
            .map(|bytes| String::from_utf8_lossy(bytes).trim().to_owned());
        return match (expected, said) {
            (Some(expected), Some(said)) if expected != said => Err(bad("The checksum is wrong")),
            _ => created(),
        };
    }
    if is_metadata(path) && !is_snapshot(path) {
        return created();
    }
    if !packages.takes_maven(path) {
        return Err(blocked(path));
    }
    if packages.maven.file(path).is_some() && !is_snapshot(path) {
        return Err(conflict(&format!("{path} already exists")));
    }
    packages.maven.put(path, asset);
    created()
}

impl Artifacts {
    pub(super) fn put(&mut self, path: &str, asset: Asset) {
        self.files.insert(path.to_owned(), asset);
    }

    pub(super) fn remove(&mut self, prefix: &str) {
        self.files.retain(|path, _| !path.starts_with(prefix));
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = &String> {
        self.files.keys()
    }

    pub(super) fn file(&self, path: &str) -> Option<&Asset> {
        self.files.get(path)
    }

    pub(super) fn find(&self, path: &str) -> Option<Found> {
        if let Some(text) = self.metadata(path) {
            return Some(Found::Text(text, "text/xml"));
        }
        if self.files.contains_key(path) {
            return Some(Found::File);
        }
        let (file, algorithm) = path.rsplit_once('.')?;
        let digest = match self.metadata(file) {
            Some(text) => {
                let mut hasher = Hasher::default();
                hasher.update(text.as_bytes());
                digest(&hasher.finish(), algorithm)?
            }
            None => digest(&self.files.get(file)?.digests, algorithm)?,
        };
        Some(Found::Text(digest, "text/plain"))
    }

    /// Whether there is a package of that name, `group:artifact`.
    pub(super) fn has_package(&self, name: &str) -> bool {
        name.split_once(':').is_some_and(|(group, artifact)| {
            let folder = format!("{}/{artifact}/", group.replace('.', "/"));
            self.files.keys().any(|path| path.starts_with(&folder))
        })
    }

    /// The metadata of an artifact, from the versions that are there.
    fn metadata(&self, path: &str) -> Option<String> {
        let folder = path.strip_suffix(METADATA)?;
        let (group, artifact) = folder.strip_suffix('/')?.rsplit_once('/')?;
        let mut versions = BTreeMap::new();
        let mut updated = None;
        for (path, asset) in self.files.range(folder.to_owned()..) {
            let Some(rest) = path.strip_prefix(folder) else {
                break;
            };
            // Deeper or higher files belong to other artifacts.
            if let Some((version, file)) = rest.split_once('/')
                && file.starts_with(&format!("{artifact}-"))
                && !file.contains('/')
            {
                versions.insert(order(version), version);
                updated = updated.max(Some(asset.stored));
            }
        }
        let versions: Vec<_> = versions.into_values().collect();
        let latest = escape(versions.last()?);
        let release = versions.iter().rev().find(|version| !is_snapshot(version));
        let mut xml = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<metadata>\n  <groupId>{}</groupId>\n  \
             <artifactId>{}</artifactId>\n  <versioning>\n    <latest>{latest}</latest>\n",
            escape(&group.replace('/', ".")),
            escape(artifact),
        );
        // Writing to a text does not fail.
        if let Some(release) = release {
            let _ = writeln!(xml, "    <release>{}</release>", escape(release));
        }
        xml.push_str("    <versions>\n");
        for version in &versions {
            let _ = writeln!(xml, "      <version>{}</version>", escape(version));
        }
        xml.push_str("    </versions>\n");
        if let Some(updated) = updated.and_then(|time| Timestamp::try_from(time).ok()) {
            let updated = updated.to_zoned(TimeZone::UTC).strftime("%Y%m%d%H%M%S");
            let _ = writeln!(xml, "    <lastUpdated>{updated}</lastUpdated>");
        }
        xml.push_str("  </versioning>\n</metadata>\n");
        Some(xml)
    }
}

/// What versions are sorted by: their numbers, as numbers, then their texts.
fn order(version: &str) -> (Vec<u64>, &str) {
    let numbers = version.split(['.', '-']);
    let numbers = numbers.map_while(|part| part.parse().ok()).collect();
    (numbers, version)
}

fn digest(digests: &Digests, algorithm: &str) -> Option<String> {
    match algorithm {
        "md5" => Some(digests.md5.clone()),
        "sha1" => Some(digests.sha1.clone()),
        "sha256" => Some(digests.sha256.clone()),
        "sha512" => Some(digests.sha512.clone()),
        _ => None,
    }
}

/// Whether a path names what the repository makes itself, or answers at once in any case.
pub(super) fn is_text(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name == METADATA || is_checksum(name)
}

/// Whether a path names a checksum.
pub(super) fn is_checksum(path: &str) -> bool {
    path.rsplit_once('.')
        .is_some_and(|(_, algorithm)| CHECKSUMS.contains(&algorithm))
}

/// Whether a path names an artifact's metadata.
pub(super) fn is_metadata(path: &str) -> bool {
    path.ends_with(&format!("/{METADATA}"))
}

/// Whether a file may be published again: of a snapshot, any number of times.
pub(super) fn is_snapshot(path: &str) -> bool {
    path.contains("-SNAPSHOT")
}

/// The package that a file belongs to, as `group:artifact`; `None` if the path is no file's of the layout.
pub(super) fn package_of(path: &str) -> Option<String> {
    let mut parts = path.rsplitn(4, '/');
    let (_file, _version) = (parts.next()?, parts.next()?);
    let artifact = parts.next()?;
    let group = parts.next()?.replace('/', ".");
    Some(format!("{group}:{artifact}"))
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn metadata_and_checksums_follow_the_files() {
        let mut artifacts = Artifacts::default();
        let asset = Asset::new("jar", SystemTime::UNIX_EPOCH);
        for path in [
            "com/acme/tool/1.0/tool-1.0.jar",
            "com/acme/tool/1.1-SNAPSHOT/tool-1.1-SNAPSHOT.jar",
            "com/acme/tool/part/2.0/part-2.0.jar",
        ] {
            artifacts.put(path, asset.clone());
        }
        let Some(Found::Text(xml, _)) = artifacts.find("com/acme/tool/maven-metadata.xml") else {
            panic!("no metadata");
        };
        assert!(
            xml.contains("<latest>1.1-SNAPSHOT</latest>\n    <release>1.0</release>"),
            "{xml}"
        );
        assert!(!xml.contains("2.0"), "{xml}");
        let sum = artifacts.find("com/acme/tool/1.0/tool-1.0.jar.sha1");
        assert!(matches!(sum, Some(Found::Text(text, _)) if text == asset.digests.sha1));
        assert!(
            artifacts
                .find("com/acme/tool/maven-metadata.xml.md5")
                .is_some()
        );
        assert!(artifacts.find("com/acme/maven-metadata.xml").is_none());
        assert!(artifacts.has_package("com.acme:tool"));
        let package = package_of("com/acme/tool/1.0/tool-1.0.jar");
        assert_eq!(package.as_deref(), Some("com.acme:tool"));
    }
}
