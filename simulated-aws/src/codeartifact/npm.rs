//! JavaScript packages: packuments, tarballs, tags.
//! <https://github.com/npm/registry/blob/main/docs/responses/package-metadata.md>

use std::collections::BTreeMap;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::ACCEPT;
use http::{Method, Response, StatusCode};
use http_body_util::BodyExt;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::Shared;
use super::asset::Asset;
use super::data::{Asked, blocked, conflict, not_allowed, not_found};
use super::options::Feature;
use super::page::Page;
use super::place::Format;
use super::state::Packages;
use crate::service::{ErrorAnswer, PlainBody, reply};

/// The largest publication, in bytes: a JSON with the tarball in it.
const MOST_PUBLISHED_BYTES: usize = 256 * 1024 * 1024;

/// The type of a packument that has only what an installation needs.
pub(super) const ABBREVIATED: &str = "application/vnd.npm.install-v1+json";

/// What an abbreviated version keeps of its manifest.
const KEPT: [&str; 15] = [
    "name",
    "version",
    "deprecated",
    "dependencies",
    "optionalDependencies",
    "devDependencies",
    "bundleDependencies",
    "peerDependencies",
    "peerDependenciesMeta",
    "bin",
    "directories",
    "dist",
    "engines",
    "cpu",
    "os",
];

/// A package.
#[derive(Clone, Debug, Default)]
pub(super) struct Packument {
    /// By version.
    pub(super) versions: BTreeMap<String, Version>,
    pub(super) tags: BTreeMap<String, String>,
}

/// One version of a package.
#[derive(Clone, Debug)]
pub(super) struct Version {
    /// Its `package.json`, with what the publisher added.
    pub(super) manifest: Map<String, Value>,
    pub(super) tarball: Asset,
}

/// How a packument is told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Telling<'a> {
    /// The repository's URL, with a slash at its end.
    pub(super) base: &'a str,
    pub(super) has_integrity: bool,
    pub(super) is_abbreviated: bool,
}

/// Answers what is asked of a repository.
pub(super) async fn serve(
    shared: &Shared,
    asked: &Asked,
    body: PlainBody,
) -> Result<Response<PlainBody>, ErrorAnswer> {
    let is_read = asked.method == Method::GET || asked.method == Method::HEAD;
    let path = asked.path.as_str();
    if !is_read {
        let body = whole(body).await?;
        let mut state = shared.lock();
        let packages = state.repositories.get_mut(&asked.place);
        let packages = packages.ok_or_else(|| not_found("The repository does not exist"))?;
        let now = shared.clock.now();
        return change(packages, asked, &body, now);
    }
    if path == "-/ping" {
        return Ok(json_answer(&json!({})));
    }
    if path == "-/whoami" {
        return Ok(json_answer(&json!({ "username": "aws" })));
    }
    let options = shared.options();
    let state = shared.lock();
    let packages = state.repositories.get(&asked.place);
    let packages = packages.ok_or_else(|| not_found("The repository does not exist"))?;
    if let Some((package, None)) = tag_path(path) {
        let packument = packages.npm.get(package);
        let packument = packument.ok_or_else(|| not_found("No such package"))?;
        return Ok(json_answer(&json!(packument.tags)));
    }
    if path.contains("/-/") {
        let is_there = packages.asset(Format::Npm, path).is_some();
        drop(state);
        return if is_there {
            shared.redirect(asked)
        } else {
            Err(not_found("No such tarball"))
        };
    }
    let accept = asked.header(ACCEPT).unwrap_or_default();
    let is_abbreviated = accept.contains(ABBREVIATED);
    let telling = Telling {
        base: &asked.base,
        has_integrity: options.has(Feature::Integrity),
        is_abbreviated,
    };
    let packument = packages.npm.get(path);
    let packument = packument.ok_or_else(|| not_found("No such package"))?;
    let page = Page {
        bytes: packument.json(path, telling).to_string().into(),
        content_type: if is_abbreviated {
            ABBREVIATED
        } else {
            "application/json"
        },
        modified: packument
            .versions
            .values()
            .map(|version| version.tarball.stored)
            .max(),
    };
    drop(state);
    Ok(page.answer(&options, &asked.headers))
}

async fn whole(mut body: PlainBody) -> Result<Vec<u8>, ErrorAnswer> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| bad(&format!("The body broke off: {error}")))?;
        bytes.extend(frame.into_data().into_iter().flatten());
        if bytes.len() > MOST_PUBLISHED_BYTES {
            return Err(ErrorAnswer::new(
                413,
                "RequestTooLarge",
                "The publication is too large",
            ));
        }
    }
    Ok(bytes)
}

