//! The way back to the same place: `?w=n` counts how often a client was sent there.

use std::fmt::Write as _;

use http::header::HOST;
use http::request::Parts;

/// The query's name for the count. Keys ignore queries.
const COUNT: &str = "w=";

/// How often this request was redirected before. Of several numbers the largest counts; what is no
/// number counts as none, and one that is too large as the largest.
pub(super) fn count(query: Option<&str>) -> u32 {
    let numbers = parameters(query)
        .filter_map(|parameter| parameter.strip_prefix(COUNT))
        .filter(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()));
    numbers
        .map(|number| number.parse().unwrap_or(u32::MAX))
        .max()
        .unwrap_or(0)
}

/// The same place with another count, every other byte as the client sent it.
///
/// A path with encoded bytes needs the whole URL: Bazel 4.2.3 decodes and encodes the path of a
/// relative one (`%2B` comes back as `+`, `%C3%A9` as bare bytes). So does one with `//` at its
/// beginning, which would name a host. `None` if such a request does not say what host we are.
pub(super) fn location(request: &Parts, count: u32) -> Option<String> {
    let path = request.uri.path();
    let is_plain = path.is_ascii() && !path.contains('%') && !path.starts_with("//");
    let mut location = match authority(request) {
        _ if is_plain => String::new(),
        Some(authority) => format!("http://{authority}"),
        None => return None,
    };
    location.push_str(path);
    let others = without_count(request.uri.query());
    let mark = if others.is_empty() { "" } else { "&" };
    // Writing into a `String` does not fail.
    let _written = write!(location, "?{others}{mark}{COUNT}{count}");
    Some(location)
}

/// A query as it was before anybody was sent anywhere.
pub(in crate::server) fn without_count(query: Option<&str>) -> String {
    let is_other = |parameter: &&str| {
        !parameter.starts_with(COUNT) && *parameter != COUNT.trim_end_matches('=')
    };
    let others: Vec<_> = parameters(query).filter(is_other).collect();
    others.join("&")
}

fn parameters(query: Option<&str>) -> impl Iterator<Item = &str> {
    let all = query.unwrap_or_default().split('&');
    all.filter(|parameter| !parameter.is_empty())
}

/// What the client calls us; the Host check has let it through.
pub(in crate::server) fn authority(request: &Parts) -> Option<&str> {
    let target = request.uri.authority().map(http::uri::Authority::as_str);
    target.or_else(|| request.headers.get(HOST)?.to_str().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(uri: &str) -> Parts {
        let request = http::Request::builder()
            .uri(uri)
            .header(HOST, "localhost:9000");
        request.body(()).expect("a request").into_parts().0
    }

    fn to(uri: &str) -> String {
        location(&request(uri), 4).expect("a location")
    }

    #[test]
    fn the_count_is_read_from_anything() {
        for (query, expected) in [
            ("w=7", 7),
            ("after=x&w=3", 3),
            ("w=2&w=5&w=1", 5),
            ("w=0038", 38),
            ("w=99999999999999999999", u32::MAX),
            ("w=-1", 0),
            ("w=+1", 0),
            ("w=1.5", 0),
            ("w=", 0),
            ("w", 0),
            ("w=%31", 0),
            ("ww=4", 0),
            ("", 0),
        ] {
            assert_eq!(count(Some(query)), expected, "{query}");
        }
        assert_eq!(count(None), 0);
    }

    #[test]
    fn everything_but_the_count_stays_as_it_was_sent() {
        assert_eq!(to("/g/a-1.jar"), "/g/a-1.jar?w=4");
        assert_eq!(to("/g/a-1.jar?w=3"), "/g/a-1.jar?w=4");
        assert_eq!(to("/g/?after=a%20b&w=3&x&&w=-1&w"), "/g/?after=a%20b&x&w=4");
        assert_eq!(to("/g/a+b;c=d,e@f!.jar"), "/g/a+b;c=d,e@f!.jar?w=4");
    }

    #[test]
    fn others_are_not_told_of_the_count() {
        for (query, others) in [
            (Some("w=3"), ""),
            (Some("text=a%20b&w=3&size=20"), "text=a%20b&size=20"),
            (Some("ww=3"), "ww=3"),
            (None, ""),
        ] {
            assert_eq!(without_count(query), others, "{query:?}");
        }
    }

    #[test]
    fn encoded_names_need_the_whole_url() {
        assert_eq!(
            to("/g/a%2Bb%20%C3%A9%2f.jar?w=3"),
            "http://localhost:9000/g/a%2Bb%20%C3%A9%2f.jar?w=4"
        );
        assert_eq!(
            to("http://proxy.localhost:9000/a%20b"),
            "http://proxy.localhost:9000/a%20b?w=4"
        );
    }

    #[test]
    fn a_path_is_never_taken_for_a_host() {
        assert_eq!(
            to("//evil.example/x"),
            "http://localhost:9000//evil.example/x?w=4"
        );
        let mut nameless = request("//evil.example/x");
        nameless.headers.clear();
        assert_eq!(location(&nameless, 1), None);
    }
}
