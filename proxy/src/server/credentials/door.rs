//! The token, and what it opens.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::limiter::Limiter;
use super::refusal::Refusal;
use super::route::Wanted;
use crate::container_credentials::{Service, Supply, Table};

/// Beside ten at once, an address may fail so often.
const ONE_MORE_FAILURE: Duration = Duration::from_secs(1);

/// Lets in whoever has a token.
#[derive(Debug)]
pub(super) struct Door {
    failures: Limiter,
}

impl Default for Door {
    fn default() -> Self {
        Self {
            failures: Limiter::new(ONE_MORE_FAILURE),
        }
    }
}

impl Door {
    /// The service whose token the request has.
    pub(super) fn open<'a>(
        &self,
        table: &'a Table,
        headers: &HeaderMap,
        peer: IpAddr,
    ) -> Result<&'a Arc<Service>, Refusal> {
        let mut tokens = headers.get_all(AUTHORIZATION).iter();
        let refusal = match (tokens.next(), tokens.next()) {
            (Some(token), None) => match table.by_authorization(token.as_bytes()) {
                // However many failed before: all containers behind one NAT share an address, and 16 characters
                // are not guessed, limit or not.
                Some(service) => return Ok(service),
                None => Refusal::WrongToken,
            },
            (Some(_), Some(_)) => Refusal::WrongToken,
            (None, _) => Refusal::NoToken,
        };
        Err(self
            .failures
            .take(peer)
            .map_or_else(Refusal::Limited, |()| refusal))
    }
}

/// What a service is given for that, if it may have it.
pub(super) fn supply<'a>(
    service: &'a Service,
    wanted: &Wanted<'_>,
) -> Result<&'a Arc<Supply>, Refusal> {
    match wanted {
        Wanted::Own => Ok(&service.supply),
        Wanted::OfService(name) if *name == service.name => Ok(&service.supply),
        Wanted::OfService(_) => Err(Refusal::ForeignService(service.name.clone())),
        Wanted::OfRole(arn) => service.supply_of(arn).ok_or_else(|| {
            let all = std::iter::once(&service.supply).chain(&service.allowed);
            Refusal::Role {
                service: service.name.clone(),
                allowed: all
                    .filter_map(|supply| supply.role_arn().map(str::to_owned))
                    .collect(),
            }
        }),
    }
}
