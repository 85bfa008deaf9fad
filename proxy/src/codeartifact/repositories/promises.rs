//! What CodeArtifact's own index says of a file's bytes: asked before the file itself, mostly out of the cache.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use tracing::debug;

use super::Repositories;
use crate::artifact::{ArtifactKey, Freshness};
use crate::checksum::ExpectedChecksum;
use crate::codeartifact::index::{maven, pypi};
use crate::codeartifact::{Address, whole};
use crate::config::Format;
use crate::error::Error;
use crate::fetch::{Fetcher, Verdict};

/// As pip asks for a project's page, so that the copy is one and the same.
pub(in crate::codeartifact) const PYPI_ACCEPT: &str = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01";
/// As npm asks for a packument where it installs.
pub(super) const NPM_ACCEPT: &str =
    "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*";
/// As others ask for the same (uv; tools without a taste): a copy of theirs says the same.
const OTHER_ACCEPTS: [&str; 6] = [
    "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01",
    "application/vnd.pypi.simple.v1+json",
    "application/json",
    "text/html",
    "*/*",
    "",
];
/// Beside each file of Maven, the strongest first.
const MAVEN_SIDECARS: [&str; 2] = [".sha256", ".sha1"];
/// A checksum's file is a line.
const LONGEST_SIDECAR_BYTES: u64 = 4 * 1024;
/// What belongs to another file and has no checksum of its own.
const SIDECARS: [&str; 6] = [".sha1", ".md5", ".sha256", ".sha512", ".asc", ".sigstore"];

impl Repositories {
    /// What is promised of a file; nothing where its index says nothing of it.
    pub(super) async fn promised(&self, address: &Address) -> Result<Vec<ExpectedChecksum>, Error> {
        let key = address.key();
        let is_doubted = key.is_some_and(|key| self.changes.take_doubt(key.as_str()));
        if is_doubted {
            self.forget_promises(address).await?;
        }
        match address.format() {
            Format::Maven => self.promised_beside(address).await,
            Format::Pypi | Format::Npm => self.promised_by_page(address).await,
        }
    }

    /// What was promised and what has come are not the same: either may be old.
    async fn forget_promises(&self, address: &Address) -> Result<(), Error> {
        let fetcher = self.fetcher()?;
        for page in pages_of(address) {
            self.changes.note_page(page.as_str());
        }
        for suffix in MAVEN_SIDECARS {
            let beside = address.at(&format!("{}{suffix}", address.path()), None);
            if let Some(key) = beside.and_then(|beside| beside.key())
                && address.format() == Format::Maven
            {
                fetcher.forget(&key).await;
            }
        }
        Ok(())
    }

    async fn promised_beside(&self, address: &Address) -> Result<Vec<ExpectedChecksum>, Error> {
        let path = address.path();
        let is_sidecar = SIDECARS.iter().any(|suffix| path.ends_with(suffix));
        if is_sidecar || Freshness::of(path) == Freshness::Mutable {
            return Ok(Vec::new());
        }
        let mut refused = None;
        for suffix in MAVEN_SIDECARS {
            let beside = address.at(&format!("{path}{suffix}"), None);
            let Some(key) = beside.and_then(|beside| beside.key()) else {
                continue;
            };
            let fetcher = self.fetcher()?;
            match fetcher.get(&key).await {
                Ok(found) => {
                    let text = whole(&fetcher, &key, &found, LONGEST_SIDECAR_BYTES).await;
                    let text = match text {
                        Ok(text) => Some(text),
                        // One that is none promises nothing.
                        Err(_) if found.attributes().length > LONGEST_SIDECAR_BYTES => None,
                        Err(error) => return Err(error),
                    };
                    if let Some(promise) = text.and_then(|text| maven::promised(suffix, &text)) {
                        return Ok(vec![promise]);
                    }
                }
                Err(Error::NotFound) => {}
                // No word on whether there is one.
                Err(error @ Error::Rejected { .. }) => refused = Some(not_promised(&error)),
                Err(error) => return Err(error),
            }
        }
        refused.map_or_else(|| Ok(Vec::new()), Err)
    }

    async fn promised_by_page(&self, address: &Address) -> Result<Vec<ExpectedChecksum>, Error> {
        let fetcher = self.fetcher()?;
        let pages = pages_of(address);
        let cached = fetcher.cached(&pages).await;
        let (copies, others): (Vec<_>, Vec<_>) = pages
            .into_iter()
            .zip(cached)
            .partition(|(_, cached)| *cached);
        let mut refused = None;
        let mut is_unknown = false;
        for (key, is_cached) in copies.into_iter().chain(others) {
            if is_unknown && !is_cached {
                break;
            }
            match self.promised_by(&fetcher, &key, address).await {
                Ok(Word::Said(promised)) => return Ok(promised),
                // A copy of another form may be newer.
                Ok(Word::Unknown) => is_unknown = true,
                // Another form may be had.
                Err(error @ Error::Rejected { .. }) => refused = Some(not_promised(&error)),
                Err(error) => return Err(error),
            }
        }
        if is_unknown {
            return Err(unlisted_by_old_page());
        }
        refused.map_or_else(|| Ok(Vec::new()), Err)
    }

