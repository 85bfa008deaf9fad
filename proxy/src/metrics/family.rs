//! A value that exists anyway, written down at the moment of a scrape.

use std::time::{SystemTime, UNIX_EPOCH};

use prometheus::proto::{Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType};

/// One name with its values.
#[derive(Clone, Debug)]
pub struct Family(MetricFamily);

impl Family {
    /// What may go up and down; no values yet.
    #[must_use]
    pub fn gauge(name: &str, help: &str) -> Self {
        Self::new(name, help, MetricType::GAUGE)
    }

    /// What only goes up; no values yet.
    #[must_use]
    pub fn counter(name: &str, help: &str) -> Self {
        Self::new(name, help, MetricType::COUNTER)
    }

    fn new(name: &str, help: &str, kind: MetricType) -> Self {
        let mut family = MetricFamily::default();
        family.set_name(name.to_owned());
        family.set_help(help.to_owned());
        family.set_field_type(kind);
        Self(family)
    }

    /// With a value.
    #[must_use]
    pub fn value(self, value: f64) -> Self {
        self.labelled(&[], value)
    }

    /// With a number of bytes or things.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "Prometheus knows no other numbers"
    )]
    pub fn number(self, value: u64) -> Self {
        self.value(value as f64)
    }

    /// With a time, in seconds since 1970, if there is one.
    #[must_use]
    pub fn time(self, time: Option<SystemTime>) -> Self {
        match time.and_then(|time| time.duration_since(UNIX_EPOCH).ok()) {
            Some(since) => self.value(since.as_secs_f64()),
            None => self,
        }
    }

    /// With one more value, of these labels.
    #[must_use]
    pub fn labelled(mut self, labels: &[(&str, &str)], value: f64) -> Self {
        let pair = |(name, value): &(&str, &str)| {
            let mut pair = LabelPair::default();
            pair.set_name((*name).to_owned());
            pair.set_value((*value).to_owned());
            pair
        };
        let mut metric = Metric::default();
        metric.set_label(labels.iter().map(pair).collect());
        if self.0.get_field_type() == MetricType::COUNTER {
            let mut counter = Counter::default();
            counter.set_value(value);
            metric.set_counter(counter);
        } else {
            let mut gauge = Gauge::default();
            gauge.set_value(value);
            metric.set_gauge(gauge);
        }
        self.0.mut_metric().push(metric);
        self
    }

    /// For the encoder; `None` without a value, as it wants no empty families.
    #[must_use]
    pub fn into_proto(self) -> Option<MetricFamily> {
        (!self.0.get_metric().is_empty()).then_some(self.0)
    }
}
