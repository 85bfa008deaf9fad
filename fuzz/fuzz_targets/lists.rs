//! Any text is a list of artifacts, or a fault with a line of it; nothing that it names is dangerous.
#![no_main]

use bazel_proxy::artifact::{ArtifactKey, Coordinates, RequestPath};
use bazel_proxy::lists::pom::Pom;
use bazel_proxy::lists::{Entry, Format, ListError, OurHosts, read};
use libfuzzer_sys::fuzz_target;

const FORMATS: [Option<Format>; 7] = [
    None,
    Some(Format::MavenInstall),
    Some(Format::GradleDependencies),
    Some(Format::GradleLockfile),
    Some(Format::GradleVerification),
    Some(Format::Maven),
    Some(Format::List),
];

fuzz_target!(|input: (u8, &str)| {
    let (format, text) = (FORMATS[usize::from(input.0) % FORMATS.len()], input.1);
    match read(text, format, &OurHosts::default()) {
        Ok(list) => list.entries.iter().for_each(check),
        Err(ListError::Line { line, .. }) => assert!((1..=text.lines().count() + 1).contains(&line)),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    let pom = Pom::read(text);
    pom.refers_to.iter().chain(&pom.moved_to).for_each(check_module);
});

fn check(entry: &Entry) {
    match entry {
        Entry::File { key, .. } => check_key(key),
        Entry::Module(module) | Entry::Versions(module) => check_module(module),
    }
}

fn check_module(module: &Coordinates) {
    let keys = [module.key(), module.pom(), module.gradle_module(), module.metadata()];
    for key in keys {
        check_key(&key);
        check_key(&key.sha1_file());
    }
}

/// It is what the proxy takes its URL's path for.
fn check_key(key: &ArtifactKey) {
    let parsed = RequestPath::parse(&key.url_path(), 0);
    assert_eq!(parsed, Ok(RequestPath::Artifact(key.clone())));
}
