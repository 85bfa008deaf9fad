//! What a soak comes to, and what it must not.

use std::time::Duration;

use super::vitals::Vitals;
use crate::container::Life;
use crate::tally::{Counts, Latencies};

/// What memory may come to in any case: a fraction of what Compose allows.
const MOST_MEMORY_KIB: u64 = 96 * 1024;
/// For so long small artifacts gather in memory, until they take the 64 MiB that they may. Growth after that is a leak.
const WARM_UP: Duration = Duration::from_mins(4);
/// What memory may grow by, in percent and on top of that: an allocator is never at rest.
const MEMORY_PERCENT: u64 = 10;
const MEMORY_KIB: u64 = 4 * 1024;
/// And descriptors: as many clients as there are may be in the middle of a download.
const DESCRIPTORS: u64 = 40;

/// All of it.
pub(super) struct Figures {
    pub(super) length: Duration,
    pub(super) troubles: usize,
    pub(super) renewals: u64,
    pub(super) role_credentials: u64,
    pub(super) logins: usize,
    /// Before the first request.
    pub(super) at_rest: Vitals,
    /// Under load, by the time since its beginning.
    pub(super) vitals: Vec<(Duration, Vitals)>,
    /// After the last request.
    pub(super) at_the_end: Vitals,
    pub(super) before: Life,
    pub(super) after: Life,
}

impl Figures {
    /// For people.
    pub(super) fn table(&self, counts: &Counts) -> String {
        let milliseconds = |latencies: &Latencies, percent| {
            format!(
                "{:.1} ms",
                latencies.percentile(percent).as_secs_f64() * 1e3
            )
        };
        let latencies = |latencies: &Latencies| {
            let (half, most) = (milliseconds(latencies, 50), milliseconds(latencies, 99));
            format!("{}, p50 {half}, p99 {most}", latencies.number())
        };
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let at = |minute: u64| {
            // The last look of all is a little before the end.
            let time = Duration::from_secs(minute * 60 - 3);
            let look = self.vitals.iter().find(|(since, _)| *since >= time);
            look.map(|(_, vitals)| format!("minute {minute}: {vitals}\n              "))
        };
        let by_minute: String = [1, 5, 10, 20, 60].into_iter().filter_map(at).collect();
        let (quarter, last) = self.medians();
        format!(
            "soak          {}, {} troubles, load average {load}\
             requests      {}, of which {} failed and {} waited for a login; {} MiB\n\
             hits          {}\n\
             misses        {}\n\
             renewals      {} of the token, {} of role credentials; {} logins\n\
             container     RestartCount {}, started {}, now {}\n\
             process       at rest: {}\n              \
             {by_minute}at the end: {}\n              \
             at most {} MiB, {} descriptors\n\
             medians       second quarter: {quarter}\n              \
             last quarter: {last}",
            minutes(self.length),
            self.troubles,
            counts.requests,
            counts.failed,
            counts.held,
            counts.bytes >> 20,
            latencies(&counts.hits),
            latencies(&counts.misses),
            self.renewals,
            self.role_credentials,
            self.logins,
            self.after.restarts,
            self.before.started_at,
            self.after.started_at,
            self.at_rest,
            self.at_the_end,
            self.most(|vitals| vitals.memory_kib) / 1024,
            self.most(|vitals| vitals.descriptors),
        )
    }

    /// Everything that must not be.
    pub(super) fn breaches(&self, counts: &Counts) -> Vec<String> {
        let mut breaches = Vec::new();
        let mut check = |is_well: bool, breach: String| {
            if !is_well {
                breaches.push(breach);
            }
        };
        check(
            counts.failed == 0,
            format!(
                "{} requests failed:\n{}",
                counts.failed,
                counts.failures.join("\n")
            ),
        );
        check(
            self.after == self.before && self.after.restarts == 0 && !self.after.was_out_of_memory,
            format!(
                "it is another process: {:?}, then {:?}",
                self.before, self.after
            ),
        );
        // Each token is renewed after half of its life or a little later.
        let fewest = self.length.as_secs() / super::TOKEN_LIFE.as_secs();
        check(
            self.renewals >= fewest && self.role_credentials >= fewest,
            format!(
                "fewer than {fewest} renewals: {}, {}",
                self.renewals, self.role_credentials
            ),
        );
        check(self.logins >= 1, "nobody had to log in".to_owned());
        check(counts.held > 0, "no request waited for a login".to_owned());
        check(
            counts.misses.number() > 0 && counts.hits.number() > 0,
            "no misses, or no hits".to_owned(),
        );
        let most = self.most(|vitals| vitals.memory_kib);
        check(
            most <= MOST_MEMORY_KIB,
            format!("{most} KiB of memory are more than {MOST_MEMORY_KIB}"),
        );
        let (quarter, last) = self.medians();
        let is_warm = self.length / 4 >= WARM_UP;
        let most = quarter.memory_kib * (100 + MEMORY_PERCENT) / 100 + MEMORY_KIB;
        check(
            last.memory_kib <= most || !is_warm,
            format!(
                "memory grows by more than {MEMORY_PERCENT} % and {MEMORY_KIB} KiB: {quarter}, then {last}"
            ),
        );
        check(
            last.descriptors <= quarter.descriptors + DESCRIPTORS,
            format!("descriptors grow by more than {DESCRIPTORS}: {quarter}, then {last}"),
        );
        breaches
    }

    /// The most of it under load.
    fn most(&self, value: fn(&Vitals) -> u64) -> u64 {
        let values = self.vitals.iter().map(|(_, vitals)| value(vitals));
        values.max().unwrap_or(0)
    }

    /// The medians of the second quarter, as the first is for warming up, and of the last.
    fn medians(&self) -> (Vitals, Vitals) {
        let quarter = self.vitals.len() / 4;
        let median = |looks: &[(Duration, Vitals)]| {
            let middle = |value: fn(&Vitals) -> u64| {
                let mut values: Vec<_> = looks.iter().map(|(_, vitals)| value(vitals)).collect();
                values.sort_unstable();
                values.get(values.len() / 2).copied().unwrap_or(0)
            };
            Vitals {
                memory_kib: middle(|vitals| vitals.memory_kib),
                descriptors: middle(|vitals| vitals.descriptors),
                threads: middle(|vitals| vitals.threads),
            }
        };
        let looks = &self.vitals;
        (
            median(&looks[quarter..quarter * 2]),
            median(&looks[looks.len() - quarter..]),
        )
    }
}

/// `12 min 30 s`
pub(super) fn minutes(time: Duration) -> String {
    format!("{} min {:02} s", time.as_secs() / 60, time.as_secs() % 60)
}
