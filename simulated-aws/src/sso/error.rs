//! Errors of SSO-OIDC and of the portal, in the form of each.
//!
//! The shapes are those of the service models in `aws-sdk-ssooidc` and `aws-sdk-sso`.

use http::{HeaderValue, Response};
use serde_json::{Value, json};

use crate::service::{ErrorAnswer, PlainBody, reply};

/// An error of SSO-OIDC with the status that belongs to its code.
pub(super) fn oidc(code: &str, description: &str) -> ErrorAnswer {
    let status = match code {
        "InvalidClientException" => 401,
        "InternalServerException" => 500,
        _ => 400,
    };
    ErrorAnswer::new(status, code, description)
}

/// `InvalidRequestException`, the same in both services.
pub(super) fn invalid_request(message: &str) -> ErrorAnswer {
    oidc("InvalidRequestException", message)
}

/// SSO-OIDC's form: OAuth's fields in the body, AWS's code in a header.
pub(super) fn oidc_answer(error: &ErrorAnswer) -> Response<PlainBody> {
    let mut body = json!({
        "error": oauth_code(&error.code),
        "error_description": error.message,
    });
    if let Some(reason) = &error.reason {
        body["reason"] = json!(reason);
    }
    answer(error, &body)
}

/// The portal's form.
pub(super) fn portal_answer(error: &ErrorAnswer) -> Response<PlainBody> {
    let kind = format!("com.amazonaws.switchboard.portal#{}", error.code);
    let body = json!({ "message": error.message, "__type": kind });
    answer(error, &body)
}

fn answer(error: &ErrorAnswer, body: &Value) -> Response<PlainBody> {
    let mut response = reply(error.status(), "application/json", body.to_string());
    if let Ok(code) = HeaderValue::from_str(&error.code) {
        response.headers_mut().insert("x-amzn-errortype", code);
    }
    response
}

/// OAuth's code for AWS's: `InvalidGrantException` is `invalid_grant`.
fn oauth_code(code: &str) -> String {
    if code == "InternalServerException" {
        return "server_error".to_owned();
    }
    let name = code.strip_suffix("Exception").unwrap_or(code);
    let mut oauth = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !oauth.is_empty() {
            oauth.push('_');
        }
        oauth.push(letter.to_ascii_lowercase());
    }
    oauth
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_translated_to_those_of_oauth() {
        for (code, oauth) in [
            ("InvalidGrantException", "invalid_grant"),
            ("SlowDownException", "slow_down"),
            ("UnsupportedGrantTypeException", "unsupported_grant_type"),
            ("AccessDeniedException", "access_denied"),
            ("InternalServerException", "server_error"),
        ] {
            assert_eq!(oauth_code(code), oauth);
        }
    }
}
