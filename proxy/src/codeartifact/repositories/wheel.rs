//! The metadata of wheels (PEP 658): out of a cached wheel, else what CodeArtifact has.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tokio::runtime::Handle;
use tracing::warn;

use super::Repositories;
use crate::artifact::ArtifactKey;
use crate::codeartifact::Address;
use crate::codeartifact::body::WholeBody;
use crate::codeartifact::index::wheel;
use crate::codeartifact::public::PublicIndex;
use crate::error::Error;
use crate::fetch::{Fetcher, Found};
use crate::object::ObjectAttributes;
use crate::remote::Body;
use crate::request;

/// What stands behind a wheel's own name.
pub(in crate::codeartifact) const METADATA_SUFFIX: &str = ".metadata";
/// What is read of a wheel at once, in bytes: its directory is mostly shorter.
const READ_BYTES: u64 = 64 * 1024;

impl Repositories {
    /// The metadata of a wheel, at `<wheel>.metadata`.
    pub(super) async fn metadata(&self, address: &Address) -> Result<Box<dyn Body>, Error> {
        let path = address
            .path()
            .strip_suffix(METADATA_SUFFIX)
            .unwrap_or_default();
        let wheel = address.at(path, None).and_then(|wheel| wheel.key());
        let fetcher = self.fetcher()?;
        if let Some(key) = wheel
            && fetcher.cached(std::slice::from_ref(&key)).await == [true]
        {
            let found = fetcher.get(&key).await?;
            match of_cached(fetcher, key, found).await {
                Ok(bytes) => return Ok(WholeBody::boxed(attributes(&bytes), bytes)),
                Err(error) => warn!(path, %error, "a wheel's metadata cannot be read"),
            }
        }
        if PublicIndex::file_of(address).is_some() {
            // A public page offers none: they are of cached wheels alone.
            return Err(Error::NotFound);
        }
        self.file(address).await
    }
}

fn attributes(bytes: &Bytes) -> ObjectAttributes {
    ObjectAttributes {
        length: bytes.len() as u64,
        etag: Some(format!("\"{}\"", hex::encode(Sha256::digest(bytes)))),
        last_modified: None,
        content_type: Some("text/plain; charset=utf-8".to_owned()),
        content_encoding: None,
    }
}

async fn of_cached(fetcher: Arc<Fetcher>, key: ArtifactKey, found: Found) -> Result<Bytes, String> {
    let handle = Handle::current();
    let read = request::spawn_blocking(move || {
        let name = key.file_name().to_owned();
        let file = WheelFile {
            length: found.attributes().length,
            fetcher,
            key,
            found,
            handle,
            position: 0,
            piece: (0, Bytes::new()),
        };
        wheel::metadata(file, &name).map_err(|error| error.to_string())
    });
    read.await
        .unwrap_or_else(|_| Err("reading it ended unexpectedly".to_owned()))
}

/// A cached wheel as a file that can be read at any place. For threads that may wait.
struct WheelFile {
    fetcher: Arc<Fetcher>,
    key: ArtifactKey,
    found: Found,
    length: u64,
    handle: Handle,
    position: u64,
    /// What was read last, and from where.
    piece: (u64, Bytes),
}

impl WheelFile {
    /// The bytes at hand at the position; none at the end.
    fn at_hand(&mut self) -> io::Result<&[u8]> {
        let (start, bytes) = &self.piece;
        let is_within = (*start..start + bytes.len() as u64).contains(&self.position);
        if !is_within && self.position < self.length {
            let end = (self.position + READ_BYTES).min(self.length);
            let mut reader = self
                .found
                .reader(&self.fetcher, &self.key, self.position, end);
            let read = self
                .handle
                .block_on(reader.next())
                .map_err(io::Error::other)?;
            self.piece = (self.position, read.unwrap_or_default());
        }
        let (start, bytes) = &self.piece;
        let skip = usize::try_from(self.position.saturating_sub(*start)).unwrap_or(usize::MAX);
        Ok(bytes.get(skip..).unwrap_or_default())
    }
}

impl Read for WheelFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.position >= self.length {
            return Ok(0);
        }
        let bytes = self.at_hand()?;
        let count = bytes.len().min(buffer.len());
        buffer[..count].copy_from_slice(&bytes[..count]);
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for WheelFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
        };
        let outside = || io::Error::new(io::ErrorKind::InvalidInput, "a place before the begin");
        self.position = position.ok_or_else(outside)?;
        Ok(self.position)
    }
}
