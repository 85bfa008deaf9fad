//! The JSON form (PEP 691).

use serde::Deserialize;
use serde_json::value::RawValue;
use url::Url;

use super::super::PageError;
use super::super::edits::Edits;
use super::super::json::{self, place, quoted, string};
use super::super::link::{self, Site, Target};
use super::{Fate, IndexedFile, PublicFile, check_version, fate, public_file};

#[derive(Deserialize)]
struct Project<'a> {
    meta: Option<Meta>,
    #[serde(borrow, default)]
    files: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Meta {
    #[serde(rename = "api-version")]
    api_version: Option<String>,
}

#[derive(Deserialize)]
struct File<'a> {
    filename: String,
    #[serde(borrow)]
    url: &'a RawValue,
    #[serde(default)]
    hashes: Hashes,
    #[serde(
        borrow,
        default,
        rename = "core-metadata",
        deserialize_with = "json::present"
    )]
    core_metadata: Option<&'a RawValue>,
    /// What it was called until PEP 714.
    #[serde(
        borrow,
        default,
        rename = "dist-info-metadata",
        deserialize_with = "json::present"
    )]
    dist_info_metadata: Option<&'a RawValue>,
}

/// The older name of `core-metadata`. pip up to 23.0 expects a text under it, and crashes at anything else.
const DIST_INFO_METADATA: &str = "\"dist-info-metadata\"";
/// What `PyPI` calls it beside `core-metadata`, for that reason; nobody reads it.
const UNREAD: &str = "\"data-dist-info-metadata\"";

#[derive(Default, Deserialize)]
struct Hashes {
    sha256: Option<String>,
}

impl<'a> Project<'a> {
    fn read(body: &'a str) -> Result<Self, PageError> {
        let project: Self = json::read("the page", body)?;
        let version = project.meta.as_ref();
        check_version(version.and_then(|meta| meta.api_version.as_deref()))?;
        Ok(project)
    }

    /// Takes out the files with these numbers.
    fn remove(&self, body: &str, edits: &mut Edits, dropped: &[usize]) {
        let places: Vec<_> = self.files.iter().map(|file| place(body, file)).collect();
        edits.remove_items(&places, |at| dropped.binary_search(&at).is_ok());
    }
}

impl<'a> File<'a> {
    fn read(number: usize, file: &'a RawValue) -> Result<Self, PageError> {
        json::read(&format!("the page's file {number}"), file.get())
    }

    fn sha256(&self) -> Option<String> {
        link::hexadecimal(self.hashes.sha256.as_deref()?, 32)
    }

    fn has_core_metadata(&self) -> bool {
        let offers = [self.core_metadata, self.dist_info_metadata];
        let mut offers = offers.into_iter().flatten();
        offers.any(|offer| !matches!(offer.get(), "false" | "null"))
    }

    fn core_metadata_sha256(&self) -> Option<String> {
        let offers = [self.core_metadata, self.dist_info_metadata];
        offers.into_iter().flatten().find_map(|offer| {
            let offer: Offer = serde_json::from_str(offer.get()).ok()?;
            link::hexadecimal(offer.sha256.as_deref()?, 32)
        })
    }

    /// Takes the older name of its metadata away, and has the newer one in its place where that is missing.
    fn rename_metadata(&self, body: &str, edits: &mut Edits) {
        let Some(value) = self.dist_info_metadata.map(|raw| place(body, raw)) else {
            return;
        };
        let name = match self.core_metadata {
            Some(_) => UNREAD,
            None => "\"core-metadata\"",
        };
        let key = body[..value.start].rfind(DIST_INFO_METADATA);
        let key = key.map(|start| start..start + DIST_INFO_METADATA.len());
        let is_this = |key: &std::ops::Range<usize>| {
            let between = &body[key.end..value.start];
            between.trim_matches(|c: char| c.is_ascii_whitespace()) == ":"
        };
        match key.filter(is_this) {
            Some(key) => edits.replace(key, name.to_owned()),
            // Written in another way: then it is not offered.
            None => edits.replace(value, "null".to_owned()),
        }
    }
}

