//! Any bytes are a token or not; one that is, is written back as it was meant.
#![no_main]

use std::time::SystemTime;

use libfuzzer_sys::fuzz_target;
use sso_session::token::Token;

fuzz_target!(|bytes: &[u8]| {
    match Token::parse(bytes) {
        Ok(token) => {
            let json = token.to_json();
            assert_eq!(Token::parse(&json).as_ref(), Ok(&token));
            assert!(token.is_same_login(&token));
            let _may = token.can_refresh(SystemTime::UNIX_EPOCH);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
