//! Reads a configuration file, bounded.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

use zeroize::Zeroizing;

use super::ConfigError;

/// The largest configuration seen in the wild has some thousand profiles and 1 MiB.
const LARGEST: u64 = 4 << 20;

/// The content, or nothing if there is no such file. The bytes may hold keys, so they are zeroised.
pub(super) fn read(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, ConfigError> {
    match try_read(path) {
        Ok(bytes) if bytes.len() as u64 > LARGEST => Err(ConfigError::new(
            path,
            format!("it is larger than {} MiB", LARGEST >> 20),
            "Look whether this is the AWS configuration, and remove what does not belong there.",
        )),
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if is_absence(&error) => Ok(None),
        Err(error) => Err(ConfigError::new(
            path,
            format!("it cannot be read: {error}"),
            "Make it a plain file that this program's user may read.",
        )
        .unreadable()),
    }
}

fn is_absence(error: &io::Error) -> bool {
    // A folder on the way that is a file: nothing is there, either.
    error.kind() == io::ErrorKind::NotFound || error.kind() == io::ErrorKind::NotADirectory
}

fn try_read(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let metadata = fs::metadata(path)?;
    if metadata.file_type().is_char_device() {
        // `AWS_SHARED_CREDENTIALS_FILE=/dev/null`: none is meant.
        return Err(io::ErrorKind::NotFound.into());
    }
    if !metadata.is_file() {
        // Opening a pipe would wait for its writer, perhaps for ever.
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is not a plain file",
        ));
    }
    // With room for all of it, so that growing leaves no copies behind.
    let expected = metadata.len().min(LARGEST) + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(expected).unwrap_or(0)));
    File::open(path)?
        .take(LARGEST + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_file_of_bearable_size_is_refused_and_absence_is_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(read(&folder.path().join("none")).expect("fine").is_none());
        assert!(read(Path::new("/dev/null")).expect("fine").is_none());
        let error = read(folder.path()).expect_err("a folder");
        assert!(error.problem().contains("not a plain file"), "{error}");
        assert!(!error.is_absent() && error.is_unreadable());

        let path = folder.path().join("config");
        let file = File::create(&path).expect("a file");
        file.set_len(LARGEST).expect("its length");
        assert!(read(&path).expect("fine").is_some());
        assert!(read(&path.join("below")).expect("fine").is_none());
        file.set_len(LARGEST + 1).expect("its length");
        let error = read(&path).expect_err("too large");
        assert!(error.problem().contains("larger than 4 MiB"), "{error}");
        assert!(!error.is_unreadable());
    }
}
