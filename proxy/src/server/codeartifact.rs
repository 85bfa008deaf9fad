//! Packages of CodeArtifact: its URLs, and what clients of package indexes want of answers.
//!
//! ```text
//! Route ─► Address ─┬─► file in memory ──────────────────────────► content
//!                   └─► hold ─┬─► file (wheel's metadata) ───────► artifact ─► content
//!                             ├─► page ─► rendered, in memory ───► content
//!                             ├─► anything else, passed on
//!                             └─► upload, where it is allowed ───► CodeArtifact, once
//! ```
//!
//! These URLs shadow objects of the bucket, and only where repositories are configured. Another proxy, which asks for
//! the bucket's objects, never means them.

mod file;
mod hints;
mod npm;
mod page;
mod passed;
mod readiness;
mod rendered;
mod route;
mod upload;

use std::sync::Arc;

use http::header::{ALLOW, CACHE_CONTROL, LOCATION, VARY};
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode};
use tracing::info;

use self::passed::publish;
pub(super) use self::readiness::{readiness, readiness_of};
pub(super) use self::rendered::RenderedPages;
pub(super) use self::route::Route;
use self::route::{Action, Place, action, publishing, right_name};
pub(super) use self::upload::{Upload, UploadedFile};
use super::app::App;
use super::browsers::sign_of_a_page;
use super::connection::AbortHandle;
use super::content::{Answer, Content, page as of_axum};
use super::status;
use super::verdict::Verdict;
use crate::codeartifact::{Address, AddressError, CodeArtifact, Kind, index};
use crate::config::Format;
use crate::error::Error;

/// One request for a place.
struct Asked<'a> {
    app: &'a Arc<App>,
    codeartifact: &'a CodeArtifact,
    address: &'a Address,
    /// What stands before its path, `/` at its end.
    base: &'a str,
    request: &'a Parts,
    abort: &'a AbortHandle,
}

/// Answers a request for one of CodeArtifact's URLs.
pub(super) async fn answer(
    app: &Arc<App>,
    codeartifact: &CodeArtifact,
    route: Route<'_>,
    (request, body): (&Parts, Upload),
    abort: &AbortHandle,
) -> Answer {
    let is_of_npm = route.format() == Some(Format::Npm);
    let mut answer = match by_route(app, codeartifact, route, (request, body), abort).await {
        answer if is_of_npm => npm::explained(answer).await,
        answer => answer,
    };
    if answer.status() == StatusCode::NOT_FOUND {
        // It may be there a moment later, or for who accepts another form of it.
        let headers = answer.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(VARY, HeaderValue::from_static("Accept"));
    }
    answer
}

async fn by_route(
    app: &Arc<App>,
    codeartifact: &CodeArtifact,
    route: Route<'_>,
    (request, body): (&Parts, Upload),
    abort: &AbortHandle,
) -> Answer {
    // Before anything is looked up, let alone asked: a form of any web page reaches this machine's own ports.
    if let Some(answer) = refuse_web_page(request) {
        return answer;
    }
    let place = match route {
        Route::Place(place) => place,
        Route::Above(upstreams) => {
            return not_served(&hints::of_clients(&upstreams, request));
        }
        Route::NotServed { reason, .. } => return not_served(&reason),
    };
    let address = match address(&place, request) {
        Ok(address) => address,
        Err(error @ AddressError::Format { .. }) => return not_served(&error.to_string()),
        Err(error @ (AddressError::Key(_) | AddressError::Reserved | AddressError::Accept)) => {
            return text(
                StatusCode::BAD_REQUEST,
                &error.to_string(),
                Verdict::BadRequest,
            );
        }
    };
    let asked = Asked {
        app,
        codeartifact,
        address: &address,
        base: place.base,
        request,
        abort,
    };
    let answer = match action(&request.method, &address) {
        Some(Action::Read) => match file::at_hand(&asked) {
            Some(answer) => answer,
            // Boxed: it is large, as it may wait for a login, and hits should not have its size.
            None => Box::pin(read(&asked)).await,
        },
        Some(Action::Publish) if place.upstream.config.publish => {
            Box::pin(publish(&asked, body)).await
        }
        Some(Action::Publish) | None => not_allowed(&asked, &place),
    };
    // What is passed on each time says nothing about the cache.
    let counted = Some(address.kind()).filter(|kind| *kind != Kind::Other);
    if let Some(source) = counted.and_then(|_| Verdict::of(&answer).source()) {
        let labels = [
            place.upstream.config.alias.as_str(),
            place.format.name(),
            source.label(),
        ];
        let counted = &app.metrics().codeartifact.requests;
        counted.with_label_values(&labels).inc();
    }
    answer
}

