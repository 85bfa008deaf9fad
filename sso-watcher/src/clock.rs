//! The rim's clocks.

use std::time::{Duration, SystemTime};

use nix::time::{ClockId, clock_gettime};

use crate::moment::{Moment, Steady};

/// `CLOCK_BOOTTIME` of Linux: unlike its `CLOCK_MONOTONIC`, it goes on while the machine sleeps.
const LINUX_BOOTTIME: u32 = 7;
/// `CLOCK_MONOTONIC` of macOS, which goes on while the machine sleeps, too.
const MACOS_MONOTONIC: u32 = 6;

/// Now, by both clocks.
#[must_use]
pub fn now() -> Moment {
    let id = if cfg!(target_os = "macos") {
        MACOS_MONOTONIC
    } else {
        LINUX_BOOTTIME
    };
    // Its type is another one on each system.
    let clock = id
        .try_into()
        .map_or(ClockId::CLOCK_MONOTONIC, ClockId::from_raw);
    let time = clock_gettime(clock);
    // Both clocks are there on every system that this is built for.
    let since = time.map_or(Duration::ZERO, Duration::from);
    Moment {
        wall: wall(),
        steady: Steady::new(since),
    }
}

/// The wall clock.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the rim")]
pub fn wall() -> SystemTime {
    SystemTime::now()
}
