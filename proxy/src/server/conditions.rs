//! Conditional requests (RFC 9110, section 13): in its order of precedence.

use http::HeaderMap;
use http::header::{
    HeaderName, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE,
};

use crate::object::ObjectAttributes;

/// What the conditions of a GET or HEAD come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Answer as if there were none.
    Proceed,
    /// 304.
    NotModified,
    /// 412.
    PreconditionFailed,
}

pub(super) fn evaluate(headers: &HeaderMap, object: &ObjectAttributes) -> Outcome {
    let etag = object.etag.as_deref();
    if let Some(wanted) = text(headers, &IF_MATCH) {
        if !any_matches(wanted, etag, Comparison::Strong) {
            return Outcome::PreconditionFailed;
        }
    } else if modified_since(headers, &IF_UNMODIFIED_SINCE, object) == Some(true) {
        return Outcome::PreconditionFailed;
    }
    if let Some(known) = text(headers, &IF_NONE_MATCH) {
        if any_matches(known, etag, Comparison::Weak) {
            return Outcome::NotModified;
        }
    } else if modified_since(headers, &IF_MODIFIED_SINCE, object) == Some(false) {
        return Outcome::NotModified;
    }
    Outcome::Proceed
}

/// Whether a `Range` may be honoured: `If-Range` is absent, or names this very object.
pub(super) fn range_applies(headers: &HeaderMap, object: &ObjectAttributes) -> bool {
    let Some(condition) = text(headers, &IF_RANGE) else {
        return true;
    };
    if condition.starts_with('"') {
        return object.etag.as_deref() == Some(condition);
    }
    let date = seconds(condition);
    date.is_some() && date == object.last_modified
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Strong,
    Weak,
}

fn any_matches(list: &str, etag: Option<&str>, comparison: Comparison) -> bool {
    if list.trim() == "*" {
        return true;
    }
    let Some(etag) = etag else { return false };
    list.split(',')
        .map(str::trim)
        .any(|listed| match comparison {
            Comparison::Strong => listed == etag && !etag.starts_with("W/"),
            Comparison::Weak => opaque(listed) == opaque(etag),
        })
}

fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

/// Whether the object is newer than the header's date; `None` without either.
fn modified_since(
    headers: &HeaderMap,
    name: &HeaderName,
    object: &ObjectAttributes,
) -> Option<bool> {
    let date = seconds(text(headers, name)?)?;
    Some(object.last_modified? > date)
}

fn seconds(date: &str) -> Option<i64> {
    let date = httpdate::parse_http_date(date).ok()?;
    let since = date.duration_since(std::time::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok()
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "Tue, 14 Nov 2023 22:13:19 GMT";
    const EXACTLY: &str = "Tue, 14 Nov 2023 22:13:20 GMT";

    fn object() -> ObjectAttributes {
        ObjectAttributes {
            length: 10,
            etag: Some("\"abc\"".to_owned()),
            last_modified: Some(1_700_000_000),
            content_type: None,
            content_encoding: None,
        }
    }

    fn outcome(headers: &[(HeaderName, &str)]) -> Outcome {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (name.clone(), value.parse().expect("a header value")))
            .collect();
        evaluate(&headers, &object())
    }

    #[test]
    fn validators_that_match_save_the_body() {
        assert_eq!(outcome(&[(IF_NONE_MATCH, "\"abc\"")]), Outcome::NotModified);
        assert_eq!(
            outcome(&[(IF_NONE_MATCH, "\"x\", W/\"abc\"")]),
            Outcome::NotModified
        );
        assert_eq!(outcome(&[(IF_NONE_MATCH, "*")]), Outcome::NotModified);
        assert_eq!(outcome(&[(IF_NONE_MATCH, "\"x\"")]), Outcome::Proceed);
        assert_eq!(
            outcome(&[(IF_MODIFIED_SINCE, EXACTLY)]),
            Outcome::NotModified
        );
        assert_eq!(outcome(&[(IF_MODIFIED_SINCE, BEFORE)]), Outcome::Proceed);
        assert_eq!(
            outcome(&[(IF_MODIFIED_SINCE, "yesterday")]),
            Outcome::Proceed
        );
    }

    #[test]
    fn preconditions_come_first() {
        assert_eq!(outcome(&[(IF_MATCH, "\"x\"")]), Outcome::PreconditionFailed);
        assert_eq!(outcome(&[(IF_MATCH, "\"abc\"")]), Outcome::Proceed);
        assert_eq!(
            outcome(&[(IF_UNMODIFIED_SINCE, BEFORE)]),
            Outcome::PreconditionFailed
        );
        assert_eq!(outcome(&[(IF_UNMODIFIED_SINCE, EXACTLY)]), Outcome::Proceed);
        let both = [(IF_MATCH, "\"x\""), (IF_NONE_MATCH, "\"abc\"")];
        assert_eq!(outcome(&both), Outcome::PreconditionFailed);
    }

    #[test]
    fn an_etag_beats_a_date() {
        let both = [(IF_NONE_MATCH, "\"x\""), (IF_MODIFIED_SINCE, EXACTLY)];
        assert_eq!(outcome(&both), Outcome::Proceed);
        let both = [(IF_MATCH, "\"abc\""), (IF_UNMODIFIED_SINCE, BEFORE)];
        assert_eq!(outcome(&both), Outcome::Proceed);
    }

    #[test]
    fn a_range_applies_to_the_very_same_object_only() {
        let applies = |value: &str| {
            let headers: HeaderMap = [(IF_RANGE, value.parse().expect("a header value"))]
                .into_iter()
                .collect();
            range_applies(&headers, &object())
        };
        assert!(applies("\"abc\""));
        assert!(applies(EXACTLY));
        assert!(!applies("\"x\""));
        assert!(!applies("W/\"abc\""));
        assert!(!applies(BEFORE));
        assert!(range_applies(&HeaderMap::new(), &object()));
    }
}
