//! Writes the files that a measurement is made with. Nobody needs them after it, so nothing is synced.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use crate::failure::{Failure, While as _};

/// Writes a file from its parts, one behind the other.
pub(crate) fn write(path: &Path, parts: &[&[u8]]) -> Result<(), Failure> {
    let written = File::create(path)
        .and_then(|mut file| parts.iter().try_for_each(|part| file.write_all(part)));
    written.when(|| format!("writing {}", path.display()))
}
