//! The SSO portal: role credentials for an access token.
//! <https://docs.aws.amazon.com/singlesignon/latest/PortalAPIReference/Welcome.html>

use std::time::SystemTime;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::request::Parts;
use http::{Request, Response, StatusCode};
use serde_json::{Value, json};

use super::Sso;
use super::error::{invalid_request, portal_answer};
use crate::Operation;
use crate::credential::{Credential, query_value};
use crate::principal::Principal;
use crate::service::{ErrorAnswer, PlainBody, RequestId, Service, Target, reply};

/// The header with the access token.
const BEARER_TOKEN: &str = "x-amz-sso_bearer_token";

/// The most entries on one page, and the number of them unless asked for less.
const PAGE_ENTRIES: usize = 100;

/// The portal behind the exchange.
pub(super) struct Portal(pub(super) Sso);

impl Service for Portal {
    fn target(&self, head: &Parts) -> Option<Target> {
        let operation = match (head.method.as_str(), head.uri.path()) {
            ("GET", "/federation/credentials") => Operation::GetRoleCredentials,
            ("GET", "/assignment/accounts") => Operation::ListAccounts,
            ("GET", "/assignment/roles") => Operation::ListAccountRoles,
            ("POST", "/logout") => Operation::Logout,
            _ => return None,
        };
        // A signed request is for a bucket of that name.
        Credential::of(head)
            .is_none()
            .then(|| Target::of(operation))
    }

    fn answer(
        &self,
        request: Request<PlainBody>,
        target: Target,
    ) -> BoxFuture<'_, Response<PlainBody>> {
        let head = request.into_parts().0;
        let response = match self.serve(target.operation, &head) {
            Ok(value) => reply(StatusCode::OK, "application/json", value.to_string()),
            Err(error) => portal_answer(&error),
        };
        async { response }.boxed()
    }

    fn error(&self, error: &ErrorAnswer, _: &RequestId) -> Response<PlainBody> {
        portal_answer(error)
    }
}

impl Portal {
    fn serve(&self, operation: Operation, head: &Parts) -> Result<Value, ErrorAnswer> {
        let token = head.headers.get(BEARER_TOKEN);
        let token = token
            .and_then(|token| token.to_str().ok())
            .ok_or_else(|| invalid_request("The access token is missing"))?;
        let session = self.0.lock().session_of(token, self.0.now());
        let session = session.ok_or_else(|| {
            let message = "Session token not found or invalid";
            ErrorAnswer::new(401, "UnauthorizedException", message)
        })?;
        if operation == Operation::GetRoleCredentials {
            self.role_credentials(head)
        } else if operation == Operation::ListAccounts {
            self.accounts(head)
        } else if operation == Operation::ListAccountRoles {
            self.roles(head)
        } else {
            self.0.lock().end_session(session);
            Ok(json!({}))
        }
    }

    fn role_credentials(&self, head: &Parts) -> Result<Value, ErrorAnswer> {
        let role = parameter(head, "role_name")?;
        let account = account(head)?;
        let assigned = self.0.lock().directory.roles(&account).cloned();
        if !assigned.ok_or_else(not_found)?.contains(&role) {
            return Err(ErrorAnswer::new(403, "ForbiddenException", "No access"));
        }
        // Roles of SSO have such names in their accounts.
        let name = format!("AWSReservedSSO_{role}_0123456789abcdef");
        let principal = Principal::assumed_role(&account, &name, "developer");
        let credentials = self.0.role_credentials(principal, None);
        let expiration = credentials
            .expires
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(0));
        Ok(json!({ "roleCredentials": {
            "accessKeyId": credentials.access_key_id,
            "secretAccessKey": credentials.secret_access_key,
            "sessionToken": credentials.session_token,
            "expiration": expiration,
        }}))
    }

    fn accounts(&self, head: &Parts) -> Result<Value, ErrorAnswer> {
        let state = self.0.lock();
        let accounts = state.directory.accounts().map(|id| {
            json!({
                "accountId": id,
                "accountName": format!("account-{id}"),
                "emailAddress": format!("{id}@example.com"),
            })
        });
        page(head, "accountList", accounts.collect())
    }

    fn roles(&self, head: &Parts) -> Result<Value, ErrorAnswer> {
        let account = account(head)?;
        let state = self.0.lock();
        let roles = state.directory.roles(&account).ok_or_else(not_found)?;
        let roles = roles
            .iter()
            .map(|role| json!({ "roleName": role, "accountId": account }));
        page(head, "roleList", roles.collect())
    }
}

fn not_found() -> ErrorAnswer {
    ErrorAnswer::new(404, "ResourceNotFoundException", "No such account")
}

fn parameter(head: &Parts, name: &str) -> Result<String, ErrorAnswer> {
    query_value(head.uri.query().unwrap_or_default(), name)
        .filter(|value| !value.is_empty())
        .ok_or_else(|| invalid_request(&format!("{name} is missing")))
}

fn account(head: &Parts) -> Result<String, ErrorAnswer> {
    let account = parameter(head, "account_id")?;
    if account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(account)
    } else {
        Err(invalid_request("account_id must have twelve digits"))
    }
}

/// The page asked for; its token is the number of entries before it.
fn page(head: &Parts, name: &str, entries: Vec<Value>) -> Result<Value, ErrorAnswer> {
    let number = |name: &str, missing: usize| {
        let Some(value) = query_value(head.uri.query().unwrap_or_default(), name) else {
            return Ok(missing);
        };
        value
            .parse()
            .map_err(|_| invalid_request(&format!("{name} is invalid")))
    };
    let (start, size) = (
        number("next_token", 0)?,
        number("max_result", PAGE_ENTRIES)?,
    );
    let end = start.saturating_add(size.clamp(1, PAGE_ENTRIES));
    let more = (end < entries.len()).then(|| end.to_string());
    let entries: Vec<_> = entries.into_iter().take(end).skip(start).collect();
    Ok(json!({ name: entries, "nextToken": more }))
}
