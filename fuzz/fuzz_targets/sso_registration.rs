//! Any bytes are a client registration or not; one that is, is written back as it was meant.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sso_session::registration::Registration;

fuzz_target!(|bytes: &[u8]| {
    match Registration::parse(bytes) {
        Ok(registration) => {
            let json = registration.to_json();
            assert_eq!(Registration::parse(&json), Ok(registration));
        }
        Err(problem) => assert!(!problem.to_string().is_empty()),
    }
});
