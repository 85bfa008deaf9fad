//! The token's own bytes once more, this time by rename.
//!
//! The AWS CLI writes in place, which a container may not see until it restarts; so the host puts the
//! same bytes in the same place once more. A login that is written meanwhile wins.

use std::io;

use super::file::MOST_BYTES;
use super::{Sight, Token, TokenFile};
use crate::disk::{self, DiskError};

/// What became of a file that was to be renamed into its own place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Republished {
    /// It has its old bytes and a new inode: changes count from this sight on.
    Done(Sight),
    /// There is no file.
    NothingThere,
    /// It is torn, or something else: whoever writes it is not done.
    NotAToken,
    /// Somebody has written or removed it meanwhile, and it was left alone.
    ChangedMeanwhile,
}

impl TokenFile {
    /// Replaces the file by a copy of itself, byte for byte, if that is a whole token. Blocks on the disk.
    pub fn republish(&self) -> Result<Republished, DiskError> {
        self.republish_after(|| ())
    }

    /// `meanwhile` is what other programs do between the two looks.
    fn republish_after(&self, meanwhile: impl FnOnce()) -> Result<Republished, DiskError> {
        let (bytes, seen) = match disk::read_stamped(self.path(), MOST_BYTES) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Republished::NothingThere);
            }
            Err(error) => return Err(error),
        };
        if Token::parse(&bytes).is_err() {
            return Ok(Republished::NotAToken);
        }
        meanwhile();
        let written = disk::replace_unchanged(self.path(), &bytes, seen)?;
        Ok(written.map_or(Republished::ChangedMeanwhile, |stamp| {
            Republished::Done(Sight::new(stamp, &bytes))
        }))
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "tests write as the AWS CLI does: in place"
)]
mod tests {
    use std::fs;
    use std::os::unix::fs::MetadataExt as _;

    use super::super::Change;
    use super::*;

    const TOKEN: &str =
        r#"{"accessToken":"a",  "expiresAt": "2026-01-02T03:04:05UTC", "x": 1e999}"#;

    fn file() -> (tempfile::TempDir, TokenFile) {
        let folder = tempfile::tempdir().expect("a folder");
        let file = TokenFile::new(folder.path(), "0beec7b5.json");
        (folder, file)
    }

    fn names(folder: &tempfile::TempDir) -> Vec<std::ffi::OsString> {
        let entries = fs::read_dir(folder.path()).expect("a folder").flatten();
        entries.map(|entry| entry.file_name()).collect()
    }

    #[test]
    fn a_token_is_renamed_into_its_place_byte_for_byte() {
        let (folder, file) = file();
        fs::write(file.path(), TOKEN).expect("written");
        let inode = || file.path().metadata().expect("there").ino();
        let before = inode();
        let Ok(Republished::Done(published)) = file.republish() else {
            panic!("it is a token");
        };
        assert_ne!(inode(), before);
        assert_eq!(fs::read_to_string(file.path()).expect("read"), TOKEN);
        assert_eq!(file.sight().expect("seen").as_ref(), Some(&published));
        assert_eq!(names(&folder), ["0beec7b5.json"]);
        // The next login in place is seen as one, even if it comes at once.
        fs::write(file.path(), TOKEN.replace("\"a\"", "\"b\"")).expect("written");
        let now = file.sight().expect("seen").expect("there");
        assert_eq!(now.change_since(&published), Some(Change::InPlace));
    }

    #[test]
    fn what_is_no_whole_token_is_left_alone() {
        let (_folder, file) = file();
        assert_eq!(file.republish().expect("tried"), Republished::NothingThere);
        for torn in ["", &TOKEN[..40]] {
            fs::write(file.path(), torn).expect("written");
            assert_eq!(file.republish().expect("tried"), Republished::NotAToken);
            assert_eq!(fs::read_to_string(file.path()).expect("read"), torn);
        }
    }

    #[test]
    fn a_login_or_logout_meanwhile_is_not_undone() {
        let (folder, file) = file();
        // Longer, as both are written within one tick of a coarse clock.
        let other = TOKEN.replace("\"a\"", "\"longer\"");
        let in_place = || fs::write(file.path(), &other).expect("written");
        let by_rename = || disk::replace(file.path(), other.as_bytes()).expect("written");
        for meanwhile in [&in_place as &dyn Fn(), &by_rename] {
            fs::write(file.path(), TOKEN).expect("written");
            let outcome = file.republish_after(meanwhile).expect("tried");
            assert_eq!(outcome, Republished::ChangedMeanwhile);
            assert_eq!(fs::read_to_string(file.path()).expect("read"), other);
        }
        let logout = || fs::remove_file(file.path()).expect("removed");
        let outcome = file.republish_after(logout).expect("tried");
        assert_eq!(outcome, Republished::ChangedMeanwhile);
        assert!(names(&folder).is_empty(), "{:?}", names(&folder));
    }
}
