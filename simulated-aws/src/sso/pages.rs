//! The pages a person sees: allow or deny a sign-in, with PKCE or with a device code.
//!
//! `GET` shows a page, and its buttons `POST` the decision to the same address. So a script can do what a
//! person does: `curl --location --data decision=allow "$URL"`.

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::header::LOCATION;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use serde::Serialize;
use tera::Tera;

use super::error::invalid_request;
use super::oidc::loopback_path;
use super::state::{AuthorizationCode, Decision};
use super::{Sso, later};
use crate::credential::Credential;
use crate::service::{ErrorAnswer, PlainBody, RequestId, Service, SmallBody, Target, reply};
use crate::{Operation, random};

/// How long an authorization code can be redeemed, as OAuth recommends at most.
const CODE_LIFE: Duration = Duration::from_mins(10);

/// The template's name; its ending turns escaping on.
const TEMPLATE: &str = "sign_in.html";

/// The pages behind the exchange.
pub(super) struct Pages {
    sso: Sso,
    templates: Tera,
}

/// What the template shows.
#[derive(Default, Serialize)]
struct Page {
    title: String,
    text: String,
    user_code: Option<String>,
    /// Where the buttons lead; without it there are none.
    action: Option<String>,
    ask_for_code: bool,
}

impl Page {
    fn message(title: &str, text: &str) -> Self {
        Self {
            title: title.to_owned(),
            text: text.to_owned(),
            ..Self::default()
        }
    }

    fn question(text: &str, head: &Parts) -> Self {
        Self {
            action: Some(head.uri.to_string()),
            ..Self::message("Allow access to your AWS accounts?", text)
        }
    }
}

/// What a page's address and its form say.
struct Fields(Vec<(String, String)>);

impl Fields {
    fn of(head: &Parts) -> Self {
        let query = head.uri.query().unwrap_or_default();
        let query = form_urlencoded::parse(query.as_bytes()).into_owned();
        let form = form_urlencoded::parse(SmallBody::of(head)).into_owned();
        Self(query.chain(form).collect())
    }

    fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(field, _)| field == name);
        found
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    fn need(&self, name: &str) -> Result<&str, ErrorAnswer> {
        self.get(name)
            .ok_or_else(|| invalid_request(&format!("{name} is missing")))
    }
}

impl Service for Pages {
    fn target(&self, head: &Parts) -> Option<Target> {
        let operation = match head.method {
            Method::GET => Operation::Authorize,
            Method::POST => Operation::Decide,
            _ => return None,
        };
        let ours = ["/authorize", "/device"].contains(&head.uri.path());
        // A signed request is for a bucket of that name.
        (ours && Credential::of(head).is_none()).then(|| Target::of(operation))
    }

    fn answer(&self, request: Request<PlainBody>, _: Target) -> BoxFuture<'_, Response<PlainBody>> {
        let head = request.into_parts().0;
        let answer = if head.uri.path() == "/device" {
            Ok(self.device(&head))
        } else {
            self.authorize(&head)
        };
        let response = answer.unwrap_or_else(|error| self.error(&error, &RequestId::of(&head)));
        async { response }.boxed()
    }

    fn error(&self, error: &ErrorAnswer, _: &RequestId) -> Response<PlainBody> {
        let text = format!("{}: {}", error.code, error.message);
        let page = Page::message("This sign-in does not work", &text);
        self.show(error.status(), &page)
    }
}

impl Pages {
    pub(super) fn new(sso: Sso) -> Self {
        let mut templates = Tera::default();
        let template = include_str!("../templates/sign_in.html");
        if let Err(error) = templates.add_raw_template(TEMPLATE, template) {
            tracing::error!(%error, "the template of the sign-in pages is broken");
        }
        Self { sso, templates }
    }

    fn show(&self, status: StatusCode, page: &Page) -> Response<PlainBody> {
        let html = tera::Context::from_serialize(page)
            .and_then(|context| self.templates.render(TEMPLATE, &context));
        match html {
            Ok(html) => reply(status, "text/html; charset=utf-8", html),
            Err(error) => {
                tracing::error!(%error, "a sign-in page could not be shown");
                reply(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "text/plain",
                    "see the log\n",
                )
            }
        }
    }

    /// The decision a request carries: a click, or the visit where that is enough.
    fn decision(&self, head: &Parts, fields: &Fields) -> Decision {
        if head.method == Method::GET {
            let at_once = self.sso.lock().approve_at_once;
            return if at_once {
                Decision::Allowed
            } else {
                Decision::Pending
            };
        }
        match fields.get("decision") {
            Some("allow") => Decision::Allowed,
            Some(_) => Decision::Denied,
            None => Decision::Pending,
        }
    }

