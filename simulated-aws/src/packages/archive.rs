//! Archives: zip for wheels, tar within gzip for the rest. The same content gives the same bytes.

use std::io::{self, Cursor, Write};

use flate2::{Compression, GzBuilder};
use zip::ZipWriter;
use zip::result::ZipResult;
use zip::write::SimpleFileOptions;

/// The size of a block of a tar, in bytes. <https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html>
const BLOCK_BYTES: usize = 512;

/// A path and its bytes.
pub(super) type File = (String, Vec<u8>);

/// A zip of these files.
pub(super) fn zip(files: &[File]) -> ZipResult<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    for (path, bytes) in files {
        zip.start_file(path, options)?;
        zip.write_all(bytes)?;
    }
    Ok(zip.finish()?.into_inner())
}

/// A gzipped tar of these files, whose paths have at most 100 bytes.
pub(super) fn tar_gz(files: &[File]) -> io::Result<Vec<u8>> {
    let mut gzip = GzBuilder::new().write(Vec::new(), Compression::default());
    for (path, bytes) in files {
        gzip.write_all(&header(path, bytes.len()))?;
        gzip.write_all(bytes)?;
        let padding = bytes.len().next_multiple_of(BLOCK_BYTES) - bytes.len();
        gzip.write_all(&vec![0; padding])?;
    }
    gzip.write_all(&[0; 2 * BLOCK_BYTES])?;
    gzip.finish()
}

/// The header of a plain file, readable by everyone, of the year 2000.
fn header(path: &str, length: usize) -> [u8; BLOCK_BYTES] {
    let mut header = [0; BLOCK_BYTES];
    let mut put = |at: usize, text: &str| {
        let bytes = text.as_bytes();
        header[at..at + bytes.len()].copy_from_slice(bytes);
    };
    put(0, &path[..path.len().min(100)]);
    put(100, "0000644\0");
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{length:011o}\0"));
    put(136, "07033276000\0");
    // The checksum counts itself as spaces.
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}
