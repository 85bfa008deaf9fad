//! How much memory the proxy takes while something goes on.

use std::time::Duration;

use tests::Proxy;

/// Between two looks.
const INTERVAL: Duration = Duration::from_millis(20);
/// Fewer looks say nothing.
const FEWEST_LOOKS: u32 = 20;

/// What comes of it, and the most bytes that were resident meanwhile.
///
/// # Panics
/// If it was over before anything was seen of the memory.
pub(crate) async fn during<T>(proxy: &Proxy, work: impl Future<Output = T>) -> (T, u64) {
    let mut work = std::pin::pin!(work);
    let mut interval = tokio::time::interval(INTERVAL);
    let (mut most, mut looks) = (0, 0);
    loop {
        tokio::select! {
            biased;
            _ = interval.tick() => {
                most = most.max(proxy.resident_bytes());
                looks += 1;
            }
            outcome = &mut work => {
                assert!(looks >= FEWEST_LOOKS, "over after {looks} looks at the memory");
                return (outcome, most);
            }
        }
    }
}
