//! The standard variables of OpenTelemetry, as far as they concern traces over HTTP.
//!
//! The exporter reads headers, the timeout and resource attributes by itself; what decides whether and how
//! traces are made is read here, so that a mistake is told before anything runs.

use http::Uri;
use program::reader::Reader;

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
const RATIO: &str = "OTEL_TRACES_SAMPLER_ARG";
const HEADERS: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
];
/// What goes only one way here, and that way.
const FIXED: [(&str, &str); 4] = [
    ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
    ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf"),
    ("OTEL_EXPORTER_OTLP_COMPRESSION", "none"),
    ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "none"),
];

/// Where traces go, and which.
#[derive(Clone, Debug, PartialEq)]
pub struct TracesConfig {
    /// The whole URL.
    pub endpoint: String,
    /// Which requests are traced.
    pub sampling: Sampling,
    /// Whether a name for the service is given.
    pub has_service_name: bool,
}

/// Which requests are traced.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// Of all that the proxy decides on, from 0 to 1.
    pub ratio: f64,
    /// Whether a client that traces decides for its own requests.
    pub parent_decides: bool,
}

impl TracesConfig {
    /// `None`: no traces are made.
    pub(super) fn read(read: &mut Reader<'_>) -> Option<Self> {
        let is_disabled = read
            .text("OTEL_SDK_DISABLED")
            .is_some_and(|text| text.eq_ignore_ascii_case("true"));
        let is_off = read.text("OTEL_TRACES_EXPORTER").as_deref() == Some("none");
        if is_disabled || is_off {
            return None;
        }
        let endpoint = endpoint(read)?;
        check_fixed(read);
        check_headers(read);
        let attributes = read.text("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default();
        let is_named = |attribute: &str| attribute.trim_start().starts_with("service.name=");
        Some(Self {
            endpoint,
            sampling: sampling(read),
            has_service_name: read.is_set("OTEL_SERVICE_NAME")
                || attributes.split(',').any(is_named),
        })
    }
}

fn endpoint(read: &mut Reader<'_>) -> Option<String> {
    let (variable, endpoint) = match (read.text(TRACES_ENDPOINT), read.text(ENDPOINT)) {
        (Some(whole), _) => (TRACES_ENDPOINT, whole),
        (None, Some(base)) => {
            let whole = format!("{}/v1/traces", base.trim_end_matches('/'));
            (ENDPOINT, whole)
        }
        (None, None) => return None,
    };
    let is_url = endpoint.parse::<Uri>().is_ok_and(|uri| {
        let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
        let authority = uri.authority();
        is_http && authority.is_some_and(|authority| !authority.as_str().contains('@'))
    });
    if !is_url {
        read.fault(
            variable,
            "not the URL of a collector",
            "give a URL without a user, for example http://localhost:4318; credentials go into \
             OTEL_EXPORTER_OTLP_HEADERS",
        );
    }
    Some(endpoint)
}

fn check_fixed(read: &mut Reader<'_>) {
    for (variable, only) in FIXED {
        let given = read.text(variable).filter(|given| given != only);
        // The more specific variable beats the general one.
        let specific = variable.replace("OTLP_", "OTLP_TRACES_");
        if let Some(given) = given
            && !read.is_set(&specific)
        {
            read.fault(
                variable,
                format!("`{given}` is not known here"),
                format!("use {only}, or set OTEL_SDK_DISABLED=true for no traces"),
            );
        }
    }
}

/// The values may be secrets, and are not shown.
fn check_headers(read: &mut Reader<'_>) {
    for variable in HEADERS {
        let text = read.text(variable).unwrap_or_default();
        let mut pairs = text.split(',').filter(|pair| !pair.trim().is_empty());
        if pairs.any(|pair| !pair.contains('=')) {
            read.fault(
                variable,
                "not a list of headers",
                "give name=value pairs, separated by commas",
            );
        }
    }
}

fn sampling(read: &mut Reader<'_>) -> Sampling {
    let name = read.text(SAMPLER);
    let name = name.as_deref().unwrap_or("parentbased_always_on");
    let (name, parent_decides) = match name.strip_prefix("parentbased_") {
        Some(name) => (name, true),
        None => (name, false),
    };
    let ratio = match name {
        "always_on" => 1.0,
        "always_off" => 0.0,
        "traceidratio" => ratio(read),
        _ => {
            read.fault(
                SAMPLER,
                format!("`{name}` is not a sampler that is known here"),
                "use always_on, always_off or traceidratio, each with or without parentbased_ before it",
            );
            1.0
        }
    };
    Sampling {
        ratio,
        parent_decides,
    }
}

fn ratio(read: &mut Reader<'_>) -> f64 {
    read.number_within(RATIO, 1.0, 0.0..=1.0)
}

#[cfg(test)]
mod tests {
    use program::faults::Faults;

