//! The control plane: tokens, endpoints, what is known of a package.
//! <https://docs.aws.amazon.com/codeartifact/latest/APIReference/Welcome.html>

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::header::HOST;
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode};
use serde_json::{Map, Value, json};

use super::Shared;
use super::data::DATA;
use super::gate::Caller;
use super::place::{Domain, Format, Place};
use super::pypi::normalised;
use crate::credential::{Credential, query_value};
use crate::service::{ErrorAnswer, PlainBody, RequestId, Service, Target, reply};
use crate::{Action, Operation};

/// How long a token lives unless another life is asked for.
const DEFAULT_LIFE: Duration = Duration::from_hours(12);

/// The lives that can be asked for, in seconds. 0 can as well: as long as the caller's session.
const LIFE_SECONDS: std::ops::RangeInclusive<u64> = 900..=43_200;

/// The control plane behind the exchange.
pub(super) struct Control(pub(super) Arc<Shared>);

impl Service for Control {
    fn target(&self, head: &Parts) -> Option<Target> {
        let operation = match (head.method.as_str(), head.uri.path()) {
            ("POST", "/v1/authorization-token") => Operation::GetAuthorizationToken,
            ("GET", "/v1/repository/endpoint") => Operation::GetRepositoryEndpoint,
            ("GET", "/v1/package") => Operation::DescribePackage,
            _ => return None,
        };
        // One that is signed for another service is for a bucket of that name.
        let credential = Credential::of(head);
        if credential.is_some_and(|credential| credential.service != "codeartifact") {
            return None;
        }
        let value = |name: &str| query_value(head.uri.query()?, name);
        let key = if operation == Operation::GetAuthorizationToken {
            value("domain")
        } else if operation == Operation::GetRepositoryEndpoint {
            value("format")
        } else {
            let (format, package) = (value("format"), value("package"));
            format
                .zip(package)
                .map(|(format, package)| format!("{format}/{package}"))
        };
        Some(Target {
            bucket: value("repository"),
            key,
            ..Target::of(operation)
        })
    }

    fn answer(
        &self,
        request: Request<PlainBody>,
        target: Target,
    ) -> BoxFuture<'_, Response<PlainBody>> {
        let head = request.into_parts().0;
        let response = match self.serve(target.operation, &head) {
            Ok(value) => reply(StatusCode::OK, "application/json", value.to_string()),
            Err(error) => error_answer(&error),
        };
        async { response }.boxed()
    }

    fn error(&self, error: &ErrorAnswer, _: &RequestId) -> Response<PlainBody> {
        error_answer(error)
    }
}

impl Control {
    fn serve(&self, operation: Operation, head: &Parts) -> Result<Value, ErrorAnswer> {
        let caller = Caller::of(&self.0, head)?;
        let asked = Asked {
            query: head.uri.query().unwrap_or_default(),
            caller: &caller,
        };
        if operation == Operation::GetAuthorizationToken {
            self.token(&asked)
        } else if operation == Operation::GetRepositoryEndpoint {
            self.endpoint(&asked, head)
        } else {
            self.package(&asked)
        }
    }

    fn token(&self, asked: &Asked<'_>) -> Result<Value, ErrorAnswer> {
        let (shared, caller) = (&self.0, asked.caller);
        let domain = asked.domain()?;
        let seconds = match asked.optional("duration") {
            None => None,
            Some(text) => match text.parse() {
                Ok(seconds) if seconds == 0 || LIFE_SECONDS.contains(&seconds) => Some(seconds),
                Ok(_) | Err(_) => {
                    let message =
                        format!("durationSeconds must be 0 or from 900 to 43200, and is {text}");
                    return Err(invalid(&message));
                }
            },
        };
        let arn = asked.domain_arn(&domain);
        caller.allow(shared, Action::GetAuthorizationToken, &arn)?;
        caller.allow(shared, Action::GetServiceBearerToken, "*")?;
        let now = shared.clock.now();
        let life = match seconds {
            Some(0) => shared
                .identities
                .expires(&caller.access_key_id)
                .map_or(DEFAULT_LIFE, |end| {
                    end.duration_since(now).unwrap_or_default()
                }),
            Some(seconds) => Duration::from_secs(seconds),
            None => DEFAULT_LIFE,
        };
        let mut state = shared.lock();
        if !state.domains.contains(&domain) {
            return Err(not_found("domain", &arn));
        }
        let (key, principal) = (&caller.access_key_id, &caller.principal.arn);
        let issued = state.tokens.issue(domain, key, principal, now, life);
        Ok(json!({
            "authorizationToken": issued.token,
            "expiration": epoch_seconds(issued.expires),
        }))
    }

    fn endpoint(&self, asked: &Asked<'_>, head: &Parts) -> Result<Value, ErrorAnswer> {
        let place = asked.place()?;
        let format = asked.format()?;
        let arn = asked.repository_arn(&place);
        asked
            .caller
            .allow(&self.0, Action::GetRepositoryEndpoint, &arn)?;
        if !self.0.lock().repositories.contains_key(&place) {
            return Err(not_found("repository", &arn));
        }
        let host = head.headers.get(HOST).and_then(|host| host.to_str().ok());
        let host = host.unwrap_or_default();
        let (label, repository) = (place.domain.label(), &place.repository);
        Ok(json!({
            "repositoryEndpoint": format!("http://{host}{DATA}{label}/{format}/{repository}/"),
        }))
    }

