//! What build tools write down about the artifacts that they need, read into keys and coordinates.
//!
//! ```text
//! text ─► format (by its content) ─► one reader ─► List: files and modules, and what was left out
//! ```
//!
//! No file, network or clock. A fault names its line.

mod bounds;
mod format;
mod gradle_lockfile;
mod gradle_tree;
mod gradle_verification;
mod maven;
mod maven_install;
mod plain;
pub mod pom;
mod url;
mod xml;

use std::collections::BTreeMap;

use thiserror::Error;

use crate::artifact::{ArtifactKey, Coordinates};
pub use format::Format;
pub use url::OurHosts;

/// What one text names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// How it was read.
    pub format: Format,
    /// What to have, in the text's order; something may be named twice.
    pub entries: Vec<Entry>,
    /// What it names besides, and why that is not asked of this repository: how many of each.
    pub left_out: BTreeMap<&'static str, usize>,
}

/// Something to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// This very file, and nothing else.
    File {
        /// Its key.
        key: ArtifactKey,
        /// SHA-256 digests in lower-case hex, one of which it has to have; empty where none is known.
        sha256: Vec<String>,
    },
    /// An artifact, and what a build tool asks for together with it: its pom, and what that refers to.
    Module(Coordinates),
    /// The list of a module's versions, which a range or a dynamic version is resolved with.
    Versions(Coordinates),
}

/// What is wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ListError {
    /// One line of it, counted from 1.
    #[error("line {line}: {problem}; expected {expected}")]
    Line {
        /// Which.
        line: usize,
        /// What it is.
        problem: String,
        /// What should be there.
        expected: &'static str,
    },
    /// All of it.
    #[error("{problem}; expected {expected}")]
    Whole {
        /// What it is.
        problem: String,
        /// What should be there.
        expected: &'static str,
    },
    /// More than anybody needs.
    #[error("it names more than {0} artifacts; split it")]
    TooLong(usize),
}

/// Reads a text as `format`, or as what it looks like. `ours` are the names of the repository that is
/// asked, as lock files know it.
pub fn read(text: &str, format: Option<Format>, ours: &OurHosts) -> Result<List, ListError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let format = format.unwrap_or_else(|| Format::of(text));
    let mut found = bounds::Found::default();
    match format {
        Format::MavenInstall => maven_install::read(text, ours, &mut found),
        Format::GradleVerification => gradle_verification::read(text, &mut found),
        Format::GradleDependencies => gradle_tree::read(text, &mut found),
        Format::GradleLockfile => gradle_lockfile::read(text, &mut found),
        Format::Maven => maven::read(text, &mut found),
        Format::List => plain::read(text, ours, &mut found),
    }?;
    Ok(found.into_list(format))
}

/// `text`'s lines with their numbers, without what surrounds them, empty ones and comments.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let numbered = text.lines().enumerate();
    numbered
        .map(|(index, line)| (index + 1, line.trim()))
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;
    use proptest::prelude::*;

    use super::*;

    fn name() -> impl Strategy<Value = String> {
        "[a-z][a-z0-9_-]{0,8}"
    }

    proptest! {
        #[test]
        fn any_text_is_a_list_or_a_fault_within_it(
            // Of what the formats are made of, so that more than the first character is looked at.
            text in "([a-c:./@=<>{}\"\\[\\]\n |+-]|--- |INFO|g:a:1|<a>|</a>|\u{1b}\\[){0,40}",
            format in proptest::option::of(0..Format::value_variants().len()),
        ) {
            let format = format.map(|index| Format::value_variants()[index]);
            match read(&text, format, &OurHosts::default()) {
                Err(ListError::Line { line, .. }) => {
                    prop_assert!((1..=text.lines().count() + 1).contains(&line));
                }
                Ok(_) | Err(ListError::Whole { .. } | ListError::TooLong(_)) => {}
            }
            let _pom = pom::Pom::read(&text);
        }

        #[test]
        fn a_module_is_the_same_in_whatever_way_it_is_written(
            group in proptest::collection::vec(name(), 1..4),
            artifact in name(),
            version in "[0-9]{1,2}(\\.[0-9]{1,3}){0,2}(-[a-z]{1,4})?",
        ) {
            let group = group.join(".");
            let module = format!("{group}:{artifact}:{version}");
            let expected = Coordinates::parse(&module).expect("coordinates");
            for text in [
                module.clone(),
                format!("{module}=compileClasspath"),
                format!("+--- {module} (*)"),
                format!("\\--- {group}:{artifact} -> {version}"),
                format!("[INFO]    {group}:{artifact}:jar:{version}:compile -- module x"),
                format!("[INFO] |  \\- {group}:{artifact}:jar:{version}:test (optional)"),
                format!("{group}:{artifact}:jar:{version}:runtime"),
            ] {
                let list = read(&text, None, &OurHosts::default()).expect("a list");
                prop_assert_eq!(list.entries, vec![Entry::Module(expected.clone())]);
            }
        }
    }
}
