//! What proxies say to each other where one asks another: a laptop's the team's.
//!
//! * A request names in `Via` (RFC 9110, section 7.6.3) every proxy that it comes through. One that
//!   finds itself there is asked by itself, directly or in a circle.
//! * An answer to a proxy names the repository that it is about: bytes of another bucket must not pass
//!   for ours.

use std::sync::{Arc, LazyLock};

use http::HeaderMap;
use http::header::{HeaderName, VIA};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::request;

/// The header of an answer that names its repository.
pub const REPOSITORY: HeaderName = HeaderName::from_static("x-bazel-proxy-repository");
/// How a proxy calls itself where it is a client.
pub const USER_AGENT: &str = concat!("bazel-proxy/", env!("CARGO_PKG_VERSION"));

/// No sensible chain is longer, and a header has to end somewhere.
const LONGEST: usize = 8;
const NAME_PREFIX: &str = "bazel-proxy-";
const NAME_DIGITS: usize = 16;

/// This process among all proxies.
static NAME: LazyLock<String> =
    LazyLock::new(|| format!("{NAME_PREFIX}{:0NAME_DIGITS$x}", fastrand::u64(..)));

/// The proxies that a request has come through, in order. Empty for a build tool's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain(Arc<[String]>);

impl Chain {
    /// Reads a request's headers. Other kinds of proxies that name themselves there do not count.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        if !headers.contains_key(VIA) {
            // Nearly every request, and no reason to allocate.
            return Self::default();
        }
        let fields = headers.get_all(VIA).iter();
        let entries = fields
            .filter_map(|field| field.to_str().ok())
            .flat_map(|field| field.split(','));
        let names = entries
            .filter_map(|entry| entry.split_whitespace().nth(1))
            .filter(|name| is_name(name))
            .map(str::to_owned);
        Self(names.collect())
    }

    /// Whether no proxy has sent the request.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it has come through this process before, or through too many.
    #[must_use]
    pub fn is_a_circle(&self) -> bool {
        self.0.len() >= LONGEST || self.0.contains(&NAME)
    }
}

/// The value of `Via` for a request to another proxy, on behalf of the current one.
#[must_use]
pub fn via() -> String {
    let context = request::current();
    let chain = context.iter().flat_map(|context| context.chain().0.iter());
    let names = chain.chain([&*NAME]);
    let entries: Vec<_> = names.map(|name| format!("1.1 {name}")).collect();
    entries.join(", ")
}

/// A bucket and the folder in it, as a header can hold it. Endpoints differ from network to network,
/// so they are left out.
#[must_use]
pub fn repository_name(bucket: &str, prefix: &str) -> String {
    const ESCAPED: &AsciiSet = &CONTROLS.add(b' ').add(b'%');
    format!("s3://{bucket}/{}", utf8_percent_encode(prefix, ESCAPED))
}

fn is_name(name: &str) -> bool {
    name.strip_prefix(NAME_PREFIX).is_some_and(|digits| {
        digits.len() == NAME_DIGITS && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::{Context, RequestId};

    const OTHER: &str = "bazel-proxy-0123456789abcdef";

    fn chain(fields: &[&str]) -> Chain {
        let fields = fields
            .iter()
            .map(|field| (VIA, field.parse().expect("a header value")));
        Chain::of(&fields.collect())
    }

    #[test]
    fn only_our_own_kind_counts() {
        for field in [
            "1.1 squid (3.1)",
            "",
            ",",
            "1.1",
            "1.1 bazel-proxy-x",
            OTHER,
        ] {
            assert!(chain(&[field]).is_empty(), "{field}");
        }
        let both = format!("1.0 fred, 1.1 {OTHER}");
        assert_eq!(chain(&["1.1 lb", &both]).0.as_ref(), [OTHER]);
    }

    #[tokio::test]
    async fn who_finds_itself_in_the_chain_is_asked_by_itself() {
        assert!(!chain(&[&format!("1.1 {OTHER}")]).is_a_circle());
        let asked = chain(&[&format!("1.1 {OTHER}")]);
        let context = Context::new(RequestId::generate(), asked);
        let spawned = async { request::spawn(async { via() }).await };
        let asks = request::scope(context, spawned).await;
        let asks = asks.expect("a task");
        assert!(asks.starts_with(&format!("1.1 {OTHER}, 1.1 ")), "{asks}");
        assert!(chain(&[&asks]).is_a_circle());
        assert_eq!(via().split(',').count(), 1, "outside of it");
    }

    #[test]
    fn a_chain_has_an_end() {
        let many = vec![format!("1.1 {OTHER}"); LONGEST];
        assert!(chain(&[&many.join(",")]).is_a_circle());
    }

    #[test]
    fn any_prefix_can_be_a_header() {
        let name = repository_name("artifacts", "größe %/");
        assert_eq!(name, "s3://artifacts/gr%C3%B6%C3%9Fe%20%25/");
    }
}
