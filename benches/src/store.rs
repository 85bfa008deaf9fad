//! The same artifacts for both: files for nginx, a cache in the proxy's own format.
//!
//! The proxy's files are written as it would write them, instead of being fetched through it, as its
//! download syncs each of them to the disk: 200,000 would take longer than everything else. Whoever
//! measures asks for each object once before (`warm`), and fails if one is no hit.

use std::collections::HashSet;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bazel_proxy::cache::format::{BlockTable, encode_header};
use bazel_proxy::cache::{CacheKey, Metadata};
use bazel_proxy::checksum::{Expected, Hasher};
use bazel_proxy::object::ObjectAttributes;
use tempfile::TempDir;

use crate::failure::{Failure, While as _};
use crate::files;
use crate::origin::BUCKET;

/// An object's key, and so its path at both servers.
#[derive(Clone, Debug)]
pub(crate) struct Artifact {
    /// Without a slash in front.
    pub(crate) key: String,
    /// Of its body.
    pub(crate) bytes: u64,
}

/// Two folders with the same artifacts; removed when dropped.
pub(crate) struct Store {
    folder: TempDir,
    repository: Arc<str>,
    /// The folders that are there already.
    created: HashSet<PathBuf>,
}

impl Store {
    /// An empty one of the bucket of the S3 at `origin`, which is a part of where the proxy keeps an object.
    pub(crate) fn new(origin: SocketAddr) -> Result<Self, Failure> {
        let folder = tempfile::Builder::new()
            .prefix("bench-store-")
            .tempdir()
            .when(|| "a folder for the artifacts".to_owned())?;
        let mut store = Self {
            folder,
            repository: format!("http://{origin}/{BUCKET}/").into(),
            created: HashSet::new(),
        };
        for folder in [store.files(), store.cache()] {
            store.create(folder)?;
        }
        Ok(store)
    }

    /// nginx's `root`.
    pub(crate) fn files(&self) -> PathBuf {
        self.folder.path().join("files")
    }

    /// The proxy's `CACHE_DIR`.
    pub(crate) fn cache(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    /// Adds `count` artifacts of so many bytes each, of random content.
    pub(crate) fn add(
        &mut self,
        name: &str,
        count: usize,
        bytes: u64,
    ) -> Result<Vec<Artifact>, Failure> {
        let length = usize::try_from(bytes).when(|| "a size".to_owned())?;
        let mut body = vec![0; length];
        fastrand::fill(&mut body);
        let mut artifacts = Vec::with_capacity(count);
        for number in 0..count {
            // Each body differs from all others, without the cost of a new one.
            let mark = (number as u64).to_be_bytes();
            body[..mark.len()].copy_from_slice(&mark);
            // As a build's: not all in one folder.
            let key = format!("org/{name}/{}/{name}-{number}.jar", number / 100);
            self.write(&key, &body)?;
            artifacts.push(Artifact { key, bytes });
        }
        Ok(artifacts)
    }

    fn write(&mut self, key: &str, body: &[u8]) -> Result<(), Failure> {
        let path = self.files().join(key);
        self.create_parent(&path)?;
        files::write(&path, &[body])?;

        let cache_key = CacheKey::new(&self.repository, key);
        let objects = self.cache().join("v1/objects");
        let path = objects.join(cache_key.id().relative_path());
        self.create_parent(&path)?;
        let header =
            encode_header(&metadata(&cache_key, body)?).when(|| format!("the header of {key}"))?;
        let mut table = BlockTable::default();
        table.update(body);
        files::write(&path, &[&header, body, &table.finish()])
    }

    fn create_parent(&mut self, path: &Path) -> Result<(), Failure> {
        path.parent()
            .map_or(Ok(()), |parent| self.create(parent.to_owned()))
    }

    fn create(&mut self, folder: PathBuf) -> Result<(), Failure> {
        if !self.created.contains(&folder) {
            fs::create_dir_all(&folder).when(|| format!("creating {}", folder.display()))?;
            self.created.insert(folder);
        }
        Ok(())
    }
}

fn metadata(key: &CacheKey, body: &[u8]) -> Result<Metadata, Failure> {
    /// 2024-01-01: any time in the past.
    const UPLOADED: i64 = 1_704_067_200;
    let length = body.len() as u64;
    let mut hasher = Hasher::new(Expected {
        length,
        checksums: Vec::new(),
    });
    hasher.update(body);
    let verified = hasher.finish().when(|| "hashing a body".to_owned())?;
    let checksums = verified.checksums().clone();
    Ok(Metadata {
        repository: key.repository().to_owned(),
        key: key.key().to_owned(),
        attributes: ObjectAttributes {
            length,
            etag: Some(format!("\"{}\"", checksums.md5)),
            last_modified: Some(UPLOADED),
            content_type: None,
            content_encoding: None,
        },
        checksums,
        stored_at: UPLOADED,
    })
}
