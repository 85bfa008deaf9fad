//! The digests that clients are told of a body.

use sha1::Digest as _;

use super::{Checksums, ExpectedChecksum};

/// What all three digests take in one go, in bytes.
const BLOCK_BYTES: usize = 64;

/// SHA-1, MD5 and SHA-256 of one body, as far as it was given, and its SHA-512 where that is promised.
#[derive(Default)]
pub struct Digests {
    length: u64,
    sha1: sha1::Sha1,
    md5: md5::Md5,
    sha256: sha2::Sha256,
    sha512: Option<sha2::Sha512>,
}

/// The digests of a whole body.
pub(super) struct Finished {
    pub(super) sha1: [u8; 20],
    pub(super) md5: [u8; 16],
    pub(super) sha256: [u8; 32],
    pub(super) sha512: Option<[u8; 64]>,
}

impl Digests {
    /// As [`Self::default`], and a SHA-512 if one of these asks for it: no client is told one, so it would be
    /// computed for nothing.
    pub(super) fn for_promises(promises: &[ExpectedChecksum]) -> Self {
        let mut promises = promises.iter();
        let is_promised = promises.any(|promise| matches!(promise, ExpectedChecksum::Sha512(_)));
        Self {
            sha512: is_promised.then(sha2::Sha512::default),
            ..Self::default()
        }
    }

    /// How many bytes were given.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Takes the next bytes of the body.
    ///
    /// MD5 waits for itself most of the time, and the others have circuits of their own: block by block
    /// in turn, they run in its pauses, which makes all three a quarter cheaper than one after the other.
    pub fn update(&mut self, bytes: &[u8]) {
        let in_block = usize::try_from(self.length % BLOCK_BYTES as u64).unwrap_or(0);
        let to_boundary = (BLOCK_BYTES - in_block) % BLOCK_BYTES;
        // Off the boundary, each digest would copy every block.
        let (first, aligned) = bytes.split_at(to_boundary.min(bytes.len()));
        self.take(first);
        for block in aligned.chunks(BLOCK_BYTES) {
            self.take(block);
        }
        if let Some(sha512) = &mut self.sha512 {
            sha512.update(bytes);
        }
        self.length += bytes.len() as u64;
    }

    fn take(&mut self, bytes: &[u8]) {
        self.md5.update(bytes);
        self.sha1.update(bytes);
        self.sha256.update(bytes);
    }

    pub(super) fn finish(self) -> Finished {
        Finished {
            sha1: self.sha1.finalize().into(),
            md5: self.md5.finalize().into(),
            sha256: self.sha256.finalize().into(),
            sha512: self.sha512.map(|sha512| sha512.finalize().into()),
        }
    }
}

impl Finished {
    pub(super) fn checksums(&self) -> Checksums {
        Checksums {
            sha1: hex::encode(self.sha1),
            md5: hex::encode(self.md5),
            sha256: hex::encode(self.sha256),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digests_do_not_depend_on_how_the_body_comes() {
        let body: Vec<u8> = (0..1000_u32).map(|at| at.to_le_bytes()[0]).collect();
        let whole = hex::encode(sha2::Sha256::digest(&body));
        let sha512 = [ExpectedChecksum::Sha512(String::new())];
        for size in [1, 7, 63, 64, 65, 127, 200, 999, 1000] {
            let mut digests = Digests::for_promises(&sha512);
            body.chunks(size).for_each(|piece| digests.update(piece));
            assert_eq!(digests.length(), 1000);
            let finished = digests.finish();
            let checksums = finished.checksums();
            assert_eq!(finished.sha512, Some(sha2::Sha512::digest(&body).into()));
            assert_eq!(checksums.sha256, whole, "in pieces of {size}");
            assert_eq!(checksums.sha1, hex::encode(sha1::Sha1::digest(&body)));
            assert_eq!(checksums.md5, hex::encode(md5::Md5::digest(&body)));
        }
    }
}
