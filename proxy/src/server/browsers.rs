//! What shows that a web page has sent a request, whose author has no business here.

use http::header::{ORIGIN, REFERER};
use http::{HeaderMap, HeaderName};

/// Node's `fetch`, which programs use, sends this one and no other of its group.
const ALSO_OF_PROGRAMS: &str = "sec-fetch-mode";

/// Whether browsers send such a header. Scripts of a page cannot leave it out.
pub(super) fn is_of_a_browser(name: &HeaderName) -> bool {
    *name == ORIGIN || *name == REFERER || name.as_str().starts_with("sec-fetch-")
}

/// The header that shows that a web page sends a request, where one does.
///
/// Less strict than [`is_of_a_browser`]: a `Referer` that names no page is what old npm says it is about.
pub(super) fn sign_of_a_page(headers: &HeaderMap) -> Option<&HeaderName> {
    let shows = |(name, value): &(&HeaderName, &http::HeaderValue)| {
        let names_a_page = || value.as_bytes().windows(3).any(|part| part == b"://");
        is_of_a_browser(name)
            && name.as_str() != ALSO_OF_PROGRAMS
            && (**name != REFERER || names_a_page())
    };
    headers.iter().find(shows).map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn pages_are_told_from_programs() {
        for (name, value, is_of_a_page) in [
            ("origin", "https://evil.example", true),
            ("origin", "null", true),
            ("referer", "https://evil.example/x", true),
            ("referer", "publish", false),
            ("sec-fetch-site", "cross-site", true),
            ("sec-fetch-dest", "empty", true),
            ("sec-fetch-mode", "cors", false),
            ("user-agent", "twine/7.0.0", false),
        ] {
            let name: HeaderName = name.parse().expect("a name");
            let headers = HeaderMap::from_iter([(name.clone(), HeaderValue::from_static(value))]);
            let sign = sign_of_a_page(&headers);
            assert_eq!(sign, is_of_a_page.then_some(&name), "{name}: {value}");
        }
    }
}