    use super::*;
    use crate::config::PROGRAM;

    fn from(vars: &[(&str, &str)]) -> Result<Option<TracesConfig>, Faults> {
        let vars = |name: &str| {
            let found = vars.iter().find(|(found, _)| *found == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let mut read = Reader::new(PROGRAM, &vars);
        let traces = TracesConfig::read(&mut read);
        read.finish(traces)
    }

    fn valid(vars: &[(&str, &str)]) -> TracesConfig {
        from(vars).expect("valid").expect("on")
    }

    #[test]
    fn there_are_no_traces_without_an_endpoint() {
        let endpoint = (ENDPOINT, "http://localhost:4318");
        for off in [
            &[][..],
            &[(ENDPOINT, "")],
            &[endpoint, ("OTEL_SDK_DISABLED", "true")],
            &[endpoint, ("OTEL_TRACES_EXPORTER", "none")],
            &[(SAMPLER, "nonsense")],
        ] {
            assert_eq!(from(off).expect("valid"), None, "{off:?}");
        }
        assert!(from(&[endpoint]).expect("valid").is_some());
    }

    #[test]
    fn the_whole_endpoint_beats_the_general_one() {
        let general = (ENDPOINT, "http://localhost:4318/");
        let traces = valid(&[general]);
        assert_eq!(traces.endpoint, "http://localhost:4318/v1/traces");
        let whole = (TRACES_ENDPOINT, "https://c.example/x");
        assert_eq!(valid(&[general, whole]).endpoint, "https://c.example/x");
    }

    #[test]
    fn samplers_go_by_their_standard_names() {
        let sampling = |name, ratio| {
            let endpoint = (ENDPOINT, "http://localhost:4318");
            let Sampling {
                ratio,
                parent_decides,
            } = valid(&[endpoint, (SAMPLER, name), (RATIO, ratio)]).sampling;
            (ratio.to_string(), parent_decides)
        };
        assert_eq!(sampling("", ""), ("1".to_owned(), true));
        assert_eq!(sampling("always_on", ""), ("1".to_owned(), false));
        assert_eq!(
            sampling("parentbased_always_off", ""),
            ("0".to_owned(), true)
        );
        assert_eq!(sampling("traceidratio", "0.25"), ("0.25".to_owned(), false));
    }

    #[test]
    fn mistakes_are_told_and_secrets_are_not() {
        let endpoint = (ENDPOINT, "http://localhost:4318");
        for wrong in [
            (ENDPOINT, "localhost:4318"),
            (TRACES_ENDPOINT, "ftp://c.example/"),
            (TRACES_ENDPOINT, "http://me:s3cret@c.example/"),
            (SAMPLER, "jaeger_remote"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "s3cret"),
        ] {
            let faults = from(&[wrong, endpoint]).expect_err(wrong.0).to_string();
            assert!(faults.contains(wrong.0), "{faults}");
            assert!(!faults.contains("s3cret"), "{faults}");
        }
        let ratio = [endpoint, (SAMPLER, "traceidratio"), (RATIO, "2")];
        assert!(from(&ratio).is_err());
        let specific = [
            endpoint,
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf"),
        ];
        assert!(from(&specific).is_ok(), "for other signals");
    }
}
