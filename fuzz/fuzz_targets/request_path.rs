//! Any request path is an artifact's key, a folder's, or refused; a key is never dangerous.
#![no_main]

use bazel_proxy::artifact::{ArtifactKey, RequestPath, media_type};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u16, &str)| {
    let (prefix_bytes, path) = (usize::from(input.0), input.1);
    match RequestPath::parse(path, prefix_bytes) {
        Ok(RequestPath::Artifact(key)) => check(&key, prefix_bytes),
        Ok(RequestPath::Folder(folder)) => {
            let key = folder.as_str();
            assert!(key.is_empty() || key.ends_with('/'));
            assert_safe(key);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});

fn check(key: &ArtifactKey, prefix_bytes: usize) {
    let text = key.as_str();
    assert!(!text.is_empty() && !text.ends_with('/'));
    assert!(prefix_bytes + text.len() <= 1024);
    assert_safe(text);
    // What follows from a key is as good as the key.
    for companion in key.companions() {
        assert_safe(companion.as_str());
    }
    assert_safe(key.group().as_str());
    let _kind = (key.freshness(), media_type(text, None), key.file_name());
}

fn assert_safe(key: &str) {
    assert!(key.split('/').all(|segment| segment != "." && segment != ".."));
    assert!(!key.bytes().any(|byte| byte.is_ascii_control()));
}
