//! A proxy over a bucket, and a look at its numbers.

use simulated_aws::SimulatedAws;
use tests::scratch::BUCKET;
use tests::{Proxy, ProxyBuilder, Scratch};

/// Everything that one test needs. Fields are dropped in this order.
pub(crate) struct World {
    pub(crate) proxy: Proxy,
    pub(crate) aws: SimulatedAws,
    pub(crate) scratch: Scratch,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|proxy| proxy).await
    }

    pub(crate) async fn with(configure: impl FnOnce(ProxyBuilder) -> ProxyBuilder) -> Self {
        let scratch = Scratch::new();
        let aws = scratch.aws().await;
        let proxy = configure(ProxyBuilder::new(&scratch).aws(&aws));
        Self {
            proxy: proxy.start().await,
            aws,
            scratch,
        }
    }

    /// Puts an object into the bucket.
    pub(crate) fn put(&self, key: &str, bytes: impl AsRef<[u8]>) {
        let attributes = simulated_aws::ObjectAttributes::default();
        let put = self.aws.s3().put_with(BUCKET, key, bytes, attributes);
        put.expect("an object");
    }

    /// Fetches an artifact until it comes from the cache.
    pub(crate) async fn warm(&self, path: &str) {
        tests::eventually("it is in the cache", async || {
            self.proxy.get(path).await.is_hit()
        })
        .await;
    }
}

/// What `/metrics` shows at one moment.
pub(crate) struct Numbers(String);

impl Numbers {
    pub(crate) async fn of(proxy: &Proxy) -> Self {
        let answer = proxy.get("/metrics").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        Self(answer.text())
    }

    /// The count of a series, written as Prometheus writes it (`name{label="value"}`, labels in
    /// alphabetical order); 0 if it is not there, as a counter that has not begun.
    pub(crate) fn count(&self, series: &str) -> u64 {
        let value = self.text_of(series);
        value.map_or(0, |value| value.parse().expect("a whole number"))
    }

    /// Seconds or a time, if it is there.
    pub(crate) fn find(&self, series: &str) -> Option<f64> {
        let value = self.text_of(series);
        value.map(|value| value.parse().expect("a number"))
    }

    fn text_of(&self, series: &str) -> Option<&str> {
        let mut lines = self.0.lines();
        lines.find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))
    }

    /// Whether there is such a series, or a family of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        let mut lines = self.0.lines();
        lines.any(|line| {
            let rest = line
                .strip_prefix("# TYPE ")
                .unwrap_or(line)
                .strip_prefix(name);
            rest.is_some_and(|rest| rest.starts_with([' ', '{']))
        })
    }

    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}
