//! The metadata of wheels (PEP 658): out of a cached wheel, else what CodeArtifact has, else out of the wheel.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tokio::runtime::Handle;
use tokio::time::timeout;
use tracing::warn;

use super::Repositories;
use crate::artifact::ArtifactKey;
use crate::codeartifact::Address;
use crate::codeartifact::body::WholeBody;
use crate::codeartifact::index::wheel;
use crate::codeartifact::public::PublicIndex;
use crate::config::Format;
use crate::error::Error;
use crate::fetch::{Fetcher, Found};
use crate::object::ObjectAttributes;
use crate::remote::Body;
use crate::request;

/// What stands behind a wheel's own name.
pub(super) const METADATA_SUFFIX: &str = ".metadata";
/// pip and uv wait for 15 s and 30 s.
const PATIENCE: Duration = Duration::from_secs(10);
/// What is read of a wheel at once, in bytes: its directory is mostly shorter.
const READ_BYTES: u64 = 64 * 1024;

impl Repositories {
    /// The metadata of a wheel, at `<wheel>.metadata`.
    ///
    /// Whoever asks was told of them, by CodeArtifact or because the wheel was cached. If it has had to go for others
    /// meanwhile it is fetched again, for as long as installers wait for an answer; a longer download goes on, and
    /// they find it when they come back.
    pub(super) async fn metadata(&self, address: &Address) -> Result<Box<dyn Body>, Error> {
        let wheel = wheel_of(address).and_then(|wheel| wheel.key());
        let fetcher = self.fetcher()?;
        if let Some(key) = &wheel
            && fetcher.cached(std::slice::from_ref(key)).await == [true]
        {
            match of_wheel(fetcher, key.clone()).await {
                Err(Error::NotFound) => {}
                outcome => return outcome,
            }
        }
        // A public page offers none: they are of cached wheels alone.
        let is_public = PublicIndex::file_of(address).is_some();
        let given = if is_public {
            Err(Error::NotFound)
        } else {
            self.file(address).await
        };
        match (given, wheel) {
            (Err(Error::NotFound), Some(key)) => {
                let read = timeout(PATIENCE, of_wheel(self.fetcher()?, key)).await;
                let late = |_| {
                    Err(Error::unavailable(
                        "the wheel is still on its way: ask again",
                    ))
                };
                read.unwrap_or_else(late)
            }
            (given, _) => given,
        }
    }
}

/// The wheel whose metadata an address names.
fn wheel_of(address: &Address) -> Option<Address> {
    let wheel = address.path().strip_suffix(METADATA_SUFFIX)?;
    let is_of_wheel = address.format() == Format::Pypi && wheel.strip_suffix(".whl").is_some();
    is_of_wheel.then(|| address.at(wheel, None)).flatten()
}

/// Reads the wheel's directory and one entry of it, out of the cache or along with a download, whose end is waited
/// for: only then are its bytes known to be right.
async fn of_wheel(fetcher: Arc<Fetcher>, key: ArtifactKey) -> Result<Box<dyn Body>, Error> {
    let found = fetcher.get(&key).await?;
    let length = found.attributes().length;
    if let Some(last) = length.checked_sub(1) {
        found.reader(&fetcher, &key, last, length).next().await?;
    }
    let path = key.clone();
    match read(fetcher, key, found).await {
        Ok(bytes) => Ok(WholeBody::boxed(attributes(&bytes), bytes)),
        Err(error) => {
            warn!(path = path.as_str(), %error, "a wheel's metadata cannot be read");
            Err(Error::NotFound)
        }
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

async fn read(fetcher: Arc<Fetcher>, key: ArtifactKey, found: Found) -> Result<Bytes, String> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codeartifact::Table;
    use crate::config::CodeArtifactUpstream;

    #[test]
    fn only_wheels_have_metadata_beside_them() {
        let table = Table::new(vec![CodeArtifactUpstream::example()]);
        let upstream = table.by_alias("main").expect("an upstream");
        let wheel = |format, path: &str| {
            let address = Address::parse(upstream, format, path, None).expect("an address");
            wheel_of(&address).map(|wheel| wheel.path().to_owned())
        };
        let path = "simple/x/1/x-1-py3-none-any.whl";
        let of = |suffix: &str| wheel(Format::Pypi, &format!("{path}{suffix}"));
        assert_eq!(of(".metadata").as_deref(), Some(path));
        assert_eq!(of(""), None);
        assert_eq!(of(".asc"), None);
        assert_eq!(wheel(Format::Pypi, "simple/x/1/x-1.tar.gz.metadata"), None);
        assert_eq!(wheel(Format::Maven, "g/a/1/a.whl.metadata"), None);
    }
}