fn address(place: &Place<'_>, request: &Parts) -> Result<Address, AddressError> {
    let accept = page::accept(request);
    Address::parse(&place.upstream, place.format, place.path, accept.as_deref())
}

async fn read(asked: &Asked<'_>) -> Answer {
    if let Some(location) = right_name(asked.address, index::pypi::folded) {
        return moved(&location);
    }
    if asked.address.path().is_empty() {
        return missing(asked);
    }
    let name = name(asked.address);
    let attempt = async || {
        let answer = match asked.address.kind() {
            Kind::Page => page::answer(asked).await,
            Kind::File => file::answer(asked).await,
            Kind::Other => passed::pass(asked).await,
        };
        match answer {
            Err(Error::NotFound) => Ok(missing(asked)),
            answer => answer,
        }
    };
    let hold = asked.app.hold();
    hold.answer(asked.request, &name, attempt).await
}

/// 404 that says what is missing; to people who look at what only clients are configured with, how it is used.
fn missing(asked: &Asked<'_>) -> Answer {
    let address = asked.address;
    let reason = match address.path() {
        "" | "simple" | "simple/" => {
            let upstream = std::slice::from_ref(address.upstream());
            hints::of_clients(upstream, asked.request)
        }
        _ => hints::missing(address),
    };
    text(StatusCode::NOT_FOUND, &reason, Verdict::NotFound)
}

/// 403 for a web page that would change something.
fn refuse_web_page(request: &Parts) -> Option<Answer> {
    if matches!(request.method, Method::GET | Method::HEAD) {
        return None;
    }
    let sign = sign_of_a_page(&request.headers)?;
    info!(
        header = sign.as_str(),
        "refused a web page's request to publish"
    );
    let reason = format!(
        "nothing is published from web pages: no tool that publishes sends the header `{sign}`"
    );
    Some(text(StatusCode::FORBIDDEN, &reason, Verdict::Refused))
}

/// As people know it.
fn name(address: &Address) -> String {
    let alias = &address.upstream().config.alias;
    let (format, path) = (address.format(), address.path());
    format!("codeartifact/{alias}/{format}/{path}")
}

/// Relative, so that it holds behind any prefix, and for ever.
fn moved(location: &str) -> Answer {
    let mut answer = Answer::new(Content::empty());
    *answer.status_mut() = StatusCode::MOVED_PERMANENTLY;
    if let Ok(location) = HeaderValue::from_str(location) {
        answer.headers_mut().insert(LOCATION, location);
    }
    Verdict::Moved.mark(&mut answer);
    answer
}

/// Plain: nobody may take it for a file that CodeArtifact does not have, and look for it elsewhere unseen.
fn not_served(reason: &str) -> Answer {
    text(StatusCode::NOT_FOUND, reason, Verdict::NotServed)
}

fn not_allowed(asked: &Asked<'_>, place: &Place<'_>) -> Answer {
    let (methods, config) = (publishing(asked.address), &place.upstream.config);
    let method = &asked.request.method;
    let is_upload = methods.contains(&method.as_str());
    let reason = if is_upload {
        format!(
            "publishing to `{}` is off: set `publish: true` for it in the proxy's configuration",
            config.alias
        )
    } else if (method, place.format) == (&Method::POST, Format::Pypi) {
        let alias = &config.alias;
        let how = if config.publish {
            ""
        } else {
            ", once `publish: true` is set for it in the proxy's configuration"
        };
        format!("nothing is uploaded here: upload to /codeartifact/{alias}/pypi/{how}")
    } else {
        format!("{method} means nothing here: this is a place to read from")
    };
    let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, &reason, Verdict::ReadOnly);
    let mut allowed = vec!["GET", "HEAD"];
    if config.publish {
        allowed.extend(methods);
    }
    if let Ok(allowed) = HeaderValue::from_str(&allowed.join(", ")) {
        answer.headers_mut().insert(ALLOW, allowed);
    }
    answer
}

fn text(status: StatusCode, reason: &str, verdict: Verdict) -> Answer {
    of_axum(status::plain(status, reason, verdict))
}
