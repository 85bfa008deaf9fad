//! A wheel's own metadata, which installers ask for as `<wheel>.metadata` (PEP 658) before they take the wheel.

mod archive;

use std::io::{Read, Seek};

use bytes::Bytes;
use thiserror::Error;

pub use archive::ArchiveError;

use super::pypi::normalised;
use archive::Archive;

/// No project describes itself in more, in bytes; long descriptions with pictures in them reach hundreds of KiB.
const MOST_METADATA_BYTES: u64 = 4 << 20;

/// Why a wheel has no metadata to tell.
#[derive(Debug, Error)]
pub enum WheelError {
    /// Its name is not `<distribution>-<version>(-<build>)-<python>-<abi>-<platform>.whl` (PEP 427).
    #[error("`{0}` is no wheel's name")]
    Name(String),
    /// It is no archive, a broken or an altered one.
    #[error("the wheel's metadata cannot be read: {0}")]
    Archive(#[from] ArchiveError),
    /// No folder `<distribution>-<version>.dist-info` with a `METADATA` in it.
    #[error("the wheel has no METADATA in a .dist-info folder of its own")]
    Missing,
    /// Installers take another than the first, or none.
    #[error("the wheel has several METADATA: {0} and {1}")]
    Ambiguous(String, String),
}

/// What the wheel says of itself, as its `METADATA` has it. Blocks: reads a file.
///
/// The folder is found as pip does: the one at the top that ends in `.dist-info` and begins with the
/// distribution's name, however either is written.
pub fn metadata(wheel: impl Read + Seek, file_name: &str) -> Result<Bytes, WheelError> {
    let distribution = distribution(file_name)?;
    let mut archive = Archive::open(wheel)?;
    let entries = archive.entries()?;
    let mut found = entries
        .iter()
        .filter(|entry| is_metadata(archive.name(entry), &distribution));
    let first = found.next().ok_or(WheelError::Missing)?;
    if let Some(second) = found.next() {
        let [first, second] =
            [first, second].map(|entry| String::from_utf8_lossy(archive.name(entry)).into_owned());
        return Err(WheelError::Ambiguous(first, second));
    }
    Ok(archive.read(first, MOST_METADATA_BYTES)?.into())
}

fn distribution(file_name: &str) -> Result<String, WheelError> {
    let stem = file_name.strip_suffix(".whl");
    let parts: Vec<&str> = stem.unwrap_or_default().split('-').collect();
    match parts.as_slice() {
        [name, _, _, _, _] | [name, _, _, _, _, _] => normalised(name),
        _ => None,
    }
    .ok_or_else(|| WheelError::Name(file_name.to_owned()))
}

fn is_metadata(entry: &[u8], distribution: &str) -> bool {
    let Some(folder) = entry.strip_suffix(b".dist-info/METADATA") else {
        return false;
    };
    let Ok(folder) = std::str::from_utf8(folder) else {
        return false;
    };
    let name = folder.rsplit_once('-').map(|(name, _version)| name);
    !folder.contains('/') && name.and_then(normalised).as_deref() == Some(distribution)
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use proptest::prelude::*;
    use zip::write::SimpleFileOptions;
    use zip::{CompressionMethod, ZipWriter};

    use super::*;

    const NAME: &str = "Acme.Tool-1.0-py3-none-any.whl";

    fn wheel(files: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default().compression_method(method);
        for (name, content) in files {
            writer.start_file(*name, options).expect("a file");
            writer.write_all(content).expect("its content");
        }
        writer.finish().expect("an archive").into_inner()
    }

    fn read(bytes: &[u8]) -> Result<Bytes, WheelError> {
        metadata(Cursor::new(bytes), NAME)
    }

    #[test]
    fn metadata_are_found_however_the_folder_is_written() {
        for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
            for folder in ["acme_tool-1.0", "Acme.Tool-1.0", "ACME-TOOL-1.0"] {
                let name = format!("{folder}.dist-info/METADATA");
                let bytes = wheel(
                    &[
                        ("acme/dist-info/METADATA", b"no"),
                        ("vendored/other-2.dist-info/METADATA", b"no"),
                        (&name, b"Name: acme-tool\n"),
                        ("acme_tool-1.0.dist-info/RECORD", b""),
                    ],
                    method,
                );
                assert_eq!(read(&bytes).expect("metadata"), "Name: acme-tool\n");
            }
        }
    }

    #[test]
    fn what_installers_do_not_take_is_not_told() {
        let stored = CompressionMethod::Stored;
        let own = "acme_tool-1.0.dist-info/METADATA";
        let other = wheel(&[("other-1.0.dist-info/METADATA", b"x")], stored);
        assert!(matches!(read(&other), Err(WheelError::Missing)));
        let twice = wheel(
            &[(own, b"x"), ("Acme_Tool-1.0.dist-info/METADATA", b"y")],
            stored,
        );
        assert!(matches!(read(&twice), Err(WheelError::Ambiguous(..))));
        for name in ["a.whl", "a-1.0.tar.gz", "a-1-2-3-4-5-6.whl", "-1-2-3-4.whl"] {
            let refused = metadata(Cursor::new(&other), name);
            assert!(matches!(refused, Err(WheelError::Name(_))), "{name}");
        }
        assert!(matches!(read(b"no archive"), Err(WheelError::Archive(_))));
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        let zeros = vec![0; usize::try_from(MOST_METADATA_BYTES).expect("small") + 1];
        let own = "acme_tool-1.0.dist-info/METADATA";
        let bomb = wheel(&[(own, &zeros)], CompressionMethod::Deflated);
        assert!(bomb.len() < 10_000);
        assert!(matches!(
            read(&bomb),
            Err(WheelError::Archive(ArchiveError::TooLong(_)))
        ));
        let whole = wheel(&[(own, &zeros[1..])], CompressionMethod::Deflated);
        assert_eq!(read(&whole).expect("metadata").len(), zeros.len() - 1);
    }

    #[test]
    fn altered_metadata_are_not_told() {
        let own = "acme_tool-1.0.dist-info/METADATA";
        let mut bytes = wheel(&[(own, b"Name: acme-tool")], CompressionMethod::Stored);
        let at = memchr::memmem::find(&bytes, b"Name: acme-tool").expect("its content");
        bytes[at] ^= 1;
        assert!(matches!(
            read(&bytes),
            Err(WheelError::Archive(ArchiveError::Altered))
        ));
    }

    proptest! {
        #[test]
        fn a_broken_wheel_is_no_panic(
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
            end in any::<prop::sample::Index>(),
            is_cut in any::<bool>(),
        ) {
            let own = "acme_tool-1.0.dist-info/METADATA";
            let mut bytes = wheel(&[("a", b"b"), (own, b"Name: x")], CompressionMethod::Deflated);
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if is_cut {
                bytes.truncate(end.index(bytes.len()));
            }
            if let Ok(metadata) = read(&bytes) {
                prop_assert_eq!(metadata, "Name: x");
            }
        }
    }
}