/// A publication, or a change of tags.
fn change(
    packages: &mut Packages,
    asked: &Asked,
    body: &[u8],
    now: SystemTime,
) -> Result<Response<PlainBody>, ErrorAnswer> {
    let path = asked.path.as_str();
    if let Some((package, Some(tag))) = tag_path(path) {
        let packument = packages.npm.get_mut(package);
        let packument = packument.ok_or_else(|| not_found("No such package"))?;
        if asked.method == Method::DELETE {
            packument.tags.remove(tag);
        } else {
            let version: String =
                serde_json::from_slice(body).map_err(|_| bad("A tag is set to a version"))?;
            if !packument.versions.contains_key(&version) {
                return Err(not_found("No such version"));
            }
            packument.tags.insert(tag.to_owned(), version);
        }
        return Ok(json_answer(&json!({ "ok": true })));
    }
    if asked.method != Method::PUT || path.contains("/-/") || path.starts_with("-/") {
        return Err(not_allowed());
    }
    let document: Value = serde_json::from_slice(body).map_err(|_| bad("The body is no JSON"))?;
    if !packages.takes(Format::Npm, path) {
        return Err(blocked(path));
    }
    let (version, entry) = published(&document, now)
        .ok_or_else(|| bad("A publication is one version, with its tarball in `_attachments`"))?;
    let packument = packages.npm.entry(path.to_owned()).or_default();
    if packument.versions.contains_key(&version) {
        return Err(conflict(&format!("{path}@{version} already exists")));
    }
    packument.versions.insert(version.clone(), entry);
    let tags = document.get("dist-tags").and_then(Value::as_object);
    for (tag, version) in tags.into_iter().flatten() {
        if let Some(version) = version.as_str() {
            packument.tags.insert(tag.clone(), version.to_owned());
        }
    }
    packument.tags.entry("latest".to_owned()).or_insert(version);
    Ok(json_answer(&json!({ "ok": true })))
}

/// The one version of a publication, and its tarball.
fn published(document: &Value, now: SystemTime) -> Option<(String, Version)> {
    let versions = document.get("versions")?.as_object()?;
    let (version, manifest) = versions.iter().next().filter(|_| versions.len() == 1)?;
    let attachments = document.get("_attachments")?.as_object()?;
    let attachment = attachments.values().next()?.get("data")?.as_str()?;
    let tarball = STANDARD.decode(attachment).ok()?;
    let entry = Version {
        manifest: manifest.as_object()?.clone(),
        tarball: Asset::new(tarball, now),
    };
    Some((version.clone(), entry))
}

/// The package, and the tag if there is one, of `-/package/<package>/dist-tags/<tag>`.
fn tag_path(path: &str) -> Option<(&str, Option<&str>)> {
    let rest = path.strip_prefix("-/package/")?;
    let (package, tag) = rest.rsplit_once("/dist-tags")?;
    Some((package, tag.strip_prefix('/').filter(|tag| !tag.is_empty())))
}

fn bad(message: &str) -> ErrorAnswer {
    ErrorAnswer::new(400, "BadRequest", message)
}

fn json_answer(value: &Value) -> Response<PlainBody> {
    reply(StatusCode::OK, "application/json", value.to_string())
}

impl Packument {
    pub(super) fn put(&mut self, version: &str, entry: Version) {
        self.versions.insert(version.to_owned(), entry);
        self.tags.insert("latest".to_owned(), version.to_owned());
    }

    /// The tarball of that name.
    pub(super) fn tarball(&self, package: &str, file: &str) -> Option<&Asset> {
        self.versions
            .iter()
            .find(|(version, _)| file_name(package, version) == file)
            .map(|(_, entry)| &entry.tarball)
    }

    pub(super) fn json(&self, package: &str, telling: Telling<'_>) -> Value {
        let versions: Map<_, _> = self
            .versions
            .iter()
            .map(|(version, entry)| {
                let manifest = entry.json(package, version, telling);
                (version.clone(), Value::Object(manifest))
            })
            .collect();
        let mut packument = Map::new();
        packument.insert("name".to_owned(), package.into());
        packument.insert("dist-tags".to_owned(), json!(self.tags));
        packument.insert("versions".to_owned(), Value::Object(versions));
        let times = self.times();
        let latest = times.values().max().cloned().unwrap_or_default();
        if telling.is_abbreviated {
            packument.insert("modified".to_owned(), latest.into());
        } else {
            packument.insert("_id".to_owned(), package.into());
            let mut time = Map::from_iter([("modified".to_owned(), latest.into())]);
            time.extend(times.into_iter().map(|(version, at)| (version, at.into())));
            packument.insert("time".to_owned(), Value::Object(time));
        }
        Value::Object(packument)
    }

    fn times(&self) -> BTreeMap<String, String> {
        self.versions
            .iter()
            .filter_map(|(version, entry)| {
                let stored = Timestamp::try_from(entry.tarball.stored).ok()?;
                Some((version.clone(), format!("{stored:.3}")))
            })
            .collect()
    }
}

impl Version {
    fn json(&self, package: &str, version: &str, telling: Telling<'_>) -> Map<String, Value> {
        let mut manifest = self.manifest.clone();
        let digests = &self.tarball.digests;
        let file = file_name(package, version);
        let mut dist = json!({
            "tarball": format!("{}{package}/-/{file}", telling.base),
            "shasum": digests.sha1,
        });
        if telling.has_integrity {
            let integrity = STANDARD.encode(&digests.sha512_bytes);
            dist["integrity"] = format!("sha512-{integrity}").into();
        }
        manifest.insert("name".to_owned(), package.into());
        manifest.insert("version".to_owned(), version.into());
        manifest.insert("dist".to_owned(), dist);
        if telling.is_abbreviated {
            let has_script = |name: &str| {
                let scripts = self.manifest.get("scripts");
                scripts.is_some_and(|scripts| scripts.get(name).is_some())
            };
            if ["preinstall", "install", "postinstall"]
                .into_iter()
                .any(has_script)
            {
                manifest.insert("hasInstallScript".to_owned(), true.into());
            }
            manifest.retain(|name, _| KEPT.contains(&name.as_str()) || name == "hasInstallScript");
        } else {
            manifest.insert("_id".to_owned(), format!("{package}@{version}").into());
        }
        manifest
    }
}

/// The name of a version's tarball: without the scope.
pub(super) fn file_name(package: &str, version: &str) -> String {
    let name = package.rsplit('/').next().unwrap_or(package);
    format!("{name}-{version}.tgz")
}
