//! A line an artifact: a key, a URL of this repository, Gradle's notation, or Maven's.

use super::bounds::Found;
use super::{Entry, ListError, OurHosts, lines, maven};
use crate::artifact::{ArtifactKey, Coordinates};

const EXPECTED: &str = "a key such as com/example/a/1.0/a-1.0.jar, or coordinates such as \
                        com.example:a:1.0[:classifier][@extension]";

pub(super) fn read(text: &str, ours: &OurHosts, found: &mut Found) -> Result<(), ListError> {
    for (line, text) in lines(text) {
        let entry = entry(text, ours).map_err(|problem| ListError::Line {
            line,
            problem,
            expected: EXPECTED,
        })?;
        found.push(entry)?;
    }
    Ok(())
}

fn entry(text: &str, ours: &OurHosts) -> Result<Entry, String> {
    if text.contains("://") {
        let file = ours.key(text).map(file);
        return file.ok_or_else(|| "a URL of another repository, or of a folder".to_owned());
    }
    // A file at the top of the bucket has no slash; coordinates have colons.
    if text.contains('/') || (text.contains('.') && !text.contains(':')) {
        // As `find .` writes it.
        let key = text.trim_start_matches("./").trim_start_matches('/');
        return ArtifactKey::new(key)
            .map(file)
            .map_err(|error| error.to_string());
    }
    let coordinates = match maven::with_scope(text) {
        Some(coordinates) => coordinates,
        None => Coordinates::parse(text),
    };
    coordinates
        .map(Entry::Module)
        .map_err(|error| error.to_string())
}

fn file(key: ArtifactKey) -> Entry {
    Entry::File {
        key,
        sha256: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lists::{Format, read};

    #[test]
    fn keys_urls_and_coordinates_may_stand_together() {
        let text = "\u{feff}# ours\n\n  g/a/1/a-1.jar\r\n./g/b/1/b-1.pom\ntop.jar\ng:d:1:x@zip\n\
                    http://localhost:9000/g/e%20f.jar\ng:h:jar:1:test\n";
        let list = read(text, None, &OurHosts::default()).expect("a list");
        assert_eq!(list.format, Format::List);
        let named: Vec<_> = list
            .entries
            .iter()
            .map(|entry| format!("{entry:?}"))
            .collect();
        assert_eq!(named.len(), 6);
        for (entry, word) in named.iter().zip([
            "\"g/a/1/a-1.jar\"",
            "\"g/b/1/b-1.pom\"",
            "\"top.jar\"",
            "\"zip\"",
            "\"g/e f.jar\"",
            "\"h\"",
        ]) {
            assert!(entry.contains(word), "{entry}");
        }
    }

    #[test]
    fn a_wrong_line_is_named() {
        for (text, word) in [
            ("g:a:1\nwhat is this", "line 2: `what is this`"),
            ("g/../a", "`..` segment"),
            (
                "https://maven.example.com/maven2/a.jar",
                "another repository",
            ),
            ("g:a:1.+", "resolved to"),
            ("g/a/", "names a folder"),
        ] {
            let error = read(text, None, &OurHosts::default()).expect_err("a fault");
            assert!(error.to_string().contains(word), "{error}");
            assert!(
                error.to_string().contains("expected a key such as"),
                "{error}"
            );
        }
    }
}
