//! The format of an object file, version 1.
//!
//! ```text
//! offset 0      "bazel-proxy-cache 1 HHHHHH CCCCCCCC\n"   36 bytes of ASCII:
//!                 HHHHHH    length of the whole header, decimal
//!                 CCCCCCCC  CRC-32C of the header after this line, hexadecimal
//! offset 36     JSON (`Metadata`), then spaces, then "\n", up to the header's length
//! header        the body, as the origin sent it
//! header+body   one CRC-32C (big-endian) for each block of 64 KiB of the body, the last one shorter
//! ```
//!
//! The file's length follows from its header, so a cut file is seen on opening it; the blocks'
//! checksums show a changed byte before it is sent. `head -2 FILE` shows what a file is.

use crc_fast::{CrcAlgorithm, Digest as CrcDigest};
use serde::{Deserialize, Serialize};

use crate::checksum::Checksums;
use crate::object::ObjectAttributes;

/// Bytes of the body under one checksum.
pub const BLOCK_BYTES: u64 = 64 * 1024;
/// Length of the first line.
pub const PREAMBLE_BYTES: usize = 36;
/// No header is longer: a key and an ETag are at most a few KiB.
pub const MAX_HEADER_BYTES: usize = 32 * 1024;

const MAGIC: &str = "bazel-proxy-cache 1 ";

/// What an object file says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Metadata {
    /// Where the object is from.
    pub repository: String,
    /// Its key there.
    pub key: String,
    /// Length and validators.
    #[serde(flatten)]
    pub attributes: ObjectAttributes,
    /// Computed while storing.
    #[serde(flatten)]
    pub checksums: Checksums,
    /// Seconds since the epoch.
    pub stored_at: i64,
}

/// Why bytes are not a header of this format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// The first line is another one.
    #[error("not a cache file of format 1")]
    Magic,
    /// Shorter than it says.
    #[error("the header is cut short")]
    Cut,
    /// The CRC of the header does not match.
    #[error("the header's checksum does not match")]
    HeaderChecksum,
    /// The JSON is not what we write.
    #[error("the header cannot be read: {0}")]
    Json(String),
}

/// The header's bytes, with everything but the checksums decided.
///
/// Its length does not depend on the checksums, so the body can be written behind it first.
pub fn encode_header(metadata: &Metadata) -> Result<Vec<u8>, FormatError> {
    let json =
        serde_json::to_vec(metadata).map_err(|error| FormatError::Json(error.to_string()))?;
    let length = PREAMBLE_BYTES + json.len() + 1;
    if length > MAX_HEADER_BYTES {
        return Err(FormatError::Json(format!("{length} bytes are too many")));
    }
    let mut rest = json;
    rest.push(b'\n');
    let mut header = format!("{MAGIC}{length:06} {:08x}\n", crc32c(&rest)).into_bytes();
    header.append(&mut rest);
    Ok(header)
}

/// The header's length, from the first line of a file.
pub fn header_length(start: &[u8]) -> Result<usize, FormatError> {
    let (length, _) = preamble(start)?;
    Ok(length)
}

/// Reads a header; `start` may be longer.
pub fn decode_header(start: &[u8]) -> Result<Metadata, FormatError> {
    let (length, checksum) = preamble(start)?;
    let rest = start.get(PREAMBLE_BYTES..length).ok_or(FormatError::Cut)?;
    if crc32c(rest) != checksum {
        return Err(FormatError::HeaderChecksum);
    }
    let flat: Flat =
        serde_json::from_slice(rest).map_err(|error| FormatError::Json(error.to_string()))?;
    Ok(flat.into())
}

/// [`Metadata`] as it is read: `flatten` collects all fields in a map first, which takes longer than
/// opening the file.
#[derive(Deserialize)]
struct Flat {
    repository: String,
    key: String,
    length: u64,
    etag: Option<String>,
    last_modified: Option<i64>,
    content_type: Option<String>,
    content_encoding: Option<String>,
    sha1: String,
    md5: String,
    sha256: String,
    stored_at: i64,
}

impl From<Flat> for Metadata {
    fn from(flat: Flat) -> Self {
        Self {
            repository: flat.repository,
            key: flat.key,
            attributes: ObjectAttributes {
                length: flat.length,
                etag: flat.etag,
                last_modified: flat.last_modified,
                content_type: flat.content_type,
                content_encoding: flat.content_encoding,
            },
            checksums: Checksums {
                sha1: flat.sha1,
                md5: flat.md5,
                sha256: flat.sha256,
            },
            stored_at: flat.stored_at,
        }
    }
}

fn preamble(start: &[u8]) -> Result<(usize, u32), FormatError> {
    let line = start.get(..PREAMBLE_BYTES).ok_or(FormatError::Cut)?;
    let line = std::str::from_utf8(line).map_err(|_| FormatError::Magic)?;
    let fields = line
        .strip_prefix(MAGIC)
        .and_then(|rest| rest.strip_suffix('\n'));
    let (length, checksum) = fields
        .and_then(|fields| fields.split_once(' '))
        .ok_or(FormatError::Magic)?;
    let length: usize = length.parse().map_err(|_| FormatError::Magic)?;
    let checksum = u32::from_str_radix(checksum, 16).map_err(|_| FormatError::Magic)?;
    if (PREAMBLE_BYTES..=MAX_HEADER_BYTES).contains(&length) {
        Ok((length, checksum))
    } else {
        Err(FormatError::Magic)
    }
}

