//! Why a request is refused: a status, a name, and a text that says what to do. Tokens are in none of it.

use std::time::Duration;

use http::{HeaderName, StatusCode};

use super::super::hosts::HostError;
use crate::metrics::Turned;

/// So many roles are named in a text.
const MOST_NAMED: usize = 20;
/// Foreign names are cut, in characters.
const LONGEST_NAME: usize = 100;

/// Why there is no answer with credentials that has nothing to do with AWS.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Not exactly one host, or not ours.
    Host(HostError),
    /// Of a browser, or passed on.
    Header(HeaderName),
    /// Neither GET nor HEAD.
    Method,
    /// A part of the path that is no text.
    MalformedPath,
    /// No such path.
    UnknownPath,
    /// There is no token.
    NoToken,
    /// It is nobody's, or there are several.
    WrongToken,
    /// Too many like that; the next one is looked at after this time.
    Limited(Duration),
    /// The token is that of this service, and another one's credentials are asked for.
    ForeignService(String),
    /// A role that the service may not have.
    Role {
        /// The service.
        service: String,
        /// The roles that it may have.
        allowed: Vec<String>,
    },
}

impl Refusal {
    /// For SDKs: 4xx is lasting, but 429.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Host(HostError::Malformed) | Self::MalformedPath => StatusCode::BAD_REQUEST,
            Self::Host(HostError::Foreign(_)) => StatusCode::MISDIRECTED_REQUEST,
            Self::Header(_) | Self::ForeignService(_) | Self::Role { .. } => StatusCode::FORBIDDEN,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::UnknownPath => StatusCode::NOT_FOUND,
            Self::NoToken | Self::WrongToken => StatusCode::UNAUTHORIZED,
            Self::Limited(_) => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    /// For programs.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Host(_) => "WrongHost",
            Self::Header(_) => "ForeignRequest",
            Self::Method => "MethodNotAllowed",
            Self::MalformedPath => "MalformedPath",
            Self::UnknownPath => "NoSuchPath",
            Self::NoToken => "MissingToken",
            Self::WrongToken => "InvalidToken",
            Self::Limited(_) => "TooManyRequests",
            Self::ForeignService(_) => "ServiceNotAllowed",
            Self::Role { .. } => "RoleNotAllowed",
        }
    }

    /// By what those are counted that came no further than the door.
    pub(super) fn turned(&self) -> Option<Turned> {
        Some(match self {
            Self::Host(_) => Turned::Host,
            Self::Header(_) => Turned::Header,
            Self::Method => Turned::Method,
            Self::MalformedPath | Self::UnknownPath => Turned::Path,
            Self::NoToken => Turned::MissingToken,
            Self::WrongToken => Turned::WrongToken,
            Self::Limited(_) => Turned::RateLimited,
            Self::ForeignService(_) | Self::Role { .. } => return None,
        })
    }

    /// For people: SDKs print it as it is.
    pub(super) fn message(&self) -> String {
        match self {
            Self::Host(HostError::Malformed) => {
                "A request has exactly one Host header.".to_owned()
            }
            Self::Host(HostError::Foreign(name)) => format!(
                "This is not `{}`. If it is, add the name to `server.allowed_hosts` in the configuration file.",
                cut(name)
            ),
            Self::Header(name) => format!(
                "A request with the header `{name}` comes from a web page or through an HTTP proxy, and credentials \
                 are given only to programs that ask directly. If a proxy is set up here, except this address from it \
                 by NO_PROXY."
            ),
            Self::Method => "Credentials are only read: use GET.".to_owned(),
            Self::MalformedPath => {
                "The path is not UTF-8 in percent-encoding. Encode it anew.".to_owned()
            }
            Self::UnknownPath => {
                "There is no such path. Credentials are at /v1/credentials, /, /creds, /role/<service> and \
                 /role-arn/<arn>."
                    .to_owned()
            }
            Self::NoToken => {
                "A token is needed: set AWS_CONTAINER_AUTHORIZATION_TOKEN, or AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE, \
                 to the service's auth_token. `bazel-proxy env <service>` prints all that is needed."
                    .to_owned()
            }
            Self::WrongToken => {
                "The token in Authorization is not that of any service. Compare it with the service's auth_token; \
                 `bazel-proxy env <service>` prints all that is needed."
                    .to_owned()
            }
            Self::Limited(wait) => format!(
                "Too many requests without a good token came from this address. Mend the token, or wait {} s.",
                seconds(*wait)
            ),
            Self::ForeignService(own) => format!(
                "This token is that of service `{own}`, which is given no other service's credentials. Ask for \
                 /role/{own}, or with the other service's token."
            ),
            Self::Role { service, allowed } => of_roles(service, allowed),
        }
    }

    /// When to come again, in seconds.
    pub(super) fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Limited(wait) => Some(seconds(*wait)),
            Self::Host(_)
            | Self::Header(_)
            | Self::Method
            | Self::MalformedPath
            | Self::UnknownPath
            | Self::NoToken
            | Self::WrongToken
            | Self::ForeignService(_)
            | Self::Role { .. } => None,
        }
    }
}

fn of_roles(service: &str, allowed: &[String]) -> String {
    if allowed.is_empty() {
        return format!(
            "Service `{service}` may have no role by its ARN. Ask for /v1/credentials, or add the role to its \
             `allowed_roles`."
        );
    }
    let named: Vec<_> = allowed
        .iter()
        .take(MOST_NAMED)
        .map(String::as_str)
        .collect();
    let more = allowed.len() - named.len();
    let more = if more == 0 {
        String::new()
    } else {
        format!(" and {more} more")
    };
    format!(
        "Service `{service}` may not have that role, but {}{more}. Ask for one of these, or add it to its \
         `allowed_roles`.",
        named.join(", ")
    )
}

/// Rounded up: who comes a moment too early has to wait again.
fn seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

/// What a client says, short and in one line.
fn cut(name: &str) -> String {
    name.chars()
        .filter(|c| !c.is_control())
        .take(LONGEST_NAME)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_that_is_not_allowed_comes_with_those_that_are() {
        let allowed: Vec<_> = (0..22).map(|number| format!("arn:{number}")).collect();
        let text = of_roles("app", &allowed);
        assert!(
            text.contains("`app`") && text.contains("arn:19 and 2 more"),
            "{text}"
        );
        assert!(of_roles("app", &[]).contains("no role by its ARN"));
    }

    #[test]
    fn waiting_is_told_in_whole_seconds() {
        for (milliseconds, told) in [(0, 1), (1, 1), (1000, 1), (1001, 2)] {
            let limited = Refusal::Limited(Duration::from_millis(milliseconds));
            assert_eq!(limited.retry_after(), Some(told));
        }
    }
}
