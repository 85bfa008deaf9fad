//! The data plane: who may, then which format.
//!
//! Below one path on the port that everything is on,
//! `/codeartifact-data/{domain}-{owner}.{region}/{format}/{repository}/…`, and under the name that the real
//! endpoint has, for whoever comes by a proxy or a changed resolver.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::header::{AUTHORIZATION, HOST, HeaderName, LOCATION, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use percent_encoding::percent_decode_str;

use super::place::{Domain, Format, Place};
use super::{Shared, npm, presigned, pypi};
use crate::service::{ErrorAnswer, PlainBody, RequestId, Service, Target, reply};
use crate::{Action, Operation};

/// What the paths of all repositories begin with.
pub(super) const DATA: &str = "/codeartifact-data/";

/// The data plane behind the exchange.
pub(super) struct Data(pub(super) Arc<Shared>);

/// One request, taken apart.
pub(super) struct Asked {
    pub(super) place: Place,
    pub(super) format: Format,
    /// Below the repository, decoded.
    pub(super) path: String,
    /// The repository's URL as the client knows it, with a slash at its end.
    pub(super) base: String,
    /// What the files' paths go behind.
    files: String,
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
}

impl Asked {
    fn of(head: &Parts) -> Option<Self> {
        let host = header(&head.headers, HOST).unwrap_or_default();
        let path = head.uri.path();
        let (domain, rest, own, files) = if let Some(rest) = path.strip_prefix(DATA) {
            let (label, rest) = rest.split_once('/')?;
            let own = format!("http://{host}{DATA}{label}");
            let files = format!("http://{}", other_name(host));
            (Domain::of_label(label)?, rest, own, files)
        } else {
            let domain = Domain::of_host(host)?;
            let region = &domain.region;
            let files = format!("https://assets-193858265520-{region}.s3.{region}.amazonaws.com");
            (
                domain,
                path.strip_prefix('/')?,
                format!("https://{host}"),
                files,
            )
        };
        let (format, rest) = rest.split_once('/')?;
        let (repository, path) = rest.split_once('/').unwrap_or((rest, ""));
        let format = Format::of_name(format)?;
        Some(Self {
            base: format!("{own}/{format}/{repository}/"),
            files,
            place: Place {
                domain,
                repository: repository.to_owned(),
            },
            format,
            path: percent_decode_str(path).decode_utf8().ok()?.into_owned(),
            method: head.method.clone(),
            headers: head.headers.clone(),
        })
    }

    fn operation(&self) -> Operation {
        let is_read = self.method == Method::GET || self.method == Method::HEAD;
        let path = self.path.as_str();
        let is_file = match self.format {
            Format::Pypi => !path.ends_with('/') && path.matches('/').count() >= 3,
            Format::Npm => path.contains("/-/"),
            Format::Maven => !super::maven::is_text(path),
        };
        if !is_read {
            Operation::PublishPackage
        } else if is_file {
            Operation::ReadAsset
        } else {
            Operation::ReadPackage
        }
    }

    /// The URL that was asked for.
    pub(super) fn url(&self) -> String {
        format!("{}{}", self.base, self.path)
    }

    pub(super) fn header(&self, name: HeaderName) -> Option<&str> {
        header(&self.headers, name)
    }
}

