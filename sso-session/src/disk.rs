//! The one door to the files of the contract.
//!
//! * A file is replaced by temp + fsync + rename + fsync of the folder, and is 0600 from birth in a
//!   0700 folder. A reader sees the old bytes or the new ones.
//! * A link in a file's place stays a link: its target is replaced, in the target's folder. The AWS
//!   CLI writes through links, so replacing the link itself would leave two files of which one holds
//!   a spent refresh token.
//! * What root writes into a user's folder belongs to that user: a container may well run as root.
//! * Every error names the operation and the path.
//!
//! ```text
//! <folder>/.<name>.<nonce>.sso-session.tmp   being written, or left by a killed writer: never taken
//!                                            for a token, removed after a day
//! ```
//!
//! All functions block.

mod leftovers;
mod link;
pub(crate) mod owner;
mod staged;
mod stamp;

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use thiserror::Error;
use zeroize::Zeroizing;

use staged::Staged;
pub(crate) use stamp::Stamp;

/// More than any token: what a proof of a writable folder writes.
const PROOF_BYTES: usize = 8 * 1024;

/// A file or folder could not be dealt with.
#[derive(Debug, Error)]
#[error("{operation} {}: {source}", path.display())]
pub struct DiskError {
    /// What was tried, as in `writing`.
    pub operation: &'static str,
    /// The file or folder.
    pub path: PathBuf,
    /// The system's word.
    pub source: io::Error,
}

impl DiskError {
    /// The system's kind of error.
    #[must_use]
    pub fn kind(&self) -> io::ErrorKind {
        self.source.kind()
    }

    /// Whether nothing can be written here before somebody changes the mount or the permissions.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        let kind = self.kind();
        kind == io::ErrorKind::ReadOnlyFilesystem || kind == io::ErrorKind::PermissionDenied
    }

    /// Says what was tried where.
    pub(crate) fn at(
        operation: &'static str,
        path: &Path,
    ) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self {
            operation,
            path,
            source,
        }
    }
}

/// Replaces a file as a whole, or leaves it as it was. Creates its folder if there is none.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), DiskError> {
    replace_if(path, bytes, |_| true).map(|_| ())
}

/// Replaces the very file that was `seen`: gives the stamp of the new one, or none if by now there is
/// another file, another content or nothing at `path`.
///
/// Between that look and the rename there are a few microseconds; nobody but a lock could close them,
/// and other writers take none.
pub(crate) fn replace_unchanged(
    path: &Path,
    bytes: &[u8],
    seen: Stamp,
) -> Result<Option<Stamp>, DiskError> {
    let is_unchanged = |path: &Path| {
        let metadata = fs::metadata(path);
        metadata.is_ok_and(|metadata| Stamp::of(&metadata) == seen)
    };
    replace_if(path, bytes, is_unchanged)
}

fn replace_if(
    path: &Path,
    bytes: &[u8],
    is_meant: impl FnOnce(&Path) -> bool,
) -> Result<Option<Stamp>, DiskError> {
    let path = link::target(path).map_err(DiskError::at("following the link", path))?;
    let folder = folder_of(&path);
    create_folder(folder)?;
    let mut staged = Staged::create(&path)?;
    staged.write(bytes)?;
    let written = staged.metadata()?;
    if !is_meant(&path) {
        staged.discard()?;
        return Ok(None);
    }
    staged.publish(&path)?;
    if let Ok(written_at) = written.modified() {
        leftovers::remove(folder, written_at);
    }
    Ok(Some(Stamp::of(&written)))
}

/// Reads a regular file of at most `max_bytes`.
///
/// # Errors
/// `NotFound`, `FileTooLarge`, `InvalidInput` for a pipe or folder (which would block), and others.
pub fn read_bounded(path: &Path, max_bytes: u64) -> Result<Zeroizing<Vec<u8>>, DiskError> {
    read_stamped(path, max_bytes).map(|(bytes, _)| bytes)
}

