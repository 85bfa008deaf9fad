//! Keys: a percent-encoded request path in, a validated S3 key out.

use std::fmt;
use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use thiserror::Error;

/// S3's limit on a key, prefix included, in bytes of UTF-8
/// (Amazon S3 User Guide, "Naming Amazon S3 objects").
const MAX_KEY_BYTES: usize = 1024;

/// What is written as it is in the path of a URL, among what names of artifacts are made of.
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'+');

/// The name of one object below the configured prefix, for example
/// `com/google/guava/guava/33.0-jre/guava-33.0-jre.jar`.
///
/// Never empty, never ending in `/`, without `.` and `..` segments and control characters.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ArtifactKey(Arc<str>);

/// The name of a folder below the configured prefix: empty for the root, else ending in `/`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct FolderKey(Arc<str>);

/// What a request path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestPath {
    /// A single object.
    Artifact(ArtifactKey),
    /// A folder to list: the path ends in `/`.
    Folder(FolderKey),
}

/// Why a request path is not a key. Answered as 400.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// The decoded path is not UTF-8.
    #[error("the path is not valid UTF-8 after percent-decoding")]
    NotUtf8,
    /// A NUL or another control character, raw or encoded.
    #[error("the path holds a control character (byte {0:#04x}), which no artifact's name has")]
    ControlCharacter(u8),
    /// A `.` or `..` segment, raw or encoded.
    #[error("the path holds a `.` or `..` segment; ask for the artifact by its full name")]
    DotSegment,
    /// Longer than S3 allows.
    #[error("the key is {0} bytes long with its prefix; S3 allows {MAX_KEY_BYTES}")]
    TooLong(usize),
    /// The path does not begin with `/`.
    #[error("the path does not begin with `/`")]
    NotAbsolute,
    /// A key that ends in `/`, or is empty.
    #[error("the key names a folder, and no file in it")]
    Folder,
}

impl RequestPath {
    /// Parses the path of a request, as sent: percent-encoded, beginning with `/`, no query.
    ///
    /// `%2F` is a slash like any other, since S3 keys know no difference; `+` is a plus.
    /// `prefix_bytes` is the length of the configured prefix, counted against S3's limit.
    pub fn parse(path: &str, prefix_bytes: usize) -> Result<Self, KeyError> {
        let encoded = path.strip_prefix('/').ok_or(KeyError::NotAbsolute)?;
        let key = percent_decode_str(encoded)
            .decode_utf8()
            .map_err(|_| KeyError::NotUtf8)?;
        validate(&key, prefix_bytes)?;
        Ok(if key.is_empty() || key.ends_with('/') {
            Self::Folder(FolderKey(key.into()))
        } else {
            Self::Artifact(ArtifactKey(key.into()))
        })
    }
}

fn validate(key: &str, prefix_bytes: usize) -> Result<(), KeyError> {
    if let Some(control) = key.bytes().find(u8::is_ascii_control) {
        return Err(KeyError::ControlCharacter(control));
    }
    if key
        .split('/')
        .any(|segment| segment == "." || segment == "..")
    {
        return Err(KeyError::DotSegment);
    }
    let bytes = prefix_bytes + key.len();
    if bytes > MAX_KEY_BYTES {
        return Err(KeyError::TooLong(bytes));
    }
    Ok(())
}

impl ArtifactKey {
    /// A key as S3 and people write it: not percent-encoded, without a leading `/`.
    pub fn new(key: &str) -> Result<Self, KeyError> {
        validate(key, 0)?;
        if key.is_empty() || key.ends_with('/') {
            return Err(KeyError::Folder);
        }
        Ok(Self(key.into()))
    }

    /// Of parts that were checked as [`ArtifactKey::new`] does.
    pub(super) fn known_valid(key: String) -> Self {
        Self(key.into())
    }

    /// The key of the file with this artifact's SHA-1, as repositories have it beside the artifact.
    #[must_use]
    pub fn sha1_file(&self) -> Self {
        self.with_suffix(".sha1")
    }

