//! npm's packuments, whole and abbreviated, and the documents of one version
//! (github.com/npm/registry, `docs/responses/package-metadata.md`).

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use memchr::memmem;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::value::RawValue;
use url::Url;

use super::edits::Edits;
use super::json::{self, Entries, place, quoted, string};
use super::link::{Site, Target};
use super::{Neutral, Page, PageError, media_type, sri, text};
use crate::checksum::ExpectedChecksum;

/// What stands in a neutral packument for the URL that the client knows the repository by. Nothing answers
/// below `.invalid` (RFC 6761).
pub const MARK: &str = "http://codeartifact.invalid/npm/";

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    versions: Option<Entries<'a>>,
    #[serde(borrow, rename = "dist-tags")]
    tags: Option<Entries<'a>>,
    /// Of a document of one version.
    #[serde(borrow)]
    dist: Option<Dist<'a>>,
}

#[derive(Deserialize)]
struct Version<'a> {
    #[serde(borrow)]
    dist: Option<Dist<'a>>,
}

#[derive(Deserialize)]
struct Dist<'a> {
    #[serde(borrow, default, deserialize_with = "json::present")]
    tarball: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "json::present")]
    integrity: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "json::present")]
    shasum: Option<&'a RawValue>,
}

/// Makes a packument of the repository at `root` (`…/npm/<repository>/`) fit wherever it is served: tarballs
/// below `root` get [`MARK`], versions whose tarball is elsewhere stay if they have a hash (with their
/// tags, else without), and `dist.integrity` is made from `dist.shasum` where it is missing.
pub fn neutral(page: &Page, root: &Url) -> Result<Neutral, PageError> {
    let body = body(page)?;
    let document: Document = json::read("the packument", body)?;
    let site = Site::new(root, root, None);
    let mut edits = Edits::default();
    let mut dropped = 0;
    if let Some(dist) = &document.dist
        && !dist.make_neutral(body, &site, &mut edits)
    {
        dropped += 1;
        if let Some(tarball) = dist.tarball {
            edits.replace(place(body, tarball), "null".to_owned());
        }
    }
    let versions = document.versions.unwrap_or_default().entries;
    let mut lost = HashSet::new();
    for (at, (key, value)) in versions.iter().enumerate() {
        let version: Version = read_version(key, value)?;
        if let Some(dist) = &version.dist
            && !dist.make_neutral(body, &site, &mut edits)
        {
            lost.insert(at);
        }
    }
    dropped += lost.len();
    remove_entries(body, &versions, &mut edits, |at| lost.contains(&at));
    let names: HashSet<_> = lost.iter().map(|at| string(versions[*at].0)).collect();
    let tags = document.tags.unwrap_or_default().entries;
    remove_entries(body, &tags, &mut edits, |at| {
        names.contains(&string(tags[at].1))
    });
    replace_prefixes(body, root, &mut edits);
    Ok(Neutral {
        page: Page {
            content_type: page.content_type.clone(),
            body: edits.apply(&page.body),
        },
        dropped,
    })
}

/// The packument as the client that calls the repository `base` gets it. `base` ends in a slash, or gets one.
#[must_use]
pub fn rendered(page: &Page, base: &str) -> Page {
    let slash = if base.ends_with('/') { "" } else { "/" };
    let quoted = quoted(&format!("{base}{slash}"));
    let base = quoted.trim_matches('"').as_bytes();
    let places: Vec<usize> = begins(&page.body, MARK).collect();
    let length = page.body.len() - places.len() * MARK.len() + places.len() * base.len();
    let mut body = Vec::with_capacity(length);
    let mut at = 0;
    for place in places {
        body.extend_from_slice(&page.body[at..place]);
        body.extend_from_slice(base);
        at = place + MARK.len();
    }
    body.extend_from_slice(&page.body[at..]);
    Page {
        content_type: page.content_type.clone(),
        body: Bytes::from(body),
    }
}

/// What a neutral packument promises of the tarballs below the repository's root, by their decoded paths: the
/// strongest of each one's integrity, and its shasum.
#[must_use]
pub fn promised(page: &Page) -> HashMap<String, Vec<ExpectedChecksum>> {
    let document: Option<Document> = text(&page.body)
        .ok()
        .and_then(|body| serde_json::from_str(body).ok());
    let Some(document) = document else {
        return HashMap::new();
    };
    let versions = document.versions.unwrap_or_default().entries;
    let versions = versions.into_iter().filter_map(|(_, version)| {
        let version: Version = serde_json::from_str(version.get()).ok()?;
        version.dist
    });
    let mut all = HashMap::new();
    for dist in document.dist.into_iter().chain(versions) {
        let promised = dist.promised();
        if let Some(path) = dist.path() {
            // Listed, though nothing may be promised of it.
            let known: &mut Vec<_> = all.entry(path).or_default();
            if known.is_empty() {
                *known = promised;
            }
        }
    }
    all
}

