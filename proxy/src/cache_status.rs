//! `Cache-Status` (RFC 9211): where proxies say how an answer came about, and read it of each other.

use http::HeaderMap;
use http::header::HeaderName;

/// The header.
pub const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// What the answering proxy itself says: the first entry. Caches on the way append theirs.
#[derive(Clone, Copy, Debug)]
pub struct CacheStatus<'a>(&'a str);

impl<'a> CacheStatus<'a> {
    /// `None` where nobody says anything.
    #[must_use]
    pub fn of(headers: &'a HeaderMap) -> Option<Self> {
        let entries = headers.get(CACHE_STATUS)?.to_str().ok()?;
        entries.split(',').next().map(Self)
    }

    /// Whether this parameter stands there, without a value.
    #[must_use]
    pub fn has(self, parameter: &str) -> bool {
        self.parameters().any(|found| found == parameter)
    }

    /// The value of `detail`.
    #[must_use]
    pub fn detail(self) -> Option<&'a str> {
        let mut parameters = self.parameters();
        parameters.find_map(|parameter| parameter.strip_prefix("detail="))
    }

    fn parameters(self) -> impl Iterator<Item = &'a str> {
        self.0.split(';').skip(1).map(str::trim)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_answering_proxys_own_entry_counts() {
        let headers = |value: &'static str| {
            HeaderMap::from_iter([(CACHE_STATUS, http::HeaderValue::from_static(value))])
        };
        let ours = headers("bazel-proxy; fwd=uri-miss; detail=uncached; held, cdn; hit");
        let status = CacheStatus::of(&ours).expect("a status");
        assert_eq!(status.detail(), Some("uncached"));
        assert!(status.has("held") && !status.has("hit"));
        let hit = headers("bazel-proxy; hit");
        let status = CacheStatus::of(&hit).expect("a status");
        assert!(status.has("hit") && status.detail().is_none());
        assert!(CacheStatus::of(&HeaderMap::new()).is_none());
    }
}