/// The token of a request, of either scheme. The user of Basic is always `aws`.
pub(super) fn token(headers: &HeaderMap) -> Option<String> {
    let (scheme, value) = header(headers, AUTHORIZATION)?.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(value.trim().to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = STANDARD.decode(value.trim()).ok()?;
    let pair = String::from_utf8(pair).ok()?;
    pair.strip_prefix("aws:").map(str::to_owned)
}

/// Another name of this machine, if the host is one of it: clients take what they have for one host to no other,
/// and some of them tell hosts apart by nothing but their names.
fn other_name(host: &str) -> String {
    if host.starts_with("localhost") {
        host.replacen("localhost", "127.0.0.1", 1)
    } else {
        host.replacen("127.0.0.1", "localhost", 1)
    }
}

fn header(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

impl Service for Data {
    fn target(&self, head: &Parts) -> Option<Target> {
        let asked = Asked::of(head)?;
        let operation = asked.operation();
        Some(Target {
            bucket: Some(asked.place.repository),
            key: Some(format!("{}/{}", asked.format, asked.path)),
            ..Target::of(operation)
        })
    }

    fn answer(
        &self,
        request: Request<PlainBody>,
        target: Target,
    ) -> BoxFuture<'_, Response<PlainBody>> {
        async move {
            let (head, body) = request.into_parts();
            let answer = match Asked::of(&head) {
                Some(asked) => self.serve(&asked, target.operation, body).await,
                None => Err(not_found("no such place")),
            };
            answer.unwrap_or_else(|error| error_answer(&error))
        }
        .boxed()
    }

    fn error(&self, error: &ErrorAnswer, _: &RequestId) -> Response<PlainBody> {
        error_answer(error)
    }
}

impl Data {
    async fn serve(
        &self,
        asked: &Asked,
        operation: Operation,
        body: PlainBody,
    ) -> Result<Response<PlainBody>, ErrorAnswer> {
        self.admit(asked, operation)?;
        match asked.format {
            Format::Pypi => pypi::serve(&self.0, asked, body).await,
            Format::Npm => npm::serve(&self.0, asked, body).await,
            Format::Maven => super::maven::serve(&self.0, asked, body).await,
        }
    }

    /// The token, the repository, the permission.
    fn admit(&self, asked: &Asked, operation: Operation) -> Result<(), ErrorAnswer> {
        let token = token(&asked.headers);
        let state = self.0.lock();
        let now = self.0.clock.now();
        let issued = state
            .tokens
            .judge(token.as_deref(), &asked.place.domain, now);
        let issued = issued.map_err(|refusal| {
            let code = "UnauthenticatedException";
            ErrorAnswer::new(state.options.refusal, code, refusal.message())
        })?;
        let (key, who) = (issued.access_key_id.clone(), issued.principal.clone());
        let is_there = state.repositories.contains_key(&asked.place);
        drop(state);
        if !is_there {
            return Err(not_found("The repository does not exist"));
        }
        let action = operation.action().unwrap_or(Action::ReadFromRepository);
        if self.0.denies(&key, action) {
            let message = format!(
                "User: {who} is not authorized to perform: {}",
                action.name()
            );
            return Err(ErrorAnswer::new(403, "AccessDeniedException", &message));
        }
        Ok(())
    }
}

impl Shared {
    /// A redirect to where the file at the path is served.
    pub(super) fn redirect(&self, asked: &Asked) -> Result<Response<PlainBody>, ErrorAnswer> {
        let signed = presigned::sign(self, &asked.place, asked.format, &asked.path);
        let location = format!("{}{signed}", asked.files);
        moved(StatusCode::FOUND, &location)
    }
}

pub(super) fn moved(
    status: StatusCode,
    location: &str,
) -> Result<Response<PlainBody>, ErrorAnswer> {
    let location = HeaderValue::from_str(location);
    let location = location.map_err(|_| not_found("The path is none of a file"))?;
    let mut response = reply(status, "text/plain", "");
    response.headers_mut().insert(LOCATION, location);
    Ok(response)
}

pub(super) fn not_found(message: &str) -> ErrorAnswer {
    ErrorAnswer::new(404, "ResourceNotFoundException", message)
}

pub(super) fn not_allowed() -> ErrorAnswer {
    ErrorAnswer::new(405, "MethodNotAllowed", "The method is none of this path")
}

pub(super) fn conflict(message: &str) -> ErrorAnswer {
    ErrorAnswer::new(409, "ConflictException", message)
}

/// The name of a package whose origin controls keep publishers out.
pub(super) fn blocked(name: &str) -> ErrorAnswer {
    let message =
        format!("The package origin controls of `{name}` do not allow that versions are published");
    ErrorAnswer::new(403, "AccessDeniedException", &message)
}

fn error_answer(error: &ErrorAnswer) -> Response<PlainBody> {
    let text = format!("{}\n", error.message);
    let mut response = reply(error.status(), "text/plain", text);
    if error.status == 401 {
        let realm = HeaderValue::from_static("Basic realm=\"AWS CodeArtifact\"");
        response.headers_mut().insert(WWW_AUTHENTICATE, realm);
    }
    response
}
