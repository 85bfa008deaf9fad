//! Any file is a wheel or not: no panic, and its metadata are no longer than they may be.
#![no_main]

use std::io::Cursor;

use bazel_proxy::codeartifact::index::wheel;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(metadata) = wheel::metadata(Cursor::new(bytes), "a-1-py3-none-any.whl") {
        assert!(metadata.len() <= 4 << 20);
    }
});