    fn package(&self, asked: &Asked<'_>) -> Result<Value, ErrorAnswer> {
        let place = asked.place()?;
        let format = asked.format()?;
        let name = asked.required("package")?;
        let namespace = asked.optional("namespace");
        let full_name = match (format, &namespace) {
            (Format::Pypi, None) => normalised(&name),
            (Format::Npm, None) => name.clone(),
            (Format::Npm, Some(scope)) => format!("@{scope}/{name}"),
            (Format::Maven, Some(group)) => format!("{group}:{name}"),
            (Format::Pypi, Some(_)) => return Err(invalid("Packages of pypi have no namespace")),
            (Format::Maven, None) => return Err(invalid("Packages of maven have a namespace")),
        };
        let repository = asked.repository_arn(&place);
        let arn = format!(
            "{}/{format}/{}/{name}",
            repository.replacen(":repository/", ":package/", 1),
            namespace.as_deref().unwrap_or_default()
        );
        asked.caller.allow(&self.0, Action::DescribePackage, &arn)?;
        let state = self.0.lock();
        let packages = state.repositories.get(&place);
        let packages = packages.ok_or_else(|| not_found("repository", &repository))?;
        let origin = packages.origin(format, &full_name);
        let origin = origin.ok_or_else(|| not_found("package", &arn))?;
        let mut package = Map::new();
        package.insert("format".to_owned(), format.name().into());
        if let Some(namespace) = namespace {
            package.insert("namespace".to_owned(), namespace.into());
        }
        package.insert("name".to_owned(), name.into());
        let restrictions = json!({
            "publish": origin.publish.name(),
            "upstream": origin.upstream.name(),
        });
        package.insert(
            "originConfiguration".to_owned(),
            json!({ "restrictions": restrictions }),
        );
        Ok(json!({ "package": package }))
    }
}

/// What a caller asks for.
struct Asked<'a> {
    query: &'a str,
    caller: &'a Caller,
}

impl Asked<'_> {
    fn optional(&self, name: &str) -> Option<String> {
        query_value(self.query, name).filter(|value| !value.is_empty())
    }

    fn required(&self, name: &str) -> Result<String, ErrorAnswer> {
        self.optional(name)
            .ok_or_else(|| invalid(&format!("{name} is missing")))
    }

    /// The domain, which is of the caller's own account unless the owner is named, in the endpoint's region.
    fn domain(&self) -> Result<Domain, ErrorAnswer> {
        let name = self.required("domain")?;
        let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if !(2..=50).contains(&name.len()) || !name.chars().all(letters) {
            return Err(invalid(&format!("`{name}` is no name of a domain")));
        }
        let owner = self.optional("domain-owner");
        let owner = owner.unwrap_or_else(|| self.caller.principal.account.clone());
        if owner.len() != 12 || !owner.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(invalid(&format!("`{owner}` is no account of 12 digits")));
        }
        Ok(Domain::new(&name, &owner, &self.caller.region))
    }

    fn place(&self) -> Result<Place, ErrorAnswer> {
        Ok(Place {
            domain: self.domain()?,
            repository: self.required("repository")?,
        })
    }

    fn format(&self) -> Result<Format, ErrorAnswer> {
        let name = self.required("format")?;
        Format::of_name(&name).ok_or_else(|| invalid(&format!("`{name}` is no format")))
    }

    #[expect(clippy::unused_self, reason = "it reads as its neighbours do")]
    fn domain_arn(&self, domain: &Domain) -> String {
        let Domain {
            name,
            owner,
            region,
        } = domain;
        format!("arn:aws:codeartifact:{region}:{owner}:domain/{name}")
    }

    fn repository_arn(&self, place: &Place) -> String {
        let domain = self.domain_arn(&place.domain);
        let domain = domain.replacen(":domain/", ":repository/", 1);
        format!("{domain}/{}", place.repository)
    }
}

/// Seconds since 1970, with a fraction, as REST-JSON has its timestamps.
fn epoch_seconds(time: SystemTime) -> f64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    // The service tells milliseconds.
    Duration::from_millis(u64::try_from(since.as_millis()).unwrap_or(0)).as_secs_f64()
}

fn invalid(message: &str) -> ErrorAnswer {
    ErrorAnswer {
        reason: Some("FIELD_VALIDATION_FAILED".to_owned()),
        ..ErrorAnswer::new(400, "ValidationException", message)
    }
}

fn not_found(kind: &str, arn: &str) -> ErrorAnswer {
    let message = format!("The {kind} does not exist: {arn}");
    ErrorAnswer {
        reason: Some(kind.to_owned()),
        ..ErrorAnswer::new(404, "ResourceNotFoundException", &message)
    }
}

fn error_answer(error: &ErrorAnswer) -> Response<PlainBody> {
    let mut body = json!({ "message": error.message });
    if let Some(reason) = &error.reason {
        let name = if error.code == "ResourceNotFoundException" {
            "resourceType"
        } else {
            "reason"
        };
        body[name] = reason.clone().into();
    }
    let mut response = reply(error.status(), "application/json", body.to_string());
    if let Ok(code) = HeaderValue::from_str(&error.code) {
        response.headers_mut().insert("x-amzn-errortype", code);
    }
    response
}
