//! `/health`, `/livez`, `/readyz`: for whoever looks after containers, without a token.
//!
//! Names of services are no secrets. A role is told by its name, without the account that its ARN holds; the
//! reason of trouble is AWS's own and may name it, as it does on the artifacts' listener.

use std::borrow::Cow;

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};
use sso_session::date;

use super::overview::{Overview, ServiceOverview};
use crate::container_credentials::Table;
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

/// What is told, and whether all is well.
pub(super) fn answer(table: &Table, numbers: &Containers, page: Page<'_>) -> (StatusCode, Bytes) {
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
            let Some(service) = table.by_name(&name) else {
                let body = json!({ "ready": false, "reason": "there is no such service" });
                return (StatusCode::NOT_FOUND, text(&body));
            };
            let service = ServiceOverview::of(service, numbers);
            (service.is_ready, about(&service))
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
    if let Some(trouble) = &service.trouble {
        about["reason"] = json!(trouble.reason);
        about["cure"] = json!(trouble.cure);
    }
    about
}

fn text(body: &Value) -> Bytes {
    format!("{body}\n").into()
}