    /// The path to ask for it with.
    #[must_use]
    pub fn url_path(&self) -> String {
        format!("/{}", utf8_percent_encode(&self.0, IN_PATH))
    }

    /// The key as S3 and people write it, below the prefix.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part after the last `/`.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// The same key with `suffix` appended, for the checksum files beside an artifact.
    pub(super) fn with_suffix(&self, suffix: &str) -> Self {
        Self(format!("{}{suffix}", self.0).into())
    }
}

impl FolderKey {
    /// The folder as a key prefix: empty, or ending in `/`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key of an object directly in this folder.
    #[must_use]
    pub fn artifact(&self, name: &str) -> ArtifactKey {
        ArtifactKey(format!("{}{name}", self.0).into())
    }
}

impl fmt::Debug for ArtifactKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl fmt::Display for ArtifactKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for FolderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl fmt::Display for FolderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifact(path: &str) -> String {
        match RequestPath::parse(path, 0) {
            Ok(RequestPath::Artifact(key)) => key.to_string(),
            other => panic!("{path} is not an artifact: {other:?}"),
        }
    }

    #[test]
    fn odd_but_legal_names_are_taken_as_they_are() {
        assert_eq!(artifact("/a+b.jar"), "a+b.jar");
        assert_eq!(artifact("/a%2Bb.jar"), "a+b.jar");
        assert_eq!(artifact("/a%20b.jar"), "a b.jar");
        assert_eq!(artifact("/a%2Fb.jar"), "a/b.jar");
        assert_eq!(artifact("/a//b.jar"), "a//b.jar");
        assert_eq!(artifact("/gr%C3%BC%C3%9Fe.jar"), "grüße.jar");
        assert_eq!(artifact("/100%.jar"), "100%.jar");
        assert_eq!(artifact("/..hidden/a..b"), "..hidden/a..b");
    }

    #[test]
    fn a_key_is_what_its_url_path_asks_for() {
        for text in ["a/b-1+x.jar", "a b/100%/grüße?.jar", "a//b#c:d@e"] {
            let key = ArtifactKey::new(text).expect("a key");
            assert_eq!(artifact(&key.url_path()), text);
        }
        for folder in ["", "a/"] {
            assert_eq!(ArtifactKey::new(folder), Err(KeyError::Folder));
        }
        assert_eq!(ArtifactKey::new("a/../b"), Err(KeyError::DotSegment));
    }

    #[test]
    fn a_path_ending_in_a_slash_is_a_folder() {
        assert_eq!(
            RequestPath::parse("/", 0),
            Ok(RequestPath::Folder(FolderKey("".into())))
        );
        assert_eq!(
            RequestPath::parse("/a/", 0),
            Ok(RequestPath::Folder(FolderKey("a/".into())))
        );
    }

    #[test]
    fn dangerous_names_are_refused() {
        for path in [
            "/..",
            "/a/../b",
            "/a/%2e%2E/b",
            "/a%2F..%2Fb",
            "/./a",
            "/a/.",
        ] {
            assert_eq!(
                RequestPath::parse(path, 0),
                Err(KeyError::DotSegment),
                "{path}"
            );
        }
        assert_eq!(
            RequestPath::parse("/a%00b", 0),
            Err(KeyError::ControlCharacter(0))
        );
        assert_eq!(
            RequestPath::parse("/a%0Ab", 0),
            Err(KeyError::ControlCharacter(10))
        );
        assert_eq!(RequestPath::parse("/%ff", 0), Err(KeyError::NotUtf8));
        assert_eq!(RequestPath::parse("*", 0), Err(KeyError::NotAbsolute));
    }

    #[test]
    fn the_limit_of_1024_bytes_counts_the_prefix() {
        let longest = format!("/{}", "k".repeat(1000));
        assert!(RequestPath::parse(&longest, 24).is_ok());
        assert_eq!(
            RequestPath::parse(&longest, 25),
            Err(KeyError::TooLong(1025))
        );
    }
}
