//! The line of one request.

use std::time::Duration;

use http::HeaderValue;
use tracing::{Level, event};

use super::answered::Answered;
use crate::request::S3Ids;

/// By which `LOG_LEVEL` may name these lines.
const TARGET: &str = "bazel_proxy::access";

/// Writes it. `whole` is the time from the request's arrival to its end.
pub(super) fn write(answered: &Answered, level: Level, whole: Duration, aborted: Option<&str>) {
    let record = &answered.record;
    // The fields are worked out only where the line is wanted.
    macro_rules! line {
        ($level:expr, $calls:expr) => {
            event!(
                target: TARGET,
                $level,
                method = %record.method,
                path = record.uri.path(),
                file = answered.file.as_deref(),
                status = answered.status,
                verdict = answered.verdict.label(),
                held = answered.is_held.then_some(true),
                duration_ms = milliseconds(whole),
                first_byte_ms = milliseconds(answered.first_byte),
                bytes = answered.sent_bytes,
                client = client(record.user_agent.as_ref()),
                aborted,
                s3_request_id = joined($calls, |ids| ids.request_id.as_deref()),
                s3_extended_id = joined($calls, |ids| ids.extended_id.as_deref()),
                "request"
            );
        };
    }
    if level == Level::INFO {
        line!(Level::INFO, &record.context.s3_calls());
    } else {
        line!(Level::DEBUG, &record.context.s3_calls());
    }
}

pub(super) fn text(value: Option<&HeaderValue>) -> Option<&str> {
    value.and_then(|value| value.to_str().ok())
}

/// The product that a client calls itself first: `bazel/7.4.0`.
fn client(user_agent: Option<&HeaderValue>) -> Option<&str> {
    const MOST_BYTES: usize = 40;
    let product = text(user_agent)?.split([' ', '(']).next()?;
    // ASCII, as `to_str` has checked.
    let product = &product[..product.len().min(MOST_BYTES)];
    (!product.is_empty()).then_some(product)
}

fn joined(calls: &[S3Ids], id: impl Fn(&S3Ids) -> Option<&str>) -> Option<String> {
    let ids: Vec<_> = calls.iter().filter_map(id).collect();
    (!ids.is_empty()).then(|| ids.join(","))
}

/// Microseconds are enough for a person.
fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_called_by_its_product() {
        for (user_agent, product) in [
            ("bazel/7.4.0", Some("bazel/7.4.0")),
            (
                "Apache-Maven/3.8.7 (Java 17.0.15; Linux 6.1)",
                Some("Apache-Maven/3.8.7"),
            ),
            ("Bazel/development version", Some("Bazel/development")),
            ("(nobody)", None),
            ("", None),
        ] {
            let value = HeaderValue::from_str(user_agent).expect("a header");
            assert_eq!(client(Some(&value)), product, "{user_agent}");
        }
        let long = HeaderValue::from_str(&"x".repeat(1000)).expect("a header");
        assert_eq!(client(Some(&long)).map(str::len), Some(40));
    }
}
