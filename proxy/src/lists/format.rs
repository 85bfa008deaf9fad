//! The formats, and how a text is told to be of one.

use clap::ValueEnum;

/// A way to write down artifacts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// `maven_install.json` of `rules_jvm_external`, lock file versions 0.1, 2 and 3.
    MavenInstall,
    /// What `gradle dependencies` prints.
    GradleDependencies,
    /// `gradle.lockfile`.
    GradleLockfile,
    /// `gradle/verification-metadata.xml`.
    GradleVerification,
    /// What `mvn dependency:list`, `:tree` and `:resolve-plugins` print.
    Maven,
    /// A line an artifact: a key, or Gradle's notation.
    List,
}

impl Format {
    /// What a text looks like.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let any = |words: &[&str]| {
            text.lines()
                .any(|line| words.iter().any(|word| line.contains(word)))
        };
        match text.trim_start().chars().next() {
            Some('{') => Self::MavenInstall,
            Some('<') => Self::GradleVerification,
            _ if any(&["+--- ", "\\--- ", "No dependencies"]) => Self::GradleDependencies,
            _ if any(&[
                "[INFO]",
                "[\u{1b}[1;34mINFO\u{1b}[m]",
                "+- ",
                "\\- ",
                "have been resolved:",
            ]) =>
            {
                Self::Maven
            }
            _ if is_lockfile(text) => Self::GradleLockfile,
            _ => Self::List,
        }
    }

    /// Whether its build tool asks for the `.sha1` beside each file. Maven's older transport does;
    /// Bazel and Gradle bring their own digests.
    #[must_use]
    pub fn has_sha1_files(self) -> bool {
        match self {
            Self::Maven | Self::List => true,
            Self::MavenInstall
            | Self::GradleDependencies
            | Self::GradleLockfile
            | Self::GradleVerification => false,
        }
    }
}

/// Whether each line is `group:name:version=configurations`, or `empty=configurations`. An `=` alone says
/// nothing: a key or a URL may hold one.
fn is_lockfile(text: &str) -> bool {
    let is_locked = |line: &str| {
        let module = line.split_once('=').map(|(module, _)| module);
        module.is_some_and(|module| module == "empty" || module.split(':').count() == 3)
    };
    let mut lines = super::lines(text).peekable();
    lines.peek().is_some() && lines.all(|(_, line)| is_locked(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_told_by_its_content() {
        for (text, format) in [
            ("\n {\"version\": \"2\"}", Format::MavenInstall),
            ("<?xml version='1.0'?>", Format::GradleVerification),
            ("x\n|    \\--- g:a:1", Format::GradleDependencies),
            ("x - y.\nNo dependencies\n", Format::GradleDependencies),
            ("# written\ng:a:1=compileClasspath", Format::GradleLockfile),
            ("empty=", Format::GradleLockfile),
            ("[INFO]    g:a:jar:1:compile", Format::Maven),
            ("g:a:jar:1\n\\- g:b:jar:1:test", Format::Maven),
            ("The following files have been resolved:", Format::Maven),
            ("g:a:1\ng/b/1/b-1.jar", Format::List),
            ("# a = b\n", Format::List),
            ("g/a=b/1/x.jar\nhttp://proxy/g/a.jar?x=1", Format::List),
            ("g:a:1=x\ng/b/1/b-1.jar", Format::List),
            ("", Format::List),
        ] {
            assert_eq!(Format::of(text), format, "{text}");
        }
    }
}
