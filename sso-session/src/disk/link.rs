//! Where a link leads, also if nothing is there yet.

use std::io;
use std::path::{Path, PathBuf};

use super::folder_of;

/// The kernel gives up after as many.
const MOST_LINKS: usize = 40;

/// The path that a write through `path` ends at: `path` itself, unless it is a link.
pub(super) fn target(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        match path.read_link() {
            Ok(next) => path = folder_of(&path).join(next),
            // No link, or nothing at all.
            Err(error)
                if error.kind() == io::ErrorKind::InvalidInput
                    || error.kind() == io::ErrorKind::NotFound =>
            {
                return Ok(path);
            }
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("too many links, or a loop of them"))
}
