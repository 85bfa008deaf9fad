//! What a wheel says of itself.
//! <https://packaging.python.org/en/latest/specifications/core-metadata/>

use std::io::{Cursor, Read};

use bytes::Bytes;
use zip::ZipArchive;

/// More than any METADATA has, in bytes.
const MOST_BYTES: u64 = 4 * 1024 * 1024;

/// The METADATA of a wheel; `None` for any other file, and for a wheel that is none.
pub(super) fn read(name: &str, bytes: &Bytes) -> Option<Vec<u8>> {
    name.strip_suffix(".whl")?;
    let mut archive = ZipArchive::new(Cursor::new(bytes)).ok()?;
    let path = archive
        .file_names()
        .filter_map(Result::ok)
        .find(|path| path.ends_with(".dist-info/METADATA") && path.matches('/').count() == 1)?
        .into_owned();
    let mut metadata = Vec::new();
    archive
        .by_name(&path)
        .ok()?
        .take(MOST_BYTES)
        .read_to_end(&mut metadata)
        .ok()?;
    Some(metadata)
}

/// Its `Requires-Python`.
pub(super) fn requires_python(metadata: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(metadata).ok()?;
    let head = text.split("\n\n").next()?;
    head.lines()
        .find_map(|line| line.strip_prefix("Requires-Python:"))
        .map(|value| value.trim().to_owned())
}
