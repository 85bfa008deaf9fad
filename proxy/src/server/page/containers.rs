//! What the page says of containers: which services there are, and whether credentials can be handed out.

use serde::Serialize;
use sso_session::date;

use super::super::credentials::{CredentialsService, ServiceOverview};
use super::credentials::Advice;

/// One service.
#[derive(Serialize)]
pub(super) struct Container {
    service: String,
    /// The keeper's state, as in `state.name`.
    state: &'static str,
    is_ready: bool,
    role_arn: Option<String>,
    expires_at: Option<String>,
    trouble: Option<Advice>,
    last_issued_at: Option<String>,
    last_issued_to: Option<String>,
}

/// All services, where the configuration has any.
pub(super) fn of(credentials: Option<&CredentialsService>) -> Option<Vec<Container>> {
    let services = credentials?.overview().services;
    Some(services.into_iter().map(Container::from).collect())
}

impl From<ServiceOverview> for Container {
    fn from(service: ServiceOverview) -> Self {
        Self {
            service: service.name,
            state: service.state,
            is_ready: service.is_ready,
            role_arn: service.role_arn,
            expires_at: service.expires_at.map(date::format),
            trouble: service.trouble.as_deref().map(Advice::of),
            last_issued_at: service.last.map(|last| date::format(last.at)),
            last_issued_to: service.last.map(|last| last.peer.to_string()),
        }
    }
}