/// Reads as [`read_bounded`] does, and gives the stamp that the file had before its first byte was read.
pub(crate) fn read_stamped(
    path: &Path,
    max_bytes: u64,
) -> Result<(Zeroizing<Vec<u8>>, Stamp), DiskError> {
    let read = || {
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(OFlag::O_NONBLOCK.bits())
            .open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            let text = "this is no regular file";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let expected = metadata.len().min(max_bytes) + 1;
        // Room for all of it at once: growing would leave copies of secrets behind.
        let room = usize::try_from(expected).map_err(io::Error::other)?;
        let mut bytes = Zeroizing::new(Vec::with_capacity(room));
        file.take(max_bytes.saturating_add(1))
            .read_to_end(&mut bytes)?;
        if bytes.len() as u64 > max_bytes {
            let text = format!("longer than {max_bytes} bytes");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
        }
        Ok((bytes, Stamp::of(&metadata)))
    };
    read().map_err(DiskError::at("reading", path))
}

/// Proves that a file could be replaced, by writing one as large as a token beside it (or beside what a
/// link in its place leads to) and removing that: permissions, a read-only mount and a full disk all
/// show only then.
pub fn prove_replaceable(path: &Path) -> Result<(), DiskError> {
    let path = link::target(path).map_err(DiskError::at("following the link", path))?;
    let mut staged = Staged::create(&path)?;
    staged.write(&[b' '; PROOF_BYTES])?;
    staged.discard()
}

/// Creates a folder and those above it, for the owner only.
pub fn create_folder(path: &Path) -> Result<(), DiskError> {
    if path.is_dir() {
        return Ok(());
    }
    let create = |path: &Path| fs::DirBuilder::new().mode(0o700).create(path);
    if let Err(error) = create(path) {
        let kind = error.kind();
        if kind == io::ErrorKind::AlreadyExists && path.is_dir() {
            return Ok(());
        }
        let Some(above) = path.parent().filter(|_| kind == io::ErrorKind::NotFound) else {
            return Err(DiskError::at("creating the folder", path)(error));
        };
        create_folder(above)?;
        match create(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
            outcome => outcome.map_err(DiskError::at("creating the folder", path))?,
        }
    }
    owner::inherit_folder(path);
    Ok(())
}

