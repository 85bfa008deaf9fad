//! What asks the servers: as fast as answers come (wrk), at a pace of its own, or for bulk.

mod bulk;
mod paced;
mod warm;
mod wrk;

use std::time::Duration;

pub(crate) use bulk::bulk;
pub(crate) use paced::paced;
pub(crate) use warm::{is_hit, warm};
pub(crate) use wrk::closed_loop;

/// How long answers took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Latencies {
    /// Half of the answers took no longer.
    pub(crate) p50: Duration,
    /// 99 of 100.
    pub(crate) p99: Duration,
    /// 999 of 1,000.
    pub(crate) p999: Duration,
}

/// A count as a factor; exact for all that is counted here.
pub(crate) fn as_f64(count: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts here are far below 2^52")]
    let value = count as f64;
    value
}