impl Dist<'_> {
    /// Whether a client may have it.
    fn make_neutral(&self, body: &str, site: &Site, edits: &mut Edits) -> bool {
        let Some(raw) = self.tarball.filter(|raw| raw.get() != "null") else {
            return true;
        };
        let Some(tarball) = string(raw) else {
            return false;
        };
        if !tarball.starts_with(MARK) {
            let fitting = match site.target(&tarball) {
                Target::Ours(url) => format!("{MARK}{}", site.below_root(&url)),
                Target::Foreign(url) if !self.promised().is_empty() => url.into(),
                Target::Foreign(_) | Target::Nowhere => return false,
            };
            edits.replace(place(body, raw), quoted(&fitting));
        }
        let has_integrity = self.integrity.and_then(string);
        if has_integrity.is_none_or(|integrity| integrity.trim().is_empty())
            && let Some(shasum) = self.shasum.and_then(string)
            && let Some(integrity) = sri::integrity_of_shasum(&shasum)
        {
            match self.integrity {
                Some(raw) => edits.replace(place(body, raw), quoted(&integrity)),
                None => edits.insert(
                    place(body, raw).end,
                    format!(",\"integrity\":{}", quoted(&integrity)),
                ),
            }
        }
        true
    }

    fn promised(&self) -> Vec<ExpectedChecksum> {
        let integrity = self.integrity.and_then(string);
        let mut promised: Vec<_> = integrity
            .as_deref()
            .and_then(sri::strongest)
            .into_iter()
            .collect();
        let shasum = self.shasum.and_then(string);
        let shasum = shasum.as_deref().and_then(sri::of_shasum);
        promised.extend(
            shasum.filter(|shasum| !matches!(promised.first(), Some(first) if first == shasum)),
        );
        promised
    }

    /// Of a neutral page: the tarball's decoded path below the root.
    fn path(&self) -> Option<String> {
        let tarball = string(self.tarball?)?;
        let path = tarball.strip_prefix(MARK)?.split(['?', '#']).next()?;
        Some(percent_decode_str(path).decode_utf8().ok()?.into_owned())
    }
}

fn read_version<'a>(key: &RawValue, value: &'a RawValue) -> Result<Version<'a>, PageError> {
    serde_json::from_str(value.get()).map_err(|error| PageError::Json {
        what: format!("the packument's version {key}"),
        error,
    })
}

fn body(page: &Page) -> Result<&str, PageError> {
    let media_type = media_type(&page.content_type)?;
    if media_type == "application/json"
        || media_type.starts_with("application/") && media_type.ends_with("+json")
    {
        text(&page.body)
    } else {
        Err(PageError::ContentType(page.content_type.clone()))
    }
}

fn remove_entries(
    body: &str,
    entries: &[(&RawValue, &RawValue)],
    edits: &mut Edits,
    is_dropped: impl Fn(usize) -> bool,
) {
    let places = entries
        .iter()
        .map(|(key, value)| place(body, key).start..place(body, value).end);
    edits.remove_items(&places.collect::<Vec<_>>(), is_dropped);
}

/// Texts that begin with the repository's URL elsewhere than in `dist.tarball` (`_resolved`, …).
fn replace_prefixes(body: &str, root: &Url, edits: &mut Edits) {
    for place in begins(body.as_bytes(), root.as_str()) {
        edits.replace(place..place + root.as_str().len(), MARK.to_owned());
    }
}

/// Where texts of JSON begin with this one. A quote behind a backslash begins none.
fn begins<'a>(body: &'a [u8], with: &'a str) -> impl Iterator<Item = usize> + 'a {
    let places: Box<dyn Iterator<Item = usize>> =
        Box::new(memmem::find_iter(body, with.as_bytes()));
    places.filter(|place| {
        let before = &body[..*place];
        before.ends_with(b"\"") && !before.ends_with(b"\\\"")
    })
}

#[cfg(test)]
mod tests;
