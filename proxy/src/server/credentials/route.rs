//! Paths: those of the servers that others come from, and our own.
//!
//! | path | of |
//! |---|---|
//! | `/v1/credentials` | `CredProxy`, EKS Pod Identity Agent |
//! | `/` | aws-vault; also a `…_FULL_URI` without a path |
//! | `/creds` | amazon-ecs-local-container-endpoints |
//! | `/role/<service>` | the same; here the name is the service's own |
//! | `/role-arn/<arn>` | the same, aws-vault |

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::health::Page;
use super::refusal::Refusal;

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route<'a> {
    /// Credentials: a token is needed.
    Credentials(Wanted<'a>),
    /// How the services are: none is needed.
    Page(Page<'a>),
    /// What was counted, as `CredProxy` tells it here, too: none is needed.
    Numbers,
}

/// Whose credentials.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted<'a> {
    /// The service's own, whichever it is.
    Own,
    /// The service's own, which is called so.
    OfService(Cow<'a, str>),
    /// Those of a role.
    OfRole(Cow<'a, str>),
}

/// Reads a path; one slash at its end does not count.
pub(super) fn parse(path: &str) -> Result<Route<'_>, Refusal> {
    let path = path.strip_suffix('/').unwrap_or(path);
    Ok(match path {
        "" | "/v1/credentials" | "/creds" => Route::Credentials(Wanted::Own),
        "/health" => Route::Page(Page::Health),
        "/livez" | "/healthz" => Route::Page(Page::Live),
        "/readyz" => Route::Page(Page::Ready),
        "/metrics" => Route::Numbers,
        _ => {
            if let Some(name) = path.strip_prefix("/role/") {
                Route::Credentials(Wanted::OfService(decoded(name)?))
            } else if let Some(arn) = path.strip_prefix("/role-arn/") {
                Route::Credentials(Wanted::OfRole(decoded(arn)?))
            } else if let Some(name) = path.strip_prefix("/readyz/") {
                Route::Page(Page::ReadyService(decoded(name)?))
            } else {
                return Err(Refusal::UnknownPath);
            }
        }
    })
}

/// A part of a path as it is meant. Every `%` has to begin an escape, and the whole is UTF-8 without control
/// characters, so that it can stand in a line of the log.
fn decoded(part: &str) -> Result<Cow<'_, str>, Refusal> {
    if part.is_empty() {
        return Err(Refusal::UnknownPath);
    }
    let mut escapes = part.split('%').skip(1);
    let is_escape = |rest: &str| {
        let digits = rest.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    if !escapes.all(is_escape) {
        return Err(Refusal::MalformedPath);
    }
    let decoded = percent_decode_str(part).decode_utf8();
    let decoded = decoded.map_err(|_| Refusal::MalformedPath)?;
    if decoded.chars().any(char::is_control) {
        return Err(Refusal::MalformedPath);
    }
    Ok(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws-us-gov:iam::123456789012:role/path/deploy@x";

    fn of_role(arn: &str) -> Route<'_> {
        Route::Credentials(Wanted::OfRole(arn.into()))
    }

    #[test]
    fn every_server_that_clients_come_from_has_its_path() {
        for path in [
            "/",
            "",
            "/v1/credentials",
            "/v1/credentials/",
            "/creds",
            "/creds/",
        ] {
            assert_eq!(parse(path), Ok(Route::Credentials(Wanted::Own)), "{path}");
        }
        for path in ["/role/app", "/role/app/", "/role/%61pp"] {
            let own = Route::Credentials(Wanted::OfService("app".into()));
            assert_eq!(parse(path), Ok(own), "{path}");
        }
        assert_eq!(parse("/livez"), Ok(Route::Page(Page::Live)));
        assert_eq!(parse("/metrics"), Ok(Route::Numbers));
        let ready = Route::Page(Page::ReadyService("app".into()));
        assert_eq!(parse("/readyz/app"), Ok(ready));
    }

    #[test]
    fn an_arn_comes_raw_or_escaped() {
        let raw = format!("/role-arn/{ARN}");
        let escaped = raw
            .replace("arn:", "arn%3A")
            .replace("role/path/", "role%2fpath%2F");
        for path in [&raw, &format!("{raw}/"), &escaped.replace('@', "%40")] {
            assert_eq!(parse(path), Ok(of_role(ARN)), "{path}");
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_escaped_is_read_as_it_was(name in r"[^\pC]{1,40}") {
            use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
            let path = format!("/role-arn/{}", utf8_percent_encode(&name, NON_ALPHANUMERIC));
            proptest::prop_assert_eq!(parse(&path), Ok(of_role(&name)));
        }

        #[test]
        fn no_path_is_too_strange_to_be_answered(path in r".{0,60}") {
            let _answered = parse(&path);
            let _answered = parse(&format!("/role/{path}"));
        }
    }

    #[test]
    fn all_other_paths_are_refused() {
        for path in [
            "//",
            "/v1",
            "/v1/credentials//",
            "/V1/credentials",
            "/v1%2Fcredentials",
            "/role",
            "/role/",
            "/role-arn/",
            "/latest/meta-data",
            "/readyz//",
        ] {
            assert_eq!(parse(path), Err(Refusal::UnknownPath), "{path}");
        }
        for path in [
            "/role/%",
            "/role/%4",
            "/role/%zz",
            "/role/%ff",
            "/role/a%0ab",
            "/role/%00",
            "/role/%+1",
        ] {
            assert_eq!(parse(path), Err(Refusal::MalformedPath), "{path}");
        }
    }
}
