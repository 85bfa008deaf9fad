//! Pages for people: templates that are built in, one look, and nothing that may come from elsewhere.

mod filters;

use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use tera::Tera;
use tracing::error;

use super::status;
use super::verdict::Verdict;
pub(super) use filters::{human_duration, human_size};

const STYLE: &str = include_str!("../templates/page.css");
const SCRIPT: &str = include_str!("../templates/status.js");

/// Renders pages. One for the process.
pub(super) struct Pages {
    templates: Tera,
    policy: HeaderValue,
}

impl Pages {
    pub(super) fn new() -> Self {
        let templates = templates().unwrap_or_else(|error| {
            // They are built in: a test reads them.
            error!(?error, "the templates of pages are broken");
            Tera::default()
        });
        Self {
            templates,
            policy: policy(),
        }
    }

    /// The page of a template.
    pub(super) fn render(&self, template: &str, page: &impl Serialize) -> Response {
        let context = tera::Context::from_serialize(page);
        match context.and_then(|context| self.templates.render(template, &context)) {
            Ok(html) => {
                let mut response = html.into_response();
                self.protect(response.headers_mut());
                response
            }
            Err(error) => {
                error!(?error, template, "a page could not be shown");
                let text = "this page cannot be shown: see the proxy's log";
                status::plain(StatusCode::INTERNAL_SERVER_ERROR, text, Verdict::Failed)
            }
        }
    }

    fn protect(&self, headers: &mut HeaderMap) {
        headers.insert(CONTENT_SECURITY_POLICY, self.policy.clone());
        let same_origin = HeaderValue::from_static("same-origin");
        for (name, value) in [
            (
                CONTENT_TYPE,
                HeaderValue::from_static("text/html; charset=utf-8"),
            ),
            (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
            (
                HeaderName::from_static("cross-origin-opener-policy"),
                same_origin.clone(),
            ),
            (
                HeaderName::from_static("cross-origin-resource-policy"),
                same_origin,
            ),
        ] {
            headers.insert(name, value);
        }
    }
}

fn templates() -> tera::Result<Tera> {
    let mut templates = Tera::default();
    // tera's own escaping also changes `/`, which coursier does not undo in links.
    templates.set_escape_fn(escape);
    filters::register(&mut templates);
    templates.add_raw_templates([
        ("page.css", STYLE),
        ("status.js", SCRIPT),
        // These names' ending turns escaping on.
        ("listing.html", include_str!("../templates/listing.html")),
        ("status.html", include_str!("../templates/status.html")),
    ])?;
    Ok(templates)
}

/// Nothing but our own style and script, known by their hashes. `data:` is the icon.
fn policy() -> HeaderValue {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; connect-src 'self'; \
         img-src data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    );
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_can_be_read() {
        templates().expect("templates");
    }

    #[test]
    fn nothing_gets_out_of_an_attribute_or_an_element() {
        let escaped = escape("<a href=\"x\" title='&'>/</a>");
        assert_eq!(
            escaped,
            "&lt;a href=&quot;x&quot; title=&#39;&amp;&#39;&gt;/&lt;/a&gt;"
        );
    }
}
