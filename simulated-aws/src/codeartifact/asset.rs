//! One file of a package, with its digests.

use std::sync::LazyLock;
use std::time::SystemTime;

use bytes::Bytes;
use futures_util::stream;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use crate::service::{BoxError, PlainBody, full};

/// What is made up is made so much at a time, in bytes.
const BLOCK_BYTES: usize = 256 * 1024;

/// The largest upload whose bytes are kept, in bytes; of a larger one, only the digests are.
const MOST_KEPT_BYTES: u64 = 64 * 1024 * 1024;

/// One file.
#[derive(Clone, Debug)]
pub(crate) struct Asset {
    content: Content,
    pub(crate) digests: Digests,
    pub(crate) stored: SystemTime,
}

/// The bytes of a file.
#[derive(Clone, Debug)]
enum Content {
    Whole(Bytes),
    /// Made up, so that files larger than the memory cost nothing.
    Pattern(u64),
    /// Too large to be kept: an upload of which only the digests are.
    LetGo(u64),
}

/// The digests of a file, in hexadecimal but for the last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Digests {
    pub(crate) md5: String,
    pub(crate) sha1: String,
    pub(crate) sha256: String,
    pub(crate) sha512: String,
    /// SHA-512 as it is, for npm's `integrity`.
    pub(crate) sha512_bytes: Vec<u8>,
}

/// Computes all digests of a file in one pass.
#[derive(Default)]
pub(crate) struct Hasher {
    md5: Md5,
    sha1: Sha1,
    sha256: Sha256,
    sha512: Sha512,
    length: u64,
}

impl Hasher {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.md5.update(bytes);
        self.sha1.update(bytes);
        self.sha256.update(bytes);
        self.sha512.update(bytes);
        self.length += bytes.len() as u64;
    }

    pub(crate) fn finish(self) -> Digests {
        let sha512 = self.sha512.finalize();
        Digests {
            md5: hex::encode(self.md5.finalize()),
            sha1: hex::encode(self.sha1.finalize()),
            sha256: hex::encode(self.sha256.finalize()),
            sha512: hex::encode(sha512),
            sha512_bytes: sha512.to_vec(),
        }
    }
}

/// A file on its way in.
#[derive(Default)]
pub(crate) struct Received {
    kept: Vec<u8>,
    hasher: Hasher,
}

impl Received {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        if self.hasher.length <= MOST_KEPT_BYTES {
            self.kept.extend_from_slice(bytes);
        } else {
            self.kept = Vec::new();
        }
    }

    pub(crate) fn finish(self, stored: SystemTime) -> Asset {
        let length = self.hasher.length;
        let content = if length <= MOST_KEPT_BYTES {
            Content::Whole(self.kept.into())
        } else {
            Content::LetGo(length)
        };
        Asset {
            content,
            digests: self.hasher.finish(),
            stored,
        }
    }
}

impl Asset {
    pub(crate) fn new(bytes: impl Into<Bytes>, stored: SystemTime) -> Self {
        let bytes = bytes.into();
        let mut hasher = Hasher::default();
        hasher.update(&bytes);
        Self {
            content: Content::Whole(bytes),
            digests: hasher.finish(),
            stored,
        }
    }

    /// A file of that length whose bytes are made up when they are asked for. Of its digests, only SHA-256 is
    /// known: the others would take as long again, and nobody asks.
    pub(crate) fn pattern(length: u64, stored: SystemTime) -> Self {
        let mut hasher = Sha256::new();
        let mut at = 0;
        while at < length {
            let block = pattern_block(at, length);
            hasher.update(&block);
            at += block.len() as u64;
        }
        let digests = Digests {
            sha256: hex::encode(hasher.finalize()),
            ..Digests::default()
        };
        Self {
            content: Content::Pattern(length),
            digests,
            stored,
        }
    }

    pub(crate) fn length(&self) -> u64 {
        match &self.content {
            Content::Whole(bytes) => bytes.len() as u64,
            Content::Pattern(length) | Content::LetGo(length) => *length,
        }
    }

    /// The bytes, where they are in memory.
    pub(crate) fn bytes(&self) -> Option<&Bytes> {
        match &self.content {
            Content::Whole(bytes) => Some(bytes),
            Content::Pattern(_) | Content::LetGo(_) => None,
        }
    }

    /// The entity tag as S3 has it, with its quotes: the MD5, but of an object of several parts something with a
    /// hyphen.
    pub(crate) fn etag(&self) -> String {
        let Digests { md5, sha256, .. } = &self.digests;
        if md5.is_empty() {
            format!("\"{}-2\"", &sha256[..32])
        } else {
            format!("\"{md5}\"")
        }
    }

    /// The bytes from `start` to before `end`; `None` if they were let go.
    pub(crate) fn body(&self, start: u64, end: u64) -> Option<PlainBody> {
        match &self.content {
            Content::Whole(bytes) => {
                let (start, end) = (usize::try_from(start).ok()?, usize::try_from(end).ok()?);
                Some(full(bytes.slice(start..end)))
            }
            Content::Pattern(_) => {
                let frames = stream::unfold(start, move |at| async move {
                    let block = pattern_block(at, end);
                    let next = at + block.len() as u64;
                    (!block.is_empty()).then(|| (Ok::<_, BoxError>(Frame::data(block)), next))
                });
                Some(BodyExt::boxed_unsync(StreamBody::new(frames)))
            }
            Content::LetGo(_) => None,
        }
    }
}

/// The made-up bytes from `at` on: up to the end of a block, and none behind `end`. Every block begins with its own
/// number, so that a piece at the wrong place does not go unnoticed.
fn pattern_block(at: u64, end: u64) -> Bytes {
    static FILLING: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let mut random = fastrand::Rng::with_seed(1);
        std::iter::repeat_with(|| random.u8(..))
            .take(BLOCK_BYTES)
            .collect()
    });
    let size = BLOCK_BYTES as u64;
    let mut block = FILLING.clone();
    block[..8].copy_from_slice(&(at / size).to_be_bytes());
    let place = |at: u64| usize::try_from(at).unwrap_or(BLOCK_BYTES);
    let from = at % size;
    let until = (from + end.saturating_sub(at)).min(size);
    Bytes::from(block).slice(place(from)..place(until))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn any_range_of_a_pattern_is_a_piece_of_the_whole() {
        let asset = Asset::pattern(600_000, SystemTime::UNIX_EPOCH);
        let read = |start, end| {
            let body = asset.body(start, end).expect("a body");
            async { body.collect().await.expect("bytes").to_bytes() }
        };
        let whole = read(0, 600_000).await;
        assert_eq!(whole.len(), 600_000);
        assert_eq!(read(262_141, 524_299).await, whole.slice(262_141..524_299));
        let same = Asset::new(whole, SystemTime::UNIX_EPOCH);
        assert_eq!(same.digests.sha256, asset.digests.sha256);
    }
}
