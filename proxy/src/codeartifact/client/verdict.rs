//! What a status of CodeArtifact's data endpoint means. One table, for reads.

use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};

/// What to do about an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// What was asked for.
    Found,
    /// The copy at hand is still good.
    NotModified,
    /// It is elsewhere.
    Redirect,
    /// Refused, perhaps for the token's sake (reported for invalid tokens: 401, 403).
    Refused,
    /// Not there, as far as this token can see (reported for invalid tokens, too).
    NotFound,
    /// Another one by now.
    Changed,
    /// The service is asked too much.
    Throttled,
    /// The request itself is not answered, whoever asks: 400, 406, 410, 416.
    Rejected,
    /// Anything else passes.
    Passing,
}

/// Reads the head of an answer.
pub(super) fn of(status: StatusCode, headers: &HeaderMap) -> Verdict {
    match status.as_u16() {
        200 | 206 => Verdict::Found,
        304 => Verdict::NotModified,
        301 | 302 | 303 | 307 | 308 => Verdict::Redirect,
        401 | 403 => Verdict::Refused,
        404 => Verdict::NotFound,
        412 => Verdict::Changed,
        429 => Verdict::Throttled,
        503 if headers.contains_key(RETRY_AFTER) => Verdict::Throttled,
        400 | 406 | 410 | 416 => Verdict::Rejected,
        _ => Verdict::Passing,
    }
}

/// The same of the host that an asset was found at: it knows files, and what is wrong there says nothing of the
/// token and nothing of the package. A fresh redirect may help.
pub(super) fn of_asset(status: StatusCode) -> Verdict {
    match status.as_u16() {
        200 | 206 => Verdict::Found,
        304 => Verdict::NotModified,
        301 | 302 | 303 | 307 | 308 => Verdict::Redirect,
        412 => Verdict::Changed,
        _ => Verdict::Passing,
    }
}

/// `Retry-After` in seconds. A date is not read: the service gives none.
pub(in crate::codeartifact) fn advice(headers: &HeaderMap) -> Option<u64> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()
}

impl Verdict {
    /// The value of the label `outcome`.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Found => "ok",
            Self::NotModified => "not-modified",
            Self::Redirect => "redirect",
            Self::Refused => "denied",
            Self::NotFound => "not-found",
            Self::Changed => "changed",
            Self::Throttled => "throttled",
            Self::Rejected => "rejected",
            Self::Passing => "failed",
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn every_status_has_its_verdict() {
        let none = HeaderMap::new();
        for (statuses, verdict) in [
            (vec![200, 206], Verdict::Found),
            (vec![304], Verdict::NotModified),
            (vec![301, 302, 303, 307, 308], Verdict::Redirect),
            (vec![401, 403], Verdict::Refused),
            (vec![404], Verdict::NotFound),
            (vec![412], Verdict::Changed),
            (vec![429], Verdict::Throttled),
            (vec![400, 406, 410, 416], Verdict::Rejected),
            (
                vec![
                    402, 405, 407, 408, 409, 413, 422, 425, 451, 500, 502, 503, 504, 100, 204, 299,
                ],
                Verdict::Passing,
            ),
        ] {
            for status in statuses {
                let status = StatusCode::from_u16(status).expect("a status");
                assert_eq!(of(status, &none), verdict, "{status}");
            }
        }
        let advice = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static("7"))]);
        assert_eq!(
            of(StatusCode::SERVICE_UNAVAILABLE, &advice),
            Verdict::Throttled
        );
        assert_eq!(super::advice(&advice), Some(7));
    }

    #[test]
    fn an_assets_host_has_no_say_on_tokens_and_packages() {
        for status in [400, 401, 403, 404, 410, 416, 429, 500, 503] {
            let status = StatusCode::from_u16(status).expect("a status");
            assert_eq!(of_asset(status), Verdict::Passing, "{status}");
        }
    }
}
