//! How a token's file looked at one moment, without keeping anything of the token.
//!
//! A change in place can stay invisible in a container until it restarts; one by rename cannot.

use std::io;

use sha1::{Digest as _, Sha1};

use super::TokenFile;
use super::file::MOST_BYTES;
use crate::disk::{self, DiskError, Stamp};

/// Which file was there, and a hash of its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sight {
    device: u64,
    inode: u64,
    content: [u8; 20],
}

/// How other bytes came into the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The same file was written over.
    InPlace,
    /// Another file took its place, which may have been written over since.
    Renamed,
}

impl TokenFile {
    /// Looks at the file; `None` if there is none. It may be torn. Blocks on the disk.
    pub fn sight(&self) -> Result<Option<Sight>, DiskError> {
        match disk::read_stamped(self.path(), MOST_BYTES) {
            Ok((bytes, stamp)) => Ok(Some(Sight::new(stamp, &bytes))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Sight {
    pub(super) fn new(stamp: Stamp, bytes: &[u8]) -> Self {
        Self {
            device: stamp.device,
            inode: stamp.inode,
            content: Sha1::digest(bytes).into(),
        }
    }

    /// What has happened since an earlier look; `None` while the bytes are the same.
    #[must_use]
    pub fn change_since(&self, earlier: &Self) -> Option<Change> {
        if self.content == earlier.content {
            None
        } else if (self.device, self.inode) == (earlier.device, earlier.inode) {
            Some(Change::InPlace)
        } else {
            Some(Change::Renamed)
        }
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "tests write as the AWS CLI does: in place"
)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_change_in_place_is_told_from_one_by_rename() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = TokenFile::new(folder.path(), "0beec7b5.json");
        let look = || file.sight().expect("seen");
        assert_eq!(look(), None);
        fs::write(file.path(), "one").expect("written");
        let first = look().expect("there");
        assert_eq!(first.change_since(&first), None);
        fs::write(file.path(), "two").expect("written");
        let second = look().expect("there");
        assert_eq!(second.change_since(&first), Some(Change::InPlace));
        disk::replace(file.path(), b"three").expect("written");
        let third = look().expect("there");
        assert_eq!(third.change_since(&second), Some(Change::Renamed));
        disk::replace(file.path(), b"three").expect("written");
        let republished = look().expect("there");
        assert_eq!(republished.change_since(&third), None);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_an_error_and_not_absent() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = TokenFile::new(folder.path(), "0beec7b5.json");
        fs::create_dir(file.path()).expect("created");
        let error = file.sight().expect_err("a folder is in the way");
        assert_eq!(error.path, file.path());
    }
}
