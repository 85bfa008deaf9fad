//! The HTML form (PEP 503).

mod document;
mod entities;

use std::fmt::Write as _;

use url::Url;

use super::super::PageError;
use super::super::edits::Edits;
use super::super::link::{self, Site, Target};
use super::{Fate, IndexedFile, PublicFile, check_version, fate, public_file};
use document::{Document, Link};
use entities::encoded;

const CORE_METADATA: &str = "data-core-metadata";
/// What it was called until PEP 714.
const DIST_INFO_METADATA: &str = "data-dist-info-metadata";

pub(super) fn neutral(body: &str, asked: &Url, root: &Url) -> Result<(Edits, usize), PageError> {
    let document = read(body)?;
    let site = Site::new(asked, root, document.base.as_deref());
    let mut edits = Edits::default();
    let mut dropped = 0;
    for base in document.base_tags {
        edits.remove(base);
    }
    for link in &document.links {
        // Parsers differ in which of two they take: all have to be right.
        let fates = link
            .hrefs()
            .map(|href| (href, fate(&site, &href.value, false)));
        let fates: Vec<_> = fates.collect();
        let is_dropped = fates.iter().any(|(_, fate)| matches!(fate, Fate::Drop));
        if is_dropped && link.is_anchor {
            dropped += 1;
            edits.remove(link.tag.clone());
            if let Some(end) = &link.end {
                edits.remove(end.clone());
            }
            continue;
        }
        for (href, fate) in fates {
            if let Fate::Rewrite(link) = fate {
                edits.replace(href.place.clone(), href.written(&link));
            }
        }
    }
    Ok((edits, dropped))
}

pub(super) fn files(body: &str, asked: &Url, root: &Url) -> Result<Vec<IndexedFile>, PageError> {
    let document = read(body)?;
    let site = Site::new(asked, root, document.base.as_deref());
    let mut files = Vec::new();
    for link in document.links.iter().filter(|link| link.is_anchor) {
        for href in link.hrefs() {
            let (path, url) = match site.target(&href.value) {
                Target::Ours(url) => match site.path(&url) {
                    Some(path) => (Some(path), url),
                    None => continue,
                },
                Target::Foreign(url) => (None, url),
                Target::Nowhere => continue,
            };
            let Some(name) = link::file_name(&url) else {
                continue;
            };
            files.push(IndexedFile {
                name,
                path,
                sha256: link::sha256(&url),
                has_core_metadata: link.has_core_metadata(),
                core_metadata_sha256: link.core_metadata_sha256(),
            });
        }
    }
    Ok(files)
}

pub(super) fn offer_metadata(
    body: &str,
    has_metadata: &dyn Fn(&str) -> bool,
) -> Result<Edits, PageError> {
    let document = read(body)?;
    let mut edits = Edits::default();
    let Ok(root) = Url::parse(super::ROOT) else {
        return Ok(edits);
    };
    let site = Site::new(&root, &root, document.base.as_deref());
    for link in document.links.iter().filter(|link| link.is_anchor) {
        let is_known = link.hrefs().any(|href| match site.target(&href.value) {
            Target::Ours(url) => link::file_name(&url).is_some_and(|name| has_metadata(&name)),
            Target::Foreign(_) | Target::Nowhere => false,
        });
        let offers = [CORE_METADATA, DIST_INFO_METADATA];
        let is_silent = offers.iter().all(|name| link.attribute(name).is_none());
        if is_known && is_silent {
            let [current, former] = offers;
            let behind_name = link.tag.start + "<a".len();
            edits.insert(
                behind_name,
                format!(" {current}=\"true\" {former}=\"true\""),
            );
        }
    }
    Ok(edits)
}

/// Written anew: parsers differ in what they take for a link, and these pages come from strangers.
pub(super) fn public(
    body: &str,
    asked: &Url,
) -> Result<(String, Vec<PublicFile>, usize), PageError> {
    let document = read(body)?;
    let site = Site::new(asked, asked, document.base.as_deref());
    let mut page = String::from(
        "<!DOCTYPE html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"pypi:repository-version\" content=\"1.0\">\n</head>\n<body>\n",
    );
    let (mut files, mut dropped) = (Vec::new(), 0);
    for link in document.links.iter().filter(|link| link.is_anchor) {
        let Some(href) = link.hrefs().next() else {
            continue;
        };
        let Some(file) = public_file(&site, &href.value, None, None) else {
            dropped += 1;
            continue;
        };
        let mut attributes = String::new();
        for name in ["data-requires-python", "data-yanked"] {
            if let Some(value) = link.attribute(name) {
                // Writing to a text does not fail.
                let _ = write!(attributes, " {name}=\"{}\"", encoded(value));
            }
        }
        let _ = writeln!(
            page,
            "<a href=\"{}#sha256={}\"{attributes}>{}</a><br>",
            encoded(&file.link()),
            file.sha256,
            encoded(&file.name)
        );
        files.push(file);
    }
    page.push_str("</body>\n</html>\n");
    Ok((page, files, dropped))
}

fn read(body: &str) -> Result<Document, PageError> {
    let document = Document::read(body);
    check_version(document.version.as_deref())?;
    Ok(document)
}

impl Link {
    fn has_core_metadata(&self) -> bool {
        let mut offers = [CORE_METADATA, DIST_INFO_METADATA].into_iter();
        offers.any(|name| self.attribute(name).is_some_and(|value| value != "false"))
    }

    fn core_metadata_sha256(&self) -> Option<String> {
        let mut offers = [CORE_METADATA, DIST_INFO_METADATA].into_iter();
        offers.find_map(|name| {
            let hash = self.attribute(name)?.strip_prefix("sha256=")?;
            link::hexadecimal(hash, 32)
        })
    }
}