/// Bytes of the table of block checksums behind a body.
#[must_use]
pub fn table_bytes(body_length: u64) -> u64 {
    4 * body_length.div_ceil(BLOCK_BYTES)
}

/// The length of a whole file.
#[must_use]
pub fn file_bytes(header_length: u64, body_length: u64) -> u64 {
    header_length
        .saturating_add(body_length)
        .saturating_add(table_bytes(body_length))
}

/// CRC-32C of some bytes.
#[must_use]
pub fn crc32c(bytes: &[u8]) -> u32 {
    crc_fast::crc32_iscsi(bytes)
}

/// Builds the table of block checksums while a body is written.
pub struct BlockTable {
    table: Vec<u8>,
    current: CrcDigest,
    in_block: u64,
}

impl Default for BlockTable {
    fn default() -> Self {
        Self {
            table: Vec::new(),
            current: CrcDigest::new(CrcAlgorithm::Crc32Iscsi),
            in_block: 0,
        }
    }
}

impl BlockTable {
    /// Takes the next bytes of the body.
    pub fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let left = usize::try_from(BLOCK_BYTES - self.in_block).unwrap_or(usize::MAX);
            let (now, later) = bytes.split_at(left.min(bytes.len()));
            self.current.update(now);
            self.in_block += now.len() as u64;
            if self.in_block == BLOCK_BYTES {
                self.end_block();
            }
            bytes = later;
        }
    }

    fn end_block(&mut self) {
        // The digest of a 32-bit CRC is a u64 whose upper half is zero.
        self.table
            .extend_from_slice(&self.current.finalize().to_be_bytes()[4..]);
        self.current.reset();
        self.in_block = 0;
    }

    /// The table, when the body has ended.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        if self.in_block > 0 {
            self.end_block();
        }
        self.table
    }
}

/// The checksum of block `index` in a table.
#[must_use]
pub fn block_checksum(table: &[u8], index: usize) -> Option<u32> {
    let bytes = table.get(index * 4..index * 4 + 4)?;
    bytes.try_into().ok().map(u32::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata() -> Metadata {
        Metadata {
            repository: "s3://artifacts/".to_owned(),
            key: "g/a-1.jar".to_owned(),
            attributes: ObjectAttributes {
                length: 3,
                etag: Some("\"900150983cd24fb0d6963f7d28e17f72\"".to_owned()),
                last_modified: Some(1_700_000_000),
                content_type: None,
                content_encoding: None,
            },
            checksums: Checksums::placeholder(),
            stored_at: 1_700_000_001,
        }
    }

    #[test]
    fn the_header_of_version_1_is_this() {
        let header = encode_header(&metadata()).expect("a header");
        let expected = concat!(
            "bazel-proxy-cache 1 000361 4bd4687f\n",
            r#"{"repository":"s3://artifacts/","key":"g/a-1.jar","length":3,"#,
            r#""etag":"\"900150983cd24fb0d6963f7d28e17f72\"","last_modified":1700000000,"#,
            r#""sha1":"0000000000000000000000000000000000000000","#,
            r#""md5":"00000000000000000000000000000000","#,
            r#""sha256":"0000000000000000000000000000000000000000000000000000000000000000","#,
            "\"stored_at\":1700000001}\n",
        );
        assert_eq!(String::from_utf8_lossy(&header), expected);
        assert_eq!(decode_header(&header), Ok(metadata()));
    }

    #[test]
    fn checksums_do_not_change_the_length() {
        let mut filled = metadata();
        filled.checksums.sha1 = "a".repeat(40);
        let (one, two) = (encode_header(&metadata()), encode_header(&filled));
        assert_eq!(
            one.map(|header| header.len()),
            two.map(|header| header.len())
        );
    }

    #[test]
    fn any_changed_byte_of_a_header_is_seen() {
        let header = encode_header(&metadata()).expect("a header");
        for index in 0..header.len() {
            let mut broken = header.clone();
            broken[index] ^= 1;
            assert!(decode_header(&broken).is_err(), "byte {index}");
            assert!(decode_header(&header[..index]).is_err(), "cut at {index}");
        }
    }

    #[test]
    fn the_table_has_one_checksum_a_block_however_the_body_comes() {
        let body: Vec<u8> = (0..200_000_u32)
            .map(|index| index.to_le_bytes()[0])
            .collect();
        let mut table = BlockTable::default();
        body.chunks(777).for_each(|chunk| table.update(chunk));
        let table = table.finish();
        assert_eq!(table.len() as u64, table_bytes(body.len() as u64));
        for (index, block) in body.chunks(65536).enumerate() {
            assert_eq!(block_checksum(&table, index), Some(crc32c(block)));
        }
        assert_eq!(block_checksum(&table, 4), None);
    }
}
