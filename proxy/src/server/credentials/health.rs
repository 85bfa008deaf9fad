//! `/health`, `/livez`, `/readyz`: for whoever looks after containers, without a token.
//!
//! Names of services are no secrets. A role is told by its name, without the account that its ARN holds, and of
//! trouble the state and the command to run. Its reason is AWS's own and may name accounts, roles and access
//! keys: `/readyz/<service>` tells it to whoever shows that service's token.

use std::borrow::Cow;

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};
use sso_session::date;

use super::overview::{Overview, ServiceOverview};
use crate::container_credentials::{Service, Table};
use crate::metrics::Containers;

/// What is looked at.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Page<'a> {
    /// As `CredProxy` answers it.
    Health,
    /// The process lives.
    Live,
    /// All services.
    Ready,
    /// One service.
    ReadyService(Cow<'a, str>),
}

impl Page<'_> {
    /// Whose readiness it tells of: a service's, or that of all (no service has an empty name). That the process
    /// lives says nothing of either.
    pub(super) fn subject(&self) -> Option<&str> {
        match self {
            Self::Health | Self::Live => None,
            Self::Ready => Some(""),
            Self::ReadyService(name) => Some(name),
        }
    }
}

/// What is told, and whether all is well.
/// `who` showed its token.
pub(super) fn answer(
    table: &Table,
    numbers: &Containers,
    page: &Page<'_>,
    who: Option<&Service>,
) -> (StatusCode, Bytes) {
    let (is_well, body) = match page {
        Page::Health => {
            let services = table.services().len();
            (true, json!({ "status": "healthy", "services": services }))
        }
        Page::Live => (true, json!({ "status": "alive" })),
        Page::Ready => {
            let services = Overview::of(table, numbers).services;
            let is_ready = services.iter().all(|service| service.is_ready);
            let services: Vec<_> = services.iter().map(about).collect();
            let mut body = json!({ "ready": is_ready, "services": services });
            let troubles = table.troubles().len();
            // Nobody has less for it, as what was in force before still is; and the texts may name accounts.
            if troubles > 0 {
                let told = "not all of it is in force: see the log, or run `bazel-proxy check`";
                body["configuration"] = json!({ "troubles": troubles, "reason": told });
            }
            (is_ready, body)
        }
        Page::ReadyService(name) => {
            let Some(service) = table.by_name(name) else {
                let body = json!({ "ready": false, "reason": "there is no such service" });
                return (StatusCode::NOT_FOUND, text(&body));
            };
            let overview = ServiceOverview::of(service, numbers);
            let mut body = about(&overview);
            let is_theirs = who.is_some_and(|who| who.name == service.name);
            if let Some(trouble) = overview.trouble.as_ref().filter(|_| is_theirs) {
                body["reason"] = json!(trouble.reason);
                body["cure"] = json!(trouble.cure);
            }
            (overview.is_ready, body)
        }
    };
    let status = if is_well {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, text(&body))
}

fn about(service: &ServiceOverview) -> Value {
    let mut about = json!({
        "name": service.name,
        "ready": service.is_ready,
        "state": service.state,
    });
    if let Some(role) = service.role_name() {
        about["role"] = json!(role);
    }
    if let Some(expires_at) = service.expires_at {
        about["expires_at"] = json!(date::format(expires_at));
    }
    let trouble = service.trouble.as_ref();
    if let Some(command) = trouble.and_then(|trouble| trouble.command.as_ref()) {
        about["command"] = json!(command);
    }
    about
}

fn text(body: &Value) -> Bytes {
    format!("{body}\n").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn that_the_process_lives_says_nothing_of_its_services() {
        assert_eq!(Page::Live.subject(), None);
        assert_eq!(Page::Health.subject(), None);
        assert_eq!(Page::Ready.subject(), Some(""));
        assert_eq!(Page::ReadyService("app".into()).subject(), Some("app"));
    }
}
