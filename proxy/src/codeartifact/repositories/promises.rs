//! What CodeArtifact's own index says of a file's bytes: asked beside the file itself, mostly out of the cache.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use tracing::debug;

use super::Repositories;
use crate::artifact::Freshness;
use crate::checksum::ExpectedChecksum;
use crate::codeartifact::index::{Page, maven, npm, pypi};
use crate::codeartifact::{Address, LONGEST_PAGE_BYTES, whole};
use crate::config::Format;
use crate::error::Error;
use crate::fetch::Verdict;
use crate::request;

/// As pip asks for a project's page, so that the copy is one and the same.
pub(in crate::codeartifact) const PYPI_ACCEPT: &str = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01";
/// As npm asks for a packument where it installs.
pub(super) const NPM_ACCEPT: &str =
    "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*";
/// Beside each file of Maven, the strongest first.
const MAVEN_SIDECARS: [&str; 2] = [".sha256", ".sha1"];
/// A checksum's file is a line.
const LONGEST_SIDECAR_BYTES: u64 = 4 * 1024;
/// What belongs to another file and has no checksum of its own.
const SIDECARS: [&str; 6] = [".sha1", ".md5", ".sha256", ".sha512", ".asc", ".sigstore"];

/// What a page says of a file.
enum Listed {
    /// This.
    As(Vec<ExpectedChecksum>),
    /// It knows no such file.
    Not,
}

impl Repositories {
    /// What is promised of a file; nothing where its index says nothing of it.
    pub(super) async fn promised(&self, address: &Address) -> Result<Vec<ExpectedChecksum>, Error> {
        match address.format() {
            Format::Maven => self.promised_beside(address).await,
            Format::Pypi | Format::Npm => self.promised_by_page(address).await,
        }
    }

    async fn promised_beside(&self, address: &Address) -> Result<Vec<ExpectedChecksum>, Error> {
        let path = address.path();
        let is_sidecar = SIDECARS.iter().any(|suffix| path.ends_with(suffix));
        if is_sidecar || Freshness::of(path) == Freshness::Mutable {
            return Ok(Vec::new());
        }
        for suffix in MAVEN_SIDECARS {
            let beside = address.at(&format!("{path}{suffix}"), None);
            let Some(key) = beside.and_then(|beside| beside.key()) else {
                continue;
            };
            let fetcher = self.fetcher()?;
            match fetcher.get(&key).await {
                Ok(found) => {
                    let text = whole(&fetcher, &key, &found, LONGEST_SIDECAR_BYTES).await;
                    // One that is none promises nothing.
                    if let Some(promise) = text.ok().and_then(|text| maven::promised(suffix, &text))
                    {
                        return Ok(vec![promise]);
                    }
                }
                Err(Error::NotFound | Error::Rejected { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Vec::new())
    }

    async fn promised_by_page(&self, address: &Address) -> Result<Vec<ExpectedChecksum>, Error> {
        let Some(page) = page_of(address) else {
            return Ok(Vec::new());
        };
        let Some(key) = page.key() else {
            return Ok(Vec::new());
        };
        let fetcher = self.fetcher()?;
        for is_last in [false, true] {
            let found = match fetcher.get(&key).await {
                Ok(found) => found,
                Err(Error::NotFound | Error::Rejected { .. }) => return Ok(Vec::new()),
                Err(error) => return Err(error),
            };
            let body = whole(&fetcher, &key, &found, LONGEST_PAGE_BYTES).await?;
            let attributes = found.attributes();
            let content_type = attributes.content_type.clone().unwrap_or_default();
            let page = Page { content_type, body };
            let listed = listed(page, address.clone()).await?;
            if let Listed::As(promised) = listed {
                return Ok(promised);
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
        Ok(Vec::new())
    }
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

/// The page that lists a file.
fn page_of(file: &Address) -> Option<Address> {
    let path = file.path();
    match file.format() {
        Format::Pypi => {
            let project = path.strip_prefix("simple/")?.split('/').next()?;
            file.at(&format!("simple/{project}/"), Some(PYPI_ACCEPT))
        }
        Format::Npm => {
            let (package, _) = path.split_once("/-/")?;
            file.at(package, Some(NPM_ACCEPT))
        }
        Format::Maven => None,
    }
}

/// In a thread where work may take its time: pages can be long.
async fn listed(page: Page, file: Address) -> Result<Listed, Error> {
    let read = request::spawn_blocking(move || match file.format() {
        Format::Npm => Ok(match npm::promised(&page, file.path()) {
            none if none.is_empty() => Listed::Not,
            promised => Listed::As(promised),
        }),
        Format::Pypi | Format::Maven => of_project(&page, &file),
    });
    read.await
        .unwrap_or_else(|_| Err(Error::unavailable("reading a page ended unexpectedly")))
}

fn of_project(page: &Page, file: &Address) -> Result<Listed, Error> {
    let path = file.path();
    let project = path
        .strip_prefix("simple/")
        .and_then(|rest| rest.split('/').next());
    let of_page = format!("simple/{}/", project.unwrap_or_default());
    let files = pypi::files(page, &of_page).map_err(|error| {
        Error::unavailable(format!("CodeArtifact's page of {path} is wrong: {error}"))
    })?;
    let found = files
        .into_iter()
        .find(|listed| listed.path.as_deref() == Some(path));
    Ok(match found {
        Some(found) => Listed::As(
            found
                .sha256
                .as_deref()
                .and_then(sha256)
                .into_iter()
                .collect(),
        ),
        None => Listed::Not,
    })
}

/// As checksums are compared: base64 of what pages write in hexadecimal.
pub(in crate::codeartifact) fn sha256(hexadecimal: &str) -> Option<ExpectedChecksum> {
    let bytes = hex::decode(hexadecimal)
        .ok()
        .filter(|bytes| bytes.len() == 32)?;
    Some(ExpectedChecksum::Sha256(BASE64.encode(bytes)))
}