/// An offer that says more than that there is one.
#[derive(Deserialize)]
struct Offer {
    sha256: Option<String>,
}

pub(super) fn neutral(body: &str, asked: &Url, root: &Url) -> Result<(Edits, usize), PageError> {
    let project = Project::read(body)?;
    let site = Site::new(asked, root, None);
    let mut edits = Edits::default();
    let mut dropped = Vec::new();
    for (at, raw) in project.files.iter().enumerate() {
        let file = File::read(at, raw)?;
        file.rename_metadata(body, &mut edits);
        let found = string(file.url);
        match found.map(|url| fate(&site, &url, file.sha256().is_some())) {
            Some(Fate::Keep) => {}
            Some(Fate::Rewrite(link)) => edits.replace(place(body, file.url), quoted(&link)),
            Some(Fate::Drop) | None => dropped.push(at),
        }
    }
    project.remove(body, &mut edits, &dropped);
    Ok((edits, dropped.len()))
}

pub(super) fn files(body: &str, asked: &Url, root: &Url) -> Result<Vec<IndexedFile>, PageError> {
    let project = Project::read(body)?;
    let site = Site::new(asked, root, None);
    let mut files = Vec::with_capacity(project.files.len());
    for (at, raw) in project.files.iter().enumerate() {
        let file = File::read(at, raw)?;
        let target = site.target(&string(file.url).unwrap_or_default());
        let (path, of_link) = match target {
            Target::Ours(url) => match site.path(&url) {
                Some(path) => (Some(path), link::sha256(&url)),
                None => continue,
            },
            Target::Foreign(url) => (None, link::sha256(&url)),
            Target::Nowhere => continue,
        };
        files.push(IndexedFile {
            path,
            sha256: file.sha256().or(of_link),
            has_core_metadata: file.has_core_metadata(),
            core_metadata_sha256: file.core_metadata_sha256(),
            name: file.filename,
        });
    }
    Ok(files)
}

pub(super) fn offer_metadata(
    body: &str,
    has_metadata: &dyn Fn(&str) -> bool,
) -> Result<Edits, PageError> {
    let project = Project::read(body)?;
    let mut edits = Edits::default();
    for (at, raw) in project.files.iter().enumerate() {
        let file = File::read(at, raw)?;
        let is_ours = string(file.url).is_some_and(|url| Url::parse(&url).is_err());
        if file.has_core_metadata() || !is_ours || !has_metadata(&file.filename) {
            continue;
        }
        let behind = place(body, file.url).end;
        match file.core_metadata {
            Some(raw) => edits.replace(place(body, raw), "true".to_owned()),
            None => edits.insert(behind, ",\"core-metadata\":true".to_owned()),
        }
    }
    Ok(edits)
}

pub(super) fn public(
    body: &str,
    asked: &Url,
) -> Result<(Edits, Vec<PublicFile>, usize), PageError> {
    let project = Project::read(body)?;
    let site = Site::new(asked, asked, None);
    let mut edits = Edits::default();
    let (mut files, mut dropped) = (Vec::new(), Vec::new());
    for (at, raw) in project.files.iter().enumerate() {
        let file = File::read(at, raw)?;
        let found = string(file.url).unwrap_or_default();
        let Some(public) = public_file(&site, &found, file.sha256(), Some(file.filename)) else {
            dropped.push(at);
            continue;
        };
        edits.replace(place(body, file.url), quoted(&public.link()));
        if let Some(offer) = file.core_metadata {
            edits.replace(place(body, offer), "false".to_owned());
        }
        if let Some(offer) = file.dist_info_metadata {
            edits.replace(place(body, offer), "null".to_owned());
        }
        files.push(public);
    }
    project.remove(body, &mut edits, &dropped);
    Ok((edits, files, dropped.len()))
}