/// Removes a file; whether there was one.
pub fn remove(path: &Path) -> Result<bool, DiskError> {
    match fs::remove_file(path) {
        Ok(()) => {
            staged::sync_folder(folder_of(path));
            Ok(true)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(DiskError::at("removing", path)(error)),
    }
}

/// Renames a file to `<name>.<suffix>`, over an older one of that name; whether there was a file.
pub fn move_aside(path: &Path, suffix: &str) -> Result<bool, DiskError> {
    let mut aside = path.as_os_str().to_owned();
    aside.push(".");
    aside.push(suffix);
    match fs::rename(path, PathBuf::from(aside)) {
        Ok(()) => {
            staged::sync_folder(folder_of(path));
            Ok(true)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(DiskError::at("moving aside", path)(error)),
    }
}

/// The folder that a file is in.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .expect("a folder")
            .map(|entry| {
                entry
                    .expect("an entry")
                    .file_name()
                    .into_string()
                    .expect("a text")
            })
            .collect();
        names.sort();
        names
    }

    fn mode(path: &Path) -> u32 {
        path.metadata().expect("there").permissions().mode() & 0o7777
    }

    #[test]
    fn a_file_is_private_in_a_private_folder_and_nothing_is_left_beside_it() {
        let top = tempfile::tempdir().expect("a folder");
        let path = top.path().join("a/b/file.json");
        replace(&path, b"one").expect("written");
        replace(&path, b"two").expect("written");
        assert_eq!(*read_bounded(&path, 3).expect("read"), b"two");
        assert_eq!((mode(&path), mode(&top.path().join("a/b"))), (0o600, 0o700));
        assert_eq!(names(&top.path().join("a/b")), ["file.json"]);
    }

    #[test]
    fn a_reader_with_the_old_file_open_keeps_the_old_bytes() {
        let top = tempfile::tempdir().expect("a folder");
        let path = top.path().join("file");
        replace(&path, b"old").expect("written");
        let mut open = fs::File::open(&path).expect("opened");
        replace(&path, b"new and longer").expect("written");
        let mut text = String::new();
        open.read_to_string(&mut text).expect("read");
        assert_eq!(text, "old");
    }

    #[test]
    fn a_failure_names_operation_and_path_and_leaves_no_temp() {
        let top = tempfile::tempdir().expect("a folder");
        let path = top.path().join("file");
        fs::create_dir(&path).expect("created");
        let error = replace(&path, b"x").expect_err("a folder is in the way");
        assert!(
            error.to_string().contains(path.to_str().expect("a text")),
            "{error}"
        );
        assert!(error.to_string().starts_with("renaming to "), "{error}");
        assert_eq!(names(top.path()), ["file"]);
    }

    #[test]
    fn a_link_stays_and_its_target_is_replaced() {
        let top = tempfile::tempdir().expect("a folder");
        let (real, link) = (top.path().join("real"), top.path().join("link"));
        fs::create_dir(&real).expect("created");
        symlink("real/file", top.path().join("middle")).expect("linked");
        symlink("middle", &link).expect("linked");
        for text in [&b"dangling at first"[..], b"then not"] {
            replace(&link, text).expect("written");
            assert_eq!(*read_bounded(&real.join("file"), 99).expect("read"), text);
            assert!(link.symlink_metadata().expect("there").is_symlink());
        }
        assert_eq!(names(&real), ["file"]);
        symlink("loop", top.path().join("loop")).expect("linked");
        let error = replace(&top.path().join("loop"), b"x").expect_err("a loop");
        assert_eq!(error.operation, "following the link");
    }

    #[test]
    fn only_regular_files_within_the_bound_are_read() {
        let top = tempfile::tempdir().expect("a folder");
        let path = top.path().join("file");
        replace(&path, b"12345").expect("written");
        let kind = |path: &Path| read_bounded(path, 4).expect_err("refused").kind();
        assert_eq!(kind(&path), io::ErrorKind::FileTooLarge);
        assert_eq!(kind(top.path()), io::ErrorKind::InvalidInput);
        assert_eq!(kind(&top.path().join("absent")), io::ErrorKind::NotFound);
        let pipe = top.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
        assert_eq!(kind(&pipe), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn a_proof_leaves_nothing_and_fails_where_nothing_can_be_written() {
        let top = tempfile::tempdir().expect("a folder");
        prove_replaceable(&top.path().join("token.json")).expect("writable");
        assert!(names(top.path()).is_empty());
        let absent = top.path().join("absent/token.json");
        let error = prove_replaceable(&absent).expect_err("absent");
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        let error = prove_replaceable(Path::new("/proc/self/x")).expect_err("not here");
        assert_eq!(error.operation, "creating");
        // It would be replaced where the link leads.
        let link = top.path().join("linked.json");
        symlink("/proc/self/x", &link).expect("linked");
        let error = prove_replaceable(&link).expect_err("not there");
        assert_eq!(error.operation, "creating");
    }

    #[test]
    fn what_root_writes_in_a_users_folder_is_the_users() {
        let top = tempfile::tempdir().expect("a folder");
        if std::os::unix::fs::chown(top.path(), Some(4321), Some(4321)).is_err() {
            return; // Only root can show this.
        }
        let path = top.path().join("a/b/file");
        replace(&path, b"x").expect("written");
        for path in [&path, &top.path().join("a/b"), &top.path().join("a")] {
            let metadata = path.metadata().expect("there");
            assert_eq!((metadata.uid(), metadata.gid()), (4321, 4321));
        }
    }

    #[test]
    fn one_file_is_moved_aside_and_one_is_removed() {
        let top = tempfile::tempdir().expect("a folder");
        let path = top.path().join("file");
        for text in [&b"one"[..], b"two"] {
            replace(&path, text).expect("written");
            assert!(move_aside(&path, "rejected").expect("moved"));
            assert!(!move_aside(&path, "rejected").expect("nothing there"));
        }
        assert_eq!(names(top.path()), ["file.rejected"]);
        let aside = top.path().join("file.rejected");
        assert_eq!(*read_bounded(&aside, 9).expect("read"), b"two");
        assert!(remove(&aside).expect("removed"));
        assert!(!remove(&aside).expect("nothing there"));
    }
}
