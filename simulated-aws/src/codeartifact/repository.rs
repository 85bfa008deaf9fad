//! A repository as tests fill it and look into it.

use std::sync::Arc;

use bytes::Bytes;

use super::Shared;
use super::asset::Asset;
use super::data::DATA;
use super::maven::package_of;
use super::npm::{Version, file_name};
use super::place::{Format, Place};
use super::pypi::{ProjectFile, normalised};
use super::state::{Origin, Packages};
use crate::packages::{NpmPackage, Sdist, Wheel};

/// One repository. Clones name the same one.
#[derive(Clone)]
pub struct Repository {
    pub(super) shared: Arc<Shared>,
    pub(super) place: Place,
}

#[expect(
    clippy::must_use_candidate,
    reason = "the repository comes back for chaining only"
)]
impl Repository {
    /// The URL that `GetRepositoryEndpoint` tells, with a slash at its end. pip's index is at `…simple/`.
    pub fn url(&self, format: Format) -> String {
        let base = self.shared.base.get().map_or("", String::as_str);
        let (label, repository) = (self.place.domain.label(), &self.place.repository);
        format!("{base}{DATA}{label}/{format}/{repository}/")
    }

    /// The same, with a token as clients without the proxy have it.
    pub fn url_with_token(&self, format: Format, token: &str) -> String {
        self.url(format)
            .replacen("http://", &format!("http://aws:{token}@"), 1)
    }

    /// Puts a file of a Python project in, in place of one of that name.
    pub fn put_file(
        &self,
        project: &str,
        version: &str,
        file_name: &str,
        bytes: impl Into<Bytes>,
    ) -> &Self {
        let asset = Asset::new(bytes, self.shared.clock.now());
        self.put_asset(project, version, file_name, asset)
    }

    /// Puts a file of that length in whose bytes are made up as they are sent. It is larger than the memory if need
    /// be, and no wheel; its `ETag` is, as that of an object of several parts, no MD5.
    pub fn put_large_file(
        &self,
        project: &str,
        version: &str,
        file_name: &str,
        length: u64,
    ) -> &Self {
        let asset = Asset::pattern(length, self.shared.clock.now());
        self.put_asset(project, version, file_name, asset)
    }

    fn put_asset(&self, project: &str, version: &str, file_name: &str, asset: Asset) -> &Self {
        let file = ProjectFile::new(version, file_name, asset);
        self.with(|packages| {
            let project = packages.pypi.entry(normalised(project)).or_default();
            project.put(file);
        });
        self
    }

    /// Puts a wheel in.
    pub fn put_wheel(&self, wheel: &Wheel) -> &Self {
        let (name, version) = (wheel.name(), wheel.version());
        self.put_file(name, version, &wheel.file_name(), wheel.bytes())
    }

    /// Puts a source distribution in.
    pub fn put_sdist(&self, sdist: &Sdist) -> &Self {
        let (name, version) = (sdist.name(), sdist.version());
        self.put_file(name, version, &sdist.file_name(), sdist.bytes())
    }

    /// Takes one file of a Python project away.
    pub fn remove_file(&self, project: &str, file_name: &str) -> &Self {
        self.with(|packages| {
            if let Some(project) = packages.pypi.get_mut(&normalised(project)) {
                project.files.retain(|file| file.name != file_name);
            }
        });
        self
    }

    /// Puts a version of a JavaScript package in, as the latest.
    pub fn put_npm(&self, package: &NpmPackage) -> &Self {
        let version = Version {
            manifest: package.manifest().clone(),
            tarball: Asset::new(package.tarball(), self.shared.clock.now()),
        };
        self.with(|packages| {
            let packument = packages.npm.entry(package.name().to_owned()).or_default();
            packument.put(package.version(), version);
        });
        self
    }

    /// Puts a file of a Java package in, at its path in the repository's layout. Checksums and
    /// `maven-metadata.xml` come by themselves.
    pub fn put_maven(&self, path: &str, bytes: impl Into<Bytes>) -> &Self {
        let asset = Asset::new(bytes, self.shared.clock.now());
        self.with(|packages| packages.maven.put(path, asset));
        self
    }

    /// Takes a package with all its versions away. Maven's is named `group:artifact`.
    pub fn remove(&self, format: Format, name: &str) -> &Self {
        self.with(|packages| match format {
            Format::Pypi => drop(packages.pypi.remove(&normalised(name))),
            Format::Npm => drop(packages.npm.remove(name)),
            Format::Maven => {
                let folder = name.replacen(':', ".", 1).replace('.', "/");
                packages.maven.remove(&format!("{folder}/"));
            }
        });
        self
    }

    /// Sets a package's origin controls, which makes the package known, be it without versions.
    pub fn set_origin(&self, format: Format, name: &str, origin: Origin) -> &Self {
        let name = match format {
            Format::Pypi => normalised(name),
            Format::Npm | Format::Maven => name.to_owned(),
        };
        self.with(|packages| packages.origins.insert((format, name), origin));
        self
    }

    /// The paths of all files of a format, below its URL.
    #[must_use]
    pub fn files(&self, format: Format) -> Vec<String> {
        self.with(|packages| match format {
            Format::Pypi => packages
                .pypi
                .iter()
                .flat_map(|(name, project)| {
                    let files = project.files.iter();
                    files.map(move |file| format!("simple/{name}/{}/{}", file.version, file.name))
                })
                .collect(),
            Format::Npm => packages
                .npm
                .iter()
                .flat_map(|(name, packument)| {
                    let versions = packument.versions.keys();
                    versions.map(move |version| format!("{name}/-/{}", file_name(name, version)))
                })
                .collect(),
            Format::Maven => packages.maven.paths().cloned().collect(),
        })
        .unwrap_or_default()
    }

    /// The bytes of a file; none of one that was made up, or uploaded with more than 64 MiB.
    #[must_use]
    pub fn read(&self, format: Format, path: &str) -> Option<Bytes> {
        self.with(|packages| packages.asset(format, path)?.bytes().cloned())?
    }

    /// The length in bytes and the SHA-256, in hexadecimal, of any file.
    #[must_use]
    pub fn length_and_sha256(&self, format: Format, path: &str) -> Option<(u64, String)> {
        self.with(|packages| {
            let asset = packages.asset(format, path)?;
            Some((asset.length(), asset.digests.sha256.clone()))
        })?
    }

    fn with<T>(&self, act: impl FnOnce(&mut Packages) -> T) -> Option<T> {
        self.shared
            .lock()
            .repositories
            .get_mut(&self.place)
            .map(act)
    }
}

impl Packages {
    /// The file at a path below a format's URL, also the `.metadata` beside a wheel.
    pub(super) fn asset(&self, format: Format, path: &str) -> Option<&Asset> {
        match format {
            Format::Pypi => {
                let mut parts = path.strip_prefix("simple/")?.splitn(3, '/');
                let project = self.pypi.get(&normalised(parts.next()?))?;
                project.asset(parts.next()?, parts.next()?)
            }
            Format::Npm => {
                let (name, file) = path.split_once("/-/")?;
                self.npm.get(name)?.tarball(name, file)
            }
            Format::Maven => self.maven.file(path),
        }
    }

    /// Whether a Maven file may be published.
    pub(super) fn takes_maven(&self, path: &str) -> bool {
        package_of(path).is_none_or(|name| self.takes(Format::Maven, &name))
    }
}
