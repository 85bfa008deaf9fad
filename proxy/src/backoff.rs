//! Pauses between tries of the same call.

use std::time::Duration;

/// The first pause; nothing is tried with less patience than that.
pub(crate) const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(2);

/// Each pause is twice as long as the one before, up to [`LONGEST`].
pub(crate) struct Backoff(Duration);

impl Default for Backoff {
    fn default() -> Self {
        Self(FIRST)
    }
}

impl Backoff {
    /// The next pause: between half of it and all of it, so that many do not come back at once.
    pub(crate) fn pause(&mut self) -> Duration {
        let pause = self.0.mul_f64(0.5 + fastrand::f64() / 2.0);
        self.0 = (self.0 * 2).min(LONGEST);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_the_longest() {
        let mut backoff = Backoff::default();
        for most in [100, 200, 400, 800, 1600, 2000, 2000] {
            let most = Duration::from_millis(most);
            let pause = backoff.pause();
            assert!(pause >= most / 2 && pause <= most, "{pause:?} of {most:?}");
        }
    }
}
