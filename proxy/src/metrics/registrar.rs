//! Makes metrics and registers them, all of one kind in one way.

use prometheus::core::Collector;
use prometheus::{
    HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry,
};

/// From a hit in memory to a login that is waited for.
const SECONDS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 2.5, 10.0, 60.0, 300.0, 600.0,
];

/// Names are constants, and each is used once, so nothing here fails: a test makes them all.
#[derive(Default)]
pub(super) struct Registrar(Registry);

impl Registrar {
    pub(super) fn counters(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.register(IntCounterVec::new(Opts::new(name, help), labels))
    }

    pub(super) fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.register(IntCounter::with_opts(Opts::new(name, help)))
    }

    pub(super) fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.register(IntGauge::with_opts(Opts::new(name, help)))
    }

    pub(super) fn seconds(&self, name: &str, help: &str, labels: &[&str]) -> HistogramVec {
        self.seconds_in(name, help, labels, &SECONDS)
    }

    /// With other buckets than most.
    pub(super) fn seconds_in(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
        buckets: &[f64],
    ) -> HistogramVec {
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        self.register(HistogramVec::new(options, labels))
    }

    /// All of them, and nothing else.
    pub(super) fn without_process(self) -> Registry {
        self.0
    }

    /// All of them, and those of the process where the system tells them.
    pub(super) fn finish(self) -> Registry {
        #[cfg(target_os = "linux")]
        self.add(prometheus::process_collector::ProcessCollector::for_self());
        self.0
    }

    fn register<C: Collector + Clone + 'static>(&self, made: prometheus::Result<C>) -> C {
        let collector = made.expect("a valid name");
        self.add(collector.clone());
        collector
    }

    fn add(&self, collector: impl Collector + 'static) {
        let added = self.0.register(Box::new(collector));
        added.expect("each name is used once");
    }
}