    fn device(&self, head: &Parts) -> Response<PlainBody> {
        let fields = Fields::of(head);
        let user_code = fields.get("user_code");
        let decision = self.decision(head, &fields);
        let Some(user_code) = user_code else {
            let text = "Enter the code that the program shows.";
            let page = Page {
                ask_for_code: true,
                ..Page::question(text, head)
            };
            return self.show(StatusCode::OK, &page);
        };
        let decided = match decision {
            Decision::Allowed => self.sso.approve(user_code),
            Decision::Denied => self.sso.deny(user_code),
            Decision::Pending | Decision::Spent => {
                let text = "Allow it only if the program shows this code:";
                let page = Page {
                    user_code: Some(user_code.to_owned()),
                    ..Page::question(text, head)
                };
                return self.show(StatusCode::OK, &page);
            }
        };
        if !decided {
            let text = "The code is unknown, used or too old. Start the login again.";
            let page = Page::message("This code does not work", text);
            return self.show(StatusCode::BAD_REQUEST, &page);
        }
        let page = match decision {
            Decision::Denied => Page::message("Access denied", "You can close this page."),
            Decision::Allowed | Decision::Pending | Decision::Spent => {
                Page::message("Access allowed", "You can close this page.")
            }
        };
        self.show(StatusCode::OK, &page)
    }

    /// The sign-in with PKCE: <https://www.rfc-editor.org/rfc/rfc7636#section-4.3>
    fn authorize(&self, head: &Parts) -> Result<Response<PlainBody>, ErrorAnswer> {
        let fields = Fields::of(head);
        let code = self.checked(&fields)?;
        let answer = match self.decision(head, &fields) {
            Decision::Allowed => {
                let name = random::text("", 43);
                let redirect_uri = code.redirect_uri.clone();
                self.sso.lock().codes.insert(name.clone(), code);
                (redirect_uri, "code", name)
            }
            Decision::Denied => (code.redirect_uri, "error", "access_denied".to_owned()),
            Decision::Pending | Decision::Spent => {
                let text = "A program on this machine asks to act for you.";
                return Ok(self.show(StatusCode::OK, &Page::question(text, head)));
            }
        };
        Ok(redirect(answer, fields.get("state").unwrap_or_default()))
    }

    /// What may be redeemed once the person agrees.
    fn checked(&self, fields: &Fields) -> Result<AuthorizationCode, ErrorAnswer> {
        let client_id = fields.need("client_id")?;
        let now = self.sso.now();
        let state = self.sso.lock();
        let client = state.registration(client_id, now)?;
        let redirect_uri = fields.need("redirect_uri")?;
        let path = loopback_path(redirect_uri);
        // The port is chosen by the client at every sign-in.
        let mut registered = client.redirect_uris.iter().map(|uri| loopback_path(uri));
        let open = client.redirect_uris.is_empty();
        if path.is_none() || !(open || registered.any(|registered| registered == path)) {
            return Err(invalid_request("The redirect URI is not registered"));
        }
        if fields.need("response_type")? != "code"
            || fields.need("code_challenge_method")? != "S256"
        {
            return Err(invalid_request(
                "Only codes with an S256 challenge are given",
            ));
        }
        let scopes = fields.get("scopes").or_else(|| fields.get("scope"));
        let mut scopes = scopes.unwrap_or_default().split_whitespace();
        if !scopes.all(|scope| client.scopes.iter().any(|it| it == scope)) {
            return Err(invalid_request("The scope is not registered"));
        }
        Ok(AuthorizationCode {
            client_id: client_id.to_owned(),
            redirect_uri: redirect_uri.to_owned(),
            challenge: fields.need("code_challenge")?.to_owned(),
            expires: later(now, CODE_LIFE),
        })
    }
}

/// Sends the browser back to the program, which listens on this machine.
fn redirect(
    (redirect_uri, name, value): (String, &str, String),
    state: &str,
) -> Response<PlainBody> {
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair(name, &value)
        .append_pair("state", state)
        .finish();
    let separator = if redirect_uri.contains('?') { '&' } else { '?' };
    let mut response = reply(StatusCode::SEE_OTHER, "", "");
    if let Ok(location) = HeaderValue::from_str(&format!("{redirect_uri}{separator}{query}")) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}
