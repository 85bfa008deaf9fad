//! Any bytes are a project's page in HTML or not: no link of a neutral one leads to CodeArtifact or to a file of
//! others without a hash, and making it neutral again changes nothing.
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
        content_type: "text/html".to_owned(),
        body: bytes.to_vec().into(),
    };
    if let Ok(public) = pypi::public(&page, &asked) {
        let listed = pypi::files(&public.page, "simple/a/").expect("what we wrote ourselves");
        assert_eq!(listed.len(), public.files.len());
        for (listed, file) in listed.iter().zip(&public.files) {
            let path = format!("simple/a/public/{}/{}", file.sha256, file.name);
            assert_eq!(listed.path.as_deref(), Some(path.as_str()));
            assert_eq!(listed.sha256.as_ref(), Some(&file.sha256));
        }
    }
    let Ok(neutral) = pypi::neutral(&page, &asked, &root) else {
        return;
    };
    let again = pypi::neutral(&neutral.page, &asked, &root).expect("still a page");
    assert_eq!(again.page, neutral.page);
    let files = pypi::files(&neutral.page, "simple/a/").expect("still a page");
    assert!(files.iter().all(|file| file.path.is_some() || file.sha256.is_some()));
    let names: HashSet<String> = files.into_iter().map(|file| file.name).collect();
    let offering = pypi::with_core_metadata(&neutral.page, &names);
    let offered = pypi::files(&offering, "simple/a/").expect("still a page");
    assert!(offered.len() <= bytes.len());
});
