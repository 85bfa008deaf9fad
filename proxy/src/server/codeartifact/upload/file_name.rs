//! The name of the file that a form uploads, for the log: all of Python's uploads have one URL.

use std::sync::{Arc, OnceLock};

use memchr::memmem;

/// What stands before it, as twine and `uv publish` write it (RFC 7578, section 4.2).
const BEFORE: &[u8] = b"name=\"content\"; filename=\"";
/// It is looked for in so many bytes: descriptions of packages come before it.
const MOST_BYTES: usize = 1024 * 1024;
/// No file's name is longer, in bytes.
const LONGEST: usize = 255;

/// A name that may be known later.
pub(in crate::server) type Name = Arc<OnceLock<String>>;

/// Looks for it in what passes by.
pub(super) struct Finder {
    name: Name,
    /// What may be the begin of something.
    kept: Vec<u8>,
    left: usize,
}

impl Finder {
    pub(super) fn new(name: Name) -> Self {
        Self {
            name,
            kept: Vec::new(),
            left: MOST_BYTES,
        }
    }

    /// Looks through the next bytes of a body.
    pub(super) fn look(&mut self, bytes: &[u8]) {
        let looked = &bytes[..bytes.len().min(self.left)];
        if looked.is_empty() {
            return;
        }
        self.left -= looked.len();
        self.kept.extend_from_slice(looked);
        let Some(at) = memmem::find(&self.kept, BEFORE) else {
            let old = self.kept.len().saturating_sub(BEFORE.len() - 1);
            self.kept.drain(..old);
            return;
        };
        let begun = &self.kept[at + BEFORE.len()..];
        match memchr::memchr(b'"', begun) {
            Some(end) => {
                if let Some(name) = readable(&begun[..end]) {
                    // Nobody else sets it.
                    let _is_first = self.name.set(name);
                }
                self.end();
            }
            None if begun.len() > LONGEST => self.end(),
            None => {
                self.kept.drain(..at);
            }
        }
    }

    fn end(&mut self) {
        self.left = 0;
        self.kept = Vec::new();
    }
}

/// Names of packages' files are ASCII; nothing else comes into the log.
fn readable(name: &[u8]) -> Option<String> {
    let is_readable =
        !name.is_empty() && name.len() <= LONGEST && name.iter().all(u8::is_ascii_graphic);
    is_readable.then(|| String::from_utf8_lossy(name).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pieces: &[&[u8]]) -> Option<String> {
        let name = Name::default();
        let mut finder = Finder::new(Arc::clone(&name));
        for piece in pieces {
            finder.look(piece);
            assert!(finder.kept.len() <= BEFORE.len() + LONGEST);
        }
        name.get().cloned()
    }

    #[test]
    fn a_name_is_found_wherever_the_body_is_cut() {
        let body = b"--b\r\nContent-Disposition: form-data; name=\"content\"; filename=\"a-1.0.tar.gz\"\r\n\r\nx";
        for size in 1..body.len() {
            let pieces: Vec<_> = body.chunks(size).collect();
            assert_eq!(found(&pieces).as_deref(), Some("a-1.0.tar.gz"), "{size}");
        }
    }

    #[test]
    fn what_is_no_files_name_or_comes_late_is_not_told() {
        let before = String::from_utf8_lossy(BEFORE).into_owned();
        for body in [
            format!("{before}a\nb\""),
            format!("{before}\""),
            format!("{before}{}\"", "a".repeat(LONGEST + 1)),
            "name=\"name\"\r\n\r\nx".to_owned(),
        ] {
            assert_eq!(found(&[body.as_bytes()]), None, "{body}");
        }
        let much = vec![b'x'; MOST_BYTES];
        assert_eq!(found(&[&much, b"name=\"content\"; filename=\"a\""]), None);
    }
}
