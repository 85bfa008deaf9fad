//! Files in `~/.aws/sso/cache` as the AWS CLI writes them: named by a hash, Python's JSON, in place.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;
use sha1::{Digest, Sha1};

/// A client registration's file.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RegistrationFile<'a> {
    pub(crate) client_id: &'a str,
    pub(crate) client_secret: &'a str,
    pub(crate) expires_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scopes: Option<&'a [String]>,
    /// Only where it is for more than a device code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) grant_types: Option<[&'static str; 2]>,
}

/// Writes the file that is named by the hash of `key`.
pub(super) fn write_in_place(folder: &Path, key: &str, text: &str) -> io::Result<PathBuf> {
    overwrite(
        folder,
        &format!("{}.json", hex::encode(Sha1::digest(key))),
        text,
    )
}

/// Writes a file over the one that is there: truncated first, so that a reader can see half of it.
pub(crate) fn overwrite(folder: &Path, file_name: &str, text: &str) -> io::Result<PathBuf> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let path = folder.join(file_name);
    let mut options = OpenOptions::new();
    let options = options.write(true).create(true).truncate(true).mode(0o600);
    options.open(&path)?.write_all(text.as_bytes())?;
    Ok(path)
}

/// Whole seconds in UTC, the form all readers understand: `2026-01-02T03:04:05Z`.
pub(crate) fn date(time: SystemTime) -> String {
    let seconds = i64::try_from(super::epoch_seconds(time)).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds)
        .map(|time| time.to_string())
        .unwrap_or_default()
}

/// The text of Python's `json.dumps`.
pub(crate) fn python_json(value: &impl Serialize) -> String {
    let mut bytes = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut bytes, Python);
    match value.serialize(&mut serializer) {
        Ok(()) => String::from_utf8(bytes).unwrap_or_default(),
        Err(_) => String::new(),
    }
}

/// `", "` and `": "` between, and nothing but ASCII.
struct Python;

impl Formatter for Python {
    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        out.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        out.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }

    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut units = [0; 2];
        for letter in fragment.chars() {
            if letter.is_ascii() {
                write!(out, "{letter}")?;
            } else {
                for unit in letter.encode_utf16(&mut units) {
                    write!(out, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use serde_json::json;

    use super::*;

    #[test]
    fn text_is_as_python_writes_it() {
        let value = json!({"a": ["é", "𝄞\n"], "b": null, "c": {}});
        let expected = r#"{"a": ["\u00e9", "\ud834\udd1e\n"], "b": null, "c": {}}"#;
        assert_eq!(python_json(&value), expected);
    }

    #[test]
    fn dates_have_whole_seconds() {
        let time = UNIX_EPOCH + Duration::from_millis(1_767_323_045_900);
        assert_eq!(date(time), "2026-01-02T03:04:05Z");
    }
}
