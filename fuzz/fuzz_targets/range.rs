//! Any Range header names bytes that exist, or none.
#![no_main]

use bazel_proxy::server::range::{RangeOutcome, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u64, &str)| {
    let (length, header) = input;
    match parse(Some(header), length) {
        RangeOutcome::Partial { start, end } => assert!(start < end && end <= length),
        RangeOutcome::Full | RangeOutcome::NotSatisfiable => {}
    }
    // What a careful client sends is understood.
    if length > 0 {
        let last = length - 1;
        let whole = parse(Some(&format!("bytes=0-{last}")), length);
        assert_eq!(whole, RangeOutcome::Partial { start: 0, end: length });
    }
});
