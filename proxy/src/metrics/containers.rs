//! What is counted of credentials for containers, in a registry of its own: who has no services has none of
//! these numbers.
//!
//! Beside ours stand the names of CredProxy, whose dashboards go on working:
//! <https://github.com/JohnPreston/credproxy/blob/main/credproxy/metrics.py>. Labels hold the names of
//! configured services only, and those of services that are gone are forgotten, so that their number is bounded.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use prometheus::{HistogramVec, IntCounter, IntCounterVec, IntGauge, Registry};

use super::registrar::Registrar;

/// From memory, or after waiting for a renewal, which ends before a second has passed.
const SECONDS: [f64; 10] = [
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.025, 0.1, 0.5, 1.0,
];
/// Those of CredProxy.
const CREDPROXY_SECONDS: [f64; 11] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];
/// What CredProxy calls the service of a request without a good token.
const UNKNOWN: &str = "unknown";
/// So many services may be gone before they are looked for without a scrape.
const MOST_GONE: usize = 64;

/// What came of a request with a good token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Issuance {
    /// Credentials were handed out.
    Issued,
    /// A HEAD: they would have been.
    Checked,
    /// It asked for what is not the service's.
    NotAllowed,
    /// Only a person can help.
    LoginRequired,
    /// Passing trouble.
    Unavailable,
    /// This machine's clock is wrong.
    ClockSkew,
    /// AWS denies them.
    Denied,
    /// The configuration has to change.
    Misconfigured,
}

/// Why a request got no further than the door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turned {
    /// Meant for another host.
    Host,
    /// Sent by a browser or passed on by a proxy.
    Header,
    /// Neither GET nor HEAD.
    Method,
    /// No such path.
    Path,
    /// It has no token.
    MissingToken,
    /// Its token is nobody's.
    WrongToken,
    /// There were too many like it.
    RateLimited,
}

/// The counters. Shared by everything that counts.
#[derive(Debug)]
pub struct Containers {
    registry: Registry,
    requests: IntCounterVec,
    seconds: HistogramVec,
    turned_away: IntCounterVec,
    /// Connections of clients.
    pub open_connections: IntGauge,
    credproxy_requests: IntCounterVec,
    credproxy_seconds: HistogramVec,
    /// Services that have series.
    known: Mutex<HashMap<String, Known>>,
}

/// What is remembered of a service.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    last: Option<Last>,
}

/// The last time that a service was given credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Last {
    /// When.
    pub at: SystemTime,
    /// To whom.
    pub peer: IpAddr,
}

impl Issuance {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Issued,
        Self::Checked,
        Self::NotAllowed,
        Self::LoginRequired,
        Self::Unavailable,
        Self::ClockSkew,
        Self::Denied,
        Self::Misconfigured,
    ];

    /// The value of the label `outcome`.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Issued => "issued",
            Self::Checked => "checked",
            Self::NotAllowed => "not-allowed",
            Self::LoginRequired => "login-required",
            Self::Unavailable => "unavailable",
            Self::ClockSkew => "clock-skew",
            Self::Denied => "denied",
            Self::Misconfigured => "misconfigured",
        }
    }

    /// The value of CredProxy's label `result`.
    fn credproxy_result(self) -> &'static str {
        match self {
            Self::Issued | Self::Checked => "success",
            Self::NotAllowed
            | Self::LoginRequired
            | Self::Unavailable
            | Self::ClockSkew
            | Self::Denied
            | Self::Misconfigured => "error",
        }
    }
}

impl Turned {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Host,
        Self::Header,
        Self::Method,
        Self::Path,
        Self::MissingToken,
        Self::WrongToken,
        Self::RateLimited,
    ];

    /// The value of the label `reason`.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Header => "header",
            Self::Method => "method",
            Self::Path => "path",
            Self::MissingToken => "token-missing",
            Self::WrongToken => "token-wrong",
            Self::RateLimited => "rate-limited",
        }
    }

    /// The value of CredProxy's label `result`, which knows those with a token to be looked at only.
    fn credproxy_result(self) -> Option<&'static str> {
        match self {
            Self::MissingToken => Some("denied_missing_token"),
            Self::WrongToken | Self::RateLimited => Some("denied_invalid_token"),
            Self::Host | Self::Header | Self::Method | Self::Path => None,
        }
    }
}

impl Default for Containers {
    fn default() -> Self {
        Self::new()
    }
}

impl Containers {
    /// Everything at zero.
    ///
    /// # Panics
    /// Never: names are constants, and each is used once.
    #[must_use]
    pub fn new() -> Self {
        let new = Registrar::default();
        let containers = Self {
            requests: new.counters(
                "bazel_proxy_container_credentials_requests_total",
                "Requests for credentials with a good token, by service and by what came of them.",
                &["service", "outcome"],
            ),
            seconds: new.seconds_in(
                "bazel_proxy_container_credentials_seconds",
                "Time from such a request's arrival to its answer.",
                &["service"],
                &SECONDS,
            ),
            turned_away: new.counters(
                "bazel_proxy_container_credentials_turned_away_total",
                "Requests that got no further than the door, by reason.",
                &["reason"],
            ),
            open_connections: new.gauge(
                "bazel_proxy_container_credentials_open_connections",
                "Connections to the listener for credentials, idle ones included.",
            ),
            credproxy_requests: new.counters(
                "credproxy_requests_total",
                "Total number of credential requests",
                &["result", "service_name"],
            ),
            credproxy_seconds: new.seconds_in(
                "credproxy_request_duration_seconds",
                "Request duration in seconds",
                &["result", "service_name"],
                &CREDPROXY_SECONDS,
            ),
            known: Mutex::default(),
            registry: new.without_process(),
        };
        for turned in Turned::ALL {
            containers.turned_away(turned).inc_by(0);
        }
        containers
    }