    async fn promised_by(
        &self,
        fetcher: &Arc<Fetcher>,
        key: &ArtifactKey,
        address: &Address,
    ) -> Result<Word, Error> {
        for is_last in [false, true] {
            let found = match fetcher.get(key).await {
                Ok(found) => found,
                Err(Error::NotFound) => return Ok(Word::Said(Vec::new())),
                Err(error) => return Err(error),
            };
            let listed = self.parsed.of(fetcher, key, &found, address).await?;
            if let Some(promised) = listed.get(address.path()) {
                return Ok(Word::Said(promised));
            }
            if is_last && found.verdict == Verdict::Stale {
                return Ok(Word::Unknown);
            }
            if is_last || !is_old(found.verdict) {
                break;
            }
            self.changes.note_page(key.as_str());
        }
        debug!(
            path = address.path(),
            "no page lists this file: its length is all that is known"
        );
        Ok(Word::Said(Vec::new()))
    }
}

/// What a page says of a file.
enum Word {
    /// All that is promised of it, which may be nothing.
    Said(Vec<ExpectedChecksum>),
    /// The page is older than the question, does not list the file, and could not be asked again.
    Unknown,
}

/// A file that nothing is known of is not kept with its length alone.
fn unlisted_by_old_page() -> Error {
    Error::unavailable(
        "what the file is to be compared with cannot be had (its index does not list it yet, and could not be asked \
         again)",
    )
}

/// Not the client's own request was refused, but the one for what its file is compared with.
fn not_promised(error: &Error) -> Error {
    Error::unavailable(format!(
        "what the file is to be compared with cannot be had ({error})"
    ))
}

/// Whether a page that was found like this may be older than a file that it does not list.
fn is_old(verdict: Verdict) -> bool {
    match verdict {
        Verdict::Hit | Verdict::Stale | Verdict::Collapsed => true,
        Verdict::Revalidated
        | Verdict::Miss
        | Verdict::Refreshed
        | Verdict::Uncached
        | Verdict::Asked => false,
    }
}

/// The page that lists a file, in the forms that it is asked for: any of them will do.
fn pages_of(file: &Address) -> Vec<ArtifactKey> {
    let path = file.path();
    let (page, usual) = match file.format() {
        Format::Pypi => {
            let path = pypi::in_one_spelling(path);
            let project = path
                .strip_prefix("simple/")
                .and_then(|rest| rest.split('/').next());
            let page = project.map(|project| format!("simple/{project}/"));
            (page, PYPI_ACCEPT)
        }
        Format::Npm => {
            let package = path
                .split_once("/-/")
                .map(|(package, _)| package.to_owned());
            (package, NPM_ACCEPT)
        }
        Format::Maven => (None, ""),
    };
    let page = page.unwrap_or_default();
    let accepts = std::iter::once(usual).chain(OTHER_ACCEPTS);
    let pages = accepts.filter_map(|accept| file.at(&page, Some(accept)));
    pages.filter_map(|page| page.key()).collect()
}

/// As checksums are compared: base64 of what pages write in hexadecimal.
pub(in crate::codeartifact) fn sha256(hexadecimal: &str) -> Option<ExpectedChecksum> {
    let bytes = hex::decode(hexadecimal)
        .ok()
        .filter(|bytes| bytes.len() == 32)?;
    Some(ExpectedChecksum::Sha256(BASE64.encode(bytes)))
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::codeartifact::Table;
    use crate::config::CodeArtifactUpstream;

    fn file(format: Format, path: &str) -> Address {
        let table = Table::new(vec![CodeArtifactUpstream::example()]);
        let upstream = table.by_alias("main").expect("an upstream");
        let path = percent_encoding::utf8_percent_encode(path, percent_encoding::NON_ALPHANUMERIC);
        Address::parse(upstream, format, &path.to_string(), None).expect("an address")
    }

    #[test]
    fn each_file_is_listed_by_one_page() {
        for (format, path, page, forms) in [
            (
                Format::Pypi,
                "simple/a/1/a-1.whl",
                "/pypi/simple/a/@1:accept=",
                7,
            ),
            (
                Format::Pypi,
                "simple/Foo_Bar/1/foo_bar-1.whl",
                "/pypi/simple/foo-bar/@1:accept=",
                7,
            ),
            (
                Format::Npm,
                "@acme/pad/-/pad-1.tgz",
                "/npm/@acme/pad/@1:accept=",
                7,
            ),
            (Format::Npm, "pad/-/pad-1.tgz", "/npm/pad/@1:accept=", 7),
            (Format::Maven, "g/a/1/a-1.jar", "", 0),
        ] {
            let pages = pages_of(&file(format, path));
            assert_eq!(pages.len(), forms, "{path}");
            for key in pages {
                assert!(key.as_str().contains(page), "{key}");
            }
        }
    }

    #[test]
    fn a_hash_of_a_page_is_compared_as_base64() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let base64 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
        assert_eq!(
            sha256(empty),
            Some(ExpectedChecksum::Sha256(base64.to_owned()))
        );
        assert_eq!(sha256("e3b0"), None);
        assert_eq!(sha256("no hash"), None);
    }
}
