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
        for (key, offer) in [
            ("core-metadata", file.core_metadata),
            ("dist-info-metadata", file.dist_info_metadata),
        ] {
            match offer {
                Some(raw) => edits.replace(place(body, raw), "true".to_owned()),
                None => edits.insert(behind, format!(",\"{key}\":true")),
            }
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
        let offers = [file.core_metadata, file.dist_info_metadata];
        for offer in offers.into_iter().flatten() {
            edits.replace(place(body, offer), "false".to_owned());
        }
        files.push(public);
    }
    project.remove(body, &mut edits, &dropped);
    Ok((edits, files, dropped.len()))
}