    /// Notes a request of a service, `whole` after it came, and to whom credentials were handed out, if they
    /// were.
    pub fn note(&self, service: &str, outcome: Issuance, whole: Duration, issued: Option<Last>) {
        let seconds = whole.as_secs_f64();
        let labels = [service, outcome.label()];
        self.requests.with_label_values(&labels).inc();
        self.seconds.with_label_values(&[service]).observe(seconds);
        self.note_for_credproxy(outcome.credproxy_result(), service, seconds);
        let mut known = self.known();
        if let Some(known) = known.get_mut(service) {
            known.last = issued.or(known.last);
        } else {
            known.insert(service.to_owned(), Known { last: issued });
        }
    }

    /// Notes a request that is turned away, `whole` after it came.
    pub fn note_turned_away(&self, turned: Turned, whole: Duration) {
        self.turned_away(turned).inc();
        if let Some(result) = turned.credproxy_result() {
            self.note_for_credproxy(result, UNKNOWN, whole.as_secs_f64());
        }
    }

    fn turned_away(&self, turned: Turned) -> IntCounter {
        self.turned_away.with_label_values(&[turned.label()])
    }

    fn note_for_credproxy(&self, result: &str, service: &str, seconds: f64) {
        let labels = [result, service];
        self.credproxy_requests.with_label_values(&labels).inc();
        self.credproxy_seconds
            .with_label_values(&labels)
            .observe(seconds);
    }

    /// When a service was last given credentials, and who it was.
    #[must_use]
    pub fn last_issued(&self, service: &str) -> Option<Last> {
        self.known().get(service).and_then(|known| known.last)
    }

    /// Begins the series of services at zero, and forgets those of all others.
    pub fn keep_only<'a>(&self, services: impl Iterator<Item = &'a str>) {
        let mut known = self.known();
        let mut kept = HashMap::new();
        for service in services {
            let entry = known.remove_entry(service);
            let (name, service) = entry.unwrap_or_else(|| {
                self.begin(service);
                (service.to_owned(), Known::default())
            });
            kept.insert(name, service);
        }
        let gone = std::mem::replace(&mut *known, kept);
        for service in gone.keys() {
            self.forget(service);
        }
    }

    /// Whether [`Self::keep_only`] has much to do for that many services.
    #[must_use]
    pub fn has_many_gone(&self, services: usize) -> bool {
        self.known().len() > services + MOST_GONE
    }

    /// What appears with its first count has no increase that Prometheus could see.
    fn begin(&self, service: &str) {
        for outcome in Issuance::ALL {
            let labels = [service, outcome.label()];
            self.requests.with_label_values(&labels).inc_by(0);
        }
        for result in ["success", "error"] {
            let labels = [result, service];
            self.credproxy_requests.with_label_values(&labels).inc_by(0);
        }
    }

    /// What it does not have is no trouble.
    fn forget(&self, service: &str) {
        for outcome in Issuance::ALL {
            let _unless_never_counted = self
                .requests
                .remove_label_values(&[service, outcome.label()]);
        }
        let _unless_never_counted = self.seconds.remove_label_values(&[service]);
        for result in ["success", "error"] {
            let labels = [result, service];
            let _unless_never_counted = self.credproxy_requests.remove_label_values(&labels);
            let _unless_never_counted = self.credproxy_seconds.remove_label_values(&labels);
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All that is counted, to be shown.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(containers: &Containers) -> String {
        prometheus::TextEncoder::new()
            .encode_to_string(&containers.registry().gather())
            .expect("a text")
    }

    #[test]
    fn a_service_that_is_gone_leaves_nothing_behind() {
        let containers = Containers::new();
        containers.keep_only(["stays", "goes"].into_iter());
        let last = Last {
            at: SystemTime::UNIX_EPOCH,
            peer: IpAddr::from([127, 0, 0, 1]),
        };
        for service in ["stays", "goes"] {
            let passed = Duration::from_millis(1);
            containers.note(service, Issuance::Issued, passed, Some(last));
            containers.note(service, Issuance::Denied, passed, None);
        }
        assert!(series(&containers).contains(r#"service_name="goes""#));
        containers.keep_only(["stays"].into_iter());
        let left = series(&containers);
        assert!(!left.contains("goes"), "{left}");
        let counted = r#"bazel_proxy_container_credentials_requests_total{outcome="issued",service="stays"} 1"#;
        assert!(left.contains(counted), "{left}");
        assert_eq!(containers.last_issued("stays"), Some(last));
        assert_eq!(containers.last_issued("goes"), None);
    }

    #[test]
    fn credproxys_names_have_its_results() {
        let containers = Containers::new();
        let passed = Duration::from_millis(7);
        containers.note("s", Issuance::Issued, passed, None);
        containers.note("s", Issuance::Unavailable, passed, None);
        for turned in Turned::ALL {
            containers.note_turned_away(turned, passed);
        }
        let told = series(&containers);
        for (result, service, count) in [
            ("success", "s", 1),
            ("error", "s", 1),
            ("denied_missing_token", "unknown", 1),
            ("denied_invalid_token", "unknown", 2),
        ] {
            let line = format!(
                r#"credproxy_requests_total{{result="{result}",service_name="{service}"}} {count}"#
            );
            assert!(told.contains(&line), "{line} in {told}");
        }
        let bucket = r#"credproxy_request_duration_seconds_bucket{result="success",service_name="s",le="0.01"} 1"#;
        assert!(told.contains(bucket), "{told}");
    }
}
