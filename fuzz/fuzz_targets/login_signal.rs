//! Any bytes are a login signal or not; one that is, is written back as it was meant, names nothing
//! dangerous, and puts no login off for long.
#![no_main]

use std::time::{Duration, SystemTime};

use libfuzzer_sys::fuzz_target;
use sso_session::signal::{LONGEST_WAIT, LoginSignal, is_usable_name};

fuzz_target!(|input: (u32, &[u8])| {
    let (seconds, bytes) = input;
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.into());
    let Ok(mut signal) = LoginSignal::parse(bytes) else {
        return;
    };
    assert_eq!(LoginSignal::parse(&signal.to_json()).as_ref(), Ok(&signal));
    assert!(is_usable_name(&signal.profile));
    assert!(signal.sso_session.as_deref().is_none_or(is_usable_name));
    if let Some(time) = signal.next_attempt_after(now) {
        assert!(time <= now + LONGEST_WAIT);
        signal.set_next_attempt_after(time, now);
        assert!(signal.next_attempt_after(now).is_some());
    }
});
