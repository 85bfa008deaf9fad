//! Any bytes are an agent's memory or not; one that is can be recalled at any time, in any boot.
#![no_main]

use std::time::{Duration, SystemTime};

use libfuzzer_sys::fuzz_target;
use sso_watcher::agent::journal::Journal;
use sso_watcher::moment::{Moment, Steady};

fuzz_target!(|input: (u32, u32, bool, &[u8])| {
    let (wall, steady, is_same_boot, bytes) = input;
    let Ok(journal) = serde_json::from_slice::<Journal>(bytes) else {
        return;
    };
    let now = Moment {
        wall: SystemTime::UNIX_EPOCH + Duration::from_secs(wall.into()),
        steady: Steady::new(Duration::from_millis(steady.into())),
    };
    let boot = if is_same_boot {
        journal.saved.boot()
    } else {
        "another"
    }
    .to_owned();
    let memory = journal.saved.recall(&boot, now);
    assert!(
        memory
            .budget_wait(1, now)
            .is_none_or(|wait| wait <= Duration::from_hours(1))
    );
    let _any = (
        memory.is_unattended(),
        memory.cooldown_left(Duration::from_mins(1), now),
    );
});
