//! How often one address may fail: a bucket of tokens for each, in a table that does not grow.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// So many at once; more only as time passes.
const AT_ONCE: u32 = 10;
/// So many addresses are known; the oldest ones go for new ones.
const MOST_KNOWN: usize = 4096;

/// Who has failed how often lately.
#[derive(Debug)]
pub(super) struct Limiter {
    /// One more each time that this has passed.
    every: Duration,
    buckets: Mutex<HashMap<IpAddr, Bucket>>,
}

/// When it will be full again: all that a bucket of tokens has to know.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    full_at: Instant,
}

impl Limiter {
    /// Ten at once, and one more each time that `every` has passed.
    pub(super) fn new(every: Duration) -> Self {
        Self {
            every,
            buckets: Mutex::default(),
        }
    }

    /// One more failure of that address; the time to wait where there were too many.
    pub(super) fn take(&self, peer: IpAddr) -> Result<(), Duration> {
        let now = Instant::now();
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let peer = network(peer);
        if !buckets.contains_key(&peer) {
            make_room(&mut buckets, now);
        }
        let bucket = buckets.entry(peer).or_insert(Bucket { full_at: now });
        let full_at = bucket.full_at.max(now) + self.every;
        let allowed_at = full_at.checked_sub(self.every * AT_ONCE);
        match allowed_at.map(|at| at.saturating_duration_since(now)) {
            Some(wait) if !wait.is_zero() => Err(wait),
            Some(_) | None => {
                bucket.full_at = full_at;
                Ok(())
            }
        }
    }
}

/// Those that are full again say nothing; of the others, the older half goes.
fn make_room(buckets: &mut HashMap<IpAddr, Bucket>, now: Instant) {
    if buckets.len() < MOST_KNOWN {
        return;
    }
    buckets.retain(|_, bucket| bucket.full_at > now);
    if buckets.len() < MOST_KNOWN {
        return;
    }
    let mut times: Vec<_> = buckets.values().map(|bucket| bucket.full_at).collect();
    let (_, median, _) = times.select_nth_unstable(MOST_KNOWN / 2);
    let median = *median;
    buckets.retain(|_, bucket| bucket.full_at > median);
}

/// Who has one address of an IPv6 network has 2^64 of them.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => {
            let prefix = u128::from(address) & (u128::MAX << 64);
            IpAddr::V6(Ipv6Addr::from(prefix))
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_secs(1);

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[tokio::test(start_paused = true)]
    async fn ten_at_once_then_one_a_second() {
        let limiter = Limiter::new(EVERY);
        let peer = address("10.0.0.1");
        assert!((0..AT_ONCE).all(|_| limiter.take(peer).is_ok()));
        assert_eq!(limiter.take(peer), Err(EVERY));
        assert_eq!(limiter.take(address("10.0.0.2")), Ok(()));
        tokio::time::advance(EVERY).await;
        assert_eq!(limiter.take(peer), Ok(()));
        assert_eq!(
            limiter.take(peer),
            Err(EVERY),
            "who is refused loses nothing"
        );
        tokio::time::advance(EVERY * AT_ONCE).await;
        assert!((0..AT_ONCE).all(|_| limiter.take(peer).is_ok()));
    }

    #[tokio::test(start_paused = true)]
    async fn an_ipv6_network_is_one_address() {
        let limiter = Limiter::new(EVERY);
        for last in 0..AT_ONCE {
            let peer = address(&format!("2001:db8::{last:x}"));
            assert_eq!(limiter.take(peer), Ok(()));
        }
        assert!(limiter.take(address("2001:db8::ffff:1")).is_err());
        assert_eq!(limiter.take(address("2001:db8:0:1::1")), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn the_table_does_not_grow_and_keeps_the_newest() {
        let limiter = Limiter::new(EVERY);
        for number in 0..20_000_u32 {
            let _outcome = limiter.take(IpAddr::from(number.to_be_bytes()));
            tokio::time::advance(Duration::from_micros(10)).await;
        }
        let known = limiter.buckets.lock().expect("no panic");
        assert!(known.len() <= MOST_KNOWN, "{}", known.len());
        assert!(known.contains_key(&IpAddr::from(19_999_u32.to_be_bytes())));
    }
}
