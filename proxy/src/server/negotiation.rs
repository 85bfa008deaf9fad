//! HTML for people, JSON for programs (RFC 9110, section 12.5.1).

use axum::response::{IntoResponse as _, Response};
use http::header::{ACCEPT, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use tracing::error;

use super::status;
use super::verdict::Verdict;

/// How well a type is accepted; the greater one wins.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
struct Preference {
    quality: f32,
    /// `type/subtype` says more than `type/*`, and that more than `*/*`.
    specificity: u8,
}

/// Whether JSON is wanted rather than HTML. Who accepts both alike gets HTML, unless JSON is named first.
pub(super) fn prefers_json(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT).iter();
    let values: Vec<_> = values.filter_map(|value| value.to_str().ok()).collect();
    let accept = values.join(",").to_ascii_lowercase();
    let (json, json_at) = preference(&accept, "application", "json");
    let (html, html_at) = preference(&accept, "text", "html");
    json.quality > 0.0 && (json > html || (json == html && json_at < html_at))
}

/// The preference for a type, by the range that names it most exactly, and where that range stands.
fn preference(accept: &str, kind: &str, subtype: &str) -> (Preference, usize) {
    let mut best = (Preference::default(), usize::MAX);
    for (position, range) in accept.split(',').enumerate() {
        let mut parts = range.split(';').map(str::trim);
        let specificity = match parts.next().and_then(|range| range.split_once('/')) {
            Some((a, b)) if (a, b) == (kind, subtype) => 3,
            Some((a, "*")) if a == kind => 2,
            Some(("*", "*")) => 1,
            Some(_) | None => continue,
        };
        if specificity > best.0.specificity {
            let quality = parts
                .find_map(|parameter| parameter.strip_prefix("q="))
                .map_or(1.0, |quality| quality.trim().parse().unwrap_or(0.0));
            let quality = if quality >= 0.0 { quality } else { 0.0 };
            best = (
                Preference {
                    quality,
                    specificity,
                },
                position,
            );
        }
    }
    best
}

/// An answer for programs, ending in a line feed for terminals.
pub(super) fn json(body: &impl Serialize) -> Response {
    let body = match serde_json::to_string(body) {
        Ok(body) => body,
        Err(error) => {
            error!(%error, "an answer could not be written as JSON");
            let text = "this answer cannot be written: see the proxy's log";
            return status::plain(StatusCode::INTERNAL_SERVER_ERROR, text, Verdict::Failed);
        }
    };
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, format!("{body}\n")).into_response()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn json(accept: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for value in accept {
            headers.append(ACCEPT, HeaderValue::from_str(value).expect("a value"));
        }
        prefers_json(&headers)
    }

    #[test]
    fn json_is_for_those_who_want_it_more_than_html() {
        for accept in [
            "application/json",
            "APPLICATION/JSON; charset=utf-8",
            "application/json, text/plain, */*",
            "application/json, text/html",
            "text/html;q=0.5, application/json;q=0.9",
            "text/html;q=0, */*",
            "application/*, text/html;q=0.1",
            "application/json;q=0.001",
        ] {
            assert!(json(&[accept]), "{accept}");
        }
        assert!(json(&["text/html;q=0.2", "application/json"]));
    }

    #[test]
    fn everyone_else_gets_html() {
        for accept in [
            "",
            "*/*",
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8",
            "text/html, application/json",
            "application/json;q=0",
            "application/json;q=0, */*;q=0",
            "application/json;q=much",
            "application/json;q=NaN",
            "application/json;q=-1",
            "application/*;q=0.5, text/html",
            "application/jsonlines",
            "json",
            ";;,,/",
        ] {
            assert!(!json(&[accept]), "{accept}");
        }
        assert!(!json(&[]));
    }
}
