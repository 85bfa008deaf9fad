//! Any bytes are a project's page in JSON or not: what a neutral one lists is below the repository or has a hash,
//! and making it neutral again changes nothing.
#![no_main]

use std::collections::HashSet;

use bazel_proxy::codeartifact::index::{Page, pypi};
use libfuzzer_sys::fuzz_target;
use url::Url;

const ROOT: &str = "https://acme-0.d.codeartifact.eu-central-1.amazonaws.com/pypi/all/";

fuzz_target!(|bytes: &[u8]| {
    let root = Url::parse(ROOT).expect("a URL");
    let asked = root.join("simple/a/").expect("a URL");
    let page = Page {
        content_type: "application/vnd.pypi.simple.v1+json".to_owned(),
        body: bytes.to_vec().into(),
    };
    if let Ok(public) = pypi::public(&page, &asked) {
        let listed = pypi::files(&public.page, "simple/a/").expect("still a page");
        assert_eq!(listed.len(), public.files.len());
        for (listed, file) in listed.iter().zip(&public.files) {
            let path = format!("simple/a/public/{}/{}", file.sha256, file.name);
            assert_eq!(listed.path.as_deref(), Some(path.as_str()));
            assert!(!listed.has_core_metadata);
        }
    }
    let Ok(neutral) = pypi::neutral(&page, &asked, &root) else {
        return;
    };
    let again = pypi::neutral(&neutral.page, &asked, &root).expect("still a page");
    assert_eq!((&again.page, again.dropped), (&neutral.page, 0));
    let files = pypi::files(&neutral.page, "simple/a/").expect("still a page");
    assert!(files.iter().all(|file| file.path.is_some() || file.sha256.is_some()));
    let names: HashSet<String> = files.iter().map(|file| file.name.clone()).collect();
    let offering = pypi::with_core_metadata(&neutral.page, &names);
    let offered = pypi::files(&offering, "simple/a/").expect("still a page");
    assert_eq!(offered.len(), files.len());
    let is_offered = |file: &pypi::IndexedFile| file.has_core_metadata || file.path.is_none();
    assert!(offered.iter().all(is_offered));
});
