//! Any bytes are a header of a cache file or not; one that is, is written back as it was meant.
#![no_main]

use bazel_proxy::cache::format::{decode_header, encode_header, header_length};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let length = header_length(bytes);
    let Ok(metadata) = decode_header(bytes) else {
        return;
    };
    assert!(length.is_ok_and(|length| length <= bytes.len()));
    if let Ok(again) = encode_header(&metadata) {
        assert_eq!(decode_header(&again), Ok(metadata));
    }
});
