//! What pages promise of their files, read once a page: an installation asks a long one for each of its versions.

use std::collections::HashMap;
use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::promises::sha256;
use super::wheel::METADATA_SUFFIX;
use crate::artifact::ArtifactKey;
use crate::checksum::ExpectedChecksum;
use crate::codeartifact::index::{Page, npm, pypi};
use crate::codeartifact::{Address, LONGEST_PAGE_BYTES, PageMemory, unsharded, whole};
use crate::config::Format;
use crate::error::Error;
use crate::fetch::{Fetcher, Found};
use crate::request;

/// What all of it may take, in bytes.
const MOST_BYTES: u64 = 32 * 1024 * 1024;
const PAGES_EXPECTED: usize = 1_000;
/// What a file takes beside its path, in bytes: two checksums in base64, and their places.
const FILE_BYTES: usize = 250;

/// The promises of one page, by path in the one spelling.
#[derive(Debug, Default)]
pub(super) struct Listed(HashMap<String, Vec<ExpectedChecksum>>);

/// Those of the pages that were looked into last.
pub(super) struct Parsed {
    pages: Cache<(ArtifactKey, String), Arc<Listed>, ByBytes>,
    memory: PageMemory,
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<(ArtifactKey, String), Arc<Listed>> for ByBytes {
    fn weight(&self, (key, tag): &(ArtifactKey, String), listed: &Arc<Listed>) -> u64 {
        let files = listed.0.keys().map(|path| path.len() + FILE_BYTES);
        (key.as_str().len() + tag.len() + FILE_BYTES + files.sum::<usize>()) as u64
    }
}

impl Listed {
    /// What is promised of a file; `None` if the page does not list it.
    pub(super) fn get(&self, path: &str) -> Option<Vec<ExpectedChecksum>> {
        self.0.get(&*pypi::in_one_spelling(path)).cloned()
    }

    fn of(page: &Page, file: &Address) -> Result<Self, Error> {
        match file.format() {
            Format::Npm => Ok(Self(npm::promised(page))),
            Format::Pypi | Format::Maven => Self::of_project(page, file),
        }
    }

    fn of_project(page: &Page, file: &Address) -> Result<Self, Error> {
        let path = pypi::in_one_spelling(file.path());
        let project = path
            .strip_prefix("simple/")
            .and_then(|rest| rest.split('/').next());
        let of_page = format!("simple/{}/", project.unwrap_or_default());
        let files = pypi::files(page, &of_page).map_err(|error| {
            Error::unavailable(format!("CodeArtifact's page of {path} is wrong: {error}"))
        })?;
        let mut listed = HashMap::with_capacity(files.len());
        for file in files {
            let Some(path) = file.path else { continue };
            let path = pypi::in_one_spelling(&path).into_owned();
            let promise = |hash: Option<String>| hash.as_deref().and_then(sha256).into_iter();
            if file.core_metadata_sha256.is_some() {
                let metadata = format!("{path}{METADATA_SUFFIX}");
                listed
                    .entry(metadata)
                    .or_insert_with(|| promise(file.core_metadata_sha256).collect());
            }
            // Of two that are one, the first, as installers do.
            listed
                .entry(path)
                .or_insert_with(|| promise(file.sha256).collect());
        }
        Ok(Self(listed))
    }
}

impl Parsed {
    pub(super) fn new(memory: &PageMemory) -> Self {
        Self {
            pages: unsharded(PAGES_EXPECTED, MOST_BYTES, ByBytes),
            memory: memory.clone(),
        }
    }

    /// What a page that was found promises of its files.
    pub(super) async fn of(
        &self,
        fetcher: &Arc<Fetcher>,
        key: &ArtifactKey,
        found: &Found,
        file: &Address,
    ) -> Result<Arc<Listed>, Error> {
        let attributes = found.attributes();
        let known = attributes.etag.clone().map(|tag| (key.clone(), tag));
        if let Some(listed) = known.as_ref().and_then(|known| self.pages.get(known)) {
            return Ok(listed);
        }
        let room = self.memory.room(attributes.length).await?;
        let body = whole(fetcher, key, found, LONGEST_PAGE_BYTES).await?;
        let content_type = attributes.content_type.clone().unwrap_or_default();
        let (page, file) = (Page { content_type, body }, file.clone());
        // In a thread where work may take its time: pages can be long.
        let read = request::spawn_blocking(move || Listed::of(&page, &file)).await;
        drop(room);
        let unexpected = |_| Err(Error::unavailable("reading a page ended unexpectedly"));
        let listed = Arc::new(read.unwrap_or_else(unexpected)?);
        if let Some(known) = known {
            self.pages.insert(known, Arc::clone(&listed));
        }
        Ok(listed)
    }
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::codeartifact::Table;
    use crate::config::CodeArtifactUpstream;

    #[test]
    fn files_and_their_metadata_are_promised_by_their_own_hashes() {
        let table = Table::new(vec![CodeArtifactUpstream::example()]);
        let upstream = table.by_alias("main").expect("an upstream");
        let (file, metadata) = ("a".repeat(64), "b".repeat(64));
        let json = format!(
            r#"{{"files": [
                {{"filename": "x.whl", "url": "1/x.whl", "hashes": {{"sha256": "{file}"}},
                  "core-metadata": {{"sha256": "{metadata}"}}}},
                {{"filename": "y.whl", "url": "1/y.whl", "hashes": {{}}, "core-metadata": true}}
            ]}}"#
        );
        let html = format!(
            r#"<a href="1/x.whl#sha256={file}" data-core-metadata="sha256={metadata}">x.whl</a>
               <a href="1/y.whl" data-core-metadata="true">y.whl</a>"#
        );
        for (content_type, body) in [
            ("application/vnd.pypi.simple.v1+json", json),
            ("text/html", html),
        ] {
            let page = Page {
                content_type: content_type.to_owned(),
                body: body.into(),
            };
            let asked = Address::parse(upstream, Format::Pypi, "simple/A_b/1/x.whl", None);
            let listed = Listed::of(&page, &asked.expect("an address")).expect("a page");
            let of = |path: &str| listed.get(path);
            let promise = |hash: &str| Some(vec![sha256(hash).expect("a hash")]);
            assert_eq!(of("simple/A_b/1/x.whl"), promise(&file));
            assert_eq!(of("simple/a-b/1/x.whl.metadata"), promise(&metadata));
            assert_eq!(of("simple/a-b/1/y.whl"), Some(Vec::new()));
            assert_eq!(of("simple/a-b/1/y.whl.metadata"), None);
            assert_eq!(of("simple/a-b/1/z.whl"), None);
        }
    }
}
