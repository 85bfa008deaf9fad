//! Any bytes are a packument or not: a neutral one is JSON, is not changed by being made neutral again, and is JSON
//! under whatever URL it is served.
#![no_main]

use bazel_proxy::codeartifact::index::{Page, npm};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use url::Url;

const ROOT: &str = "https://acme-0.d.codeartifact.eu-central-1.amazonaws.com/npm/all/";

fuzz_target!(|bytes: &[u8]| {
    let root = Url::parse(ROOT).expect("a URL");
    let page = Page {
        content_type: "application/json".to_owned(),
        body: bytes.to_vec().into(),
    };
    let Ok(neutral) = npm::neutral(&page, &root) else {
        return;
    };
    // What is not read closer may be deeper or larger than a value can be.
    let is_value = |page: &Page| serde_json::from_slice::<Value>(&page.body).is_ok();
    assert!(is_value(&neutral.page) || !is_value(&page));
    let again = npm::neutral(&neutral.page, &root).expect("still a packument");
    assert_eq!((&again.page, again.dropped), (&neutral.page, 0));
    let rendered = npm::rendered(&neutral.page, "http://a\"b\\c/");
    assert!(is_value(&rendered) || !is_value(&page));
    let _any = npm::promised(&neutral.page);
});
